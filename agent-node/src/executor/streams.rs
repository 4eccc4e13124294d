//! Warm-ups one after the other, then measured generations on parallel streams: a closed loop, each stream takes the
//! next generation when its last one has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::task::JoinSet;

use super::generation::{self, Ended};
use super::job::Job;
use super::room::Room;

/// What the streams of an attempt share.
#[derive(Debug, Default)]
struct Course {
    next: AtomicU32,
    halted: AtomicBool,
}

/// Runs warm-ups, unless the model is warm, and measured generations; returns the ends of the measured ones, or of the
/// warm-up that made the rest pointless. A prompt that does not fit into `room` does.
pub(super) async fn warm(job: &Arc<Job>, is_warm: bool, room: Room) -> Vec<Ended> {
    let warmups = if is_warm { 0 } else { job.offer.workload.warmups };
    for index in 0..warmups {
        let mut ended = generation::run(job, job.warmup(index)).await;
        ended.measure_against(&room, job);
        if ended.halts() {
            return vec![ended];
        }
    }
    let course = Arc::new(Course::default());
    let workload = &job.offer.workload;
    let streams = u32::from(workload.concurrency).min(workload.generations).try_into().unwrap_or(u16::MAX);
    // Dropping the set ends its tasks: a cancelled attempt leaves none behind.
    let mut set = JoinSet::new();
    for stream in 0..streams {
        set.spawn(run_stream(Arc::clone(job), Arc::clone(&course), stream, room));
    }
    let mut all = Vec::new();
    while let Some(ended) = set.join_next().await {
        all.extend(ended.unwrap_or_default());
    }
    all
}

async fn run_stream(job: Arc<Job>, course: Arc<Course>, stream: u16, room: Room) -> Vec<Ended> {
    let mut all = Vec::new();
    while !course.halted.load(Ordering::Relaxed) {
        let index = course.next.fetch_add(1, Ordering::Relaxed);
        if index >= job.offer.workload.generations {
            break;
        }
        let mut ended = generation::run(&job, job.measured(index, stream)).await;
        ended.measure_against(&room, &job);
        if ended.halts() {
            course.halted.store(true, Ordering::Relaxed);
        }
        all.push(ended);
    }
    all
}
