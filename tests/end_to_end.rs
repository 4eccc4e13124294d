//! The fleet from end to end: a whole run in one process, and a fleet of processes by the commands of the documents.
//!
//! | question | file |
//! |---|---|
//! | does `chimera dev` do what it says, and is every number of its report right? | `dev` |
//! | do the commands of docs/fleet.md work? | `fleet` |

#[path = "end_to_end/dev.rs"]
mod dev;
#[path = "end_to_end/fleet.rs"]
mod fleet;
#[path = "end_to_end/guide.rs"]
mod guide;
