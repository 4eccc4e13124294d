//! The HTTP side: connections, routes and answers.

mod admission;
pub(crate) mod body;
pub(crate) mod connection;
mod gate;
mod inquiry;
mod library;
pub(crate) mod listener;
pub(crate) mod respond;
mod router;
