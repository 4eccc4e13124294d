//! The sealed dataset: DuckDB reads it as it is, and the documented queries recompute the report from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::sync::OnceLock;

use chimera_coordinator::dataset::TABLES;
use chimera_coordinator::dataset::column::{Column, Kind};
use chimera_tests::figures::compare::{RELATIVE, same};
use chimera_tests::{DevRun, Document, assert_generated, duckdb, fleet_file, query};
use parquet::basic::{Repetition, Type};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;

const DOCUMENT: &str = "docs/dataset.md";

fn sample() -> &'static (TempDir, DevRun) {
    static RUN: OnceLock<(TempDir, DevRun)> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = DevRun::new(&folder.path().join("data"), &fleet_file(folder.path(), 2.0), &[]);
        (folder, run)
    })
}

/// The SQL blocks of the document, in order: the report, energy, loads.
fn documented() -> Vec<String> {
    let blocks = Document::read(DOCUMENT).blocks().into_iter();
    blocks.filter(|block| block.language == "sql").map(|block| block.text).collect()
}

#[test]
fn the_documented_queries_recompute_the_report() {
    let Some(python) = duckdb("recomputing a report with DuckDB") else { return };
    let run = &sample().1;
    let report = run.report();
    let cells = report["cells"].as_array().expect("cells");
    let mut compared = BTreeMap::new();
    for sql in documented() {
        let rows = query(&python, &run.file("dataset"), &sql);
        assert_eq!(rows.len(), cells.len(), "one row per cell:\n{sql}");
        for (row, cell) in rows.iter().zip(cells) {
            assert_row(row, cell, &mut compared);
        }
    }
    // Every documented column was held against the report of every cell.
    assert_eq!(compared.len(), 31, "{compared:?}");
    assert!(compared.values().all(|count| *count == cells.len()), "{compared:?}");
}

/// Holds each column of an answer against the report's figure of that name.
fn assert_row(row: &Value, cell: &Value, compared: &mut BTreeMap<String, usize>) {
    assert_eq!(row["cell"], cell["cell"]);
    for (column, value) in row.as_object().expect("a row") {
        let tally = &cell["tally"];
        let told = match column.as_str() {
            "cell" | "cell_label" => continue,
            "start" => {
                assert_eq!(*value, cell["start"]);
                continue;
            }
            "context_lengths" => {
                assert_eq!(*value, tally[column], "{column} of {}", cell["label"]);
                *compared.entry(column.clone()).or_default() += 1;
                continue;
            }
            "sent" | "ok" => &tally["generations"][column],
            _ => figure(tally, column),
        };
        same(&format!("{column} of {}", cell["label"]), told, value.as_f64(), RELATIVE);
        *compared.entry(column.clone()).or_default() += 1;
    }
}

/// The figure behind a column such as `ttft_p90`.
fn figure<'r>(tally: &'r Value, column: &str) -> &'r Value {
    let (quantity, statistic) = column.rsplit_once('_').expect("a quantity and a statistic");
    let figures = tally["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["quantity"] == quantity);
    let figure = figure.unwrap_or_else(|| panic!("the report has no figure '{quantity}'"));
    if statistic == "pooled" { &figure["pooled"] } else { &figure["spread"][statistic] }
}

#[test]
fn the_ready_columns_are_what_the_report_pools() {
    let Some(python) = duckdb("reading the dataset with DuckDB") else { return };
    let run = &sample().1;
    let sql = "select cell, avg(g.ttft_ns) / 1e9 as ttft_mean, avg(g.decode_rate) as decode_rate_mean,
        median(g.tpot_ns) / 1e9 as tpot_p50, avg(g.queue_ns) / 1e9 as queue_mean,
        avg(g.server_residual_ns) / 1e9 as server_residual_mean, avg(g.ttft_warm_ns) / 1e9 as ttft_warm_mean,
        avg(g.prefill_rate) as prefill_rate_mean, avg(g.decode_rate_wall) as decode_rate_wall_mean,
        from 'trials.parquet' t join 'generations.parquet' g using (trial, attempt)
        where t.role = 'measured' and t.counted and t.findings = '' group by cell order by cell";
    let mut compared = BTreeMap::new();
    for (row, cell) in
        query(&python, &run.file("dataset"), sql).iter().zip(run.report()["cells"].as_array().expect("cells"))
    {
        assert_row(row, cell, &mut compared);
    }
    assert_eq!(compared.len(), 8);
}

#[test]
fn every_trial_and_every_generation_is_in_the_dataset() {
    let Some(python) = duckdb("counting the dataset's rows with DuckDB") else { return };
    let (_, run) = sample();
    // A record that is not trusted, as on a busy machine, makes its trial run again.
    let sql = "select (select count(*) from 'trials.parquet') >= 48 as attempts,
        (select count(distinct trial) from 'trials.parquet' where counted) as counted,
        (select count(*) from 'generations.parquet' where phase = 'measured') >= 96 as measured,
        (select count(*) from 'generations.parquet' g anti join 'trials.parquet' t using (trial, attempt)) as orphans,
        (select count(*) from 'loads.parquet' l anti join 'trials.parquet' t using (trial, attempt)) as loads,
        (select count(distinct trial) from 'loads.parquet') as loaded,
        (select count(*) from 'tokens.parquet' l anti join 'generations.parquet' g using (trial, attempt, generation)) as lines,
        (select count(distinct gpu_uuid) from 'gpu_samples.parquet') as gpus";
    let expected = serde_json::json!([
        {"attempts": true, "counted": 48, "measured": true, "orphans": 0, "loads": 0, "loaded": 48, "lines": 0,
         "gpus": 4}
    ]);
    assert_eq!(Value::Array(query(&python, &run.file("dataset"), sql)), expected);
}

#[test]
fn the_files_have_the_columns_that_the_document_lists() {
    let (_, run) = sample();
    let mut text = String::new();
    for table in TABLES {
        let path = run.file("dataset").join(format!("{}.parquet", table.name));
        let reader = SerializedFileReader::new(File::open(path).expect("the file")).expect("a Parquet file");
        let found: Vec<(String, Type, bool)> = reader
            .metadata()
            .file_metadata()
            .schema_descr()
            .columns()
            .iter()
            .map(|column| {
                let nullable = column.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
                (column.name().to_owned(), column.physical_type(), nullable)
            })
            .collect();
        let listed: Vec<_> = table
            .columns
            .iter()
            .map(|column| (column.name.to_owned(), physical(column), column.nullable))
            .collect();
        assert_eq!(found, listed, "columns of {}", table.name);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n### {}\nOne row is {}.\n\n| column | type | meaning |\n|---|---|---|\n",
            table.name, table.row
        );
        table.columns.iter().for_each(|column| text.push_str(&listing(column)));
    }
    text.push('\n');
    assert_generated(DOCUMENT, "columns", &text);
}

const fn physical(column: &Column) -> Type {
    match column.kind {
        Kind::Text => Type::BYTE_ARRAY,
        Kind::Integer => Type::INT64,
        Kind::Decimal => Type::DOUBLE,
        Kind::Boolean => Type::BOOLEAN,
    }
}

fn listing(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Decimal => "decimal",
        Kind::Boolean => "boolean",
    };
    let null = if column.nullable { ", null" } else { "" };
    format!("| `{}` | {kind}{null} | {} |\n", column.name, column.meaning.replace('|', "\\|"))
}
