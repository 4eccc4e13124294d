//! A real node against a scripted model server and a scripted coordinator, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows them in test functions"
)]

mod coordinator;
mod outcomes;
mod real;
mod script;
mod server;
mod sessions;
mod stage;
mod timing;
