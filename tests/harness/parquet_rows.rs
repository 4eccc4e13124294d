//! Rows of the sealed Parquet files, by column name.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

/// One row.
pub type ParquetRow = BTreeMap<String, Field>;

/// All rows of a file.
///
/// # Panics
/// When it is no Parquet file.
#[must_use]
pub fn parquet_rows(path: &Path) -> Vec<ParquetRow> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row").into_columns().into_iter().collect()).collect()
}

/// A text column; `None` for null.
///
/// # Panics
/// When there is no such column, or it holds something else.
#[must_use]
pub fn text<'r>(row: &'r ParquetRow, column: &str) -> Option<&'r str> {
    match &row[column] {
        Field::Str(text) => Some(text),
        Field::Null => None,
        other => panic!("{column} is {other:?}"),
    }
}

/// A whole number; `None` for null.
///
/// # Panics
/// When there is no such column, or it holds something else.
#[must_use]
pub fn integer(row: &ParquetRow, column: &str) -> Option<i64> {
    match &row[column] {
        Field::Long(number) => Some(*number),
        Field::Int(number) => Some(i64::from(*number)),
        Field::Null => None,
        other => panic!("{column} is {other:?}"),
    }
}

/// A truth value.
///
/// # Panics
/// When there is no such column, or it holds something else.
#[must_use]
pub fn boolean(row: &ParquetRow, column: &str) -> bool {
    match &row[column] {
        Field::Bool(value) => *value,
        other => panic!("{column} is {other:?}"),
    }
}
