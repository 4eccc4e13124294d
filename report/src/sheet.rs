//! A table before it is drawn: columns with rank and unit, cells as text.

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// First line of the header.
    pub(crate) title: String,
    /// Second line: statistic and unit; may be empty.
    pub(crate) sub: String,
    /// Numbers stand at the right.
    pub(crate) numeric: bool,
    /// 0 is never dropped; the largest rank is dropped first when there is no room.
    pub(crate) rank: u8,
}

impl Column {
    /// A column of texts that is never dropped.
    pub(crate) fn words(title: &str) -> Self {
        Self { title: title.to_owned(), sub: String::new(), numeric: false, rank: 0 }
    }

    /// A column of numbers.
    pub(crate) fn numbers(title: &str, sub: &str, rank: u8) -> Self {
        Self { title: title.to_owned(), sub: sub.to_owned(), numeric: true, rank }
    }

    /// With another rank.
    pub(crate) fn ranked(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Header in one line.
    pub(crate) fn header(&self) -> String {
        if self.sub.is_empty() { self.title.clone() } else { format!("{} {}", self.title, self.sub) }
    }
}

/// A table, stored by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    columns: Vec<(Column, Vec<String>)>,
    /// Rows of little weight; empty = none.
    faint: Vec<bool>,
}

impl Sheet {
    /// Adds a column. Untrusted cells must be made inert by the renderer.
    pub(crate) fn push(&mut self, column: Column, cells: Vec<String>) {
        self.columns.push((column, cells));
    }

    /// Adds a column unless all its cells are absent.
    pub(crate) fn push_if_any(&mut self, column: Column, cells: Vec<String>) {
        if cells.iter().any(|cell| cell != crate::number::ABSENT) {
            self.push(column, cells);
        }
    }

    /// Says which rows are of little weight: a terminal draws them faint.
    pub(crate) fn make_faint(&mut self, rows: Vec<bool>) {
        self.faint = rows;
    }

    /// Whether a row is of little weight.
    pub(crate) fn is_faint(&self, row: usize) -> bool {
        self.faint.get(row).copied().unwrap_or(false)
    }

    /// Number of rows.
    pub(crate) fn height(&self) -> usize {
        self.columns.first().map_or(0, |(_, cells)| cells.len())
    }

    /// Columns in order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().map(|(column, _)| column)
    }

    /// Rows in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Vec<&str>> {
        (0..self.height()).map(|row| {
            self.columns.iter().map(|(_, cells)| cells.get(row).map_or("", String::as_str)).collect()
        })
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.height() == 0
    }

    /// Whether there is a column besides those of rank 0 texts.
    pub(crate) fn has_numbers(&self) -> bool {
        self.columns().any(|column| column.numeric)
    }

    /// Takes away the column of the largest rank, the rightmost of equals, and says its header; `None` when only columns
    /// of rank 0 are left.
    pub(crate) fn drop_one(&mut self) -> Option<String> {
        let (index, rank) =
            self.columns().map(|column| column.rank).enumerate().max_by_key(|(_, rank)| *rank)?;
        (rank > 0).then(|| self.columns.remove(index).0.header())
    }
}
