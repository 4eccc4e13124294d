//! Questions to DuckDB, which comes from PyPI and lives in the real parts' Python environment.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::command::run;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs each statement of the file and prints the rows of the last one as a JSON array of objects.
const PROGRAM: &str = r#"
import sys, json, duckdb
relation = duckdb.sql(open(sys.argv[1], encoding="utf-8").read())
print(json.dumps([dict(zip(relation.columns, row)) for row in relation.fetchall()], default=str))
"#;

/// The rows that DuckDB answers to `sql`, asked in `folder`: `'trials.parquet'` is the file of that name in it.
///
/// # Panics
/// When DuckDB refuses the question.
#[must_use]
pub fn query(python: &Path, folder: &Path, sql: &str) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), sql).expect("a file for the question");
    let mut command = Command::new(python);
    command.args(["-c", PROGRAM]).arg(file.path()).current_dir(folder);
    let answer = run(command, LIMIT);
    assert_eq!(answer.code, 0, "{}\n{sql}", answer.err);
    match answer.json() {
        Value::Array(rows) => rows,
        other => panic!("not rows: {other}"),
    }
}
