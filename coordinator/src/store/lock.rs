//! One coordinator per data directory: an exclusive lock on a file in it, held for the life of the process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Name of the lock file in the data directory.
pub const LOCK_FILE: &str = "coordinator.lock";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The folder is missing and cannot be made.
    #[error("cannot create the data directory {folder}: set data_dir to a folder that this user may write", folder = .folder.display())]
    Create {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lock file cannot be opened or locked.
    #[error("cannot write to the data directory {folder}: set data_dir to a folder that this user may write", folder = .folder.display())]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error(
        "another coordinator uses the data directory {folder}: stop it, or set another data_dir for this one",
        folder = .folder.display()
    )]
    Held {
        /// The folder.
        folder: PathBuf,
    },
}

/// The lock of a data directory; dropping it releases it.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "an open file is the lock")] File);

impl FolderLock {
    /// Makes `folder` when it is missing and locks it.
    pub(crate) fn take(folder: &Path) -> Result<Self, LockError> {
        let owned = || folder.to_path_buf();
        make_private(folder).map_err(|source| LockError::Create { folder: owned(), source })?;
        let opened = |source| LockError::Open { folder: owned(), source };
        let file = File::options().create(true).write(true).truncate(false).open(folder.join(LOCK_FILE));
        let file = file.map_err(opened)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { folder: owned() }),
            Err(TryLockError::Error(source)) => Err(opened(source)),
        }
    }
}

/// Records hold prompts and answers: a new folder is closed to other users.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once_and_free_again_after_the_drop() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(FolderLock::take(folder.path()), Err(LockError::Held { .. })));
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = FolderLock::take(&file.join("below")).unwrap_err();
        assert!(error.to_string().contains("set data_dir"), "{error}");
    }
}
