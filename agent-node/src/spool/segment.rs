//! One attempt's file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use chimera_core::id::{AttemptId, Digest};

use super::format::{RECORD_HEAD_BYTES, Record, decode_header, decode_record, encode_header, encode_record};

/// End of the names of segment files.
pub(super) const SUFFIX: &str = ".spool";

/// Where the payload of a batch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    offset: u64,
    length: u32,
}

/// What is known of a segment without reading it.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    /// Payloads by number, from 1.
    pub(super) batches: Vec<Extent>,
    /// Chain hash over them.
    pub(super) chain: Digest,
    /// Whether the attempt has ended.
    pub(super) ended: bool,
    /// Length of the file.
    pub(super) bytes: u64,
}

impl Contents {
    /// Number of the last batch; 0 = none.
    pub(super) fn last_seq(&self) -> u64 {
        self.batches.len() as u64
    }

    fn add(&mut self, payload: &[u8]) {
        let offset = self.bytes + RECORD_HEAD_BYTES as u64;
        self.batches.push(Extent { offset, length: u32::try_from(payload.len()).unwrap_or(u32::MAX) });
        self.chain = self.chain.chain(Digest::of(payload));
        self.bytes += (RECORD_HEAD_BYTES + payload.len()) as u64;
    }
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    /// Its path.
    pub(super) path: PathBuf,
    /// What is in it.
    pub(super) contents: Contents,
}

impl Segment {
    /// Creates the file of an attempt; fails when there is one already.
    pub(super) fn create(folder: &Path, attempt: &AttemptId) -> io::Result<Self> {
        let path = folder.join(file_name(attempt));
        let mut file = OpenOptions::new().read(true).append(true).create_new(true).open(&path)?;
        let header = encode_header(attempt);
        file.write_all(&header)?;
        file.sync_data()?;
        sync_folder(folder)?;
        let bytes = header.len() as u64;
        let contents = Contents { batches: Vec::new(), chain: Digest([0; 32]), ended: false, bytes };
        Ok(Self { file, path, contents })
    }

    /// Opens a file found at the start and cuts it at its first bad record. `None` when it is not a segment.
    pub(super) fn recover(path: &Path) -> io::Result<Option<(AttemptId, Self)>> {
        let bytes = std::fs::read(path)?;
        let Some((attempt, header)) = decode_header(&bytes) else { return Ok(None) };
        let contents = scan(&bytes, header);
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        if contents.bytes < bytes.len() as u64 {
            file.set_len(contents.bytes)?;
            file.sync_data()?;
        }
        Ok(Some((attempt, Self { file, path: path.to_owned(), contents })))
    }

    /// Appends a batch, and the end of the attempt behind the last one; durable when it returns.
    pub(super) fn append(&mut self, payload: &[u8], last: bool) -> io::Result<()> {
        let seq = self.contents.last_seq() + 1;
        let mut bytes = encode_record(Record::Batch { seq, payload });
        let mut contents = self.contents.clone_head();
        contents.add(payload);
        if last {
            let end = encode_record(Record::End { last_seq: seq, chain: contents.chain });
            contents.bytes += end.len() as u64;
            bytes.extend_from_slice(&end);
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What was half written must not stand before a later record.
            self.file.set_len(self.contents.bytes)?;
            return Err(error);
        }
        self.contents.batches.append(&mut contents.batches);
        self.contents.chain = contents.chain;
        self.contents.bytes = contents.bytes;
        self.contents.ended = last;
        Ok(())
    }

    /// A second handle, to read while this one is appended to.
    pub(super) fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Contents {
    /// A copy without the list of batches, to which the next one can be added.
    fn clone_head(&self) -> Self {
        Self { batches: Vec::new(), ..*self }
    }
}

/// Reads a payload.
pub(super) fn read_payload(file: &File, extent: Extent) -> io::Result<Vec<u8>> {
    let mut payload = vec![0; extent.length as usize];
    file.read_exact_at(&mut payload, extent.offset)?;
    Ok(payload)
}

/// Makes a created, renamed or removed name durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Name of an attempt's file.
pub(super) fn file_name(attempt: &AttemptId) -> String {
    format!("{}.{}.{}{SUFFIX}", attempt.trial.sweep, attempt.trial.ordinal, attempt.number.get())
}

/// Everything up to the first record that is torn, damaged or out of order.
fn scan(bytes: &[u8], header: usize) -> Contents {
    let mut contents =
        Contents { batches: Vec::new(), chain: Digest([0; 32]), ended: false, bytes: header as u64 };
    while let Some((record, size)) = bytes.get(contents.bytes as usize..).and_then(decode_record) {
        match record {
            Record::Batch { seq, payload } if seq == contents.last_seq() + 1 => contents.add(payload),
            Record::End { last_seq, chain } if last_seq == contents.last_seq() && chain == contents.chain => {
                contents.ended = true;
                contents.bytes += size as u64;
                break;
            }
            Record::Batch { .. } | Record::End { .. } => break,
        }
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::id::{AttemptNumber, SweepId, TrialId};

    fn attempt() -> AttemptId {
        let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal: 0 };
        AttemptId { trial, number: AttemptNumber::FIRST }
    }

    #[test]
    fn what_was_appended_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(folder.path(), &attempt()).unwrap();
        segment.append(b"one", false).unwrap();
        segment.append(b"two", true).unwrap();
        let (found, again) = Segment::recover(&segment.path).unwrap().unwrap();
        assert_eq!(found, attempt());
        assert!(again.contents.ended);
        assert_eq!(again.contents.chain, segment.contents.chain);
        assert_eq!(read_payload(&again.reader().unwrap(), again.contents.batches[1]).unwrap(), b"two");
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut_and_the_rest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(folder.path(), &attempt()).unwrap();
        segment.append(b"first batch", false).unwrap();
        let whole = segment.contents.bytes;
        segment.append(b"second batch", true).unwrap();
        let bytes = std::fs::read(&segment.path).unwrap();
        for cut in whole as usize..bytes.len() {
            std::fs::write(&segment.path, &bytes[..cut]).unwrap();
            let (_, again) = Segment::recover(&segment.path).unwrap().unwrap();
            assert!(!again.contents.ended, "cut at {cut}");
            assert!((1..=2).contains(&again.contents.last_seq()), "cut at {cut}");
            assert_eq!(std::fs::metadata(&segment.path).unwrap().len(), again.contents.bytes);
        }
    }

    #[test]
    fn a_damaged_byte_ends_the_segment_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(folder.path(), &attempt()).unwrap();
        let header = segment.contents.bytes;
        segment.append(b"first", false).unwrap();
        let mut bytes = std::fs::read(&segment.path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&segment.path, &bytes).unwrap();
        let (_, again) = Segment::recover(&segment.path).unwrap().unwrap();
        assert_eq!((again.contents.last_seq(), again.contents.bytes), (0, header));
    }
}
