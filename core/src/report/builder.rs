//! Puts a report together from records, one at a time: a record may be dropped as soon as it was added.

use std::collections::{BTreeMap, BTreeSet};

use super::conservation::{Books, GenerationCounts, NodeCounts};
use super::environment::{Environment, GpuRow, NodeClock, NodeRow, Observed, SlotRow};
use super::figure::Formula;
use super::group::{GpuUse, Group, Rules, starts};
use super::label::Labels as CellLabels;
use super::listing::{Bounded, Excluded, FailedAttempt};
use super::row::{CellRow, RowGpu, SlotCellRow};
use super::validity_told::ValidityTold;
use super::warning::Told;
use super::{Header, Labels, Report, SCHEMA_VERSION, inspect, missing, verdict};
use crate::id::{AttemptId, GpuUuid, NodeId, SlotId};
use crate::node::{NodeFacts, ProbeKind, SlotFacts};
use crate::outcome::{FailureClass, ValidityReason};
use crate::plan::{Plan, TrialRole};
use crate::record::AttemptRecord;
use crate::scheduler::view::{SweepState, TrialCounts};
use crate::sweep::Sweep;
use crate::validity::{self, Asked, Evidence, Finding, Verdict};
use crate::workload::Start;

/// Everything about a sweep but its records.
#[derive(Debug, Clone)]
pub struct ReportContext<'a> {
    /// What was asked for.
    pub sweep: &'a Sweep,
    /// What was to run.
    pub plan: &'a Plan,
    /// State of the sweep.
    pub state: SweepState,
    /// Its trials by state, from the same moment as the records: otherwise the books cannot add up.
    pub counts: TrialCounts,
    /// The nodes as they described themselves, in any order.
    pub nodes: &'a [NodeFacts],
    /// Wall clock labels.
    pub labels: Labels,
}

/// Why an attempt does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UncountedReason {
    /// It failed.
    Failed(FailureClass),
    /// It is complete, but its record is not trusted. Reasons that the record itself names need not be repeated.
    Invalid(Vec<ValidityReason>),
    /// A lower attempt of the same trial counts.
    Surplus,
    /// It was cancelled.
    Cancelled,
    /// Its data contradicts itself, or it crashed daemons.
    Quarantined,
    /// Its node is gone and its record never came, or came in part.
    Abandoned,
}

impl UncountedReason {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Failed(class) => format!("failed ({class})"),
            Self::Invalid(_) => "invalid".to_owned(),
            Self::Surplus => "surplus".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::Quarantined => "quarantined".to_owned(),
            Self::Abandoned => "abandoned".to_owned(),
        }
    }
}

/// One attempt for [`Report::from_records`].
#[derive(Debug, Clone)]
pub enum RecordInput<'r> {
    /// The attempt that counts for its trial.
    Counted {
        /// Where it ran.
        slot: SlotId,
        /// Its record.
        record: &'r AttemptRecord,
    },
    /// Any other attempt.
    Uncounted {
        /// Where it ran.
        slot: SlotId,
        /// The attempt.
        attempt: AttemptId,
        /// Its record, or what came of it.
        record: Option<&'r AttemptRecord>,
        /// Why it does not count.
        how: UncountedReason,
    },
}

type GroupKey = (u32, Start, SlotId);

/// A report in the making. Memory: one number per figure and generation, and one per gap between lines.
#[derive(Debug)]
pub struct ReportBuilder<'a> {
    context: ReportContext<'a>,
    labels: CellLabels,
    rules: Rules,
    groups: BTreeMap<GroupKey, Group>,
    books: Books,
    failed: Bounded<FailedAttempt>,
    excluded: Bounded<Excluded>,
    observed: ObservedSets,
    told: ValidityTold,
    unknown_trials: u64,
}

#[derive(Debug, Default)]
struct ObservedSets {
    server_versions: BTreeSet<String>,
    dialects: BTreeSet<String>,
    daemon_versions: BTreeSet<String>,
    clock_sources: BTreeSet<String>,
    clocks: BTreeMap<NodeId, NodeClock>,
}

impl<'a> ReportBuilder<'a> {
    /// An empty report of a sweep.
    #[must_use]
    pub fn new(context: ReportContext<'a>) -> Self {
        Self {
            labels: CellLabels::of(&context.plan.cells),
            rules: Rules { cache: context.sweep.workload.cache, goodput: context.sweep.design.goodput },
            context,
            groups: BTreeMap::new(),
            books: Books::default(),
            failed: Bounded::default(),
            excluded: Bounded::default(),
            observed: ObservedSets::default(),
            told: ValidityTold::default(),
            unknown_trials: 0,
        }
    }

