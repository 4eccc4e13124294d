//! Looks through a finished report for what the reader must be told.

use std::collections::BTreeSet;

use super::Report;
use super::alike::Alike;
use super::row::{CellRow, SlotCellRow};
use super::warning::{Told, Warning};
use crate::plan::Plan;
use crate::quantity::Quantity;
use crate::quantity::energy::DISAGREEMENT_MAX;
use crate::sweep::Sweep;
use crate::workload::PromptCache;

/// Server and wall rate that differ by more than this share are marked.
const RATE_GAP_MAX: f64 = 0.02;
/// A share of bound gaps above this is marked.
const BOUND_SHARE_MAX: f64 = 0.05;
/// A share of samples with lowered clocks above this is marked.
const LOWERED_SHARE_MAX: f64 = 0.05;
/// Fewer attempts per cell than this are marked.
const ATTEMPTS_MIN: u64 = 5;
/// Most cells that a warning names.
const NAMED_MAX: usize = 5;

/// All warnings: of the sweep first, then the worst row of each kind. With a thousand cells nobody reads a thousand lines.
pub(super) fn warnings(report: &Report, sweep: &Sweep, plan: &Plan, unknown_trials: u64) -> Vec<Told> {
    let mut found = Vec::new();
    books(report, unknown_trials, &mut found);
    environment(report, &mut found);
    workload(sweep, &mut found);
    found.extend(few_attempts(&report.cells));
    found.extend(digests(&report.cells));
    found.extend(contexts(plan, &report.cells));
    conclusions(report, &mut found);
    found.extend(rates(&report.slots));
    found.extend(arrivals(&report.slots));
    found.extend(estimated_energy(&report.cells));
    found.extend(energies(&report.slots));
    found.extend(clocks(&report.slots));
    found.into_iter().map(Told::from).collect()
}

fn books(report: &Report, unknown_trials: u64, found: &mut Vec<Warning>) {
    let trials = report.conservation.trials;
    if !report.conservation.holds {
        found.push(Warning::BooksDoNotAddUp);
    }
    if unknown_trials > 0 {
        found.push(Warning::UnknownTrials { n: unknown_trials });
    }
    if trials.pending + trials.cancelled > 0 {
        found.push(Warning::NotFinished { pending: trials.pending, cancelled: trials.cancelled });
    }
    let generations = &report.conservation.generations;
    if generations.ok < generations.sent {
        found.push(Warning::GenerationsNotOk {
            n: generations.sent - generations.ok,
            of: generations.sent,
            outcomes: generations.not_ok_text(),
        });
    }
    let excluded = report.excluded.listed.len() as u64 + report.excluded.left_out;
    if excluded > 0 {
        found.push(Warning::RecordsExcluded { n: excluded });
    }
}

fn environment(report: &Report, found: &mut Vec<Warning>) {
    let environment = &report.environment;
    if environment.gpu_simulated {
        let simulated = environment.slots.iter().filter(|slot| slot.probe == "simulated");
        found.push(Warning::GpuSimulated { slots: simulated.map(|slot| slot.slot.clone()).collect() });
    }
    for clock in environment.observed.clock_sources.iter().filter(|clock| *clock != "user_monotonic") {
        found.push(Warning::ClockNotReal { clock: clock.clone() });
    }
    if environment.server_versions_differ {
        found.push(Warning::ServerVersionsDiffer { versions: environment.observed.server_versions.clone() });
    }
    if environment.drivers_differ {
        let used = report
            .gpus
            .iter()
            .filter(|gpu| report.slots.iter().any(|row| gpu.slot.as_ref() == Some(&row.slot)));
        let versions: BTreeSet<String> = used.filter_map(|gpu| gpu.driver.clone()).collect();
        found.push(Warning::DriversDiffer { versions: versions.into_iter().collect() });
    }
    let measured = report.slots.iter().filter(|row| row.tally.attempts > 0);
    let models: BTreeSet<&String> = measured.flat_map(|row| &row.gpu_models).collect();
    if models.len() > 1 {
        found.push(Warning::GpuModelsPooled { models: models.into_iter().cloned().collect() });
    }
}

fn workload(sweep: &Sweep, found: &mut Vec<Warning>) {
    let concurrency = sweep.workload.concurrency;
    if concurrency > 1 {
        found.push(Warning::StreamsShareServer { concurrency });
    }
    if sweep.workload.cache == PromptCache::Allow {
        found.push(Warning::PromptCacheAllowed);
    }
}

fn few_attempts(cells: &[CellRow]) -> Option<Warning> {
    let fewest =
        cells.iter().filter(|cell| cell.tally.attempts > 0).min_by_key(|cell| cell.tally.attempts)?;
    let n = fewest.tally.attempts;
    (n < ATTEMPTS_MIN).then(|| Warning::FewAttempts { cell: fewest.label.clone(), n })
}

fn digests(cells: &[CellRow]) -> Option<Warning> {
    let mut unlike = cells.iter().filter(|cell| cell.tally.model_digests.len() > 1);
    let first = unlike.next()?;
    let digests = first.tally.model_digests.clone();
    Some(Warning::ModelDigestsDiffer { cell: first.label.clone(), digests, more: unlike.count() as u64 })
}

