//! What operators are shown, and events.

use std::collections::BTreeMap;
use std::sync::Arc;

use chimera_core::id::{Incarnation, ProcessNonce, SlotId};
use chimera_core::outcome::ValidityReason;
use chimera_core::plan::Forecast;
use chimera_core::scheduler::event::{BlocksVerdict, Event, LeaveReason, RejectReason};
use chimera_core::scheduler::view::{NodeState, SweepState, TrialCounts};
use chimera_core::seed::Seed;
use chimera_core::unit::{Nanos, UnixNanos};
use chimera_proto::convert::{AlikeCells, Hello, NodeProgress, Offer, PlanOutline, SweepProgress};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::entry::{attempt_outcome, clock_offset};
use super::node::{facts, held};
use super::sweep::{cell, workload};
use super::{attempt_id, digest, maybe_text, node_id, sweep_id, text};

pub(crate) fn counts() -> impl Strategy<Value = TrialCounts> {
    vec(0..1_000_u32, 6).prop_map(|n| TrialCounts {
        admitted: n[0] + n[1] + n[2] + n[3] + n[4],
        pending: n[0],
        running: n[5].min(n[0]),
        counted: n[1],
        failed: n[2],
        cancelled: n[3],
        quarantined: n[4],
    })
}

pub(crate) fn sweep_progress() -> impl Strategy<Value = SweepProgress> {
    let state =
        select(vec![SweepState::Running, SweepState::Cancelling, SweepState::Done, SweepState::Cancelled]);
    let numbers = (any::<u64>(), any::<i64>(), any::<u64>(), any::<u32>());
    (sweep_id(), state, counts(), numbers, (maybe_text(), text(), maybe_text())).prop_map(
        |(
            sweep,
            state,
            trials,
            (attempts, submitted, elapsed, blocks_opened),
            (waiting, description, dataset),
        )| {
            SweepProgress {
                sweep,
                state,
                trials,
                attempts,
                submitted: UnixNanos(submitted),
                elapsed: Nanos(elapsed),
                waiting,
                description,
                dataset,
                blocks_opened,
            }
        },
    )
}

pub(crate) fn node_progress() -> impl Strategy<Value = NodeProgress> {
    let state = select(vec![
        NodeState::Ready,
        NodeState::Draining,
        NodeState::Drained,
        NodeState::Disconnected,
        NodeState::Lost,
        NodeState::Wedged,
    ]);
    let busy: BoxedStrategy<BTreeMap<_, _>> = btree_map(0..64_u16, attempt_id(), 0..4).boxed();
    (facts(), state, busy, text(), any::<u64>(), of(clock_offset())).prop_map(
        |(facts, state, busy, note, in_state, clock)| NodeProgress {
            facts,
            state,
            busy,
            note,
            in_state: Nanos(in_state),
            clock,
        },
    )
}

pub(crate) fn forecast() -> impl Strategy<Value = Forecast> {
    let hours = btree_map(text(), 0.0..1e6, 0..3);
    (of(0.0..1e9), of(0.0..1e6), hours, vec(text(), 0..8), vec(sweep_id(), 0..8)).prop_map(
        |(seconds, kwh, gpu_hours, lacking, sources)| Forecast { seconds, kwh, gpu_hours, lacking, sources },
    )
}

pub(crate) fn outline() -> impl Strategy<Value = PlanOutline> {
    let slots = vec((node_id(), 0..64_u16).prop_map(|(node, index)| SlotId { node, index }), 0..3);
    let alike =
        vec((vec(0..2_u32, 0..3), text()).prop_map(|(cells, reason)| AlikeCells { cells, reason }), 0..3);
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>());
    let extras = (any::<u32>(), any::<u32>(), of(any::<u32>()));
    let lists = (vec(cell(), 2..4), slots, vec(text(), 0..3), alike);
    (sweep_id(), digest(), (numbers, extras), lists, forecast()).prop_map(
        |(sweep, digest, ((seed, blocks, trials, generations, reloads), extras), lists, forecast)| {
            PlanOutline {
                sweep,
                seed: Seed(seed),
                digest,
                cells: lists.0,
                slots: lists.1,
                blocks,
                trials,
                generations,
                reloads,
                forecast,
                warnings: lists.2,
                effective_duplicates: lists.3,
                sentinel_trials: extras.0,
                control_trials: extras.1,
                first_look: extras.2,
            }
        },
    )
}

