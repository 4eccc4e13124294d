//! What came of an import.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImportView {
    /// Its name.
    pub name: String,
    /// Where its figures come from: always `imported`.
    pub provenance: String,
    /// The same rows were there under the same name before; nothing was written.
    pub already_there: bool,
    /// Rows by file.
    pub rows: BTreeMap<String, u64>,
    /// Files that are not in the folder.
    pub absent: Vec<String>,
    /// Lines that were left out.
    pub left_out: u64,
    /// The first of them: file, line, and what is wrong.
    pub first_left_out: Vec<String>,
}
