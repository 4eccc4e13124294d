//! Names and numbers that identify things. Every constructor checks; a value that exists is valid.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Longest accepted name, in bytes.
pub const NAME_MAX: usize = 63;

/// Longest accepted GPU UUID, in bytes (NVML buffers hold 96).
pub const GPU_UUID_MAX: usize = 96;

/// A name that is safe in a path, a label and a URL: `[a-z0-9-]{1,63}`, not starting or ending with `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a name: use 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'")]
pub struct InvalidName {
    /// The refused text, cut at 80 characters.
    pub text: String,
}

impl Name {
    /// Checks `text` and wraps it.
    ///
    /// # Errors
    /// [`InvalidName`] when the text is empty, longer than 63 bytes, or holds another character.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=NAME_MAX).contains(&text.len())
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if valid { Ok(Self(text.into())) } else { Err(InvalidName { text: text.chars().take(80).collect() }) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Declares a newtype over [`Name`].
macro_rules! named {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Name);

        impl $type {
            /// Checks `text` as a [`Name`].
            ///
            /// # Errors
            /// [`InvalidName`] when the text is not a name.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                Name::new(text).map(Self)
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<Name> for $type {
            fn from(name: Name) -> Self {
                Self(name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

named! {
    /// Identifies a sweep in one coordinator. Unique for the life of its data directory.
    SweepId
}
named! {
    /// Identifies a node: the name in its configuration, or its host name.
    NodeId
}

/// One GPU slot of a node: the unit of exclusive use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    /// The node that holds the slot.
    pub node: NodeId,
    /// Position in the node's configuration, from 0.
    pub index: u16,
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.index)
    }
}

/// A trial of a sweep: its position in the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId {
    /// The sweep.
    pub sweep: SweepId,
    /// Position in the plan, from 0.
    pub ordinal: u32,
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.sweep, self.ordinal)
    }
}

/// Number of an attempt of a trial, from 1. Strictly increasing per trial: it is the fencing epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptNumber(NonZeroU32);

impl AttemptNumber {
    /// The first attempt.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Wraps a number; `None` for 0.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The next number; stays at the maximum when there is none.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One uninterrupted execution of a trial by one daemon process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// The trial.
    pub trial: TrialId,
    /// Which attempt of it.
    pub number: AttemptNumber,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.trial, self.number.get())
    }
}

/// Number of a session between a node and the coordinator. Grows with every registration of any node; older sessions
/// of the same node are fenced off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// Random number that a node process draws at its start. A changed nonce tells a restart from a network split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessNonce(pub u64);

/// NVML's UUID of a GPU: the only identity of a device that survives a reboot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GpuUuid(Arc<str>);

/// Why a text is not a [`GpuUuid`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a GPU UUID: use 1 to 96 printable ASCII characters without spaces")]
pub struct InvalidGpuUuid {
    /// The refused text, cut at 120 characters.
    pub text: String,
}

impl GpuUuid {
    /// Checks `text` and wraps it.
    ///
    /// # Errors
    /// [`InvalidGpuUuid`] when the text is empty, longer than 96 bytes, or holds spaces or unprintable characters.
    pub fn new(text: &str) -> Result<Self, InvalidGpuUuid> {
        if (1..=GPU_UUID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidGpuUuid { text: text.chars().take(120).collect() })
        }
    }

    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GpuUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for GpuUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// SHA-256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Hashes `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The next link of a chain: the hash of this digest followed by `next`.
    #[must_use]
    pub fn chain(self, next: Self) -> Self {
        let mut joined = [0_u8; 64];
        joined[..32].copy_from_slice(&self.0);
        joined[32..].copy_from_slice(&next.0);
        Self::of(&joined)
    }

    /// Reads 32 bytes; `None` for another length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_both_ends_of_every_limit() {
        for good in ["a", "gpu-07", &"x".repeat(63)] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a b", "../x", "a\0", "ü", &"x".repeat(64)] {
            assert!(Name::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn attempt_numbers_start_at_one_and_grow() {
        assert_eq!(AttemptNumber::new(0), None);
        assert_eq!(AttemptNumber::FIRST.next().get(), 2);
        assert_eq!(AttemptNumber::new(u32::MAX).unwrap().next().get(), u32::MAX);
    }

    #[test]
    fn a_chain_depends_on_order() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        assert_ne!(a.chain(b), b.chain(a));
    }
}
