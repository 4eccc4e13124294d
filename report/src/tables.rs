//! Which tables a report has, and what stands in their columns. Shared by the renderers for people.

use chimera_core::quantity::{Quantity, Unit};
use chimera_core::report::{Answers, GpuRow, Report, SlotCellRow, Tally};

use crate::number::{ABSENT, Scale, fixed, percent, whole};
use crate::sheet::{Column, Sheet};
use crate::statistic::Statistic;

/// Rows to be tabled: what each is called, and its figures.
pub(crate) struct Lines<'r> {
    heads: Vec<(Column, Vec<String>)>,
    tallies: Vec<&'r Tally>,
}

impl<'r> Lines<'r> {
    /// One line per cell.
    pub(crate) fn cells(report: &'r Report) -> Self {
        let labels = report.cells.iter().map(|row| row.label.clone()).collect();
        let starts: Vec<String> = report.cells.iter().map(|row| row.start.clone()).collect();
        let mut heads = vec![(Column::words("cell"), labels)];
        add_starts(&mut heads, starts);
        Self { heads, tallies: report.cells.iter().map(|row| &row.tally).collect() }
    }

    /// One line per cell and slot.
    pub(crate) fn slots(report: &'r Report) -> Self {
        let column = |of: fn(&SlotCellRow) -> String| report.slots.iter().map(of).collect::<Vec<_>>();
        let models =
            column(
                |row| {
                    if row.gpu_models.is_empty() { ABSENT.to_owned() } else { row.gpu_models.join(", ") }
                },
            );
        let mut heads = vec![
            (Column::words("cell"), column(|row| row.label.clone())),
            (Column::words("slot"), column(|row| row.slot.clone())),
            (Column::words("GPU").ranked(3), models),
        ];
        add_starts(&mut heads, column(|row| row.start.clone()));
        Self { heads, tallies: report.slots.iter().map(|row| &row.tally).collect() }
    }

    /// Speed and waiting: the main table.
    pub(crate) fn speed(&self) -> Sheet {
        use Statistic::{HalfWidth, P50, P90, P90Upper, P99, P99Upper, Pooled, Sd};
        let mut sheet = self.sheet();
        self.counts(&mut sheet);
        self.figure(&mut sheet, "decode", Quantity::DecodeRate, Pooled, 0);
        self.figure(&mut sheet, "decode", Quantity::DecodeRate, HalfWidth, 1);
        self.figure(&mut sheet, "per call", Quantity::DecodeRate, P50, 2);
        self.figure(&mut sheet, "per call", Quantity::DecodeRate, P90, 6);
        self.figure(&mut sheet, "per call", Quantity::DecodeRate, P99, 8);
        self.figure(&mut sheet, "per call", Quantity::DecodeRate, Sd, 5);
        self.figure(&mut sheet, "wall", Quantity::DecodeRateWall, Pooled, 4);
        self.figure(&mut sheet, "ttft", Quantity::Ttft, P50, 1);
        self.figure(&mut sheet, "ttft", Quantity::Ttft, P90, 3);
        self.figure(&mut sheet, "ttft", Quantity::Ttft, P90Upper, 6);
        self.figure(&mut sheet, "ttft", Quantity::Ttft, P99, 7);
        self.figure(&mut sheet, "ttft", Quantity::Ttft, P99Upper, 8);
        self.figure(&mut sheet, "energy", Quantity::EnergyPerToken, Pooled, 2);
        sheet
    }

    /// Where the time of a generation goes. Means, because means add up and medians do not.
    pub(crate) fn time(&self) -> Sheet {
        let mut sheet = self.sheet();
        let columns = [
            ("ttft", Quantity::Ttft, 0),
            ("= queue", Quantity::Queue, 0),
            ("+ load", Quantity::Load, 0),
            ("+ prefill", Quantity::Prefill, 0),
            ("decode", Quantity::Decode, 1),
            ("residual", Quantity::ServerResidual, 2),
            ("e2e", Quantity::E2e, 1),
            ("ttft warm", Quantity::TtftWarm, 4),
            ("thinking", Quantity::ThinkingFirst, 3),
            ("connect", Quantity::Connect, 5),
        ];
        for (title, quantity, rank) in columns {
            self.figure(&mut sheet, title, quantity, Statistic::Mean, rank);
        }
        sheet
    }

