//! What the operator asks for.

use crate::axis::Axes;
use crate::design::Design;
use crate::id::Name;
use crate::option::Options;
use crate::predicate::Predicate;
use crate::seed::Seed;
use crate::workload::Workload;

/// Most blocks of one sweep.
pub const REPETITIONS_MAX: u32 = 10_000;

/// Name of a model as the server knows it: 1 to 256 printable characters without spaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName(std::sync::Arc<str>);

/// Why a text is not a [`ModelName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is not a model name: use 1 to 256 printable characters without spaces, such as 'gemma3:latest'"
)]
pub struct InvalidModelName {
    /// The refused text, cut at 80 characters.
    pub text: String,
}

impl ModelName {
    /// Checks `text` and wraps it.
    ///
    /// # Errors
    /// [`InvalidModelName`] when it is empty, too long, or holds spaces or control characters.
    pub fn new(text: &str) -> Result<Self, InvalidModelName> {
        let printable = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
        if (1..=256).contains(&text.len()) && printable {
            Ok(Self(text.into()))
        } else {
            Err(InvalidModelName { text: text.chars().filter(|c| !c.is_control()).take(80).collect() })
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `listed`, a name from the server's list, is this model. The server adds `:latest` to a bare name.
    #[must_use]
    pub fn matches(&self, listed: &str) -> bool {
        listed == self.as_str() || listed.strip_suffix(":latest") == Some(self.as_str())
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// On which slots the cells of a sweep run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// Every matching slot runs every cell in every block: compare GPUs.
    EachGpu,
    /// Each cell once per block, on any matching slot: go fast.
    Any,
    /// Each cell once per block, on a fixed slot per block that rotates over the matching slots.
    Spread,
}

impl Placement {
    /// The name in sweep files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EachGpu => "each-gpu",
            Self::Any => "any",
            Self::Spread => "spread",
        }
    }

    /// The placement of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::EachGpu, Self::Any, Self::Spread].into_iter().find(|placement| placement.name() == name)
    }
}

/// What the operator asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// Wished name; the coordinator appends a number when it is taken.
    pub name: Name,
    /// Words for people, at most 4 KiB.
    pub description: String,
    /// Cells, as axes.
    pub axes: Axes,
    /// Options of every cell that its axes do not set.
    pub defaults: Options,
    /// What each trial does.
    pub workload: Workload,
    /// On which slots.
    pub placement: Placement,
    /// Which slots may be used; absent = all.
    pub predicate: Option<Predicate>,
    /// Blocks: each runs every cell once per placement target; the most of them where the design has a stop rule. 1 to [`REPETITIONS_MAX`].
    pub repetitions: u32,
    /// Seed of orders, prompts and sampling; absent = drawn at submission and recorded.
    pub seed: Option<Seed>,
    /// How it is laid out beyond its cells.
    pub design: Design,
}
