//! The report for a terminal. The first screen holds the verdict, the books and one line per cell.

use chimera_core::report::{NodeClock, Report};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::expense;
use crate::sheet::Sheet;
use crate::shown;
use crate::tables::{self, Lines};
use crate::text::{plain, wrap};

/// Widest and narrowest layout, in columns.
const WIDTHS: (u16, u16) = (40, 400);
/// Longest untrusted text that is shown, in characters.
const TEXT_MAX: usize = 400;
/// Most lines about the environment; Markdown and JSON have them all.
const ENVIRONMENT_MAX: usize = 24;
/// Longest untrusted text in a table, in characters.
const CELL_MAX: usize = 80;

/// The report as lines of at most `width` columns; with ANSI colours when `color` is set.
#[must_use]
pub fn render_terminal(report: &Report, width: u16, color: bool) -> String {
    let mut page = Page { text: String::new(), width: width.clamp(WIDTHS.0, WIDTHS.1), color };
    page.summary(report);
    page.conclusions(report);
    page.cells(report);
    page.slots(report);
    page.failures(report);
    page.notes(report);
    page.environment(report);
    page.formulas(report);
    page.text
}

/// How a piece of text is set off.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Heading,
    Good,
    Bad,
    Faint,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Heading => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Faint => "\x1b[2m",
        }
    }
}

/// What the table of answers is good for.
const ANSWERS: &str = "tripwires: they show a setting that broke the model, not what it can do";

struct Page {
    text: String,
    width: u16,
    color: bool,
}

impl Page {
    fn summary(&mut self, report: &Report) {
        let header = &report.header;
        self.paragraph("", &format!("Sweep {} ({})", header.sweep, header.state), Some(Tone::Heading));
        self.paragraph("", &header.description, Some(Tone::Faint));
        self.blank();
        let tone = if healthy(report) { Tone::Good } else { Tone::Bad };
        self.paragraph("", &report.verdict, Some(tone));
        for missing in &report.missing {
            self.paragraph("not measured: ", &missing.text, None);
        }
        let tone = if report.conservation.holds { None } else { Some(Tone::Bad) };
        self.paragraph("", &report.conservation.line, tone);
        if let Some(loads) = &report.loads {
            self.paragraph("loads: ", &loads.line, None);
        }
        if let Some(took) = expense::line(report) {
            self.paragraph("took: ", &took, None);
        }
        for (what, text) in shown::lines(report) {
            self.paragraph(&format!("{what}: "), &text, None);
        }
        if !report.warnings.is_empty() {
            self.paragraph("", &format!("{} warnings: see WARNINGS below.", report.warnings.len()), None);
        }
        self.paragraph("all cells: ", &common(report), Some(Tone::Faint));
    }

    fn conclusions(&mut self, report: &Report) {
        for part in shown::parts(report, false) {
            self.table(&part.title.to_uppercase(), &part.note, part.sheet);
        }
    }

    fn cells(&mut self, report: &Report) {
        let lines = Lines::cells(report);
        self.table(
            "CELLS",
            "all GPUs pooled; decode = Σ(N−1)/Σ decode time; ± over attempts; ≤ 99 % bound",
            lines.speed(),
        );
        self.detail(
            "TIME",
            "mean per generation; queue + load + prefill = time to the first text",
            lines.time(),
        );
        self.detail("STREAM", "tokens, and the gaps between lines", lines.stream());
        self.detail("ANSWERS", ANSWERS, lines.answers());
        self.detail("DEVICE", "energy of the measured windows, idle power included", lines.device());
    }

    fn slots(&mut self, report: &Report) {
        if !report.slots.is_empty() {
            self.table("CELLS PER GPU", "each slot by itself", Lines::slots(report).speed());
        }
        if !report.gpus.is_empty() {
            self.table("GPUS", "in the measured windows", tables::gpus(report));
        }
    }

