//! The report as Markdown (GitHub flavour), complete: no column is dropped.

use chimera_core::report::Report;

use crate::expense;
use crate::sheet::Sheet;
use crate::shown;
use crate::tables::{self, Lines};
use crate::terminal::environment_lines;
use crate::text::markdown as inert;

/// Longest untrusted text that is shown, in characters.
const TEXT_MAX: usize = 2_000;

/// The report as Markdown.
#[must_use]
pub fn render_markdown(report: &Report) -> String {
    let mut page = String::new();
    summary(&mut page, report);
    conclusions(&mut page, report);
    figures(&mut page, report);
    failures(&mut page, report);
    section(&mut page, "Environment", environment_lines(report));
    section(
        &mut page,
        "Warnings",
        report.warnings.iter().map(|told| format!("{} → {}", told.message, told.remedy)),
    );
    formulas(&mut page, report);
    page
}

fn summary(page: &mut String, report: &Report) {
    let header = &report.header;
    line(page, &format!("# Sweep {}", inert(&header.sweep, TEXT_MAX)));
    paragraph(page, &header.description);
    line(page, &format!("**{}**", inert(&report.verdict, TEXT_MAX)));
    line(page, "");
    let labels = &header.labels;
    let times = [
        ("submitted", &labels.submitted_at),
        ("ended", &labels.ended_at),
        ("report made", &labels.created_at),
    ];
    let times = times.iter().filter_map(|(what, when)| when.as_ref().map(|when| format!("{what} {when}")));
    let facts = header.common.iter().cloned().chain([
        format!("state {}", header.state),
        format!("{} start", header.start),
        format!("prompt cache {}", header.prompt_cache),
        format!("{} parallel", header.concurrency),
        format!("placement {}", header.placement),
        format!("{} repetitions", header.repetitions),
    ]);
    paragraph(page, &facts.chain(times).collect::<Vec<_>>().join(" · "));
    section(page, "Not measured", report.missing.iter().map(|missing| missing.text.clone()));
    let loads = report.loads.as_ref().map(|loads| format!("Loads: {}", loads.line));
    let took = expense::line(report).map(|took| format!("Took: {took}"));
    section(page, "Books", [report.conservation.line.clone()].into_iter().chain(loads).chain(took));
}

fn conclusions(page: &mut String, report: &Report) {
    let told = shown::lines(report).into_iter().map(|(what, text)| format!("{what}: {text}"));
    section(page, "Conclusions", told);
    for part in shown::parts(report, true) {
        table(page, part.title, &inert(&part.note, TEXT_MAX), &part.sheet);
    }
}

fn figures(page: &mut String, report: &Report) {
    let (cells, slots) = (Lines::cells(report), Lines::slots(report));
    table(
        page,
        "Cells",
        "All GPUs pooled; decode = Σ(N−1)/Σ decode time; ± over attempts; ≤ marks an upper bound with 99 % confidence.",
        &cells.speed(),
    );
    table(
        page,
        "Time",
        "Mean per generation; queue + load + prefill = time to the first text.",
        &cells.time(),
    );
    table(page, "Stream", "Tokens, and the gaps between lines.", &cells.stream());
    let tripwires = "Tripwires: they show a setting that broke the model, not what it can do.";
    table(page, "Answers", tripwires, &cells.answers());
    table(page, "Device", "Energy of the measured windows, idle power included.", &cells.device());
    table(page, "Cells per GPU", "Each slot by itself.", &slots.speed());
    table(page, "Time per GPU", "Mean per generation.", &slots.time());
    table(page, "Device per GPU", "Energy of the measured windows, idle power included.", &slots.device());
    table(page, "GPUs", "In the measured windows.", &tables::gpus(report));
}

fn failures(page: &mut String, report: &Report) {
    let more = |n: u64| (n > 0).then(|| format!("… and {n} more"));
    let failed = report.failed.listed.iter().map(|failed| {
        let cause = failed.cause.as_deref().unwrap_or("no cause was recorded");
        format!("{} on {} ({}): {}: {cause}", failed.attempt, failed.slot, failed.cell, failed.how)
    });
    section(page, "Failed attempts", failed.chain(more(report.failed.left_out)));
    let excluded = report.excluded.listed.iter().map(|excluded| {
        let (reasons, notes) = (excluded.reasons.join(", "), excluded.found().join("; "));
        format!("{} on {} ({}): {reasons}. {notes}", excluded.attempt, excluded.slot, excluded.cell)
    });
    section(page, "Excluded records", excluded.chain(more(report.excluded.left_out)));
}

fn formulas(page: &mut String, report: &Report) {
    if report.formulas.is_empty() {
        return;
    }
    line(page, "\n## Formulas\n");
    line(page, "| figure | unit | origin | tokens counted by | definition |");
    line(page, "|---|---|---|---|---|");
    for formula in &report.formulas {
        let facts = formula.quantity.facts();
        let (origin, tokens) = (formula.provenance.name(), inert(formula.tokens.name(), TEXT_MAX));
        let name = inert(facts.name, TEXT_MAX);
        let text = inert(&formula.formula, TEXT_MAX);
        line(page, &format!("| {name} | {} | {origin} | {tokens} | {text} |", formula.unit.sign()));
    }
}

fn table(page: &mut String, title: &str, note: &str, sheet: &Sheet) {
    if sheet.is_empty() || !sheet.has_numbers() {
        return;
    }
    line(page, &format!("\n## {title}\n\n{note}\n"));
    row(page, sheet.columns().map(|column| inert(&column.header(), TEXT_MAX)));
    row(
        page,
        sheet.columns().map(|column| if column.numeric { "---:".to_owned() } else { "---".to_owned() }),
    );
    for cells in sheet.rows() {
        row(page, cells.into_iter().map(|cell| inert(cell, TEXT_MAX)));
    }
}

fn row(page: &mut String, cells: impl Iterator<Item = String>) {
    line(page, &format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
}

fn section(page: &mut String, title: &str, items: impl IntoIterator<Item = String>) {
    let mut items = items.into_iter().peekable();
    if items.peek().is_some() {
        line(page, &format!("\n## {title}\n"));
    }
    for item in items {
        line(page, &format!("- {}", inert(&item, TEXT_MAX)));
    }
}

fn paragraph(page: &mut String, text: &str) {
    if !text.is_empty() {
        line(page, &inert(text, TEXT_MAX));
        line(page, "");
    }
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}
