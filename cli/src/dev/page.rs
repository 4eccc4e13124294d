//! What `dev` says: what was found, and where everything is.

use chimera_core::report::Report;

use crate::args::{DevArgs, ReportFormat};
use crate::command::rendered;
use crate::render::{Facts, closing_line, nodes_table};
use crate::screen::{Screen, Tone};
use crate::text;
use crate::view::{Files, Finished, Found, NodeView, SweepView};

/// What was found.
pub(super) fn found(screen: &Screen, found: &Found) -> String {
    let slots = found.nodes.iter().map(|node| node.slots.len()).sum::<usize>() as u64;
    let nodes = text::count(found.nodes.len() as u64, "node");
    let lead = match found.simulated {
        true => screen.paint(Tone::Wary, "Simulated fleet"),
        false => screen.paint(Tone::Good, "Real Ollama"),
    };
    let mut parts = vec![format!("{lead}: {nodes}, {} ({})", text::count(slots, "slot"), found.origin)];
    if found.simulated {
        parts.push("No figure below is of a real device.".to_owned());
    }
    parts.extend(readings(&found.nodes));
    format!("{}\n\n{}", parts.join("\n"), nodes_table(screen, &found.nodes))
}

/// Why a real server has no GPU readings, where that is so.
fn readings(nodes: &[NodeView]) -> Option<String> {
    let blind = nodes.iter().flat_map(|node| &node.slots).find(|slot| slot.probe == "none")?;
    let why = blind.probe_note.as_deref().unwrap_or("the server is not known to be on this machine");
    Some(format!("No GPU readings (power, clocks, heat): {why}"))
}

/// What came of the run, as values.
pub(super) fn finished(report: &Report, status: SweepView, files: Files) -> Finished {
    Finished { status, files, verdict: text::clean(&report.verdict) }
}

/// The report, where everything is, and what to type next.
pub(super) fn end(screen: &Screen, report: &Report, finished: &Finished, args: &DevArgs) -> String {
    let drawn = rendered(report, ReportFormat::Terminal, screen).unwrap_or_else(|_| report.verdict.clone());
    let parts = [
        drawn.trim_end().to_owned(),
        // The report may fill screens: what came of it stands once more where the eye is.
        format!("{}\n{}", finished.verdict, closing_line(screen, &finished.status)),
        files(&finished.files).draw(screen),
        next(finished, args).draw(screen),
    ];
    parts.join("\n\n")
}

/// What to say while the fleet stays up.
pub(super) fn serving(url: &str, sweep: &str) -> String {
    format!(
        "\nThe fleet stays up until Ctrl-C. From another terminal:\n  \
         export CHIMERA_COORDINATOR={url}\n  chimera nodes list\n  chimera report {sweep}\n  chimera sweep run SWEEP.toml"
    )
}

fn files(files: &Files) -> Facts {
    let mut facts = Facts::new();
    facts
        .add_verbatim("Report", files.markdown.clone())
        .add_verbatim("as data", files.json.clone())
        .add_verbatim("as rows", files.csv.clone())
        .add_verbatim("Sweep file", files.sweep.clone().unwrap_or_default())
        .add_verbatim("Dataset", files.dataset.clone().unwrap_or_default());
    facts
}

/// Commands to type next; each works as it stands.
fn next(finished: &Finished, args: &DevArgs) -> Facts {
    let Finished { status, files, .. } = finished;
    let again = format!("chimera report {} --data-dir {}", status.sweep, args.data_dir.display());
    let query = files
        .dataset
        .as_ref()
        .map(|dataset| format!("duckdb -c \"from '{dataset}/trials.parquet' limit 5\""));
    let change = files.sweep.as_ref().map(|file| format!("$EDITOR {file} && chimera dev {file}"));
    let mut facts = Facts::new();
    facts
        .add_verbatim("See it again", again)
        .add_verbatim("Query it", query.unwrap_or_default())
        .add_verbatim("Change it", change.unwrap_or_default())
        .add_verbatim("Keep it up", if args.serve { "" } else { "chimera dev --serve" });
    facts
}
