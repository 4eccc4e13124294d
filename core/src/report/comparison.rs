//! Which cells differ, and by how much. The family was declared before the run; "no difference shown" is a result.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ground::{Ground, SCALE};
use super::mark::{Circumstances, Mark};
use crate::compare::{self, Decision, Family, Pairing};
use crate::plan::TrialRole;
use crate::stats::{Direction, IntervalMethod, Resampling, bca_mean};

/// Most comparisons that a report lists. All of them are tested and corrected together.
pub const ROWS_MAX: usize = 200;

/// The cell number under which the sentinel's trials stand beside those of its own cell.
pub(super) const SENTINEL: u32 = u32::MAX;

/// Cells compared block by block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparisons {
    /// Why nothing was compared; absent when something was.
    pub none: Option<String>,
    /// Which pairs are compared, in words.
    pub family: String,
    /// Label of the cell that all others are compared with; absent = every pair.
    pub reference: Option<String>,
    /// What two figures share to be compared: `slot_and_block` or `block`.
    pub pairing: String,
    /// Chance that the family claims a difference when there is none.
    pub level: f64,
    /// Test and correction, in words.
    pub method: String,
    /// Pairs of the family.
    pub pairs: u64,
    /// Pairs that differ.
    pub differences: u64,
    /// Pairs that show no difference.
    pub no_difference_shown: u64,
    /// Pairs with too few blocks.
    pub not_enough: u64,
    /// The pairs, at most [`ROWS_MAX`], in the order of the plan. Where there are more, those with the smallest adjusted p
    /// are listed.
    pub rows: Vec<ComparisonRow>,
    /// Pairs that are not listed.
    pub left_out: u64,
    /// All of it in one sentence.
    pub text: String,
}

/// Two cells, and what was found of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonRow {
    /// Position of the first cell in the plan, from 0; absent for the sentinel.
    pub cell: Option<u32>,
    /// Label of the first cell.
    pub label: String,
    /// Position of the second cell in the plan, from 0: what the first is seen from.
    pub than: u32,
    /// Label of the second cell.
    pub than_label: String,
    /// Blocks with both.
    pub n: u64,
    /// Blocks that are needed; absent when there are enough.
    pub needed: Option<u64>,
    /// What was found.
    pub found: Found,
    /// First over second, with the 95 % interval of this one ratio (Student).
    pub ratio: Option<Ratio95>,
    /// 95 % interval of the ratio by the BCa bootstrap of the mean log difference; absent below 30 blocks.
    pub bootstrap: Option<Ends>,
    /// p of "no difference" after Holm's correction over the family.
    pub p_adjusted: Option<f64>,
    /// Whether the ratio is no farther from 1 than equal cells may be; absent when no noise floor is known.
    pub below_noise_floor: Option<bool>,
    /// What limits the row.
    pub marks: Vec<Mark>,
    /// What was found, in words.
    pub text: String,
}

/// The answers of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The first cell is higher.
    Higher,
    /// The first cell is lower.
    Lower,
    /// No difference is shown: if there is one, the interval says how large it may be.
    NoDifferenceShown,
    /// Too few blocks have both.
    NotEnough,
}

/// A ratio with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratio95 {
    /// The ratio; 1 is no effect.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ends {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A family after its test.
#[derive(Debug)]
pub(super) struct Tested {
    pub(super) figures: Vec<compare::Figure>,
    pub(super) family: Family,
    pub(super) found: Vec<compare::Comparison>,
    /// Every pair was wanted, and there are too many of them.
    fell_back: bool,
    /// Why nothing was compared.
    none: Option<String>,
}

