//! In what order the cells stand, as far as their comparisons allow and no further.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::Tested;
use super::ground::{Ground, SCALE};
use crate::compare::{self, Better, Family, RankedCell};
use crate::quantity::trial::better;
use crate::stats::Direction;

/// Cells from the best figure to the worst. Two cells of one group must not be called first and second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranking {
    /// Why the cells are not ranked; absent when they are.
    pub none: Option<String>,
    /// The cells; empty when they are not ranked.
    pub rows: Vec<RankRow>,
    /// Groups; with one, no order is shown.
    pub groups: u64,
    /// All of it in one sentence.
    pub text: String,
}

/// A cell's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankRow {
    /// Position of the cell in the plan, from 0.
    pub cell: u32,
    /// Its label.
    pub label: String,
    /// Geometric mean of its trials' figures, in the unit of the quantity that is compared.
    pub value: f64,
    /// The best place that its comparisons do not exclude, from 1.
    pub best: u64,
    /// The worst place that they do not exclude.
    pub worst: u64,
    /// Its group, from 1: every cell of an earlier group was shown to be better than every cell of a later one.
    pub group: u64,
}

/// The ranking of a family of every pair; another family orders nothing.
pub(super) fn ranking(ground: &Ground<'_>, tested: &Tested) -> Ranking {
    if tested.family != Family::AllPairs {
        return Ranking::none("only every pair gives an order; cells were compared with one");
    }
    if tested.found.iter().all(|one| one.decision.effect().is_none()) {
        return Ranking::none("no pair of cells was compared");
    }
    let side = match better(ground.comparing().quantity) {
        Direction::Higher => Better::Higher,
        Direction::Lower => Better::Lower,
    };
    let found = compare::ranking(&tested.figures, &tested.found, SCALE, side);
    let row = |ranked: RankedCell| RankRow {
        cell: ranked.cell,
        label: ground.label(ranked.cell),
        value: ranked.value,
        best: ranked.best as u64,
        worst: ranked.worst as u64,
        group: ranked.group as u64,
    };
    let rows: Vec<RankRow> = found.cells.into_iter().map(row).collect();
    let groups = rows.iter().map(|row| row.group).max().unwrap_or(0);
    let text = match groups {
        0 | 1 => format!("no order is shown between {} cells", rows.len()),
        groups => format!("{} cells in {groups} groups; inside a group no order is shown", rows.len()),
    };
    Ranking { none: None, rows, groups, text }
}

impl Ranking {
    fn none(why: &str) -> Self {
        let text = format!("none: {why}");
        Self { none: Some(why.to_owned()), rows: Vec::new(), groups: 0, text }
    }

    /// Cells of a group.
    pub(super) fn group(&self, group: u64) -> impl Iterator<Item = &RankRow> {
        self.rows.iter().filter(move |row| row.group == group)
    }
}
