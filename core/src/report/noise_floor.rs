//! What the same test calls the difference between two cells that are the same.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alike::Alike;
use super::comparison::{ComparisonRow, Found, ROWS_MAX, RowWriter, SENTINEL, percent};
use super::ground::Ground;
use crate::compare::{self, Family};
use crate::plan::TrialRole;

/// The A/A noise floor. Effects below it are no news, whatever their p.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseFloor {
    /// The largest effect that equal cells could not exclude, as a share: 0.012 is 1.2 %.
    pub floor: Option<f64>,
    /// Why the floor is not known; absent when it is.
    pub not_known: Option<String>,
    /// Equal cells, compared like all others: the sentinel with its own cell, and cells that the server runs alike. At most
    /// [`ROWS_MAX`].
    pub twins: Vec<ComparisonRow>,
    /// Twins that are not listed.
    pub left_out: u64,
    /// Twins that were called different.
    pub differing: u64,
    /// All of it in one sentence.
    pub text: String,
}

/// Twins and their figures before they are compared.
#[derive(Debug)]
pub(super) struct Twins {
    figures: Vec<compare::Figure>,
    pairs: Vec<(u32, u32)>,
}

impl Twins {
    /// The sentinel and its cell, and each cell that runs like an earlier one on every slot.
    pub(super) fn of(ground: &Ground<'_>, alike: &[Alike]) -> Self {
        let mut figures = ground.trials.figures(TrialRole::Measured);
        let of_sentinel = ground.trials.figures(TrialRole::Sentinel);
        figures.extend(of_sentinel.into_iter().map(|figure| compare::Figure { cell: SENTINEL, ..figure }));
        let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
        pairs.extend(ground.sentinel().map(|cell| (SENTINEL, cell)));
        for cells in alike.iter().filter(|alike| alike.everywhere).map(|alike| &alike.cells) {
            let first = cells.first().copied().unwrap_or_default();
            pairs.extend(cells.iter().skip(1).map(|cell| (*cell, first)));
        }
        Self { figures, pairs: pairs.into_iter().collect() }
    }

    /// Compares them; no floor where there are none, or more than one family may hold.
    pub(super) fn floor(&self, ground: &Ground<'_>) -> compare::NoiseFloor {
        let rules = ground.rules(Family::AllPairs);
        compare::noise_floor(&self.figures, &self.pairs, &rules)
            .unwrap_or(compare::NoiseFloor { floor: None, twins: Vec::new() })
    }

    /// The finished part.
    pub(super) fn part(
        &self,
        ground: &Ground<'_>,
        floor: &compare::NoiseFloor,
        drifting: &[String],
    ) -> NoiseFloor {
        let writer = RowWriter::new(ground, &self.figures, drifting);
        let twins: Vec<ComparisonRow> =
            floor.twins.iter().take(ROWS_MAX).map(|twin| writer.row(twin)).collect();
        let differing = floor.twins.iter().filter(|twin| twin.decision.direction().is_some()).count() as u64;
        let known = floor.floor.filter(|floor| floor.is_finite());
        let not_known = known.is_none().then(|| why_unknown(&twins));
        let text = told(known, not_known.as_deref(), differing, floor.twins.len());
        let left_out = (floor.twins.len() - twins.len()) as u64;
        NoiseFloor { floor: known, not_known, twins, left_out, differing, text }
    }
}

fn why_unknown(twins: &[ComparisonRow]) -> String {
    let few = twins.iter().filter(|twin| twin.found == Found::NotEnough);
    match few.filter_map(|twin| Some((twin.n, twin.needed?))).max() {
        Some((n, needed)) => format!("equal cells share {n} blocks, {needed} are needed"),
        None => "no cell ran twice: it needs a sentinel, or cells that the server runs alike".to_owned(),
    }
}

fn told(floor: Option<f64>, not_known: Option<&str>, differing: u64, twins: usize) -> String {
    let doubt = match differing {
        0 => String::new(),
        n => format!("; {n} pairs of equal cells were called different: doubt every comparison"),
    };
    match (floor, not_known) {
        (Some(floor), _) => {
            let floor = percent(floor);
            format!("{} between equal cells ({twins} pairs){doubt}", floor.trim_start_matches('+'))
        }
        (None, why) => format!("not known: {}{doubt}", why.unwrap_or("no equal cells")),
    }
}
