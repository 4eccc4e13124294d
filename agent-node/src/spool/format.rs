//! The bytes of a segment file. Pure.
//!
//! ```text
//! header: "CHFSPOOL" | version u16 | length of sweep u8 | sweep | trial u32 | attempt u32 | crc32 of all before
//! record: length of payload u32 | crc32 of kind, seq and payload | kind u8 | seq u64 | payload
//! ```
//! All numbers are little-endian. Kind 1 is a batch, kind 2 the end of the attempt (payload: chain hash, 32 bytes).

use chimera_core::id::{AttemptId, AttemptNumber, Digest, SweepId, TrialId};
use chimera_proto::PAYLOAD_MAX_BYTES;

const MAGIC: &[u8; 8] = b"CHFSPOOL";
/// Version of the format.
pub(super) const VERSION: u16 = 1;
/// Bytes before the payload of a record.
pub(super) const RECORD_HEAD_BYTES: usize = 17;

const KIND_BATCH: u8 = 1;
const KIND_END: u8 = 2;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A batch.
    Batch {
        /// Its number.
        seq: u64,
        /// Its bytes.
        payload: &'a [u8],
    },
    /// The attempt has ended.
    End {
        /// Number of its last batch.
        last_seq: u64,
        /// Chain hash over its batches.
        chain: Digest,
    },
}

/// Bytes of a header.
pub(super) fn encode_header(attempt: &AttemptId) -> Vec<u8> {
    let sweep = attempt.trial.sweep.as_str().as_bytes();
    let mut bytes = Vec::with_capacity(96);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    // A name has at most 63 bytes.
    bytes.push(u8::try_from(sweep.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(sweep);
    bytes.extend_from_slice(&attempt.trial.ordinal.to_le_bytes());
    bytes.extend_from_slice(&attempt.number.get().to_le_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads a header and tells its length; `None` when these are not the first bytes of a segment of this version.
pub(super) fn decode_header(bytes: &[u8]) -> Option<(AttemptId, usize)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (&length, rest) = rest.split_first()?;
    let (sweep, rest) = rest.split_at_checked(length.into())?;
    let (trial, rest) = rest.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let size = bytes.len() - rest.len();
    let intact = crc32fast::hash(&bytes[..size - 4]) == u32::from_le_bytes(*crc);
    if !intact || u16::from_le_bytes(*version) != VERSION {
        return None;
    }
    let sweep = SweepId::new(std::str::from_utf8(sweep).ok()?).ok()?;
    let number = AttemptNumber::new(u32::from_le_bytes(*number))?;
    Some((AttemptId { trial: TrialId { sweep, ordinal: u32::from_le_bytes(*trial) }, number }, size))
}

/// Bytes of a record.
pub(super) fn encode_record(record: Record<'_>) -> Vec<u8> {
    let (kind, seq, payload) = match &record {
        Record::Batch { seq, payload } => (KIND_BATCH, *seq, *payload),
        Record::End { last_seq, chain } => (KIND_END, *last_seq, chain.0.as_slice()),
    };
    let mut bytes = Vec::with_capacity(RECORD_HEAD_BYTES + payload.len());
    // Payloads are at most PAYLOAD_MAX_BYTES long; the reader refuses more.
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&crc_of(kind, seq, payload).to_le_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Reads a record and tells its length; `None` when it is torn or damaged.
pub(super) fn decode_record(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (&kind, rest) = rest.split_first()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > PAYLOAD_MAX_BYTES {
        return None;
    }
    let (payload, _) = rest.split_at_checked(length)?;
    let seq = u64::from_le_bytes(*seq);
    if crc_of(kind, seq, payload) != u32::from_le_bytes(*crc) {
        return None;
    }
    let record = match kind {
        KIND_BATCH => Record::Batch { seq, payload },
        KIND_END => Record::End { last_seq: seq, chain: Digest::from_slice(payload)? },
        _ => return None,
    };
    Some((record, RECORD_HEAD_BYTES + length))
}

fn crc_of(kind: u8, seq: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&seq.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> AttemptId {
        let trial = TrialId { sweep: SweepId::new("night-7").unwrap(), ordinal: 12 };
        AttemptId { trial, number: AttemptNumber::FIRST }
    }

    #[test]
    fn headers_and_records_round_trip() {
        let header = encode_header(&attempt());
        assert_eq!(decode_header(&header), Some((attempt(), header.len())));
        let batch = Record::Batch { seq: 3, payload: b"bytes" };
        let end = Record::End { last_seq: 3, chain: Digest::of(b"x") };
        for record in [batch, end] {
            let bytes = encode_record(record);
            assert_eq!(decode_record(&bytes), Some((record, bytes.len())));
        }
    }

    #[test]
    fn no_cut_and_no_flipped_bit_is_accepted() {
        let header = encode_header(&attempt());
        let record = encode_record(Record::Batch { seq: 1, payload: b"0123456789" });
        assert!((0..header.len()).all(|cut| decode_header(&header[..cut]).is_none()));
        assert!((0..record.len()).all(|cut| decode_record(&record[..cut]).is_none()));
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_record(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn the_header_of_version_1_stays_as_it_is() {
        let expected = b"CHFSPOOL\x01\x00\x07night-7\x0c\x00\x00\x00\x01\x00\x00\x00";
        let header = encode_header(&attempt());
        assert_eq!(&header[..header.len() - 4], expected);
    }
}
