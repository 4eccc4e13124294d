//! Did the machine change while the sweep ran? Asked of the sentinel, before any comparison is read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::percent;
use super::ground::{Ground, SCALE};
use crate::design::Sentinel;
use crate::plan::TrialRole;
use crate::stats::{DRIFT_BLOCKS_MIN, DriftVerdict, NoEstimate, Trend, holm, trend};

/// What the sentinel says. A drift on a slot marks every comparison that has figures of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Label of the cell that runs once more in every block; absent when none does.
    pub sentinel: Option<String>,
    /// Why nothing was checked; absent when at least one slot was.
    pub not_checked: Option<String>,
    /// Slots on which a trend was shown, sorted.
    pub shown_on: Vec<String>,
    /// One row per slot with a figure of the sentinel, sorted by slot.
    pub slots: Vec<SlotDrift>,
    /// All of it in one sentence.
    pub text: String,
}

/// The trend of the sentinel's figures on one slot, in the order of blocks (Mann–Kendall, Theil–Sen).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlotDrift {
    /// The slot, as `node/index`.
    pub slot: String,
    /// Blocks with a figure of the sentinel.
    pub n: u64,
    /// Blocks that are needed; absent when there are enough.
    pub needed: Option<u64>,
    /// Two-sided p of "no trend", after Holm's correction over the slots; absent when not checked.
    pub p_adjusted: Option<f64>,
    /// Change from the first to the last block along the fitted line, as a share: −0.04 is 4 % lower at the end.
    pub change: Option<f64>,
    /// Whether a trend was shown: the adjusted p is at most 0.05.
    pub shown: bool,
}

/// The check, Holm's correction over all slots that have enough blocks.
pub(super) fn drift(ground: &Ground<'_>) -> Drift {
    let Some(sentinel) = ground.sentinel() else {
        return Drift::not_checked(None, no_sentinel(ground));
    };
    let label = Some(ground.label(sentinel));
    let trends = trends(ground);
    let raw: Vec<f64> = trends.iter().filter_map(|(_, found)| Some(found.as_ref().ok()?.p)).collect();
    let mut adjusted = holm(&raw).into_iter();
    let row = |(slot, found): (u32, Result<Trend, NoEstimate>)| {
        let p = if found.is_ok() { adjusted.next() } else { None };
        SlotDrift::of(ground.trials.slot(slot), found, p)
    };
    let slots: Vec<SlotDrift> = trends.into_iter().map(row).collect();
    let most = slots.iter().map(|slot| slot.n).max().unwrap_or(0);
    let mut drift = if slots.iter().any(|slot| slot.needed.is_none()) {
        let shown = slots.iter().filter(|slot| slot.shown);
        let shown_on = shown.map(|slot| slot.slot.clone()).collect();
        Drift { sentinel: label, not_checked: None, shown_on, slots: Vec::new(), text: told(&slots) }
    } else {
        let why =
            format!("the sentinel has figures of {most} blocks on a slot, {DRIFT_BLOCKS_MIN} are needed");
        Drift::not_checked(label, why)
    };
    drift.slots = slots;
    drift
}

fn no_sentinel(ground: &Ground<'_>) -> String {
    match ground.sweep.design.sentinel {
        Sentinel::Off => "the design leaves the sentinel out".to_owned(),
        Sentinel::Auto | Sentinel::Cell(_) => {
            format!("no sentinel ran: it needs 2 cells and {DRIFT_BLOCKS_MIN} blocks, or to be named")
        }
    }
}

/// The trend on each slot, by its number.
fn trends(ground: &Ground<'_>) -> Vec<(u32, Result<Trend, NoEstimate>)> {
    let mut series: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
    for figure in ground.trials.figures(TrialRole::Sentinel) {
        series.entry(figure.slot).or_default().push((figure.block, figure.value));
    }
    let seed = ground.plan.seed.child("drift");
    let of = |(slot, figures): (u32, Vec<(u32, f64)>)| {
        (slot, trend(&figures, SCALE, seed.child(&ground.trials.slot(slot))))
    };
    series.into_iter().map(of).collect()
}

fn told(slots: &[SlotDrift]) -> String {
    let checked = slots.iter().filter(|slot| slot.needed.is_none()).count();
    let rest = match slots.len() - checked {
        0 => String::new(),
        rest => format!("; too few blocks on {rest} more"),
    };
    let mut shown: Vec<&SlotDrift> = slots.iter().filter(|slot| slot.shown).collect();
    shown.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.slot.cmp(&b.slot)));
    let Some(worst) = shown.first() else {
        return format!("none shown on {checked} slots{rest}");
    };
    let change = percent(worst.change.unwrap_or_default());
    let n = shown.len();
    format!(
        "shown on {n} of {checked} slots, most on {}: {change} from first to last block{rest}",
        worst.slot
    )
}

fn size(slot: &SlotDrift) -> f64 {
    slot.change.unwrap_or_default().ln_1p().abs()
}

impl Drift {
    fn not_checked(sentinel: Option<String>, why: String) -> Self {
        let text = format!("not checked: {why}");
        Self { sentinel, not_checked: Some(why), shown_on: Vec::new(), slots: Vec::new(), text }
    }
}

impl SlotDrift {
    fn of(slot: String, found: Result<Trend, NoEstimate>, p: Option<f64>) -> Self {
        let few = |n: usize| (n as u64, Some(DRIFT_BLOCKS_MIN as u64));
        let (trend, (n, needed)) = match found {
            Ok(trend) => (Some(trend), (trend.n as u64, None)),
            Err(NoEstimate::NotEnough { n, .. }) => (None, few(n)),
            Err(NoEstimate::NotPositive | NoEstimate::OutOfRange) => (None, few(0)),
        };
        let verdict = trend.zip(p).map(|(trend, p)| trend.verdict(p));
        Self {
            slot,
            n,
            needed,
            p_adjusted: p,
            change: trend.map(|trend| trend.change).filter(|change| change.is_finite()),
            shown: matches!(verdict, Some(DriftVerdict::Drifting { .. })),
        }
    }
}