    fn failures(&mut self, report: &Report) {
        if !report.failed.listed.is_empty() {
            self.heading("FAILED ATTEMPTS", "in no figure");
        }
        for failed in &report.failed.listed {
            let cause = failed.cause.as_deref().unwrap_or("no cause was recorded");
            let text = format!("{} on {}: {}: {cause}", failed.attempt, failed.slot, failed.how);
            self.item(&text);
        }
        self.left_out(report.failed.left_out);
        if !report.excluded.listed.is_empty() {
            self.heading("EXCLUDED RECORDS", "complete, but not trusted: in no figure");
        }
        for excluded in &report.excluded.listed {
            let (reasons, notes) = (excluded.reasons.join(", "), excluded.found().join("; "));
            let gap = if notes.is_empty() { "" } else { ": " };
            self.item(&format!("{} on {}: {reasons}{gap}{notes}", excluded.attempt, excluded.slot));
        }
        self.left_out(report.excluded.left_out);
    }

    fn environment(&mut self, report: &Report) {
        self.heading("ENVIRONMENT", "");
        let lines = environment_lines(report);
        for line in lines.iter().take(ENVIRONMENT_MAX) {
            self.item(line);
        }
        self.left_out(lines.len().saturating_sub(ENVIRONMENT_MAX) as u64);
    }

    fn notes(&mut self, report: &Report) {
        if report.warnings.is_empty() {
            return;
        }
        self.heading("WARNINGS", "");
        for told in &report.warnings {
            self.item(&format!("{} → {}", told.message, told.remedy));
        }
    }

    fn formulas(&mut self, report: &Report) {
        if report.formulas.is_empty() {
            return;
        }
        self.heading("FORMULAS", "unit, origin and definition of every figure");
        for formula in &report.formulas {
            let origin = formula.provenance.name();
            let text =
                format!("{} [{}, {origin}]: {}", formula.quantity, formula.unit.sign(), formula.formula);
            self.item(&text);
        }
    }

    /// A table that may have no figure at all, and is then left out.
    fn detail(&mut self, title: &str, note: &str, sheet: Sheet) {
        if sheet.has_numbers() && !sheet.is_empty() {
            self.table(title, note, sheet);
        }
    }

    fn table(&mut self, title: &str, note: &str, mut sheet: Sheet) {
        self.heading(title, note);
        if sheet.is_empty() {
            return self.item("nothing to show");
        }
        let mut hidden = Vec::new();
        while natural_width(&draw(&sheet)) > usize::from(self.width) {
            match sheet.drop_one() {
                Some(header) => hidden.push(header),
                None => break,
            }
        }
        let mut table = draw(&sheet);
        let broken = natural_width(&table) > usize::from(self.width);
        if broken {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(self.width);
        }
        self.rows(&table.trim_fmt(), &sheet, broken);
        if !hidden.is_empty() {
            hidden.reverse();
            let text = format!("no room for: {} (wider terminal, or --format csv)", hidden.join(", "));
            self.paragraph(" ", &text, Some(Tone::Faint));
        }
    }

    /// A drawn table. Its rows are its last lines, one each unless they were broken.
    fn rows(&mut self, drawn: &str, sheet: &Sheet, broken: bool) {
        let lines: Vec<&str> = drawn.lines().collect();
        let header = lines.len().saturating_sub(sheet.height());
        for (index, line) in lines.into_iter().enumerate() {
            let faint = !broken && index >= header && sheet.is_faint(index - header);
            let line = if faint { self.toned(line, Tone::Faint) } else { line.to_owned() };
            self.text.push_str(&line);
            self.blank();
        }
    }

    fn heading(&mut self, title: &str, note: &str) {
        self.blank();
        let room = usize::from(self.width).saturating_sub(title.chars().count() + 2);
        let title = self.toned(title, Tone::Heading);
        let note = if note.chars().count() > room { String::new() } else { self.toned(note, Tone::Faint) };
        self.text.push_str(format!("{title}  {note}").trim_end());
        self.blank();
    }

