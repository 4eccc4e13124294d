//! The protocol version of a session.

use crate::{PROTOCOL_MAX, PROTOCOL_MIN};

/// The newest protocol version that this build and a peer speak, which speaks `min` to `max`; `None` when there is none.
#[must_use]
pub fn negotiate(min: u32, max: u32) -> Option<u32> {
    let newest = max.min(PROTOCOL_MAX);
    (newest >= min.max(PROTOCOL_MIN)).then_some(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_chosen() {
        assert_eq!(negotiate(PROTOCOL_MIN, PROTOCOL_MAX), Some(PROTOCOL_MAX));
        assert_eq!(negotiate(0, u32::MAX), Some(PROTOCOL_MAX));
        assert_eq!(negotiate(PROTOCOL_MAX + 1, u32::MAX), None);
        assert_eq!(negotiate(0, PROTOCOL_MIN - 1), None);
        assert_eq!(negotiate(PROTOCOL_MAX, PROTOCOL_MIN - 1), None);
    }
}