    /// Lines, tokens and rates of sets.
    pub(crate) fn stream(&self) -> Sheet {
        use Statistic::{Mean, P50, P90, P99, P99Upper, Pooled};
        let mut sheet = self.sheet();
        self.figure(&mut sheet, "output", Quantity::OutputTokens, Mean, 0);
        self.figure(&mut sheet, "prompt", Quantity::PromptTokens, Mean, 1);
        self.figure(&mut sheet, "output", Quantity::OutputRate, Pooled, 1);
        self.figure(&mut sheet, "prefill", Quantity::PrefillRate, Pooled, 3);
        self.figure(&mut sheet, "tpot", Quantity::Tpot, P50, 0);
        self.figure(&mut sheet, "tpot", Quantity::Tpot, P90, 4);
        self.figure(&mut sheet, "line gap", Quantity::ChunkGap, P50, 2);
        self.figure(&mut sheet, "line gap", Quantity::ChunkGap, P90, 3);
        self.figure(&mut sheet, "line gap", Quantity::ChunkGap, P99, 2);
        self.figure(&mut sheet, "line gap", Quantity::ChunkGap, P99Upper, 6);
        let bound =
            |tally: &&Tally| percent((tally.gaps > 0).then(|| tally.gaps_bound as f64 / tally.gaps as f64));
        sheet.push(Column::numbers("bound", "% of gaps", 5), self.tallies.iter().map(bound).collect());
        self.figure(&mut sheet, "itl", Quantity::Itl, P50, 5);
        self.figure(&mut sheet, "itl", Quantity::Itl, P99, 6);
        self.figure(&mut sheet, "goodput", Quantity::Goodput, Pooled, 1);
        self.figure(&mut sheet, "good", Quantity::GoodputShare, Pooled, 1);
        sheet
    }

    /// How answers ended, and whether they say anything.
    pub(crate) fn answers(&self) -> Sheet {
        let mut sheet = self.sheet();
        let of = |tell: &dyn Fn(&Answers) -> String| -> Vec<String> {
            let told = |tally: &&Tally| tally.answers.as_ref().map_or_else(|| ABSENT.to_owned(), tell);
            self.tallies.iter().map(told).collect()
        };
        let ended = |reason: &'static str| {
            move |answers: &Answers| answers.done.get(reason).copied().unwrap_or(0).to_string()
        };
        sheet.push(Column::numbers("ended by", "stop", 0), of(&ended("stop")));
        sheet.push(Column::numbers("ended by", "length", 0), of(&ended("length")));
        sheet.push(Column::numbers("empty", "", 0), of(&|answers| answers.empty.to_string()));
        sheet.push(Column::numbers("cut as loops", "", 1), of(&|answers| answers.repeat_aborts.to_string()));
        sheet.push_if_any(
            Column::numbers("length", "p50 bytes", 1),
            of(&|answers| fixed(answers.bytes_p50, 0)),
        );
        sheet.push_if_any(
            Column::numbers("distinct-2", "p50 %", 1),
            of(&|answers| percent(answers.distinct_2)),
        );
        sheet
    }

    /// Energy, memory and clocks.
    pub(crate) fn device(&self) -> Sheet {
        use Statistic::{Max, Mean, Pooled};
        let mut sheet = self.sheet();
        self.figure(&mut sheet, "energy", Quantity::EnergyPerToken, Pooled, 0);
        self.figure(&mut sheet, "yield", Quantity::TokensPerJoule, Pooled, 3);
        self.figure(&mut sheet, "window", Quantity::Energy, Mean, 1);
        self.figure(&mut sheet, "attempt", Quantity::EnergyAttempt, Mean, 4);
        self.figure(&mut sheet, "memory", Quantity::PeakMemory, Max, 0);
        self.figure(&mut sheet, "model", Quantity::ModelSize, Max, 3);
        self.figure(&mut sheet, "in VRAM", Quantity::ModelSizeVram, Max, 2);
        let cells = |of: fn(&Tally) -> String| self.tallies.iter().map(|tally| of(tally)).collect::<Vec<_>>();
        let seen = [
            (Column::numbers("clock", "p50 MHz", 1), cells(|tally| whole(tally.gpu.sm_clock_median_mhz))),
            (Column::numbers("clock", "min MHz", 4), cells(|tally| whole(tally.gpu.sm_clock_min_mhz))),
            (Column::numbers("temp", "max °C", 2), cells(|tally| whole(tally.gpu.temperature_max_c))),
            (Column::numbers("power", "mean W", 3), cells(|tally| fixed(tally.gpu.power_mean_w, 1))),
            (Column::numbers("heat", "% lowered", 2), cells(|tally| percent(tally.gpu.thermal_share))),
            (Column::numbers("cap", "% lowered", 3), cells(|tally| percent(tally.gpu.power_share))),
        ];
        for (column, cells) in seen {
            sheet.push_if_any(column, cells);
        }
        sheet
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::default();
        for (column, cells) in &self.heads {
            sheet.push(column.clone(), cells.clone());
        }
        sheet
    }

    fn counts(&self, sheet: &mut Sheet) {
        let attempts = self.tallies.iter().map(|tally| tally.attempts.to_string()).collect();
        let ok = |tally: &&Tally| format!("{}/{}", tally.generations.ok, tally.generations.sent);
        sheet.push(Column::numbers("attempts", "", 5), attempts);
        sheet.push(Column::numbers("ok", "of sent", 0), self.tallies.iter().map(ok).collect());
    }

    /// Adds a statistic of a figure, unless no row has the figure at all.
    fn figure(&self, sheet: &mut Sheet, title: &str, quantity: Quantity, statistic: Statistic, rank: u8) {
        let of = |tally: &Tally| tally.figure(quantity).and_then(|figure| statistic.of(figure));
        let values: Vec<Option<f64>> = self.tallies.iter().map(|tally| of(tally)).collect();
        let essential = rank == 0 && quantity == Quantity::DecodeRate;
        if !essential && values.iter().all(Option::is_none) {
            return;
        }
        let scale = Scale::fitting(quantity.unit(), &values);
        let sub = format!("{} {}", statistic.title(), scale.sign);
        sheet.push(
            Column::numbers(title, &sub, rank),
            values.into_iter().map(|value| scale.show(value)).collect(),
        );
    }
}

