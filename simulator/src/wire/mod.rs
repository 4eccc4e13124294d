//! The bytes of the protocol: what comes in, what goes out.

pub(crate) mod binding;
pub(crate) mod call;
pub(crate) mod json;
pub(crate) mod keep_alive;
pub(crate) mod listing;
pub(crate) mod options;
pub(crate) mod records;
pub(crate) mod refusal;
pub(crate) mod show;
pub(crate) mod stamp;