    fn left_out(&mut self, n: u64) {
        if n > 0 {
            self.item(&format!("… and {n} more"));
        }
    }

    fn item(&mut self, text: &str) {
        self.hanging(" · ", text, None);
    }

    fn paragraph(&mut self, lead: &str, text: &str, tone: Option<Tone>) {
        self.hanging(lead, text, tone);
    }

    /// Untrusted text, inert, broken into lines that hang under its lead.
    fn hanging(&mut self, lead: &str, text: &str, tone: Option<Tone>) {
        let indent = lead.chars().count();
        let shown = plain(text, TEXT_MAX.max(usize::from(self.width) * 6));
        for (index, line) in wrap(&shown, usize::from(self.width) - indent).into_iter().enumerate() {
            let head = if index == 0 { lead.to_owned() } else { " ".repeat(indent) };
            let line = tone.map_or_else(|| line.clone(), |tone| self.toned(&line, tone));
            self.text.push_str(&head);
            self.text.push_str(&line);
            self.blank();
        }
    }

    fn toned(&self, text: &str, tone: Tone) -> String {
        if self.color && !text.is_empty() { format!("{}{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

fn healthy(report: &Report) -> bool {
    let trials = report.conservation.trials;
    report.conservation.holds && trials.failed + trials.quarantined == 0
}

fn common(report: &Report) -> String {
    let header = &report.header;
    let mut parts = header.common.clone();
    parts.push(format!("{} start", header.start));
    parts.push(format!("prompt cache {}", header.prompt_cache));
    parts.push(format!("{} parallel", header.concurrency));
    parts.push(format!("placement {}", header.placement));
    parts.join(" · ")
}

/// What ran where, in lines.
pub(crate) fn environment_lines(report: &Report) -> Vec<String> {
    let environment = &report.environment;
    let observed = &environment.observed;
    let list = |names: &[String]| {
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let mut lines = vec![
        format!("servers {} (facts of {})", list(&observed.server_versions), list(&observed.dialects)),
        format!(
            "node daemons {}; arrivals stamped by {}",
            list(&observed.daemon_versions),
            list(&observed.clock_sources)
        ),
        format!("plan {} · seed {}", report.header.plan_digest, report.header.seed),
    ];
    for node in &environment.nodes {
        let os = node.os.as_deref().unwrap_or("unknown system");
        let cpu = node.cpu.as_deref().unwrap_or(&node.arch);
        lines.push(format!("node {} ({}): {os}, {cpu}", node.node, node.hostname));
    }
    lines.extend(observed.clocks.iter().map(clock_line));
    for slot in &environment.slots {
        let version = slot.server_version.as_deref().unwrap_or("unknown");
        let note = slot.probe_note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        lines.push(format!(
            "slot {}: server {version} at {}, GPU readings {}{note}",
            slot.slot, slot.endpoint, slot.probe
        ));
    }
    lines
}

fn clock_line(clock: &NodeClock) -> String {
    let NodeClock { node, offset_min_ms, offset_max_ms, bound_min_ms, bound_max_ms } = clock;
    format!(
        "clock of node {node}: {offset_min_ms:+.3} to {offset_max_ms:+.3} ms beside the coordinator's, \
         known to ± {bound_min_ms:.3} to {bound_max_ms:.3} ms"
    )
}

fn draw(sheet: &Sheet) -> Table {
    // No junction: it would cost every column another space.
    let rule = LineStyle::none().fill('─');
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(rule));
    table.set_header(sheet.columns().map(|column| format!("{}\n{}", column.title, column.sub)));
    for row in sheet.rows() {
        table.add_row(row.into_iter().map(|cell| plain(cell, CELL_MAX)));
    }
    for (index, column) in sheet.columns().enumerate() {
        if let Some(drawn) = table.column_mut(index).filter(|_| column.numeric) {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Width that a table takes when nothing is broken: contents and one space at each side.
fn natural_width(table: &Table) -> usize {
    table.column_max_content_widths().iter().map(|width| usize::from(*width) + 2).sum()
}