fn contexts(plan: &Plan, cells: &[CellRow]) -> Option<Warning> {
    let asked = |cell: &CellRow| plan.cells.get(cell.cell as usize)?.options.integer("num_ctx");
    let differs = |(asked, cell): &(i64, &CellRow)| {
        cell.tally.context_lengths.iter().any(|used| i64::from(*used) != *asked)
    };
    let mut unlike = cells.iter().filter_map(|cell| Some((asked(cell)?, cell))).filter(differs);
    let (asked, cell) = unlike.next()?;
    let used = cell.tally.context_lengths.clone();
    Some(Warning::ContextDiffers { cell: cell.label.clone(), asked, used, more: unlike.count() as u64 })
}

fn conclusions(report: &Report, found: &mut Vec<Warning>) {
    let Some(conclusions) = &report.conclusions else { return };
    let slots = conclusions.drift.shown_on.clone();
    if !slots.is_empty() {
        found.push(Warning::Drifted { slots });
    }
    let n = conclusions.noise_floor.differing;
    if n > 0 {
        found.push(Warning::EqualCellsDiffer { n });
    }
}

/// Cells that ran alike: whatever they differ by is noise.
pub(super) fn alike(groups: &[Alike], labels: &[String]) -> Option<Warning> {
    let cells = &groups.first()?.cells;
    let label = |cell: &u32| labels.get(*cell as usize).cloned();
    Some(Warning::CellsAlike {
        cells: cells.iter().take(NAMED_MAX).filter_map(label).collect(),
        further: cells.len().saturating_sub(NAMED_MAX) as u64,
        more: groups.len() as u64 - 1,
    })
}

fn rates(rows: &[SlotCellRow]) -> Option<Warning> {
    let worst = worst(rows, RATE_GAP_MAX, |row| rate_gap(row).map(f64::abs))?;
    let (cell, slot) = worst.place();
    Some(Warning::RatesDisagree { cell, slot, share: rate_gap(worst.row)?, more: worst.more })
}

fn arrivals(rows: &[SlotCellRow]) -> Option<Warning> {
    let share = |row: &SlotCellRow| Some(row.tally.gaps_bound as f64 / row.tally.gaps.max(1) as f64);
    let worst = worst(rows, BOUND_SHARE_MAX, share)?;
    let (cell, slot) = worst.place();
    Some(Warning::ArrivalsBound { cell, slot, share: worst.value, more: worst.more })
}

fn estimated_energy(cells: &[CellRow]) -> Option<Warning> {
    let n = cells.iter().map(|cell| cell.tally.energy_from_power).sum();
    (n > 0).then_some(Warning::EnergyFromPower { n })
}

fn energies(rows: &[SlotCellRow]) -> Option<Warning> {
    let worst = worst(rows, DISAGREEMENT_MAX, |row| row.tally.energy_disagreement)?;
    let (cell, slot) = worst.place();
    Some(Warning::EnergyDisagrees { cell, slot, share: worst.value, more: worst.more })
}

fn clocks(rows: &[SlotCellRow]) -> Option<Warning> {
    let lowered = |row: &SlotCellRow| {
        let gpu = row.tally.gpu;
        (gpu.thermal_share.unwrap_or_default(), gpu.power_share.unwrap_or_default())
    };
    let worst = worst(rows, LOWERED_SHARE_MAX, |row| Some(lowered(row).0.max(lowered(row).1)))?;
    let ((cell, slot), (thermal, power)) = (worst.place(), lowered(worst.row));
    Some(Warning::ClocksLowered { cell, slot, thermal, power, more: worst.more })
}

/// The row with the largest value above a limit.
struct Worst<'r> {
    row: &'r SlotCellRow,
    value: f64,
    /// Other rows above the limit.
    more: u64,
}

impl Worst<'_> {
    fn place(&self) -> (String, String) {
        (self.row.label.clone(), self.row.slot.clone())
    }
}

/// Of equal rows the first is the worst, so that the same report says the same.
fn worst(rows: &[SlotCellRow], limit: f64, value: impl Fn(&SlotCellRow) -> Option<f64>) -> Option<Worst<'_>> {
    let above =
        rows.iter().filter_map(|row| value(row).filter(|value| *value > limit).map(|value| (value, row)));
    let (mut found, mut n) = (None, 0_u64);
    for (value, row) in above {
        n += 1;
        if found.as_ref().is_none_or(|(largest, _)| value > *largest) {
            found = Some((value, row));
        }
    }
    found.map(|(value, row)| Worst { row, value, more: n - 1 })
}

fn rate_gap(row: &SlotCellRow) -> Option<f64> {
    let pooled = |quantity| row.tally.figure(quantity).and_then(|figure| figure.pooled);
    let (server, wall) = (pooled(Quantity::DecodeRate)?, pooled(Quantity::DecodeRateWall)?);
    (server > 0.0).then(|| (server - wall) / server)
}
