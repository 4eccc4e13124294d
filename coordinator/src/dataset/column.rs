//! Columns, tables and values.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text (`VARCHAR`).
    Text,
    /// A signed 64-bit number (`BIGINT`).
    Integer,
    /// A 64-bit floating point number (`DOUBLE`).
    Decimal,
    /// true or false (`BOOLEAN`).
    Boolean,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name; the unit is its ending.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null: not known, not measured, or not supported.
    pub nullable: bool,
    /// What it means.
    pub meaning: &'static str,
}

/// One table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name; the file is `<name>.parquet`.
    pub name: &'static str,
    /// One row is one what.
    pub row: &'static str,
    /// Its columns in order.
    pub columns: &'static [Column],
}

/// A column that is always filled.
pub(super) const fn filled(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, nullable: false, meaning }
}

/// A column that may be null.
pub(super) const fn maybe(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, nullable: true, meaning }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
}

/// One row, in the order of its table's columns.
pub(super) type Row = Vec<Value>;

/// A text.
pub(super) fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A text or null.
pub(super) fn text_or_null<T: Into<String>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, text)
}

/// A number. One above 2^63 − 1 cannot be stored and is shown as unknown rather than wrong.
pub(super) fn integer<T: TryInto<i64>>(value: T) -> Value {
    value.try_into().map_or(Value::Null, Value::Integer)
}

/// A number or null.
pub(super) fn integer_or_null<T: TryInto<i64>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, integer)
}

/// A decimal or null.
pub(super) fn decimal_or_null(value: Option<f64>) -> Value {
    value.map_or(Value::Null, Value::Decimal)
}
