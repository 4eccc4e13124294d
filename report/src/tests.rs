//! All renderers on one report with hostile texts, and on an empty one.

use std::path::PathBuf;

use chimera_core::quantity::Quantity;
use chimera_core::report::Report;

use crate::fixture::study::study;
use crate::fixture::{empty, report};
use crate::text::is_hostile;
use crate::{json_schema, render_csv, render_json, render_markdown, render_terminal};

/// Compares with a committed file; `CHIMERA_BLESS=1` writes it.
fn compare(file: PathBuf, found: &str) {
    if std::env::var_os("CHIMERA_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, found).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == found, "{} is out of date: see the difference after CHIMERA_BLESS=1", file.display());
}

fn snapshot(name: &str, found: &str) {
    compare(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name), found);
}

#[test]
fn the_terminal_looks_as_committed() {
    for width in [80, 120, 200] {
        snapshot(&format!("terminal-{width}.txt"), &render_terminal(&report(), width, false));
    }
    snapshot("terminal-study.txt", &render_terminal(&study(), 120, false));
    snapshot("terminal-empty.txt", &render_terminal(&empty(), 80, false));
}

#[test]
fn markdown_json_and_csv_look_as_committed() {
    snapshot("report.md", &render_markdown(&report()));
    let csv = render_csv(&report()).unwrap();
    snapshot("report.csv", &csv.split_inclusive('\n').take(60).collect::<String>());
    snapshot("study.md", &render_markdown(&study()));
    let conclusions = render_csv(&study()).unwrap();
    let first = conclusions.lines().position(|line| line.contains(",drift,")).unwrap();
    let lines: Vec<&str> = conclusions.lines().skip(first).collect();
    snapshot("study.csv", &lines.join("\n"));
    snapshot("empty.json", &render_json(&empty()).unwrap());
    snapshot("empty.md", &render_markdown(&empty()));
}

#[test]
fn the_published_schema_is_the_one_of_the_code() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/report.schema.json");
    compare(file, &json_schema().unwrap());
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for report in [report(), empty(), study()] {
        for width in (60..=220).step_by(7) {
            for line in render_terminal(&report, width, false).lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
        }
    }
}

#[test]
fn the_first_screen_has_verdict_books_and_a_line_per_cell() {
    let text = render_terminal(&report(), 100, false);
    let screen: Vec<&str> = text.lines().take(24).collect();
    let holds = |words: &str| screen.iter().any(|line| line.contains(words));
    assert!(holds("5 of 7 trials are in the figures") && holds("7 trials = 6 counted + 1 failed"));
    assert!(holds("num_ctx=2048") && holds("num_ctx=8192"), "{text}");
}

#[test]
fn rows_below_the_noise_floor_are_faint() {
    let colored = render_terminal(&study(), 160, true);
    let of = |words: &str| colored.lines().find(|line| line.contains(words)).unwrap();
    assert!(of("below noise floor").starts_with("\x1b[2m"), "{colored}");
    assert!(!of("higher: +").contains('\x1b'), "{colored}");
}

#[test]
fn hostile_text_commands_nothing() {
    let keep_lines = |c: char| is_hostile(c) && c != '\n';
    let texts = [
        render_terminal(&report(), 120, false),
        render_markdown(&report()),
        render_json(&report()).unwrap(),
        render_csv(&report()).unwrap(),
    ];
    for text in &texts {
        assert!(!text.contains(keep_lines), "{text}");
    }
    assert!(!texts[1].contains("<script") && !texts[1].contains("| `x`"), "{}", texts[1]);
}

#[test]
fn hostile_labels_are_no_formulas() {
    let mut report = report();
    report.cells[0].label = "=HYPERLINK(\"http://x\")".into();
    report.slots[0].slot = "@evil|x\n+1".into();
    let csv = render_csv(&report).unwrap();
    for record in csv::Reader::from_reader(csv.as_bytes()).records() {
        let record = record.unwrap();
        assert!(
            record.iter().take(6).all(|field| !field.starts_with(['=', '+', '-', '@', '\t', '\r'])),
            "{record:?}"
        );
    }
    let markdown = render_markdown(&report);
    assert!(markdown.contains("@evil\\|x +1"), "{markdown}");
}

#[test]
fn colours_only_when_asked_for_and_closed_again() {
    assert!(!render_terminal(&report(), 120, false).contains('\x1b'));
    let colored = render_terminal(&report(), 120, true);
    let opened = colored.matches("\x1b[").count();
    assert_eq!(opened, 2 * colored.matches("\x1b[0m").count());
    // The letters are the same.
    let plain: String = colored
        .split("\x1b[")
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { part.split_once('m').unwrap().1 })
        .collect();
    assert_eq!(plain, render_terminal(&report(), 120, false));
}

#[test]
fn json_reads_back_as_the_same_report() {
    let report = report();
    let read: Report = serde_json::from_str(&render_json(&report).unwrap()).unwrap();
    assert!(read == report, "the report changed on its way through JSON");
}

#[test]
fn csv_holds_every_figure_exactly() {
    let report = report();
    let pooled = report.cells[0].tally.figure(Quantity::DecodeRate).unwrap().pooled.unwrap();
    let csv = render_csv(&report).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = ["cell", "slot", "start", "quantity", "unit", "statistic", "value", "n"];
    assert_eq!(reader.headers().unwrap(), &header[..]);
    let wanted = ["num_ctx=2048", "all", "warm", "decode_rate", "tok/s", "pooled"];
    let found = reader.records().map(Result::unwrap).find(|record| record.iter().take(6).eq(wanted)).unwrap();
    assert_eq!((found[6].parse(), &found[7]), (Ok(pooled), "57"));
}
