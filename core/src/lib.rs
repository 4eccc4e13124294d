//! Nouns and decisions of Chimera Fleet.
//!
//! **Admission rule.** A type belongs here when it is a noun of the domain or a decision about one. Nothing in this
//! crate does I/O, reads a clock, spawns a task or is `async`: time is an argument ([`unit::Moment`]), randomness comes
//! from one seed with a named child stream per purpose ([`seed::Seed`]). The dependency list is kept so short that
//! tokio, tonic and prost cannot be named; `tests/structure.rs` checks that it stays so.
//!
//! | question | module |
//! |---|---|
//! | what does an operator ask for? | [`sweep`], [`axis`], [`option`], [`workload`], [`predicate`], [`design`] |
//! | what will run, in which order? | [`plan`] |
//! | where does a trial run, and what happens when things break? | [`scheduler`] |
//! | what did a node observe? | [`node`], [`gpu`], [`entry`], [`record`], [`clock_offset`] |
//! | how did it end? | [`outcome`] |
//! | may a record be trusted? | [`validity`] |
//! | what was recorded by the earlier system? | [`import`] |
//! | what do the numbers mean? | [`quantity`], [`stats`], [`compare`], [`report`] |
//! | has a sweep seen enough? | [`enough`] |

pub mod axis;
pub mod clock_offset;
pub mod compare;
pub mod design;
pub mod enough;
pub mod entry;
pub mod gpu;
pub mod id;
pub mod import;
pub mod node;
pub mod option;
pub mod outcome;
pub mod plan;
pub mod predicate;
pub mod quantity;
pub mod record;
pub mod report;
pub mod scheduler;
pub mod seed;
pub mod stats;
pub mod sweep;
pub mod unit;
pub mod validity;
pub mod workload;
