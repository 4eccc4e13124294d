//! Events of the scheduler, as the journal keeps them.
//!
//! Limits on what peers send are checked before an event is made of it; the journal adds none of its own, so that
//! everything it was given can be read again.

use std::sync::Arc;

use chimera_core::id::{AttemptId, Incarnation, NodeId, ProcessNonce, SweepId};
use chimera_core::node::NodeFacts;
use chimera_core::outcome::{AttemptOutcome, ValidityReason};
use chimera_core::plan::{Forecast, Plan};
use chimera_core::scheduler::event::{BlocksVerdict, Event, HeldAttempt, LeaveReason, RejectReason};
use chimera_core::seed::Seed;
use chimera_core::sweep::{REPETITIONS_MAX, Sweep};
use prost::Message;

use super::twins::twins;
use super::{Invalid, Within, check};
use crate::v1;
use crate::v1::journal_event::Kind;

twins! {
    BlocksVerdict = BlocksVerdict { Continue, Enough }
}

/// Encodes an event for the journal. `nodes` are those that [`Plan::expand`] was given for the plan of a submitted
/// sweep, in the same order, and enter no other event: a plan is not stored but expanded again from what made it.
#[must_use]
pub fn encode_event(event: &Event, nodes: &[Arc<NodeFacts>]) -> Vec<u8> {
    v1::JournalEvent { kind: Some(write(event, nodes)) }.encode_to_vec()
}

/// What the journal keeps beside a submitted sweep; nothing beside every other event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// The nodes that it was planned against, in the order in which the plan took them.
    pub nodes: Vec<Arc<NodeFacts>>,
    /// What it was expected to take; absent in entries of older builds.
    pub forecast: Option<Forecast>,
}

/// As [`encode_event`], with the forecast too.
#[must_use]
pub fn encode_event_beside(event: &Event, beside: &Beside) -> Vec<u8> {
    let Beside { nodes, forecast } = beside;
    let mut kind = write(event, nodes);
    if let Kind::SweepSubmitted(submitted) = &mut kind {
        submitted.forecast = forecast.as_ref().map(v1::Forecast::from);
    }
    v1::JournalEvent { kind: Some(kind) }.encode_to_vec()
}

/// What was kept beside an event.
///
/// # Errors
/// [`Invalid`] when the bytes are not an event, or a field breaks a limit.
pub fn decode_beside(bytes: &[u8]) -> Result<Beside, Invalid> {
    let v1::JournalEvent { kind } = check::named("event", v1::JournalEvent::decode(bytes))?;
    let Some(Kind::SweepSubmitted(submitted)) = kind else { return Ok(Beside::default()) };
    let nodes: Vec<NodeFacts> = check::each("nodes", submitted.nodes)?;
    let forecast = submitted.forecast.map(Forecast::try_from).transpose().within("forecast")?;
    Ok(Beside { nodes: nodes.into_iter().map(Arc::new).collect(), forecast })
}

/// Decodes an event of the journal. The plan of a submitted sweep is expanded again.
///
/// # Errors
/// [`Invalid`] when the bytes are not an event, when a field breaks a limit, or when the plan came out different from
/// the one that was admitted.
pub fn decode_event(bytes: &[u8]) -> Result<Event, Invalid> {
    let v1::JournalEvent { kind } = check::named("event", v1::JournalEvent::decode(bytes))?;
    read(kind.ok_or_else(|| Invalid::new("kind", "missing"))?)
}

