//! Rules about the server and about this side of the wire: placement, reloads, cut prompts, other models, late reading.

use super::evidence::{Evidence, Shown};
use super::finding::{Finding, Verdict, WhyNotChecked as Why};
use super::rules::Rules;
use crate::outcome::ValidityReason as Reason;
use crate::unit::Nanos;
use crate::workload::Start;

/// What a rule comes to: a detail for a finding, nothing, or why it could not be checked.
type Checked = Result<Option<String>, Why>;

/// Checks every rule. Clock steps and restarts of the server are noted by the node.
pub(super) fn judge(evidence: &Evidence<'_>, rules: &Rules, verdict: &mut Verdict) {
    let checks = [
        (Reason::PlacementMismatch, placement(evidence)),
        (Reason::ReloadInWindow, reload(evidence, rules)),
        (Reason::PromptTruncated, prompt(evidence)),
        (Reason::ClientStalled, client(evidence, rules)),
        (Reason::ServerRestarted, restarted(evidence)),
        (Reason::ModelChanged, model(evidence)),
    ];
    for (reason, checked) in checks {
        match checked {
            Ok(None) => {}
            Ok(Some(detail)) => verdict.find(rules.effect(reason), Finding { reason, gpu: None, detail }),
            Err(why) => verdict.not_checked(reason, why),
        }
    }
}

/// All layers or none: in between, bytes do not tell how many.
fn placement(evidence: &Evidence<'_>) -> Checked {
    let Some(asked) = evidence.asked.num_gpu.filter(|layers| *layers >= 0) else { return Ok(None) };
    let all = match evidence.asked.layers {
        _ if asked == 0 => false,
        None => return Err(Why::LayersUnknown),
        Some(layers) if asked < i64::from(layers) => return Err(Why::PartOfLayers),
        Some(_) => true,
    };
    let mut placed = evidence.shown.iter().filter_map(|shown| shown.placed).peekable();
    placed.peek().ok_or(Why::ServerSilent)?;
    let wrong = placed.find(|(size, on_gpu)| if all { on_gpu < size } else { on_gpu.0 > 0 });
    Ok(wrong.map(|(size, on_gpu)| {
        let (size, on_gpu) = (size.mib(), on_gpu.mib());
        format!("num_gpu {asked} was asked for, and {on_gpu} MiB of {size} MiB are on GPUs")
    }))
}

fn reload(evidence: &Evidence<'_>, rules: &Rules) -> Checked {
    let warm = || evidence.calls.iter().filter(|call| call.start == Start::Warm);
    if warm().next().is_none() {
        return Ok(None);
    }
    if warm().all(|call| call.load.is_none()) {
        return Err(Why::ServerSilent);
    }
    let reloaded = warm().find(|call| call.load.is_some_and(|load| load >= rules.reload_min));
    Ok(reloaded.map(|call| {
        let load = call.load.unwrap_or_default();
        format!("the server loaded for {load} before generation {}, which was to be warm", call.ordinal)
    }))
}

/// A server cuts to its context. One that cuts deeper cannot be caught here; the node asks it to refuse instead.
fn prompt(evidence: &Evidence<'_>) -> Checked {
    let mut checked = false;
    for call in &evidence.calls {
        let context = shown_at(evidence, call.sent_at).and_then(|shown| shown.context_length);
        if let Some((tokens, context)) = call.prompt_tokens.zip(context) {
            checked = true;
            if tokens >= u64::from(context) {
                let ordinal = call.ordinal;
                return Ok(Some(format!(
                    "the prompt of generation {ordinal} fills the context: {tokens} of {context} tokens"
                )));
            }
        }
    }
    if checked { Ok(None) } else { Err(Why::ServerSilent) }
}

/// The load that a generation ran on. That of a cold start is told after its generation.
fn shown_at<'e>(evidence: &'e Evidence<'_>, sent_at: Nanos) -> Option<&'e Shown<'e>> {
    evidence.shown.iter().rev().find(|shown| shown.at <= sent_at)
}

/// The least lag of the attempt stands for the offset of the two clocks; what a line lags beyond it, was read late.
fn client(evidence: &Evidence<'_>, rules: &Rules) -> Checked {
    let lags = || evidence.calls.iter().filter_map(|call| Some((call.lag?, call.ordinal)));
    let least = lags().map(|((least, _), _)| least).min().ok_or(Why::NoServerStamps)?;
    let worst = lags().map(|((_, largest), ordinal)| (largest - least, ordinal)).max();
    let late = worst.filter(|(excess, _)| *excess > i128::from(rules.client_lag_max.0));
    Ok(late.map(|(excess, ordinal)| {
        let excess = Nanos(u64::try_from(excess).unwrap_or(u64::MAX));
        format!("a line of generation {ordinal} was read {excess} after the server had sent it")
    }))
}

/// The node notes it; without sight of the server's process it cannot.
fn restarted(evidence: &Evidence<'_>) -> Checked {
    let mut processes = evidence.samples.values().flatten().filter_map(|sample| sample.processes.as_ref());
    let seen = processes.any(|listed| listed.iter().any(|process| process.own.is_some()));
    if seen { Ok(None) } else { Err(Why::ServerProcessUnseen) }
}

fn model(evidence: &Evidence<'_>) -> Checked {
    let first = evidence.digest.ok_or(Why::ServerSilent)?;
    let other = evidence.shown.iter().filter_map(|shown| shown.digest).find(|digest| *digest != first);
    Ok(other.map(|other| format!("the model's digest changed from {first} to {other}")))
}
