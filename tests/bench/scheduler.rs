//! The pure scheduler: a whole sweep replayed as a log of events, beside moving the same events through a queue.

mod facts;
mod growth;
mod quantile;
mod sweep;
mod table;

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chimera_core::id::{Incarnation, ProcessNonce, SweepId};
use chimera_core::outcome::AttemptOutcome;
use chimera_core::plan::Plan;
use chimera_core::scheduler::Scheduler;
use chimera_core::scheduler::command::Command;
use chimera_core::scheduler::event::Event;
use chimera_core::scheduler::policy::Policy;
use chimera_core::seed::Seed;
use chimera_core::sweep::Placement;
use chimera_core::unit::Moment;

/// Nodes of one slot each; ten trials each.
const NODES: [u32; 3] = [100, 1_000, 10_000];
/// Trials per node.
const TRIALS_EACH: i64 = 10;
/// Virtual nanoseconds between two events: so few that no deadline passes.
const STEP: u64 = 1_000;
/// Each log is replayed until this much was measured.
const SPAN: Duration = Duration::from_secs(2);

/// A log, and what happened in it.
struct Log {
    events: Vec<(Moment, Event)>,
    /// Nodes that join and the submission come first.
    setup: usize,
}

/// What replays of a log took.
struct Figure {
    nodes: u32,
    runs: usize,
    events: usize,
    /// Seconds per event, median over replays.
    event: f64,
    /// 99th percentile of single events, over all replays.
    event_p99: f64,
    submit: f64,
    view: f64,
    baseline: f64,
}

fn main() {
    for placement in [Placement::EachGpu, Placement::Any] {
        let figures = NODES.map(|nodes| figure(nodes, placement));
        print(placement, &figures);
    }
}

fn print(placement: Placement, figures: &[Figure]) {
    let points: Vec<(f64, f64)> =
        figures.iter().map(|figure| (f64::from(figure.nodes), figure.event)).collect();
    let exponent = growth::exponent(&points);
    let row = |figure: &Figure| {
        vec![
            (i64::from(figure.nodes) * TRIALS_EACH).to_string(),
            figure.nodes.to_string(),
            format!("{} × {}", figure.runs, figure.events),
            format!("{:.0}", 1.0 / figure.event),
            format!("{:.0}", 1.0 / figure.baseline),
            format!("{:.1}", figure.event / figure.baseline),
            format!("{:.2}", figure.event * 1e6),
            format!("{:.1}", figure.event_p99 * 1e6),
            format!("{:.2}", figure.submit * 1e3),
            format!("{:.2}", figure.view * 1e3),
            format!("{exponent:.2}"),
        ]
    };
    table::print(
        &format!("Scheduler, placement {}", placement.name()),
        "Events: an answer to an offer, an end of an attempt; two per trial. Baseline: each event cloned through a \
         VecDeque. Submission and view are single calls; the driver takes a view at most every 50 ms.",
        &[
            "trials",
            "nodes",
            "n",
            "events/s",
            "baseline events/s",
            "ratio",
            "µs per event",
            "p99 µs",
            "submit ms",
            "view ms",
            "exponent of µs per event",
        ],
        &figures.iter().map(row).collect::<Vec<_>>(),
    );
}

fn figure(nodes: u32, placement: Placement) -> Figure {
    let log = record(nodes, placement);
    let (mut events, mut singles, mut submits, mut views) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    while events.len() < 3 || began.elapsed() < SPAN {
        let mut scheduler = Scheduler::new(Policy::default());
        let (setup, work) = (log.events[..log.setup].to_vec(), log.events[log.setup..].to_vec());
        let submitted = setup.into_iter().map(|event| timed(&mut scheduler, event)).last();
        submits.extend(submitted);
        let (count, started) = (work.len() as f64, Instant::now());
        singles.extend(work.into_iter().map(|event| timed(&mut scheduler, event)));
        events.push(started.elapsed().as_secs_f64() / count);
        let started = Instant::now();
        black_box(scheduler.view());
        views.push(started.elapsed().as_secs_f64());
    }
    Figure {
        nodes,
        runs: events.len(),
        events: log.events.len() - log.setup,
        event: quantile::of(&events, 0.5),
        event_p99: quantile::of(&singles, 0.99),
        submit: quantile::of(&submits, 0.5),
        view: quantile::of(&views, 0.5),
        baseline: baseline(&log.events[log.setup..]),
    }
}

fn timed(scheduler: &mut Scheduler, (now, event): (Moment, Event)) -> f64 {
    let began = Instant::now();
    scheduler.handle(now, event);
    while let Some(command) = scheduler.poll() {
        _ = black_box(command);
    }
    began.elapsed().as_secs_f64()
}

/// Seconds to clone an event into a queue and take it out again.
fn baseline(events: &[(Moment, Event)]) -> f64 {
    let (mut queue, mut taken, began) = (VecDeque::new(), 0_u64, Instant::now());
    while began.elapsed() < SPAN / 4 {
        for event in events {
            queue.push_back(event.clone());
            black_box(queue.pop_front());
        }
        taken += events.len() as u64;
    }
    began.elapsed().as_secs_f64() / taken as f64
}

/// Plays a fleet in which every offer is taken and every attempt ends well, and keeps what happened.
fn record(nodes: u32, placement: Placement) -> Log {
    let facts: Vec<_> = (0..nodes).map(|n| Arc::new(facts::node(&format!("node-{n}"), 1))).collect();
    let mut setup: Vec<Event> = (1..)
        .zip(&facts)
        .map(|(number, facts)| Event::NodeJoined {
            facts: Arc::clone(facts),
            incarnation: Incarnation(number),
            nonce: ProcessNonce(number),
            held: Vec::new(),
        })
        .collect();
    let blocks = if placement == Placement::EachGpu { 1 } else { nodes };
    let mut sweep = sweep::sweep("bench", (1, TRIALS_EACH), blocks, 4);
    sweep.placement = placement;
    let id = SweepId::new("bench").expect("a name");
    let plan = Plan::expand(id, &sweep, Seed(7), &facts).expect("a plan");
    setup.push(Event::SweepSubmitted { sweep: Arc::new(sweep), plan: Arc::new(plan) });
    let setup: VecDeque<Event> = setup.into();
    let count = setup.len();
    Log { events: play(setup), setup: count }
}

fn play(mut waiting: VecDeque<Event>) -> Vec<(Moment, Event)> {
    let (mut scheduler, mut now, mut events) = (Scheduler::new(Policy::default()), Moment(0), Vec::new());
    while let Some(event) = waiting.pop_front() {
        events.push((now, event.clone()));
        scheduler.handle(now, event);
        now = Moment(now.0 + STEP);
        while let Some(command) = scheduler.poll() {
            if let Command::Offer { attempt, node, incarnation, .. } = command {
                let ended = Event::AttemptEnded {
                    attempt: attempt.clone(),
                    outcome: AttemptOutcome::Completed,
                    findings: Vec::new(),
                };
                waiting.extend([Event::AttemptAccepted { attempt, node, incarnation }, ended]);
            }
        }
    }
    events
}
