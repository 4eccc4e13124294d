//! The model server as this node speaks to it: transport, wire shapes, and the facts that differ by version.

pub(crate) mod api;
pub(crate) mod dialect;
pub(crate) mod exchange;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod request;
pub(crate) mod stamp;
