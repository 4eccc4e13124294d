//! Recordings of the earlier system: from a folder into a store, and back for reports.
//!
//! | question | file |
//! |---|---|
//! | which files are there? | `folder` |
//! | where does a line end? | `lines` |
//! | what is wrong with a line, and where? | `parse`, `fault` |
//! | which lines are taken? | `intake` |
//! | how do they come into the store? | `take` |
//! | how do they come back? | `stored` |
//! | what does a report on them look like? | `page`, `cells` |
//! | what can go wrong, and what to do about it? | `error` |

mod cells;
mod error;
mod fault;
mod folder;
mod intake;
mod lines;
mod page;
mod parse;
mod stored;
mod take;

pub use error::ImportError;
pub use fault::{Fault, FaultList, SHOWN_MAX};
pub use folder::FILE_MAX_BYTES;
pub use lines::LINE_MAX_BYTES;
pub use page::{aggregates_json, rendered_import};
pub use stored::{StoredImport, stored_import};
pub use take::{Taken, Wish, import};

#[cfg(test)]
mod tests;