fn write(event: &Event, nodes: &[Arc<NodeFacts>]) -> Kind {
    match event {
        Event::Restarted => Kind::Restarted(v1::Restarted {}),
        Event::NodeJoined { facts, incarnation, nonce, held } => {
            Kind::NodeJoined(write_joined(facts, *incarnation, *nonce, held))
        }
        Event::NodeChanged { facts, incarnation } => Kind::NodeChanged(write_changed(facts, *incarnation)),
        Event::NodeLeft { node, incarnation, reason } => {
            Kind::NodeLeft(write_left(node, *incarnation, *reason))
        }
        Event::DrainRequested { node, reason } => Kind::DrainRequested(write_drain(node, reason)),
        Event::UndrainRequested { node } => {
            Kind::UndrainRequested(v1::UndrainRequested { node: node.to_string() })
        }
        Event::SweepSubmitted { sweep, plan } => Kind::SweepSubmitted(write_submitted(sweep, plan, nodes)),
        Event::SweepCancelled { sweep } => {
            Kind::SweepCancelled(v1::SweepCancelled { sweep: sweep.to_string() })
        }
        Event::BlocksJudged { sweep, blocks, verdict } => {
            Kind::BlocksJudged(write_judged(sweep, *blocks, *verdict))
        }
        Event::AttemptAccepted { attempt, node, incarnation } => {
            Kind::AttemptAccepted(write_accepted(attempt, node, *incarnation))
        }
        Event::AttemptRejected { attempt, node, incarnation, reason } => {
            Kind::AttemptRejected(write_rejected(attempt, node, *incarnation, *reason))
        }
        Event::AttemptEnded { attempt, outcome, findings } => {
            Kind::AttemptEnded(write_ended(attempt, *outcome, findings))
        }
        Event::AttemptStopped { attempt, node, incarnation } => {
            Kind::AttemptStopped(write_stopped(attempt, node, *incarnation))
        }
        Event::AttemptQuarantined { attempt } => {
            Kind::AttemptQuarantined(v1::AttemptQuarantined { attempt: Some(attempt.into()) })
        }
        Event::DeadlinePassed => Kind::DeadlinePassed(v1::DeadlinePassed {}),
    }
}

fn read(kind: Kind) -> Result<Event, Invalid> {
    match kind {
        Kind::Restarted(v1::Restarted {}) => Ok(Event::Restarted),
        Kind::NodeJoined(wire) => read_joined(wire).within("node_joined"),
        Kind::NodeChanged(wire) => read_changed(wire).within("node_changed"),
        Kind::NodeLeft(wire) => read_left(wire).within("node_left"),
        Kind::DrainRequested(wire) => read_drain(wire).within("drain_requested"),
        Kind::UndrainRequested(v1::UndrainRequested { node }) => {
            read_node(&node).within("undrain_requested").map(|node| Event::UndrainRequested { node })
        }
        Kind::SweepSubmitted(wire) => read_submitted(wire).within("sweep_submitted"),
        Kind::SweepCancelled(v1::SweepCancelled { sweep }) => {
            read_sweep(&sweep).within("sweep_cancelled").map(|sweep| Event::SweepCancelled { sweep })
        }
        Kind::BlocksJudged(wire) => read_judged(wire).within("blocks_judged"),
        Kind::AttemptAccepted(wire) => read_accepted(wire).within("attempt_accepted"),
        Kind::AttemptRejected(wire) => read_rejected(wire).within("attempt_rejected"),
        Kind::AttemptEnded(wire) => read_ended(wire).within("attempt_ended"),
        Kind::AttemptStopped(wire) => read_stopped(wire).within("attempt_stopped"),
        Kind::AttemptQuarantined(v1::AttemptQuarantined { attempt }) => read_attempt(attempt)
            .within("attempt_quarantined")
            .map(|attempt| Event::AttemptQuarantined { attempt }),
        Kind::DeadlinePassed(v1::DeadlinePassed {}) => Ok(Event::DeadlinePassed),
    }
}

fn read_node(node: &str) -> Result<NodeId, Invalid> {
    check::named("node", NodeId::new(node))
}

fn read_sweep(sweep: &str) -> Result<SweepId, Invalid> {
    check::named("sweep", SweepId::new(sweep))
}

fn read_attempt(attempt: Option<v1::AttemptId>) -> Result<AttemptId, Invalid> {
    check::required("attempt", attempt)
}

