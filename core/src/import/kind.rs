//! The files of a recording.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A file of a recording; what it holds is told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingFile {
    /// One LLM call per line.
    Calls,
    /// One run per line: two agents, or one agent of a solo run.
    Runs,
    /// One agent per line, of which only its own aggregate was kept.
    AgentAggregates,
    /// One single call of a parameter sweep per line.
    Tr108Sweep,
}

impl RecordingFile {
    /// Every file, in the order in which they are read.
    pub const ALL: [Self; 4] = [Self::Calls, Self::Runs, Self::AgentAggregates, Self::Tr108Sweep];

    /// The name of the file in a folder of recordings.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Calls => "calls.jsonl",
            Self::Runs => "runs.jsonl",
            Self::AgentAggregates => "agent-aggregates.jsonl",
            Self::Tr108Sweep => "tr108-sweep.jsonl",
        }
    }

    /// The file of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.file_name() == name)
    }
}

impl fmt::Display for RecordingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.file_name())
    }
}
