//! The coordinator: schedules trials on nodes, keeps the journal and the records, answers operators.
//!
//! ```text
//!   nodes ──stream──> gateway ──events──> driver ──commands──> gateway ──stream──> nodes
//!                        │                  │ ▲
//!                        └──batches──> store┘ └──── operator <──calls── people
//!                                        └──records──> reports, datasets
//! ```
//!
//! Starting is split in two, so that tests, `chimera dev` and the daemon use the same start-up:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use chimera_coordinator::{Config, Coordinator, Parts};
//!
//! let coordinator = Coordinator::build(Config::default(), Parts::default()).await?;
//! println!("listening on {}", coordinator.local_addr());
//! coordinator.serve(async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await?;
//! # Ok(()) }
//! ```
//!
//! | question | module |
//! |---|---|
//! | how is it configured? | [`config`] |
//! | how does it start and stop? | `coordinator`, `server` |
//! | who decides? | `driver` |
//! | how do nodes come in? | `gateway` |
//! | how do people come in? | `operator` |
//! | has a sweep seen enough? | `blocks` |
//! | what survives a crash? | `store` |
//! | what is left of a sweep? | [`dataset`], `records` |
//! | how is a store read without a coordinator? | `offline` |

mod blocks;
mod clock;
pub mod config;
mod coordinator;
pub mod dataset;
mod driver;
mod gateway;
mod offline;
mod operator;
mod records;
mod server;
mod store;

pub use config::{Config, ConfigError, Limits};
pub use coordinator::{Coordinator, Parts, ServeError, StartError, Stopped};
pub use driver::RecoverError;
pub use offline::{OfflineError, stored_report};
pub use store::imports::{Draft, ImportEntry, ImportedRow, Imports, ImportsError};
pub use store::lock::{LOCK_FILE, LockError};
pub use store::{DATABASE_FILE, StoreError};
