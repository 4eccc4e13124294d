//! The fleet under test: processes that end with the test, waits that are bounded, real parts that are named when they
//! are missing.

mod process;
mod real;
mod wait;

pub use process::{Running, binary, free_port};
pub use real::{RealOllama, duckdb, real_ollama};
pub use wait::{WaitError, until};
