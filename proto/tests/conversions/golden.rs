//! A payload that an older build wrote stays readable, and is written the same.
//!
//! The fixture is what spools and sealed sets hold: a test that fails here has broken them. It is never regenerated;
//! a new format gets a new fixture beside it.

use chimera_proto::convert::{decode_entries, encode_entries};

use super::sample;

const ENTRIES: &[u8] = include_bytes!("../fixtures/entries_v1.bin");

#[test]
fn the_first_payload_is_still_read() {
    assert_eq!(decode_entries(ENTRIES).unwrap(), sample::entries());
}

#[test]
fn the_first_payload_is_still_written() {
    assert_eq!(encode_entries(&sample::entries()).unwrap(), ENTRIES);
}
