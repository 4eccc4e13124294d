//! What the documents and examples show works: sweeps plan, configurations are accepted, commands parse, links lead
//! somewhere, and what is listed is what there is.
//!
//! | question | file |
//! |---|---|
//! | do sweep files and configurations hold? | `files` |
//! | are command lines accepted? | `commands` |
//! | do links lead somewhere, are messages quoted right? | `references` |

#[path = "examples/commands.rs"]
mod commands;
#[path = "examples/files.rs"]
mod files;
#[path = "examples/references.rs"]
mod references;

use chimera_tests::Document;

/// Every document that people read, from the root of the repository.
fn documents() -> Vec<Document> {
    Document::all_in(&[".", "docs", "docs/decisions", "tests/real"])
}