pub(crate) fn offer() -> impl Strategy<Value = Offer> {
    let numbers = (0..64_u16, any::<u32>(), any::<u32>(), any::<u64>());
    (attempt_id(), cell(), workload(), numbers).prop_map(
        |(attempt, cell, workload, (slot, cell_index, block, seed))| Offer {
            attempt,
            slot,
            cell,
            cell_index,
            block,
            workload,
            seed: Seed(seed),
        },
    )
}

pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u64>().prop_map(ProcessNonce));
    (numbers, facts(), vec(held(), 0..3)).prop_map(|((protocol_min, protocol_max, nonce), facts, held)| {
        Hello { protocol_min, protocol_max, nonce, facts, held }
    })
}

fn node_event() -> impl Strategy<Value = Event> {
    let incarnation = || any::<u64>().prop_map(Incarnation);
    let leave = vec![LeaveReason::Closed, LeaveReason::Silent, LeaveReason::OutboxFull, LeaveReason::Goodbye];
    let joined = (facts(), incarnation(), any::<u64>(), vec(held(), 0..3));
    prop_oneof![
        Just(Event::Restarted),
        Just(Event::DeadlinePassed),
        joined.prop_map(|(facts, incarnation, nonce, held)| {
            Event::NodeJoined { facts: Arc::new(facts), incarnation, nonce: ProcessNonce(nonce), held }
        }),
        (facts(), incarnation())
            .prop_map(|(facts, incarnation)| Event::NodeChanged { facts: Arc::new(facts), incarnation }),
        (node_id(), incarnation(), select(leave)).prop_map(|(node, incarnation, reason)| Event::NodeLeft {
            node,
            incarnation,
            reason
        }),
        (node_id(), text()).prop_map(|(node, reason)| Event::DrainRequested { node, reason }),
        node_id().prop_map(|node| Event::UndrainRequested { node }),
    ]
}

fn attempt_event() -> impl Strategy<Value = Event> {
    let seat = || (attempt_id(), node_id(), any::<u64>().prop_map(Incarnation));
    let reject = vec![
        RejectReason::SlotBusy,
        RejectReason::SpoolFull,
        RejectReason::Stopping,
        RejectReason::Unsupported,
    ];
    let findings = vec(select(ValidityReason::ALL.to_vec()), 0..4);
    prop_oneof![
        sweep_id().prop_map(|sweep| Event::SweepCancelled { sweep }),
        (sweep_id(), 1..=10_000_u32, select(vec![BlocksVerdict::Continue, BlocksVerdict::Enough]))
            .prop_map(|(sweep, blocks, verdict)| Event::BlocksJudged { sweep, blocks, verdict }),
        seat().prop_map(|(attempt, node, incarnation)| Event::AttemptAccepted { attempt, node, incarnation }),
        (seat(), select(reject)).prop_map(|((attempt, node, incarnation), reason)| {
            Event::AttemptRejected { attempt, node, incarnation, reason }
        }),
        (attempt_id(), attempt_outcome(), findings)
            .prop_map(|(attempt, outcome, findings)| { Event::AttemptEnded { attempt, outcome, findings } }),
        seat().prop_map(|(attempt, node, incarnation)| Event::AttemptStopped { attempt, node, incarnation }),
        attempt_id().prop_map(|attempt| Event::AttemptQuarantined { attempt }),
    ]
}

/// Every event but the submission of a sweep.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![node_event(), attempt_event()]
}
