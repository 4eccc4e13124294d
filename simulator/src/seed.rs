//! One seed, many independent streams: a small deterministic generator.

/// A splitmix64 stream. Equal seeds give equal sequences on every machine.
#[derive(Debug, Clone)]
pub(crate) struct SeedStream {
    state: u64,
}

impl SeedStream {
    /// A stream from a seed and the name of its purpose; other names give unrelated streams.
    pub(crate) fn named(seed: u64, purpose: &str) -> Self {
        Self { state: mix(seed ^ fingerprint(purpose.as_bytes())) }
    }

    /// A stream from an already mixed key.
    pub(crate) const fn keyed(key: u64) -> Self {
        Self { state: key }
    }

    /// The next 64 random bits.
    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// A number in `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A factor around 1 with the given spread: uniform in `[1 - spread, 1 + spread]`.
    pub(crate) fn around_one(&mut self, spread: f64) -> f64 {
        (self.unit() * 2.0 - 1.0).mul_add(spread, 1.0)
    }
}

/// A 64-bit fingerprint of bytes (FNV-1a, then mixed): stable across runs and machines.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    let raw = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(raw)
}

const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_names_part_them() {
        let mut a = SeedStream::named(7, "text");
        let mut b = SeedStream::named(7, "text");
        let mut c = SeedStream::named(7, "jitter");
        let left: Vec<u64> = (0..4).map(|_| a.next_u64()).collect();
        let right: Vec<u64> = (0..4).map(|_| b.next_u64()).collect();
        let other: Vec<u64> = (0..4).map(|_| c.next_u64()).collect();
        assert_eq!(left, right);
        assert_ne!(left, other);
    }

    #[test]
    fn unit_stays_in_range() {
        let mut stream = SeedStream::keyed(1);
        assert!((0..1000).map(|_| stream.unit()).all(|x| (0.0..1.0).contains(&x)));
    }
}
