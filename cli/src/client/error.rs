//! What can go wrong between this program and a coordinator.

use crate::error::near_miss;

/// What a name should have named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A sweep.
    Sweep,
    /// A node.
    Node,
}

impl Thing {
    const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Node => "node",
        }
    }

    /// The command that lists them all.
    #[must_use]
    pub const fn listing(self) -> &'static str {
        match self {
            Self::Sweep => "chimera sweep list",
            Self::Node => "chimera nodes list",
        }
    }
}

/// What can go wrong between this program and a coordinator.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("'{url}' is not an address of a coordinator: {why}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing answers.
    #[error("the coordinator at {url} is not reachable")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The connection broke.
    #[error("the connection to the coordinator at {url} broke: {why}")]
    Lost {
        /// Its address.
        url: String,
        /// Why, as far as known.
        why: String,
    },
    /// No answer in time.
    #[error("the coordinator at {url} did not {call} within {seconds} s")]
    Late {
        /// Its address.
        url: String,
        /// What was asked.
        call: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// There is no such thing.
    #[error("there is no {} '{name}'", thing.name())]
    Unknown {
        /// What was looked for.
        thing: Thing,
        /// Its name as given.
        name: String,
        /// A name that exists and looks like it.
        near: Option<String>,
    },
    /// What was asked for is wrong in itself.
    #[error("the coordinator cannot {call}: {why}")]
    Invalid {
        /// What was asked.
        call: &'static str,
        /// In its words.
        why: String,
    },
    /// What was asked for does not go now.
    #[error("the coordinator does not {call} now: {why}")]
    NotNow {
        /// What was asked.
        call: &'static str,
        /// In its words.
        why: String,
    },
    /// It failed.
    #[error("the coordinator failed to {call}: {why}")]
    Failed {
        /// What was asked.
        call: &'static str,
        /// In its words.
        why: String,
    },
    /// It speaks something else.
    #[error("the coordinator at {url} sent {what}")]
    Garbled {
        /// Its address.
        url: String,
        /// What came.
        what: String,
    },
}

impl ClientError {
    /// There is no `name` among `names`.
    #[must_use]
    pub fn unknown(thing: Thing, name: &str, names: &[String]) -> Self {
        let near = near_miss(name, names.iter().map(String::as_str));
        Self::Unknown { thing, name: crate::text::clean(name), near: near.map(str::to_owned) }
    }

    /// Whether the same question may be answered in a moment.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Unreachable { .. } | Self::Late { .. })
    }

    /// Whether the question was wrong, and not the world.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Address { .. } | Self::Invalid { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Address { .. } => {
                "give it as --coordinator http://HOST:PORT or in CHIMERA_COORDINATOR".to_owned()
            }
            Self::Unreachable { .. } => {
                "start it with `chimera-coordinator`, name another with --coordinator URL, \
                 or try everything on this machine with `chimera dev`"
                    .to_owned()
            }
            Self::Lost { .. } => "sweeps go on without this program: ask again in a moment".to_owned(),
            Self::Late { .. } => "ask again; if it stays so, look at the coordinator's log".to_owned(),
            Self::Unknown { thing, near: None, .. } => format!("list what there is: {}", thing.listing()),
            Self::Unknown { near: Some(near), .. } => format!("did you mean '{near}'?"),
            Self::Invalid { .. } => "change the sweep file or the arguments, then try again".to_owned(),
            Self::NotNow { .. } => {
                "look at `chimera nodes list` and `chimera sweep list`, then try again".to_owned()
            }
            Self::Failed { .. } => "look at the coordinator's log".to_owned(),
            Self::Garbled { .. } => "use `chimera` and `chimera-coordinator` of the same version".to_owned(),
        }
    }
}
