//! The fleet under test: processes that end with the test, waits that are bounded, real parts that are named when they
//! are missing.
//!
//! | question | file |
//! |---|---|
//! | how is a daemon started and ended? | `process`; a whole fleet of them: `rig`, `simulated` |
//! | how does a command run to its end? | `command`, `dev` |
//! | how is something waited for? | `wait` |
//! | where do the real Ollama and DuckDB come from? | `real`, `query` |
//! | what did the coordinator store? | `store`; is it sound: `audit`, `parquet_rows` |
//! | what does a process log? | `log_tail` |
//! | what must a report say? | [`figures`] |
//! | what went over the wire to a model server? | [`proxy`] |
//! | what do the documents show? | `markdown`; parts made from the code: `bless` |

mod audit;
mod bless;
mod command;
mod dev;
pub mod figures;
pub mod http;
mod log_tail;
mod markdown;
mod parquet_rows;
mod process;
pub mod proxy;
mod query;
mod real;
mod rig;
mod simulated;
mod store;
mod wait;

pub use audit::{Audit, audit};
pub use bless::assert_generated;
pub use command::run;
pub use dev::{DevRun, RUN_LIMIT, fleet_file, run_dev};
pub use log_tail::{LogTail, field};
pub use markdown::{Block, Document, repository, shell_words};
pub use parquet_rows::{ParquetRow, boolean, integer, parquet_rows, text};
pub use process::{Running, binary, free_port};
pub use query::query;
pub use real::{RealOllama, duckdb, real_ollama};
pub use rig::{Daemon, NodePlan, PATIENCE, Rig, Told, chimera};
pub use simulated::Simulated;
pub use store::{StoredSweep, judged_blocks, stored_sweeps};
pub use wait::{WaitError, until};
