//! Core to bytes and back is the identity.

use std::sync::Arc;

use chimera_core::axis::CellSpec;
use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::AttemptId;
use chimera_core::node::NodeFacts;
use chimera_core::plan::{Forecast, Plan};
use chimera_core::scheduler::event::{Event, HeldAttempt};
use chimera_core::scheduler::view::{NodeState, NodeView, SlotView, SweepView, TrialCounts};
use chimera_core::seed::Seed;
use chimera_core::sweep::Sweep;
use chimera_core::unit::{Moment, Nanos, UnixNanos};
use chimera_core::workload::Workload;
use chimera_proto::convert::{
    Beside, Hello, Invalid, NodeProgress, Offer, PlanOutline, SweepProgress, decode_beside, decode_entries,
    decode_event, encode_entries, encode_event, encode_event_beside, node_status, sweep_status,
};
use chimera_proto::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::{sample, strategy};

/// Through the bytes of `W` and back.
fn back<W, T>(value: &T) -> T
where
    W: Message + Default + for<'a> From<&'a T>,
    T: TryFrom<W, Error = Invalid>,
{
    let bytes = W::from(value).encode_to_vec();
    W::decode(bytes.as_slice()).unwrap().try_into().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nodes(facts in strategy::node::facts(), gpu in strategy::node::gpu(), held in strategy::node::held()) {
        prop_assert_eq!(&back::<v1::NodeFacts, NodeFacts>(&facts), &facts);
        prop_assert_eq!(&back::<v1::Gpu, Gpu>(&gpu), &gpu);
        prop_assert_eq!(&back::<v1::HeldAttempt, HeldAttempt>(&held), &held);
    }

    #[test]
    fn attempts(
        attempt in strategy::attempt_id(), offer in strategy::progress::offer(), hello in strategy::progress::hello(),
    ) {
        prop_assert_eq!(&back::<v1::Hello, Hello>(&hello), &hello);
        prop_assert_eq!(&back::<v1::AttemptId, AttemptId>(&attempt), &attempt);
        prop_assert_eq!(&back::<v1::Offer, Offer>(&offer), &offer);
    }

    #[test]
    fn sweeps(sweep in strategy::sweep::sweep()) {
        prop_assert_eq!(&back::<v1::Sweep, Sweep>(&sweep), &sweep);
        prop_assert_eq!(&back::<v1::Workload, Workload>(&sweep.workload), &sweep.workload);
        for cell in &sweep.axes.cells {
            prop_assert_eq!(&back::<v1::CellSpec, CellSpec>(cell), cell);
        }
    }

    #[test]
    fn entries(entries in vec(strategy::entry::entry(), 0..6)) {
        prop_assert_eq!(decode_entries(&encode_entries(&entries).unwrap()).unwrap(), entries);
    }

    #[test]
    fn samples(sample in strategy::entry::sample()) {
        prop_assert_eq!(&back::<v1::GpuSample, GpuSample>(&sample), &sample);
    }

    #[test]
    fn progress(
        sweep in strategy::progress::sweep_progress(),
        node in strategy::progress::node_progress(),
        plan in strategy::progress::outline(),
        counts in strategy::progress::counts(),
    ) {
        prop_assert_eq!(&back::<v1::SweepStatus, SweepProgress>(&sweep), &sweep);
        prop_assert_eq!(&back::<v1::NodeStatus, NodeProgress>(&node), &node);
        prop_assert_eq!(&back::<v1::PlanSummary, PlanOutline>(&plan), &plan);
        prop_assert_eq!(&back::<v1::TrialCounts, TrialCounts>(&counts), &counts);
    }

    #[test]
    fn forecasts(forecast in strategy::progress::forecast()) {
        prop_assert_eq!(&back::<v1::Forecast, Forecast>(&forecast), &forecast);
    }

    #[test]
    fn events(event in strategy::progress::event()) {
        prop_assert_eq!(decode_event(&encode_event(&event, &[])).unwrap(), event);
    }
}

#[test]
fn a_submitted_sweep_is_planned_again_and_must_come_out_the_same() {
    let (sweep, nodes) = (Arc::new(sample::sweep()), vec![Arc::new(sample::node())]);
    let plan = Arc::new(Plan::expand(sample::attempt().trial.sweep, &sweep, Seed(7), &nodes).unwrap());
    let event = Event::SweepSubmitted { sweep: sweep.clone(), plan: plan.clone() };
    assert_eq!(decode_event(&encode_event(&event, &nodes)).unwrap(), event);

    let forecast = Some(Forecast { seconds: Some(60.0), ..Forecast::default() });
    let beside = Beside { nodes: nodes.clone(), forecast };
    let bytes = encode_event_beside(&event, &beside);
    assert_eq!((decode_event(&bytes).unwrap(), decode_beside(&bytes).unwrap()), (event.clone(), beside));
    assert_eq!(decode_beside(&encode_event(&event, &nodes)).unwrap().forecast, None);

    let elsewhere = NodeFacts { id: chimera_core::id::NodeId::new("elsewhere").unwrap(), ..sample::node() };
    let refusal = decode_event(&encode_event(&event, &[Arc::new(elsewhere)])).unwrap_err();
    assert_eq!(refusal.field, "sweep_submitted.plan_digest");
    let refusal = decode_event(&encode_event(&event, &[])).unwrap_err();
    assert_eq!(refusal.field, "sweep_submitted.spec");

    let outline = PlanOutline::of(&plan, &sweep, &nodes, Forecast::default());
    assert_eq!(outline.trials as usize, plan.trials.len());
    assert_eq!(back::<v1::PlanSummary, PlanOutline>(&outline), outline);
}

#[test]
fn views_are_shown_with_the_time_that_passed() {
    let attempt = sample::attempt();
    let trials = TrialCounts { admitted: 1, pending: 1, running: 1, ..TrialCounts::default() };
    let mut view = SweepView {
        id: attempt.trial.sweep.clone(),
        state: chimera_core::scheduler::view::SweepState::Running,
        trials,
        attempts: 1,
        submitted: Moment(10),
        ended: None,
        waiting: None,
        blocks_opened: 1,
        blocks_asked: false,
    };
    let elapsed = |view: &SweepView| sweep_status(view, Moment(50), UnixNanos(3), "words", None).elapsed_ns;
    assert_eq!(elapsed(&view), 40);
    view.ended = Some(Moment(30));
    assert_eq!(elapsed(&view), 20);

    let facts = Arc::new(sample::node());
    let slot = |index, attempt| {
        let id = chimera_core::id::SlotId { node: facts.id.clone(), index };
        SlotView { id, attempt }
    };
    let view = NodeView {
        id: facts.id.clone(),
        state: NodeState::Ready,
        facts: facts.clone(),
        slots: vec![slot(0, None), slot(1, Some(attempt.clone()))],
        since: Moment(20),
        note: String::new(),
    };
    let clock = sample::clock_offset();
    let shown = NodeProgress::try_from(node_status(&view, Moment(50), Some(&clock))).unwrap();
    assert_eq!((shown.in_state, shown.clock), (Nanos(30), Some(clock)));
    assert_eq!(shown.busy.into_iter().collect::<Vec<_>>(), [(1, attempt)]);
}
