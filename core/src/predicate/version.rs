//! Versions as predicates compare them.

use std::cmp::Ordering;

/// Most numbers of a version that are compared.
const PARTS_MAX: usize = 8;

/// The leading dotted numbers of a version. `v0.33.1-rc2` is 0.33.1, `6.1.0-18-amd64` is 6.1.0; what follows is not
/// compared, because it means an older build in one scheme and a newer one in another. Missing numbers are 0.
#[derive(Debug, Clone)]
pub struct Version(Vec<u64>);

impl Version {
    /// Reads the leading numbers; `None` when there is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut parts = Vec::new();
        while parts.len() < PARTS_MAX {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                break;
            }
            parts.push(rest[..digits].parse().unwrap_or(u64::MAX));
            match rest[digits..].strip_prefix('.') {
                Some(next) => rest = next,
                None => break,
            }
        }
        (!parts.is_empty()).then_some(Self(parts))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let part = |version: &Self, index: usize| version.0.get(index).copied().unwrap_or(0);
        let parts = (0..PARTS_MAX).map(|index| part(self, index).cmp(&part(other, index)));
        parts.fold(Ordering::Equal, Ordering::then)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        let of = |text: &str| Version::parse(text).unwrap();
        assert!(of("570.124.06") > of("570.99"));
        assert!(of("12.10") > of("12.4"));
        assert_eq!(of("v0.33"), of("0.33.0-rc1"));
        assert_eq!(of("6.1.0-18-amd64"), of("6.1"));
        assert!(of("99999999999999999999999") > of("1"));
        assert_eq!(Version::parse("unknown"), None);
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("1."), Version::parse("1"));
    }
}
