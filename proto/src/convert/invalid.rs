//! Why a message is refused.

use std::fmt;

/// A message breaks a limit of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field '{field}': {reason}")]
pub struct Invalid {
    /// Path of the field from the outermost message, such as `slots[2].gpus[0].uuid`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Invalid {
    /// A refusal of `field`.
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// The same refusal, seen from the message that holds the refused one as `parent`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        let Self { field, reason } = self;
        let field = match field.as_str() {
            "" => parent.to_owned(),
            index if index.starts_with('[') => format!("{parent}{index}"),
            inner => format!("{parent}.{inner}"),
        };
        Self { field, reason }
    }

    /// The same refusal, seen from the list that holds the refused message at `index`.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

/// Results whose refusal can be prefixed with the path to it.
pub trait Within<T> {
    /// Prefixes the path of a refusal with `parent`.
    ///
    /// # Errors
    /// The refusal that was there before, with the longer path.
    fn within(self, parent: &str) -> Result<T, Invalid>;
}

impl<T> Within<T> for Result<T, Invalid> {
    fn within(self, parent: &str) -> Self {
        self.map_err(|invalid| invalid.within(parent))
    }
}
