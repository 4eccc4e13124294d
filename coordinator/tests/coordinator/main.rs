//! The coordinator over real sockets, with scripted nodes and operators. Waits are for levels and always bounded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

mod dataset;
mod durability;
mod forecast;
mod offline;
mod operators;
mod sessions;
mod start;
mod world;
