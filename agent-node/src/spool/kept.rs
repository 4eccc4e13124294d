//! The folder of files that are no longer owed to anybody: acknowledged attempts and partials of a crash, kept for a
//! post-mortem. Bounded in size and age; the oldest go first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chimera_core::unit::UnixNanos;

/// How long a file is kept: 24 h.
const AGE_MAX_NS: i64 = 24 * 3_600 * 1_000_000_000;
/// Most files that are kept.
const FILES_MAX: usize = 1_024;

/// The folder and its bound.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    bytes_max: u64,
}

struct Found {
    path: PathBuf,
    bytes: u64,
    changed: UnixNanos,
}

impl Kept {
    pub(super) fn open(folder: PathBuf, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, bytes_max })
    }

    /// Moves a file in and removes what is too much or too old at `now`.
    pub(super) fn take(&self, path: &Path, now: UnixNanos) -> io::Result<()> {
        let Some(name) = path.file_name() else { return Ok(()) };
        fs::rename(path, self.folder.join(name))?;
        self.trim(now)
    }

    /// Removes what is too much or too old at `now`.
    pub(super) fn trim(&self, now: UnixNanos) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort_by_key(|file| std::cmp::Reverse(file.changed));
        let mut bytes = 0_u64;
        for (rank, file) in files.into_iter().enumerate() {
            bytes = bytes.saturating_add(file.bytes);
            let old = now.0.saturating_sub(file.changed.0) > AGE_MAX_NS;
            if old || bytes > self.bytes_max || rank >= FILES_MAX {
                fs::remove_file(file.path)?;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<Found>> {
        fs::read_dir(&self.folder)?
            .map(|entry| {
                let entry = entry?;
                let facts = entry.metadata()?;
                let changed =
                    jiff::Timestamp::try_from(facts.modified()?).map_or(0, |stamp| stamp.as_nanosecond());
                let changed = UnixNanos(i64::try_from(changed).unwrap_or(i64::MAX));
                Ok(Found { path: entry.path(), bytes: facts.len(), changed })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::NodeClock;

    #[test]
    fn the_oldest_files_go_first_and_all_go_with_age() {
        let root = tempfile::tempdir().unwrap();
        let kept = Kept::open(root.path().join("kept"), 25).unwrap();
        let now = NodeClock::start().wall();
        for name in ["a", "b", "c"] {
            let path = root.path().join(name);
            fs::write(&path, [0; 10]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
            kept.take(&path, now).unwrap();
        }
        let mut names: Vec<_> = kept.files().unwrap().into_iter().map(|file| file.path).collect();
        names.sort();
        assert_eq!(names, [root.path().join("kept/b"), root.path().join("kept/c")]);
        kept.trim(UnixNanos(now.0 + 2 * AGE_MAX_NS)).unwrap();
        assert!(kept.files().unwrap().is_empty());
    }
}