impl Tested {
    /// Tests the declared family. Too many pairs are said, and the first cell becomes the reference.
    pub(super) fn of(ground: &Ground<'_>) -> Self {
        let figures = ground.trials.figures(TrialRole::Measured);
        let declared = ground.comparing().reference.map_or(Family::AllPairs, Family::Against);
        let test = |family: &Family| compare::compare(&figures, &ground.rules(family.clone()));
        let first = figures.iter().map(|figure| figure.cell).min().unwrap_or_default();
        let (family, found) = match test(&declared) {
            Err(_) if declared == Family::AllPairs => (Family::Against(first), test(&Family::Against(first))),
            found => (declared.clone(), found),
        };
        let (found, error) = match found {
            Ok(found) => (found, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let none = error.or_else(|| found.is_empty().then(|| nothing(ground, &figures)));
        Self { fell_back: family != declared, figures, family, found, none }
    }
}

fn nothing(ground: &Ground<'_>, figures: &[compare::Figure]) -> String {
    let measured: BTreeSet<u32> = figures.iter().map(|figure| figure.cell).collect();
    let quantity = ground.comparing().quantity;
    match (ground.plan.cells.len(), measured.len()) {
        (0 | 1, _) => "a comparison needs two cells".to_owned(),
        (_, 0) => format!("no cell has a {quantity}"),
        _ => format!("only one cell has a {quantity}"),
    }
}

/// The finished part.
pub(super) fn comparisons(ground: &Ground<'_>, tested: &Tested, writer: &RowWriter<'_>) -> Comparisons {
    let against = if let Family::Against(cell) = tested.family { Some(cell) } else { None };
    let count = |wanted: fn(&Decision) -> bool| {
        tested.found.iter().filter(|one| wanted(&one.decision)).count() as u64
    };
    let listed = listed(&tested.found);
    Comparisons {
        none: tested.none.clone(),
        family: family_text(ground, tested, against),
        reference: against.map(|cell| ground.label(cell)),
        pairing: match ground.pairing() {
            Pairing::SlotAndBlock => "slot_and_block".to_owned(),
            Pairing::Block => "block".to_owned(),
        },
        level: compare::LEVEL,
        method: METHOD.to_owned(),
        pairs: tested.found.len() as u64,
        differences: count(|decision| decision.direction().is_some()),
        no_difference_shown: count(|decision| matches!(decision, Decision::NoDifferenceShown { .. })),
        not_enough: count(|decision| matches!(decision, Decision::NotEnough { .. })),
        left_out: (tested.found.len() - listed.len()) as u64,
        rows: listed.into_iter().map(|one| writer.row(one)).collect(),
        text: String::new(),
    }
    .told()
}

/// Test and correction of every comparison.
const METHOD: &str = "paired Student t on logarithms, Holm over the family";

fn family_text(ground: &Ground<'_>, tested: &Tested, against: Option<u32>) -> String {
    let why = match tested.fell_back {
        true => format!(" (every pair would be more than {} comparisons)", compare::COMPARISONS_MAX),
        false => String::new(),
    };
    match against {
        Some(cell) => format!("every other cell with {}{why}", ground.label(cell)),
        None => "every pair of cells".to_owned(),
    }
}

/// The comparisons that are listed: all, or those that say most; in the order of the plan.
fn listed(found: &[compare::Comparison]) -> Vec<&compare::Comparison> {
    let mut order: Vec<&compare::Comparison> = found.iter().collect();
    if order.len() > ROWS_MAX {
        let p = |one: &compare::Comparison| p_adjusted(&one.decision).unwrap_or(f64::INFINITY);
        order.sort_by(|a, b| p(a).total_cmp(&p(b)).then_with(|| (a.a, a.b).cmp(&(b.a, b.b))));
        order.truncate(ROWS_MAX);
        order.sort_by_key(|one| (one.a, one.b));
    }
    order
}

const fn p_adjusted(decision: &Decision) -> Option<f64> {
    match decision {
        Decision::Difference { p_adjusted, .. } | Decision::NoDifferenceShown { p_adjusted, .. } => {
            Some(*p_adjusted)
        }
        Decision::NotEnough { .. } => None,
    }
}

impl Comparisons {
    /// [`Self::pairing`] in words.
    #[must_use]
    pub fn pairing_words(&self) -> &'static str {
        if self.pairing == "block" { "in the same block" } else { "on the same slot in the same block" }
    }

    fn told(mut self) -> Self {
        let tested = self.differences + self.no_difference_shown;
        let rest = match self.not_enough {
            0 => String::new(),
            n => format!("; {n} pairs with too few blocks"),
        };
        self.text = match (&self.none, self.most_blocks()) {
            (Some(why), _) => format!("not compared: {why}"),
            (None, Some((n, needed))) if tested == 0 => {
                format!("not enough blocks to compare: {n} of {needed}")
            }
            (None, _) if self.differences == 0 => format!("no difference shown in {tested} pairs{rest}"),
            (None, _) => format!("{} of {tested} pairs differ{rest}", self.differences),
        };
        self
    }

    /// Blocks of the pair with the most, and what it needs; only where pairs have too few.
    fn most_blocks(&self) -> Option<(u64, u64)> {
        self.rows.iter().filter_map(|row| Some((row.n, row.needed?))).max()
    }
}

/// Writes rows of comparisons, of the family and of twins alike.
pub(super) struct RowWriter<'a> {
    ground: Ground<'a>,
    figures: &'a [compare::Figure],
    circumstances: BTreeMap<u32, Circumstances<'a>>,
    drifting: &'a [String],
    floor: Option<&'a compare::NoiseFloor>,
}

