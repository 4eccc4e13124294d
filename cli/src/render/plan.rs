//! A plan for people: what would run, how long it may take, and what to know before.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Align, Facts, Table, forecast};
use crate::screen::{Screen, Tone};
use crate::text;
use crate::view::{CellView, PlanView};

/// Cells shown at most; all of them are in the JSON form.
const CELLS_SHOWN: usize = 24;
/// Slots named at most.
const SLOTS_SHOWN: usize = 12;

/// A plan as a page.
#[must_use]
pub fn plan_page(screen: &Screen, plan: &PlanView) -> String {
    let mut parts = vec![facts(plan).draw(screen), cells(screen, plan)];
    let remarks = remarks(plan);
    if !remarks.is_empty() {
        parts.push(remarks_drawn(screen, remarks));
    }
    parts.join("\n\n")
}

fn facts(plan: &PlanView) -> Facts {
    let mut facts = Facts::new();
    facts
        .add("Sweep", plan.sweep.clone())
        .add("Trials", trials(plan))
        .add("Blocks", blocks(plan))
        .add("Measured", text::count(plan.generations, "generation"))
        .add("Reloads", format!("{} expected over all slots", text::count(plan.reloads, "model load")))
        .add("Forecast", forecast(&plan.forecast))
        .add("Slots", slots(plan))
        .add("Seed", seed(plan))
        .add("Plan", digest(plan))
        .add("All cells", shared_options(&plan.cells));
    facts
}

/// The product that makes the number of trials, where it is a plain one.
fn trials(plan: &PlanView) -> String {
    let (cells, slots, blocks) = (plan.cells.len() as u64, plan.slots.len() as u64, u64::from(plan.blocks));
    let trials = u64::from(plan.trials);
    let factors = match trials {
        _ if trials == cells * slots * blocks => format!(
            " = {} × {} × {}",
            text::count(cells, "cell"),
            text::count(slots, "slot"),
            text::count(blocks, "block")
        ),
        _ if trials == cells * blocks => {
            format!(" = {} × {}", text::count(cells, "cell"), text::count(blocks, "block"))
        }
        _ => String::new(),
    };
    let extras = [(plan.sentinel_trials, "sentinel"), (plan.control_trials, "control")];
    let extras: Vec<String> =
        extras.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| text::count(n, word)).collect();
    let with =
        if extras.is_empty() { String::new() } else { format!(", {} among them", extras.join(" and ")) };
    format!("{}{factors}{with}", text::grouped(trials))
}

/// Said only where a stop rule decides: every other figure of the plan is then that of the last block.
fn blocks(plan: &PlanView) -> String {
    let first = plan.first_look.map(|first| (first, plan.blocks));
    let told = |(first, last)| {
        format!("{first} to {last}, as the stop rule decides; everything else here is said of all {last}")
    };
    first.map_or_else(String::new, told)
}

/// A seed that was drawn to show the plan is not the one that will run.
fn seed(plan: &PlanView) -> String {
    if plan.seed_drawn { "drawn at submission".to_owned() } else { plan.seed.clone() }
}

fn digest(plan: &PlanView) -> String {
    if plan.seed_drawn { String::new() } else { plan.digest.chars().take(12).collect() }
}

