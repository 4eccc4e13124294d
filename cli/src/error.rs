//! How a command ends. Every failure that a person can cause has an exit code and a remedy.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed: trials, the fleet, the network, the disk |
//! | 2 | usage: the command line or a file is wrong |
//! | 3 | a gate is not met (reserved) |
//! | 130 | interrupted by Ctrl-C |

mod near_miss;
mod print;

use std::path::PathBuf;

pub use near_miss::near_miss;
pub use print::{print_failure, problem};

use crate::client::ClientError;
use crate::dev::DevError;
use crate::import::ImportError;
use crate::sweep_file::SweepFileErrors;

/// How a command ended that did what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Done,
    /// It ran to its end, and what it ran is not all good: some trials gave no result. Already said.
    Incomplete,
    /// A person ended it with Ctrl-C. Already said.
    Interrupted,
}

/// Why a command could not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An argument is wrong in a way that clap cannot see.
    #[error("{problem}")]
    Argument {
        /// What is wrong.
        problem: String,
        /// What to type instead.
        remedy: String,
    },
    /// The sweep file is wrong.
    #[error("the sweep file cannot be used\n{0}")]
    SweepFile(SweepFileErrors),
    /// The price file is wrong.
    #[error("the price file cannot be used\n{0}")]
    PriceFile(SweepFileErrors),
    /// The fleet file is wrong.
    #[error("the fleet file {} cannot be used", path.display())]
    FleetFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: chimera_simulator::FleetError,
    },
    /// A file that was named cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// stdout cannot be written, and not because its reader went away.
    #[error("the output cannot be written")]
    Output(#[source] std::io::Error),
    /// The report is not of a form that this program knows.
    #[error("the report of '{sweep}' cannot be understood")]
    ForeignReport {
        /// The sweep.
        sweep: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The runtime cannot start.
    #[error("threads cannot be started")]
    Runtime(#[source] std::io::Error),
    /// The coordinator.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The fleet on this machine.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// An import, or a report on one.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The simulated servers.
    #[error("the simulated servers cannot start")]
    Simulator(#[source] chimera_simulator::FleetError),
}

/// The exit code of a command. Nothing else decides one, but for clap's own complaints about the command line: 2.
#[must_use]
pub fn exit_code(result: &Result<Ending, Failure>) -> u8 {
    match result {
        Ok(Ending::Done) => 0,
        Ok(Ending::Incomplete) => 1,
        Ok(Ending::Interrupted) => 130,
        Err(failure) if failure.is_usage() => 2,
        Err(_) => 1,
    }
}

impl Failure {
    /// Whether the command line or a file that it names is wrong.
    fn is_usage(&self) -> bool {
        match self {
            Self::Argument { .. }
            | Self::SweepFile(_)
            | Self::PriceFile(_)
            | Self::FleetFile { .. }
            | Self::Read { .. } => true,
            Self::Client(error) => error.is_usage(),
            Self::Dev(error) => error.is_usage(),
            Self::Import(error) => error.is_usage(),
            Self::Write { .. }
            | Self::Output(_)
            | Self::ForeignReport { .. }
            | Self::Random(_)
            | Self::Runtime(_)
            | Self::Simulator(_) => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let fixed = match self {
            Self::Argument { remedy, .. } => remedy,
            Self::SweepFile(_) => "correct what is named above; `chimera schema sweep` tells the whole form",
            Self::PriceFile(_) => "correct what is named above; `chimera schema prices` tells the whole form",
            Self::FleetFile { .. } => "correct the file, or leave it out to simulate the default fleet",
            Self::Read { .. } => "check the path",
            Self::Write { .. } => "check the path, its rights, and the space on the disk",
            Self::ForeignReport { .. } => "use `chimera` and `chimera-coordinator` of the same version",
            Self::Simulator(_) => "choose other ports with --port-base, or leave it out to take free ones",
            Self::Client(error) => return Some(error.remedy()),
            Self::Dev(error) => return error.remedy(),
            Self::Import(error) => return error.remedy(),
            Self::Output(_) | Self::Random(_) | Self::Runtime(_) => return None,
        };
        Some(fixed.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Thing;

    fn samples() -> Vec<(Failure, u8)> {
        let io = || std::io::Error::other("disk on fire");
        let path = || PathBuf::from("x");
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        let unknown = ClientError::Unknown { thing: Thing::Sweep, name: "a".to_owned(), near: None };
        vec![
            (Failure::Argument { problem: "p".to_owned(), remedy: "r".to_owned() }, 2),
            (Failure::Read { path: path(), source: io() }, 2),
            (Failure::Write { path: path(), source: io() }, 1),
            (Failure::ForeignReport { sweep: "a".to_owned(), source: json }, 1),
            (unknown.into(), 1),
            (ClientError::Invalid { call: "plan a sweep", why: "no".to_owned() }.into(), 2),
            (ClientError::NotNow { call: "plan a sweep", why: "no".to_owned() }.into(), 1),
            (DevError::NoModel { url: "http://a".to_owned() }.into(), 1),
            (DevError::NoStore { path: path() }.into(), 2),
            (DevError::NoAnswer { url: "http://a".to_owned(), source: io() }.into(), 1),
            (DevError::NotReady { seconds: 1, missing: vec!["a".to_owned()] }.into(), 1),
        ]
    }

    #[test]
    fn every_failure_has_its_code_and_a_remedy() {
        for (failure, code) in samples() {
            assert!(failure.remedy().is_some_and(|words| !words.is_empty()), "{failure}");
            assert_eq!(exit_code(&Err(failure)), code);
        }
    }

    #[test]
    fn endings_have_their_codes() {
        let endings = [(Ending::Done, 0), (Ending::Incomplete, 1), (Ending::Interrupted, 130)];
        assert!(endings.into_iter().all(|(ending, code)| exit_code(&Ok(ending)) == code));
    }

    #[test]
    fn causes_are_told_once() {
        let failure = Failure::Write { path: "x".into(), source: std::io::Error::other("disk on fire") };
        let told = problem(&failure, 1);
        assert_eq!(
            (told.message.as_str(), told.causes),
            ("x cannot be written", vec!["disk on fire".to_owned()])
        );
    }
}
