//! Descriptions: what a fleet is made of, before it runs.

pub(crate) mod catalogue;
mod defaults;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod fleet;
pub(crate) mod gpu;
pub(crate) mod model;
pub(crate) mod server;