fn slots(plan: &PlanView) -> String {
    let shown = plan.slots.iter().take(SLOTS_SHOWN).cloned().collect::<Vec<_>>().join(" ");
    match plan.slots.len().saturating_sub(SLOTS_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Options that all cells share, as `name=value`.
fn shared_options(cells: &[CellView]) -> String {
    let Some(first) = cells.first().filter(|_| cells.len() > 1) else { return String::new() };
    let shared =
        |name: &&String| cells.iter().all(|cell| cell.options.get(*name) == first.options.get(*name));
    let named = |name: &String| format!("{name}={}", value(first.options.get(name)));
    first.options.keys().filter(shared).map(named).collect::<Vec<_>>().join(" ")
}

fn cells(screen: &Screen, plan: &PlanView) -> String {
    let varying = varying(&plan.cells);
    let mut columns = vec![("cell", Align::Right), ("model", Align::Left)];
    columns.extend(varying.iter().map(|name| (name.as_str(), Align::Right)));
    let mut table = Table::new(&columns);
    for (index, cell) in plan.cells.iter().enumerate().take(CELLS_SHOWN) {
        let mut row = vec![(index + 1).to_string(), cell.model.clone()];
        row.extend(varying.iter().map(|name| value(cell.options.get(name))));
        table.row_of(row);
    }
    let drawn = table.draw(screen);
    match plan.cells.len().saturating_sub(CELLS_SHOWN) {
        0 => drawn,
        more => format!("{drawn}\nand {more} more cells; --output json lists all"),
    }
}

/// Options that differ between cells; of a single cell, all.
fn varying(cells: &[CellView]) -> Vec<String> {
    let names: BTreeSet<&String> = cells.iter().flat_map(|cell| cell.options.keys()).collect();
    let first = cells.first();
    let differs = |name: &&String| {
        let reference = first.and_then(|cell| cell.options.get(*name));
        cells.len() == 1 || cells.iter().any(|cell| cell.options.get(*name) != reference)
    };
    names.into_iter().filter(differs).cloned().collect()
}

fn value(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "default".to_owned(),
        Some(Value::String(text)) => text.clone(),
        // `0.8` and `0`, as in reports; JSON would print `0.0`.
        Some(Value::Number(number)) => number
            .as_f64()
            .filter(|_| number.is_f64())
            .map_or_else(|| number.to_string(), |decimal| decimal.to_string()),
        Some(other) => other.to_string(),
    }
}

fn remarks(plan: &PlanView) -> Vec<(&'static str, String)> {
    let alike = plan.effective_duplicates.iter().map(|group| {
        let cells = group.cells.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        ("Alike", format!("cells {cells}: {}", group.reason))
    });
    alike.chain(plan.warnings.iter().map(|warning| ("Warning", warning.clone()))).collect()
}

fn remarks_drawn(screen: &Screen, remarks: Vec<(&'static str, String)>) -> String {
    let mut facts = Facts::new();
    for (key, words) in remarks {
        facts.add_toned(key, words, Tone::Wary);
    }
    facts.draw(screen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{DuplicateView, ForecastView};

    fn cell(model: &str, num_ctx: i64) -> CellView {
        let options = [("num_ctx", num_ctx.into()), ("temperature", 0.into())];
        CellView {
            model: model.to_owned(),
            options: options.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    fn plan() -> PlanView {
        PlanView {
            sweep: "sample".to_owned(),
            seed: "000000000000002a".to_owned(),
            digest: "3f9c01d2aa55".repeat(6),
            cells: vec![cell("gemma3:latest", 2_048), cell("gemma3:latest", 4_096)],
            slots: vec!["sim-a/0".to_owned(), "sim-b/0".to_owned()],
            blocks: 3,
            trials: 12,
            generations: 36,
            reloads: 12,
            seed_drawn: false,
            forecast_s: None,
            forecast: ForecastView::default(),
            warnings: vec!["one block is not enough for an interval; set repetitions = 5 or more".to_owned()],
            effective_duplicates: vec![DuplicateView {
                cells: vec![1, 2],
                reason: "the server rounds up".to_owned(),
            }],
            sentinel_trials: 0,
            control_trials: 0,
            first_look: None,
        }
    }

    #[test]
    fn a_design_is_said_beside_the_trials() {
        let designed = PlanView {
            blocks: 40,
            trials: 500,
            sentinel_trials: 20,
            control_trials: 320,
            first_look: Some(12),
            ..plan()
        };
        let page = plan_page(&Screen::plain(120), &designed);
        assert!(page.contains("500, 20 sentinels and 320 controls among them"), "{page}");
        assert!(page.contains("Blocks     12 to 40, as the stop rule decides"), "{page}");
    }

    #[test]
    fn a_plan_says_what_would_run() {
        let expected = "\
Sweep      sample
Trials     12 = 2 cells × 2 slots × 3 blocks
Measured   36 generations
Reloads    12 model loads expected over all slots
Forecast   unknown: no earlier record of these cells
Slots      sim-a/0 sim-b/0
Seed       000000000000002a
Plan       3f9c01d2aa55
All cells  temperature=0

CELL  MODEL          NUM_CTX
   1  gemma3:latest     2048
   2  gemma3:latest     4096

Alike    cells 1, 2: the server rounds up
Warning  one block is not enough for an interval; set repetitions = 5 or more";
        assert_eq!(plan_page(&Screen::plain(80), &plan()), expected);
    }

    #[test]
    fn a_seed_that_will_not_run_is_not_shown() {
        let page = plan_page(&Screen::plain(80), &PlanView { seed_drawn: true, ..plan() });
        assert!(page.contains("Seed       drawn at submission"), "{page}");
        assert!(!page.contains("3f9c01d2aa55") && !page.contains("2a"), "{page}");
    }

    #[test]
    fn a_large_plan_is_cut_and_says_so() {
        let mut large = plan();
        large.cells = (0..100).map(|number| cell("m", 1_024 + number)).collect();
        large.forecast.seconds = Some(4_000.0);
        let page = plan_page(&Screen::plain(80), &large);
        assert!(page.contains("and 76 more cells"), "{page}");
        assert!(page.contains("about 1h 06m"), "{page}");
    }
}