fn write_joined(
    facts: &NodeFacts,
    incarnation: Incarnation,
    nonce: ProcessNonce,
    held: &[HeldAttempt],
) -> v1::NodeJoined {
    v1::NodeJoined {
        facts: Some(facts.into()),
        incarnation: incarnation.0,
        process_nonce: nonce.0,
        held: held.iter().map(v1::HeldAttempt::from).collect(),
    }
}

fn read_joined(wire: v1::NodeJoined) -> Result<Event, Invalid> {
    let v1::NodeJoined { facts, incarnation, process_nonce, held } = wire;
    Ok(Event::NodeJoined {
        facts: Arc::new(check::required("facts", facts)?),
        incarnation: Incarnation(incarnation),
        nonce: ProcessNonce(process_nonce),
        held: check::each("held", held)?,
    })
}

fn write_changed(facts: &NodeFacts, incarnation: Incarnation) -> v1::NodeChanged {
    v1::NodeChanged { facts: Some(facts.into()), incarnation: incarnation.0 }
}

fn read_changed(wire: v1::NodeChanged) -> Result<Event, Invalid> {
    let v1::NodeChanged { facts, incarnation } = wire;
    let facts = Arc::new(check::required("facts", facts)?);
    Ok(Event::NodeChanged { facts, incarnation: Incarnation(incarnation) })
}

fn write_left(node: &NodeId, incarnation: Incarnation, reason: LeaveReason) -> v1::NodeLeft {
    let reason = v1::LeaveReason::from(reason).into();
    v1::NodeLeft { node: node.to_string(), incarnation: incarnation.0, reason }
}

fn read_left(wire: v1::NodeLeft) -> Result<Event, Invalid> {
    let v1::NodeLeft { node, incarnation, reason } = wire;
    let reason = check::variant::<v1::LeaveReason, _>("reason", reason)?;
    Ok(Event::NodeLeft { node: read_node(&node)?, incarnation: Incarnation(incarnation), reason })
}

fn write_drain(node: &NodeId, reason: &str) -> v1::DrainRequested {
    v1::DrainRequested { node: node.to_string(), reason: reason.to_owned() }
}

fn read_drain(wire: v1::DrainRequested) -> Result<Event, Invalid> {
    let v1::DrainRequested { node, reason } = wire;
    Ok(Event::DrainRequested { node: read_node(&node)?, reason })
}

fn write_submitted(sweep: &Sweep, plan: &Plan, nodes: &[Arc<NodeFacts>]) -> v1::SweepSubmitted {
    // Cells, slots and trials come back from the expansion.
    let Plan { sweep: id, seed, cells: _, slots: _, trials: _, digest } = plan;
    v1::SweepSubmitted {
        sweep: id.to_string(),
        spec: Some(sweep.into()),
        seed: seed.0,
        nodes: nodes.iter().map(|facts| v1::NodeFacts::from(facts.as_ref())).collect(),
        plan_digest: digest.0.to_vec(),
        forecast: None,
    }
}

fn read_submitted(wire: v1::SweepSubmitted) -> Result<Event, Invalid> {
    // The forecast is read by `decode_beside`: it changes nothing that the scheduler does.
    let v1::SweepSubmitted { sweep, spec, seed, nodes, plan_digest, forecast: _ } = wire;
    let id = read_sweep(&sweep)?;
    let sweep: Sweep = check::required("spec", spec)?;
    let nodes: Vec<NodeFacts> = check::each("nodes", nodes)?;
    let nodes: Vec<_> = nodes.into_iter().map(Arc::new).collect();
    let admitted = check::digest("plan_digest", &plan_digest)?;
    let plan = check::named("spec", Plan::expand(id, &sweep, Seed(seed), &nodes))?;
    if plan.digest != admitted {
        let reason = format!("the plan was admitted as {admitted} and came out as {}", plan.digest);
        return Err(Invalid::new("plan_digest", reason));
    }
    Ok(Event::SweepSubmitted { sweep: Arc::new(sweep), plan: Arc::new(plan) })
}

