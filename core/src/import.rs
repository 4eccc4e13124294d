//! Recordings of the earlier system: rows, checks, aggregates.
//!
//! An import keeps what was recorded and nothing else. Its rates are N / decode, which are not ours ((N − 1) / decode,
//! F24), so they have a name of their own, `upstream_rate`; its "speedup" is none (F1) and is called `overlap_index`
//! wherever we choose the word. The one exception is [`Aggregates`], whose keys are those of the shape it follows.
//!
//! | question | file |
//! |---|---|
//! | which files are there, and what is in a row? | `kind`, `row`, `recorded`, `options` |
//! | which row cannot be? | `check` (in itself), `ledger` (beside the others) |
//! | what are the figures of some calls, of some runs? | `calls`, `line`, `runs` |
//! | what are all the figures? | `aggregates` |
//! | what does a report on an import show? | `summary` |
//! | how are rows summarised? | `spread`, `total`, `student` |

mod aggregates;
mod calls;
mod check;
mod kind;
mod ledger;
mod line;
mod options;
mod recorded;
mod row;
mod runs;
mod spread;
mod student;
mod summary;
mod total;

pub use aggregates::{AgentFigures, Aggregates, ConfigFigures, DEFINITIONS, aggregates};
pub use calls::{CallFigures, CallSums, CallThroughput};
pub use check::{COUNT_MAX, Impossible, check};
pub use kind::RecordingFile;
pub use ledger::{Contradiction, Ledger};
pub use line::MetricsLine;
pub use options::{OptionScalar, Options};
pub use recorded::Recorded;
pub use row::{AgentRow, CallRow, Recording, Row, RunAgent, RunRow, SingleCallRow};
pub use runs::{Goodput, RunFigures, SERIAL_RUNTIME};
pub use spread::{Figure, Spread, SpreadRows};
pub use summary::{
    AgentSummary, ConfigSummary, ImportSummary, LoadSplit, Middle, RecordingCounts, SingleCallSummary,
    StageSummary, summarise,
};

/// A call with at least this load time met a model that was not loaded.
pub const COLD_MS: f64 = 1_000.0;
/// A call with fewer tokens than this, and any, is short.
pub const SHORT_TOKENS: u64 = 50;
