//! One Parquet file in the making: rows are gathered by column and written in row groups of bounded size.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as Parquet};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::column::{Column, Kind, Row, Table, Value};
use super::{DATASET_PROGRAM, DatasetError, FORMAT_VERSION, failed};

/// Most rows of a row group.
const GROUP_ROWS: usize = 64 * 1024;
/// Most bytes of text in a row group.
const GROUP_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// A file that takes rows.
pub(super) struct TableFile {
    table: &'static Table,
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    columns: Vec<Gathered>,
    rows: usize,
    text_bytes: usize,
}

/// Values of one column of the current row group. `levels` says for each row whether there is a value.
struct Gathered {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Decimal(Vec<f64>),
    Boolean(Vec<bool>),
}

impl TableFile {
    /// Creates `<table>.parquet` in `folder`.
    pub(super) fn create(folder: &Path, table: &'static Table) -> Result<Self, DatasetError> {
        let path = folder.join(format!("{}.parquet", table.name));
        let file = File::create(&path).map_err(failed(&path))?;
        let writer =
            schema(table).and_then(|schema| SerializedFileWriter::new(file, schema, Arc::new(properties())));
        let writer = writer.map_err(broken(&path))?;
        let columns = table.columns.iter().map(Gathered::of).collect();
        Ok(Self { table, path, writer, columns, rows: 0, text_bytes: 0 })
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: Row) -> Result<(), DatasetError> {
        let misfit = |column| DatasetError::Row { table: self.table.name, column };
        if row.len() != self.table.columns.len() {
            return Err(misfit("*"));
        }
        for ((column, gathered), value) in self.table.columns.iter().zip(&mut self.columns).zip(row) {
            if let Value::Text(text) = &value {
                self.text_bytes += text.len();
            }
            gathered.push(column, value).ok_or_else(|| misfit(column.name))?;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.text_bytes >= GROUP_TEXT_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes the rest and the footer, and flushes the file to the disk.
    pub(super) fn finish(mut self) -> Result<(), DatasetError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        let file = self.writer.into_inner().map_err(broken(&self.path))?;
        file.sync_all().map_err(failed(&self.path))
    }

    fn write_group(&mut self) -> Result<(), DatasetError> {
        (self.rows, self.text_bytes) = (0, 0);
        let fresh = self.table.columns.iter().map(Gathered::of).collect();
        let columns = std::mem::replace(&mut self.columns, fresh);
        write_columns(&mut self.writer, columns).map_err(broken(&self.path))
    }
}

fn write_columns(writer: &mut SerializedFileWriter<File>, columns: Vec<Gathered>) -> Parquet<()> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        let missing = || ParquetError::General("a column has no writer".into());
        let mut target = group.next_column()?.ok_or_else(missing)?;
        column.write(&mut target)?;
        target.close()?;
    }
    group.close().map(drop)
}

impl Gathered {
    fn of(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Text => Values::Text(Vec::new()),
            Kind::Integer => Values::Integer(Vec::new()),
            Kind::Decimal => Values::Decimal(Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    /// Adds a value; none when it is of another kind, or null where that is not allowed.
    fn push(&mut self, column: &Column, value: Value) -> Option<()> {
        match (&mut self.values, value) {
            (_, Value::Null) if column.nullable => {
                self.levels.push(0);
                return Some(());
            }
            (Values::Text(values), Value::Text(text)) => values.push(ByteArray::from(text.into_bytes())),
            (Values::Integer(values), Value::Integer(number)) => values.push(number),
            (Values::Decimal(values), Value::Decimal(number)) => values.push(number),
            (Values::Boolean(values), Value::Boolean(flag)) => values.push(flag),
            _ => return None,
        }
        self.levels.push(1);
        Some(())
    }

    fn write(&self, target: &mut SerializedColumnWriter<'_>) -> Parquet<()> {
        // A column that may not be null ignores the levels.
        let levels = Some(self.levels.as_slice());
        match (target.untyped(), &self.values) {
            (ColumnWriter::ByteArrayColumnWriter(to), Values::Text(values)) => {
                to.write_batch(values, levels, None)
            }
            (ColumnWriter::Int64ColumnWriter(to), Values::Integer(values)) => {
                to.write_batch(values, levels, None)
            }
            (ColumnWriter::DoubleColumnWriter(to), Values::Decimal(values)) => {
                to.write_batch(values, levels, None)
            }
            (ColumnWriter::BoolColumnWriter(to), Values::Boolean(values)) => {
                to.write_batch(values, levels, None)
            }
            _ => return Err(ParquetError::General("a column has a writer of another type".into())),
        }
        .map(drop)
    }
}

fn schema(table: &Table) -> Parquet<TypePtr> {
    let fields = table.columns.iter().map(|column| field(column).map(Arc::new));
    let fields = fields.collect::<Parquet<Vec<_>>>()?;
    Type::group_type_builder(table.name).with_fields(fields).build().map(Arc::new)
}

fn field(column: &Column) -> Parquet<Type> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Decimal => (Physical::DOUBLE, None),
        Kind::Boolean => (Physical::BOOLEAN, None),
    };
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let builder = Type::primitive_type_builder(column.name, physical);
    builder.with_logical_type(logical).with_repetition(repetition).build()
}

fn properties() -> WriterProperties {
    let version = KeyValue::new("chimera.format".to_owned(), FORMAT_VERSION.to_string());
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(DATASET_PROGRAM.to_owned())
        .set_key_value_metadata(Some(vec![version]))
        .build()
}

fn broken(path: &Path) -> impl FnOnce(ParquetError) -> DatasetError {
    let path = path.to_path_buf();
    move |source| DatasetError::Parquet { path, source }
}