/// Cold and warm get a column only where both occur; else the header of the report says it.
fn add_starts(heads: &mut Vec<(Column, Vec<String>)>, starts: Vec<String>) {
    if starts.windows(2).any(|pair| pair[0] != pair[1]) {
        heads.push((Column::words("start"), starts));
    }
}

/// The GPUs of the fleet.
pub(crate) fn gpus(report: &Report) -> Sheet {
    let rows = &report.gpus;
    let cells = |of: fn(&GpuRow) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let words = |text: Option<&String>| text.map_or_else(|| ABSENT.to_owned(), Clone::clone);
    let joules: Vec<Option<f64>> = rows.iter().map(|gpu| gpu.energy_j).collect();
    let energy = Scale::fitting(Unit::Joules, &joules);
    let mut sheet = Sheet::default();
    sheet.push(Column::words("slot"), rows.iter().map(|gpu| words(gpu.slot.as_ref())).collect());
    sheet.push(Column::words("GPU"), rows.iter().map(|gpu| words(gpu.model.as_ref())).collect());
    sheet.push(Column::words("UUID").ranked(4), cells(|gpu| gpu.uuid.clone()));
    let optional = [
        (Column::words("driver").ranked(3), rows.iter().map(|gpu| words(gpu.driver.as_ref())).collect()),
        (Column::numbers("clock", "p50 MHz", 0), cells(|gpu| whole(gpu.seen.sm_clock_median_mhz))),
        (Column::numbers("clock", "min MHz", 3), cells(|gpu| whole(gpu.seen.sm_clock_min_mhz))),
        (Column::numbers("clock", "limit MHz", 4), cells(|gpu| whole(gpu.sm_clock_max_mhz))),
        (Column::numbers("temp", "max °C", 1), cells(|gpu| whole(gpu.seen.temperature_max_c))),
        (Column::numbers("power", "mean W", 1), cells(|gpu| fixed(gpu.seen.power_mean_w, 1))),
        (Column::numbers("power", "max W", 3), cells(|gpu| fixed(gpu.power_max_w, 1))),
        (Column::numbers("power", "limit W", 3), cells(|gpu| fixed(gpu.power_limit_w, 0))),
        (Column::numbers("heat", "% lowered", 1), cells(|gpu| percent(gpu.seen.thermal_share))),
        (Column::numbers("cap", "% lowered", 2), cells(|gpu| percent(gpu.seen.power_share))),
        (
            Column::numbers("energy", energy.sign, 2),
            rows.iter().map(|gpu| energy.show(gpu.energy_j)).collect(),
        ),
        (Column::numbers("PCIe", "lanes", 5), cells(|gpu| whole(gpu.pcie_width))),
        (Column::numbers("attempts", "", 2), cells(|gpu| gpu.attempts.to_string())),
    ];
    for (column, cells) in optional {
        sheet.push_if_any(column, cells);
    }
    sheet
}
