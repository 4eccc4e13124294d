//! Where output goes: results to stdout, progress and complaints to stderr; in text or JSON, with colours only where a
//! person sees them.

use std::io::{IsTerminal as _, Write as _};

use crate::args::{GlobalArgs, OutputForm};
use crate::error::Failure;
use crate::view::Document;

/// Columns when stdout is no terminal: tables are not cut in files and pipes.
const UNBOUNDED: usize = 10_000;
/// Columns of a report when stdout is no terminal.
const REPORT_COLUMNS: usize = 100;

/// Meaning of a coloured text. Colour never is the only sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A heading or a key.
    Strong,
    /// Less important.
    Dim,
    /// All is well.
    Good,
    /// Worth a look.
    Wary,
    /// Wrong.
    Bad,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Wary => "33",
            Self::Bad => "31",
        }
    }
}

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    json: bool,
    verbose: bool,
    colour_out: bool,
    colour_err: bool,
    bars: bool,
    columns: Option<usize>,
}

impl Screen {
    /// The screen of this process.
    #[must_use]
    pub fn of_process(global: &GlobalArgs) -> Self {
        let colour = !global.no_color
            && !is_set("NO_COLOR")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let width = terminal_size::terminal_size_of(&out).or_else(|| terminal_size::terminal_size_of(&err));
        Self {
            json: global.output == OutputForm::Json,
            verbose: global.verbose > 0,
            colour_out: colour && out.is_terminal(),
            colour_err: colour && err.is_terminal(),
            bars: err.is_terminal(),
            columns: width.filter(|_| out.is_terminal()).map(|(columns, _)| usize::from(columns.0)),
        }
    }

    /// A screen for tests: no colour, no bars, `columns` wide.
    #[must_use]
    pub const fn plain(columns: usize) -> Self {
        Self {
            json: false,
            verbose: false,
            colour_out: false,
            colour_err: false,
            bars: false,
            columns: Some(columns),
        }
    }

    /// Whether programs read along.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether stdout may be coloured.
    #[must_use]
    pub const fn is_coloured(&self) -> bool {
        self.colour_out
    }

    /// Whether progress may be drawn over itself. Not while a log is written to the same terminal.
    #[must_use]
    pub const fn draws_bars(&self) -> bool {
        self.bars && !self.verbose && !self.json
    }

    /// Columns for tables.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns.unwrap_or(UNBOUNDED)
    }

    /// Columns for reports and flowing text, which need an end even in a file.
    #[must_use]
    pub fn report_columns(&self) -> usize {
        self.columns.unwrap_or(REPORT_COLUMNS)
    }

    /// `text` in the colour of `tone`, for stdout.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        painted(self.colour_out, tone, text)
    }

    /// `text` in the colour of `tone`, for stderr.
    #[must_use]
    pub fn err_paint(&self, tone: Tone, text: &str) -> String {
        painted(self.colour_err, tone, text)
    }

    /// Prints a result as text, or `document` where programs read along.
    ///
    /// # Errors
    /// [`Failure::Output`] when stdout cannot be written.
    pub fn show(&self, text: impl FnOnce() -> String, document: &Document) -> Result<(), Failure> {
        if self.json { self.print_json(document) } else { self.print(&text()) }
    }

    /// Prints `text` for people only; programs get nothing.
    ///
    /// # Errors
    /// [`Failure::Output`] when stdout cannot be written.
    pub fn tell(&self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.print(text) }
    }

    /// Prints `document` on one line.
    ///
    /// # Errors
    /// [`Failure::Output`] when stdout cannot be written.
    pub fn print_json(&self, document: &Document) -> Result<(), Failure> {
        let line = serde_json::to_string(document).map_err(|error| Failure::Output(error.into()))?;
        self.print(&line)
    }

    /// Prints `text` as it is, with a line end if it has none.
    ///
    /// # Errors
    /// [`Failure::Output`] when stdout cannot be written.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(end.as_bytes()))
            .and_then(|()| out.flush())
            .map_err(Failure::Output)
    }

    /// Prints a line to stderr. A closed stderr is no reason to fail.
    pub fn complain(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

fn painted(colour: bool, tone: Tone, text: &str) -> String {
    if colour { format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code()) } else { text.to_owned() }
}

/// As no-color.org says: set and not empty.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}