    /// Adds any attempt.
    pub fn add(&mut self, input: RecordInput<'_>) {
        match input {
            RecordInput::Counted { slot, record } => self.add_counted(&slot, record),
            RecordInput::Uncounted { slot, attempt, record, how } => {
                self.add_uncounted(&slot, &attempt, record, &how);
            }
        }
    }

    /// Adds the attempt that counts for its trial. A record that is not complete, or that the validity rules do not
    /// trust, is listed as excluded and enters no figure, although its trial is counted.
    pub fn add_counted(&mut self, slot: &SlotId, record: &AttemptRecord) {
        self.books.counted += 1;
        let verdict = self.judge(record);
        let trusted = record.complete() && verdict.invalid.is_empty();
        self.account(slot, "counted", Some(record), trusted);
        let Some((cell, role)) = self.planned(record.attempt()) else {
            return;
        };
        if !trusted {
            self.books.counted_but_excluded += 1;
            self.exclude(slot, cell, role, record, &[]);
            return;
        }
        self.told.add(&self.label(cell), slot, &verdict);
        self.observed.add(slot, record);
        if role != TrialRole::Measured {
            return;
        }
        let mut starts = starts(record);
        if starts.is_empty() {
            starts.insert(self.context.sweep.workload.start);
        }
        for start in starts {
            self.groups.entry((cell, start, slot.clone())).or_default().add(record, start, self.rules);
        }
    }

    /// Adds an attempt that does not count: it is listed with its cause, its generations are counted, and it enters no
    /// figure. `record` is what is stored of it, if anything.
    pub fn add_uncounted(
        &mut self,
        slot: &SlotId,
        attempt: &AttemptId,
        record: Option<&AttemptRecord>,
        how: &UncountedReason,
    ) {
        self.account(slot, &how.name(), record, false);
        let Some((cell, role)) = self.planned(attempt) else { return };
        match (how, record) {
            (UncountedReason::Invalid(reasons), Some(record)) => {
                self.exclude(slot, cell, role, record, reasons);
            }
            (UncountedReason::Surplus, _) => self.group(cell, role, slot, |group| group.uncounted += 1),
            _ => self.fail(slot, (cell, role), attempt, record, how),
        }
    }

