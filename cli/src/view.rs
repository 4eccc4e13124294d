//! What the coordinator said, as plain values: made from the wire, drawn by [`crate::render`], printed as JSON.
//!
//! Wire types stop here. Every text from outside passes [`crate::text::clean`] here, so nothing behind this module can
//! hold a control character.

mod document;
mod forecast;
mod import;
mod node;
mod plan;
mod sweep;

pub use document::{Announced, Document, Files, Finished, Found, Problem, SimulatedServer, Simulation};
pub use forecast::{CostView, ForecastView};
pub use import::ImportView;
pub use node::{GpuView, ModelView, NodeView, SlotView};
pub use plan::{CellView, DuplicateView, PlanView};
pub use sweep::{SweepView, TrialsView};
