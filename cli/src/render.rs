//! Draws views as text. Pure: a view and a screen in, a text out.

mod facts;
mod forecast;
mod node;
mod plan;
mod progress;
mod sweep;
mod table;

pub use facts::Facts;
pub use forecast::forecast;
pub use node::{node_page, nodes_table};
pub use plan::plan_page;
pub use progress::{closing_line, progress_line};
pub use sweep::{sweep_page, sweeps_table};
pub use table::{Align, Table};