    /// Closes the books and computes every figure.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let (cells, slots) = (self.cell_rows(), self.slot_rows());
        let (gpus, environment) = (self.gpu_rows(), self.environment());
        let conservation = std::mem::take(&mut self.books).close(self.context.counts, self.unknown_trials);
        let mut report = Report {
            schema_version: SCHEMA_VERSION,
            header: self.header(),
            verdict: String::new(),
            missing: missing::missing(&slots, self.rules.cache),
            formulas: formulas(&cells),
            conservation,
            cells,
            slots,
            gpus,
            failed: self.failed.close(),
            excluded: self.excluded.close(),
            environment,
            warnings: Vec::new(),
        };
        report.warnings =
            inspect::warnings(&report, self.context.sweep, self.context.plan, self.unknown_trials);
        report.warnings.extend(self.told.warnings().map(Told::from));
        report.verdict = verdict::verdict(&report);
        report
    }

    /// The cell of an attempt's trial, and why the trial is in the plan.
    fn planned(&mut self, attempt: &AttemptId) -> Option<(u32, TrialRole)> {
        let planned = usize::try_from(attempt.trial.ordinal)
            .ok()
            .and_then(|ordinal| self.context.plan.trials.get(ordinal))
            .map(|trial| (trial.cell, trial.role))
            .filter(|(cell, _)| (*cell as usize) < self.labels.cells.len());
        self.unknown_trials += u64::from(planned.is_none());
        planned
    }

    fn label(&self, cell: u32) -> String {
        self.labels.cells.get(cell as usize).cloned().unwrap_or_default()
    }

    /// Notes something in the row of a cell. Sentinels and controls have no row: the books and lists hold them.
    fn group(&mut self, cell: u32, role: TrialRole, slot: &SlotId, note: impl FnOnce(&mut Group)) {
        if role == TrialRole::Measured {
            let start = self.context.sweep.workload.start;
            note(self.groups.entry((cell, start, slot.clone())).or_default());
        }
    }

    fn account(&mut self, slot: &SlotId, how: &str, record: Option<&AttemptRecord>, in_figures: bool) {
        let counts = GenerationCounts::of(record.into_iter().flat_map(|record| &record.generations));
        *self.books.attempts.entry(how.to_owned()).or_default() += 1;
        let fresh = || NodeCounts { node: slot.node.to_string(), ..NodeCounts::default() };
        let node = self.books.nodes.entry(slot.node.to_string()).or_insert_with(fresh);
        node.attempts += 1;
        node.in_figures += u64::from(in_figures);
        node.generations += counts.sent;
        if in_figures {
            self.books.generations.add(&counts);
        } else {
            self.books.other_generations.add(&counts);
        }
    }

    /// The same rules that judged the record when it was completed.
    fn judge(&self, record: &AttemptRecord) -> Verdict {
        let asked = Asked::of(self.context.plan, self.context.nodes, record);
        validity::judge(&Evidence::of(record, asked), &self.context.sweep.design.validity)
    }

    fn exclude(
        &mut self,
        slot: &SlotId,
        cell: u32,
        role: TrialRole,
        record: &AttemptRecord,
        reasons: &[ValidityReason],
    ) {
        self.group(cell, role, slot, |group| group.excluded += 1);
        let verdict = self.judge(record);
        let mut names: BTreeSet<ValidityReason> = verdict.reasons().into_iter().collect();
        names.extend(reasons);
        let mut reasons: Vec<String> = names.iter().map(|reason| reason.name().to_owned()).collect();
        if !record.complete() {
            reasons.push("not_complete".to_owned());
        }
        let notes = record.notes.iter().filter(|note| note.reason.is_some()).map(|note| note.text.clone());
        let entry = Excluded {
            attempt: record.attempt().to_string(),
            cell: self.label(cell),
            slot: slot.to_string(),
            reasons,
            notes: notes.collect(),
            details: verdict.invalid.iter().map(Finding::told).collect(),
        };
        self.excluded.add(record.attempt().clone(), entry);
    }

    fn fail(
        &mut self,
        slot: &SlotId,
        (cell, role): (u32, TrialRole),
        attempt: &AttemptId,
        record: Option<&AttemptRecord>,
        how: &UncountedReason,
    ) {
        self.group(cell, role, slot, |group| group.uncounted += 1);
        let entry = FailedAttempt {
            attempt: attempt.to_string(),
            cell: self.label(cell),
            slot: slot.to_string(),
            how: how.name(),
            cause: record.and_then(cause),
        };
        self.failed.add(attempt.clone(), entry);
    }

    fn header(&self) -> Header {
        let (sweep, plan) = (self.context.sweep, self.context.plan);
        Header {
            sweep: plan.sweep.to_string(),
            description: sweep.description.clone(),
            state: self.context.state.name().to_owned(),
            seed: format!("{:016x}", plan.seed.0),
            plan_digest: plan.digest.to_string(),
            placement: sweep.placement.name().to_owned(),
            repetitions: sweep.repetitions,
            start: sweep.workload.start.name().to_owned(),
            prompt_cache: sweep.workload.cache.name().to_owned(),
            concurrency: sweep.workload.concurrency,
            common: self.labels.common.clone(),
            labels: self.context.labels.clone(),
        }
    }

    /// A row for every cell of the plan, also for one that gave nothing: no cell goes missing without a word.
    fn cell_rows(&self) -> Vec<CellRow> {
        let planned = 0..self.context.plan.cells.len() as u32;
        let mut pooled: BTreeMap<(u32, Start), Group> =
            planned.map(|cell| ((cell, self.context.sweep.workload.start), Group::default())).collect();
        for ((cell, start, _), group) in &self.groups {
            pooled.entry((*cell, *start)).or_default().merge(group);
        }
        pooled.into_iter().filter_map(|((cell, start), group)| self.cell_row(cell, start, &group)).collect()
    }

    fn cell_row(&self, cell: u32, start: Start, group: &Group) -> Option<CellRow> {
        let spec = self.context.plan.cells.get(cell as usize)?;
        Some(CellRow {
            cell,
            model: spec.model.to_string(),
            options: spec.options.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            label: self.label(cell),
            start: start.name().to_owned(),
            tally: group.tally(self.rules),
        })
    }

    fn slot_rows(&self) -> Vec<SlotCellRow> {
        let row = |((cell, start, slot), group): (&GroupKey, &Group)| SlotCellRow {
            cell: *cell,
            label: self.label(*cell),
            slot: slot.to_string(),
            gpu_models: self.gpu_models(slot),
            start: start.name().to_owned(),
            tally: group.tally(self.rules),
        };
        self.groups.iter().map(row).collect()
    }

    fn slots(&self) -> BTreeMap<SlotId, &'a SlotFacts> {
        let of_node = |node: &'a NodeFacts| {
            node.slots.iter().map(|slot| (SlotId { node: node.id.clone(), index: slot.index }, slot))
        };
        self.context.nodes.iter().flat_map(of_node).collect()
    }

    fn gpu_models(&self, slot: &SlotId) -> Vec<String> {
        let node = self.context.nodes.iter().find(|node| node.id == slot.node);
        let facts = node.and_then(|node| node.slots.iter().find(|found| found.index == slot.index));
        let models: BTreeSet<String> =
            facts.into_iter().flat_map(|slot| &slot.gpus).map(|gpu| gpu.model.clone()).collect();
        models.into_iter().collect()
    }

    fn gpu_rows(&self) -> Vec<GpuRow> {
        let mut used: BTreeMap<GpuUuid, GpuUse> = BTreeMap::new();
        for (uuid, part) in self.groups.values().flat_map(|group| &group.gpus) {
            used.entry(uuid.clone()).or_default().merge(part);
        }
        let mut rows = Vec::new();
        for (id, slot) in self.slots() {
            for gpu in &slot.gpus {
                rows.push(with_use(GpuRow::listed(&id, gpu), used.remove(&gpu.uuid)));
            }
        }
        rows.extend(
            used.into_iter().map(|(uuid, used)| with_use(GpuRow::unlisted(uuid.as_str()), Some(used))),
        );
        rows
    }

    fn environment(&self) -> Environment {
        let mut nodes: Vec<NodeRow> = self.context.nodes.iter().map(NodeRow::of).collect();
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        let slots = self.slots();
        let observed = self.observed.lists();
        Environment {
            nodes,
            slots: slots.iter().map(|(id, facts)| SlotRow::of(id, facts)).collect(),
            server_versions_differ: observed.server_versions.len() > 1,
            drivers_differ: self.drivers(&slots).len() > 1,
            gpu_simulated: slots.values().any(|slot| slot.probe == ProbeKind::Simulated),
            observed,
        }
    }

    /// Driver versions of the slots that have figures.
    fn drivers(&self, slots: &BTreeMap<SlotId, &SlotFacts>) -> BTreeSet<String> {
        let used: BTreeSet<&SlotId> = self.groups.keys().map(|(_, _, slot)| slot).collect();
        let gpus = slots.iter().filter(|(id, _)| used.contains(id)).flat_map(|(_, slot)| &slot.gpus);
        gpus.filter_map(|gpu| gpu.driver.clone()).collect()
    }
}