fn write_judged(sweep: &SweepId, blocks: u32, verdict: BlocksVerdict) -> v1::BlocksJudged {
    let verdict = v1::BlocksVerdict::from(verdict).into();
    v1::BlocksJudged { sweep: sweep.to_string(), blocks, verdict }
}

fn read_judged(wire: v1::BlocksJudged) -> Result<Event, Invalid> {
    let v1::BlocksJudged { sweep, blocks, verdict } = wire;
    Ok(Event::BlocksJudged {
        sweep: read_sweep(&sweep)?,
        blocks: check::number("blocks", blocks, 1..=REPETITIONS_MAX)?,
        verdict: check::variant::<v1::BlocksVerdict, _>("verdict", verdict)?,
    })
}

fn write_accepted(attempt: &AttemptId, node: &NodeId, incarnation: Incarnation) -> v1::AttemptAccepted {
    v1::AttemptAccepted { attempt: Some(attempt.into()), node: node.to_string(), incarnation: incarnation.0 }
}

fn read_accepted(wire: v1::AttemptAccepted) -> Result<Event, Invalid> {
    let v1::AttemptAccepted { attempt, node, incarnation } = wire;
    let (attempt, node) = (read_attempt(attempt)?, read_node(&node)?);
    Ok(Event::AttemptAccepted { attempt, node, incarnation: Incarnation(incarnation) })
}

fn write_rejected(
    attempt: &AttemptId,
    node: &NodeId,
    incarnation: Incarnation,
    reason: RejectReason,
) -> v1::AttemptRejected {
    let reason = v1::RejectReason::from(reason).into();
    v1::AttemptRejected {
        attempt: Some(attempt.into()),
        node: node.to_string(),
        incarnation: incarnation.0,
        reason,
    }
}

fn read_rejected(wire: v1::AttemptRejected) -> Result<Event, Invalid> {
    let v1::AttemptRejected { attempt, node, incarnation, reason } = wire;
    let reason = check::variant::<v1::RejectReason, _>("reason", reason)?;
    let (attempt, node) = (read_attempt(attempt)?, read_node(&node)?);
    Ok(Event::AttemptRejected { attempt, node, incarnation: Incarnation(incarnation), reason })
}

fn write_ended(
    attempt: &AttemptId,
    outcome: AttemptOutcome,
    findings: &[ValidityReason],
) -> v1::AttemptEnded {
    v1::AttemptEnded {
        attempt: Some(attempt.into()),
        outcome: v1::AttemptOutcome::from(outcome).into(),
        findings: findings.iter().map(|reason| v1::ValidityReason::from(*reason).into()).collect(),
    }
}

fn read_ended(wire: v1::AttemptEnded) -> Result<Event, Invalid> {
    let v1::AttemptEnded { attempt, outcome, findings } = wire;
    let finding = |(index, reason)| {
        check::variant::<v1::ValidityReason, _>("", reason)
            .map_err(|invalid| invalid.at(index).within("findings"))
    };
    Ok(Event::AttemptEnded {
        attempt: read_attempt(attempt)?,
        outcome: check::variant::<v1::AttemptOutcome, _>("outcome", outcome)?,
        findings: findings.into_iter().enumerate().map(finding).collect::<Result<_, _>>()?,
    })
}

fn write_stopped(attempt: &AttemptId, node: &NodeId, incarnation: Incarnation) -> v1::AttemptStopped {
    v1::AttemptStopped { attempt: Some(attempt.into()), node: node.to_string(), incarnation: incarnation.0 }
}

fn read_stopped(wire: v1::AttemptStopped) -> Result<Event, Invalid> {
    let v1::AttemptStopped { attempt, node, incarnation } = wire;
    let (attempt, node) = (read_attempt(attempt)?, read_node(&node)?);
    Ok(Event::AttemptStopped { attempt, node, incarnation: Incarnation(incarnation) })
}
