//! Prompt heads that no server process has ever seen.

use std::sync::atomic::{AtomicU64, Ordering};

use chimera_core::id::Digest;

/// Bytes of the hash that a head shows.
const HEAD_BYTES: usize = 8;
/// Length of a head in bytes: 16 hexadecimal digits and a space.
pub(super) const BYTES: u64 = 2 * HEAD_BYTES as u64 + 1;

/// Makes heads: a hash over random bytes of this process and a counter.
#[derive(Debug)]
pub(crate) struct Heads {
    nonce: [u8; 16],
    next: AtomicU64,
}

impl Heads {
    /// A source with its own random bytes.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        Ok(Self { nonce, next: AtomicU64::new(0) })
    }

    /// A fresh head: 16 hexadecimal digits and a space.
    pub(crate) fn fresh(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let digest = Digest::of(&[self.nonce.as_slice(), &number.to_le_bytes()].concat());
        let digits: String = digest.0.iter().take(HEAD_BYTES).map(|byte| format!("{byte:02x}")).collect();
        format!("{digits} ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_fresh_and_of_one_length() {
        let heads = Heads::new().unwrap();
        let made: std::collections::BTreeSet<String> = (0..1_000).map(|_| heads.fresh()).collect();
        assert_eq!(made.len(), 1_000);
        assert!(made.iter().all(|head| head.len() as u64 == BYTES && head.ends_with(' ')));
        assert!(!made.contains(&Heads::new().unwrap().fresh()));
    }
}