impl ObservedSets {
    fn add(&mut self, slot: &SlotId, record: &AttemptRecord) {
        let opened = &record.opened;
        let version = opened.server_version.clone().unwrap_or_else(|| "unknown".to_owned());
        self.server_versions.insert(version);
        self.dialects.insert(opened.dialect.clone());
        self.daemon_versions.insert(opened.daemon_version.clone());
        self.clock_sources.insert(opened.clock.name().to_owned());
        if let Some(offset) = &opened.clock_offset {
            let clock = NodeClock::of(&slot.node, offset);
            self.clocks.entry(slot.node.clone()).or_insert_with(|| clock.clone()).merge(&clock);
        }
    }

    fn lists(&self) -> Observed {
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect();
        Observed {
            server_versions: list(&self.server_versions),
            dialects: list(&self.dialects),
            daemon_versions: list(&self.daemon_versions),
            clock_sources: list(&self.clock_sources),
            clocks: self.clocks.values().cloned().collect(),
        }
    }
}

fn with_use(mut row: GpuRow, used: Option<GpuUse>) -> GpuRow {
    let used = used.unwrap_or_default();
    row.seen = RowGpu::of(&used.trace);
    row.power_max_w = used.trace.power_max_mw.map(|power| f64::from(power) / 1e3);
    row.attempts = used.attempts;
    let complete = used.attempts > 0 && used.energy.len() as u64 == used.attempts;
    row.energy_j = complete.then(|| crate::stats::Sample::new(used.energy).sum());
    row
}

/// The attempt's own cause, else that of its first generation that did not end ok.
fn cause(record: &AttemptRecord) -> Option<String> {
    let own = record.closed.as_ref().and_then(|closed| closed.cause.clone());
    let ends = || record.generations.iter().filter_map(|generation| generation.closed.as_ref());
    own.or_else(|| ends().find_map(|closed| closed.cause.clone()))
}

fn formulas(cells: &[CellRow]) -> Vec<Formula> {
    let used: BTreeSet<_> =
        cells.iter().flat_map(|cell| &cell.tally.figures).map(|figure| figure.quantity).collect();
    used.into_iter().map(Formula::of).collect()
}
