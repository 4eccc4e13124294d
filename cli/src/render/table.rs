//! Tables as `kubectl` and `nomad` draw them: headings in capitals, two spaces between columns, no lines. A table that
//! is too wide has its widest flexible columns cut, and a cut text ends in `…`.

use crate::screen::{Screen, Tone};

const GAP: &str = "  ";
/// A column is not cut below this.
const COLUMN_MIN: usize = 8;

/// On which side a column is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

#[derive(Debug)]
struct Column {
    heading: String,
    align: Align,
}

#[derive(Debug)]
struct Cell {
    text: String,
    tone: Option<Tone>,
}

/// A table under construction.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let column =
            |(heading, align): &(&str, Align)| Column { heading: heading.to_uppercase(), align: *align };
        Self { columns: columns.iter().map(column).collect(), rows: Vec::new(), indent: 0 }
    }

    /// The same table, moved right by `indent` columns.
    #[must_use]
    pub const fn indented(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// Adds a row. Missing cells are empty.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|text| Cell { text, tone: None }).collect());
    }

    /// Adds a row of any length.
    pub fn row_of(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|text| Cell { text, tone: None }).collect());
    }

    /// Colours a cell of the last row.
    pub fn tone(&mut self, column: usize, tone: Option<Tone>) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            cell.tone = tone;
        }
    }

    /// The table as text, without a line end after the last row.
    #[must_use]
    pub fn draw(&self, screen: &Screen) -> String {
        let widths = self.widths(screen.columns());
        let headings = self.columns.iter().map(|column| (column.heading.as_str(), Some(Tone::Dim)));
        let mut lines = vec![self.line(screen, &widths, headings)];
        for row in &self.rows {
            lines.push(self.line(screen, &widths, row.iter().map(|cell| (cell.text.as_str(), cell.tone))));
        }
        lines.join("\n")
    }

    fn widths(&self, available: usize) -> Vec<usize> {
        let widest = |index: usize, column: &Column| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| length(&cell.text));
            cells.chain([length(&column.heading)]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(index, column)| widest(index, column)).collect();
        let gaps = self.indent + GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > available {
            match self.widest_flexible(&widths) {
                Some(index) => widths[index] -= 1,
                None => break,
            }
        }
        widths
    }

    /// Numbers are never cut: a cut number is another number.
    fn widest_flexible(&self, widths: &[usize]) -> Option<usize> {
        let flexible = |index: &usize| {
            let column = self.columns.get(*index);
            column.is_some_and(|column| {
                column.align == Align::Left && widths[*index] > COLUMN_MIN.max(length(&column.heading))
            })
        };
        (0..widths.len()).filter(flexible).max_by_key(|index| widths[*index])
    }

    fn line<'a>(
        &self,
        screen: &Screen,
        widths: &[usize],
        cells: impl Iterator<Item = (&'a str, Option<Tone>)>,
    ) -> String {
        let mut line = " ".repeat(self.indent);
        for (index, (text, tone)) in cells.enumerate().take(widths.len()) {
            if index > 0 {
                line.push_str(GAP);
            }
            let text = cut(text, widths[index]);
            let pad = " ".repeat(widths[index].saturating_sub(length(&text)));
            let painted = tone.map_or_else(|| text.clone(), |tone| screen.paint(tone, &text));
            match self.columns[index].align {
                Align::Left => line.extend([painted, pad]),
                Align::Right => line.extend([pad, painted]),
            }
        }
        line.trim_end().to_owned()
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fruit() -> Table {
        let mut table =
            Table::new(&[("name", Align::Left), ("pieces", Align::Right), ("where", Align::Left)]);
        table.row(["apple".to_owned(), "7".to_owned(), "in the basket beside the door".to_owned()]);
        table.row(["fig".to_owned(), "1200".to_owned(), String::new()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let drawn = fruit().draw(&Screen::plain(80));
        assert_eq!(
            drawn,
            "NAME   PIECES  WHERE\napple       7  in the basket beside the door\nfig      1200"
        );
    }

    #[test]
    fn a_narrow_screen_cuts_words_and_no_numbers() {
        let drawn = fruit().draw(&Screen::plain(30));
        assert!(drawn.lines().all(|line| length(line) <= 30), "{drawn}");
        assert!(drawn.contains("1200") && drawn.contains("in the basket …"), "{drawn}");
    }
}