impl<'a> RowWriter<'a> {
    /// A writer of rows about `figures`.
    pub(super) fn new(ground: &Ground<'a>, figures: &'a [compare::Figure], drifting: &'a [String]) -> Self {
        let mut circumstances = Circumstances::of_cells(ground.report);
        let sentinel = ground.sentinel().and_then(|cell| circumstances.get(&cell)).cloned();
        circumstances.extend(sentinel.map(|found| (SENTINEL, found)));
        Self { ground: *ground, figures, circumstances, drifting, floor: None }
    }

    /// With what equal cells may differ by.
    pub(super) fn above(mut self, floor: &'a compare::NoiseFloor) -> Self {
        self.floor = Some(floor);
        self
    }

    /// One row.
    pub(super) fn row(&self, one: &compare::Comparison) -> ComparisonRow {
        let decision = &one.decision;
        let below = self.floor.and_then(|floor| floor.covers(decision, SCALE));
        let needed =
            if let Decision::NotEnough { needed, .. } = decision { Some(*needed as u64) } else { None };
        let ratio = decision
            .effect()
            .and_then(|(value, interval)| Ratio95 { value, low: interval.low, high: interval.high }.finite());
        let found = Found::of(decision);
        let text = match (found.text(ratio, one.n as u64, needed), below) {
            (text, Some(true)) => format!("{text}, below noise floor"),
            (text, _) => text,
        };
        ComparisonRow {
            cell: (one.a != SENTINEL).then_some(one.a),
            label: if one.a == SENTINEL { "sentinel".to_owned() } else { self.ground.label(one.a) },
            than: one.b,
            than_label: self.ground.label(one.b),
            n: one.n as u64,
            needed,
            found,
            ratio,
            bootstrap: self.bootstrap(one),
            p_adjusted: p_adjusted(decision),
            below_noise_floor: below,
            marks: self.marks(one),
            text,
        }
    }

    fn marks(&self, one: &compare::Comparison) -> Vec<Mark> {
        let mut both = Circumstances::default();
        [one.a, one.b].iter().filter_map(|cell| self.circumstances.get(cell)).for_each(|one| both.join(one));
        both.marks(self.drifting)
    }

    /// The second opinion, which assumes no shape.
    fn bootstrap(&self, one: &compare::Comparison) -> Option<Ends> {
        let size = self.ground.size();
        if one.n < IntervalMethod::BcaMean.floor(size) {
            return None;
        }
        let of_both = self.figures.iter().filter(|figure| [one.a, one.b].contains(&figure.cell));
        let figures: Vec<compare::Figure> = of_both.copied().collect();
        let differences = compare::block_differences(&figures, one.a, one.b, SCALE, self.ground.pairing());
        let seed = self.ground.plan.seed.child("compare").nth(one.a.into()).nth(one.b.into());
        let found = bca_mean(&differences, Resampling::of(seed), size).ok()?.interval;
        let (low, high) = (found.low.exp(), found.high.exp());
        (low.is_finite() && high.is_finite()).then_some(Ends { low, high })
    }
}

impl Found {
    const fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Difference { direction: Direction::Higher, .. } => Self::Higher,
            Decision::Difference { direction: Direction::Lower, .. } => Self::Lower,
            Decision::NoDifferenceShown { .. } => Self::NoDifferenceShown,
            Decision::NotEnough { .. } => Self::NotEnough,
        }
    }

    fn text(self, ratio: Option<Ratio95>, n: u64, needed: Option<u64>) -> String {
        let by = |ratio: Ratio95| format!("{} ({})", percent(ratio.value - 1.0), ratio.ends_text());
        match (self, ratio) {
            (Self::Higher, Some(ratio)) => format!("higher: {}", by(ratio)),
            (Self::Lower, Some(ratio)) => format!("lower: {}", by(ratio)),
            (Self::NoDifferenceShown, Some(ratio)) => {
                format!("no difference shown ({})", ratio.ends_text())
            }
            (Self::Higher, None) => "higher".to_owned(),
            (Self::Lower, None) => "lower".to_owned(),
            (Self::NoDifferenceShown, None) => "no difference shown".to_owned(),
            (Self::NotEnough, _) => needed.map_or_else(
                || "not enough".to_owned(),
                |needed| format!("not enough: {n} of {needed} blocks"),
            ),
        }
    }
}

impl Ratio95 {
    /// Only where every part is a number.
    pub(super) fn finite(self) -> Option<Self> {
        [self.value, self.low, self.high].iter().all(|part| part.is_finite()).then_some(self)
    }

    /// The interval as shares: `-1.2 to +3.4 %`.
    pub(super) fn ends_text(self) -> String {
        let low = percent(self.low - 1.0);
        format!("{} to {}", low.trim_end_matches(" %"), percent(self.high - 1.0))
    }
}

/// A signed share in percent.
pub(super) fn percent(share: f64) -> String {
    let decimals = if share.abs() < 0.1 { 2 } else { 1 };
    format!("{:+.decimals$} %", 100.0 * share)
}
