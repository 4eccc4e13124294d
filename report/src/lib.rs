//! Pure renderers: one [`Report`](chimera_core::report::Report) becomes text for a terminal, Markdown, JSON or CSV.
//!
//! Nothing is computed here: figures are only scaled, rounded and laid out. Every unit stands in a header; what is absent
//! is shown as `–`. Texts that came from nodes, servers and models are untrusted: each renderer makes them inert
//! ([`text`]).
//!
//! | question | file |
//! |---|---|
//! | which tables are there? | [`sheet`], [`tables`]; of the conclusions: [`shown`] |
//! | what did the sweep take? | [`expense`] |
//! | how is a number written? | [`number`] |
//! | how is hostile text made inert? | [`text`] |
//! | what does each format look like? | [`terminal`], [`markdown`], [`json`], [`tidy`] |

mod expense;
mod json;
mod markdown;
mod number;
mod sheet;
mod shown;
mod statistic;
mod tables;
mod terminal;
mod text;
mod tidy;

pub use json::{json_schema, render_json};
pub use markdown::render_markdown;
pub use terminal::render_terminal;
pub use tidy::render_csv;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
