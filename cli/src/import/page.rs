//! A report on an import, in each form. It has a form of its own: a report of a sweep says much that no recording of the
//! earlier system holds, and an empty figure there would look like one that was sought and not found.

use chimera_core::import::{
    ConfigSummary, ImportSummary, LoadSplit, Middle, Recording, aggregates, summarise,
};
use serde::Serialize;

use super::cells::{Sheet, sheets};
use super::stored::StoredImport;
use crate::args::ReportFormat;
use crate::error::Failure;
use crate::render::Table;
use crate::screen::{Screen, Tone};
use crate::text::{clean, count};

/// The aggregates of a recording as JSON, in the form in which such figures are exchanged.
///
/// # Errors
/// [`Failure::Output`] when they cannot be written as JSON.
pub fn aggregates_json(recording: &Recording) -> Result<String, Failure> {
    json(&aggregates(recording))
}

/// A report on an import.
///
/// # Errors
/// [`Failure::Output`] when it cannot be written in that form.
pub fn rendered_import(
    import: &StoredImport,
    format: ReportFormat,
    screen: &Screen,
) -> Result<String, Failure> {
    let summary = summarise(&import.recording);
    match format {
        ReportFormat::Terminal => Ok(terminal(import, &summary, screen)),
        ReportFormat::Md => Ok(markdown(import, &summary)),
        ReportFormat::Json => json(&Whole {
            import: import.entry.name.as_str(),
            left_out: import.entry.left_out,
            summary: &summary,
        }),
        ReportFormat::Csv => Ok(csv(import.entry.name.as_str(), &summary)),
        ReportFormat::Aggregates => aggregates_json(&import.recording),
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    import: &'a str,
    left_out: u64,
    #[serde(flatten)]
    summary: &'a ImportSummary,
}

/// One space per level: a recording has many levels and many numbers.
fn json(value: &impl Serialize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, form);
    value.serialize(&mut serializer).map_err(|error| Failure::Output(error.into()))?;
    String::from_utf8(bytes).map_err(|error| Failure::Output(std::io::Error::other(error)))
}

fn heading(import: &StoredImport, summary: &ImportSummary) -> String {
    let rows = &summary.rows;
    let counts = [
        ("call", rows.calls),
        ("run", rows.runs),
        ("agent aggregate", rows.agent_aggregates),
        ("single call", rows.tr108_sweep),
    ];
    let counted: Vec<String> = counts.into_iter().map(|(word, number)| count(number as u64, word)).collect();
    format!(
        "Provenance: {}. {}. {} left out at the import.",
        summary.provenance,
        counted.join(", "),
        count(import.entry.left_out, "line")
    )
}

fn terminal(import: &StoredImport, summary: &ImportSummary, screen: &Screen) -> String {
    let title = screen.paint(Tone::Strong, &format!("Import {}", import.entry.name.as_str()));
    let mut parts = vec![format!("{title}\n{}", heading(import, summary))];
    for Sheet { title, columns, rows } in sheets(summary) {
        let mut table = Table::new(&columns);
        rows.into_iter().for_each(|row| table.row_of(row));
        parts.push(format!("{}\n{}", screen.paint(Tone::Strong, title), table.draw(screen)));
    }
    let absent: Vec<String> = summary.absent.iter().map(|line| format!("  {line}")).collect();
    parts.push(format!("{}\n{}", screen.paint(Tone::Strong, "Absent"), absent.join("\n")));
    parts.join("\n\n") + "\n"
}

fn markdown(import: &StoredImport, summary: &ImportSummary) -> String {
    let mut text = format!("# Import {}\n\n{}\n", import.entry.name.as_str(), heading(import, summary));
    for Sheet { title, columns, rows } in sheets(summary) {
        let heads: Vec<String> = columns.iter().map(|(head, _)| escaped(head)).collect();
        text += &format!("\n## {}\n\n| {} |\n", escaped(title), heads.join(" | "));
        text += &format!("|{}\n", "---|".repeat(columns.len()));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    text += "\n## Absent\n\n";
    for line in &summary.absent {
        text += &format!("- {}\n", escaped(line));
    }
    text
}

/// Ids and models come from a file of somebody: nothing in them may become Markdown or HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

const CSV_HEAD: &str = "import,provenance,config_id,stage,load,figure,unit,n,value,min,max\n";

/// One row per configuration, stage, load state and figure. A value is a median, or a sum over a sum.
fn csv(name: &str, summary: &ImportSummary) -> String {
    let mut text = CSV_HEAD.to_owned();
    for config in &summary.configs {
        let start = [name, summary.provenance, &config.config_id].map(field).join(",");
        config_lines(config).into_iter().for_each(|line| text += &format!("{start},{line}\n"));
    }
    text
}

fn config_lines(config: &ConfigSummary) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in &config.stages {
        let name = field(&stage.stage);
        lines.extend(
            stage
                .upstream_rate
                .map(|rate| format!("{name},all,upstream_rate,tok/s,{},{rate},,", stage.valid)),
        );
        for (load, split) in [("cold", &stage.cold), ("warm", &stage.warm), ("unknown", &stage.unknown)] {
            lines.extend(split_lines(&name, load, split));
        }
    }
    let whole = [("goodput", "tok/s", config.goodput_tok_s), ("overlap_index", "1", config.overlap_index)];
    for (figure, unit, value) in whole {
        lines.extend(value.map(|value| format!(",,{figure},{unit},{},{value},,", config.runs)));
    }
    lines
}

fn split_lines(stage: &str, load: &str, split: &LoadSplit) -> Vec<String> {
    let figures = [("ttft", split.ttft_ms), ("load", split.load_ms), ("prefill", split.prefill_ms)];
    let line = |(figure, middle): (&str, Option<Middle>)| {
        let Middle { n, min, p50, max } = middle?;
        Some(format!("{stage},{load},{figure},ms,{n},{p50},{min},{max}"))
    };
    figures.into_iter().filter_map(line).collect()
}

/// A text as a field of CSV that no spreadsheet takes for a formula.
fn field(text: &str) -> String {
    let text = clean(text);
    let formula = text.trim_start().starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text };
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
