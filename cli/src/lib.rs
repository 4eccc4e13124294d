//! The `chimera` command.
//!
//! | question | module |
//! |---|---|
//! | what can be typed? | [`args`] |
//! | what does a command do? | [`command`], [`dev`] |
//! | how is the coordinator asked? | [`client`] |
//! | what is shown? | [`view`] (values, JSON shapes), [`render`] (text), [`progress`] |
//! | where does output go? | [`screen`] |
//! | how does a command end, with which exit code? | [`error`] |
//! | what is in a sweep file? | [`sweep_file`] |
//! | what is in recordings of the earlier system? | [`import`] |

pub mod args;
pub mod client;
pub mod command;
pub mod dev;
pub mod error;
pub mod follow;
pub mod import;
pub mod interrupt;
pub mod progress;
pub mod render;
pub mod screen;
mod start;
pub mod sweep_file;
pub mod text;
pub mod view;

pub use start::main;
