//! Which files of a recording are in a folder.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chimera_core::import::RecordingFile;

use super::error::ImportError;

/// Largest accepted file. A report keeps all rows in memory, because percentiles are exact.
pub const FILE_MAX_BYTES: u64 = 256 << 20;

/// The files that are there, and those that are not.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    pub(super) there: Vec<(RecordingFile, PathBuf)>,
    pub(super) absent: Vec<RecordingFile>,
}

/// Looks for the files of a recording.
pub(super) fn sources(folder: &Path) -> Result<Sources, ImportError> {
    let unreadable = |path: &Path, source| ImportError::Read { path: path.to_owned(), source };
    if !std::fs::metadata(folder).map_err(|error| unreadable(folder, error))?.is_dir() {
        return Err(unreadable(folder, io::Error::from(ErrorKind::NotADirectory)));
    }
    let mut sources = Sources::default();
    for file in RecordingFile::ALL {
        let path = folder.join(file.file_name());
        match std::fs::metadata(&path) {
            Ok(found) if !found.is_file() => return Err(ImportError::NoPlainFile { path }),
            Ok(found) if found.len() > FILE_MAX_BYTES => return Err(ImportError::TooLarge { path }),
            Ok(_) => sources.there.push((file, path)),
            Err(error) if error.kind() == ErrorKind::NotFound => sources.absent.push(file),
            Err(error) => return Err(unreadable(&path, error)),
        }
    }
    if sources.there.is_empty() {
        return Err(ImportError::NoRecording { folder: folder.to_owned() });
    }
    Ok(sources)
}

/// Opens a file, and never reads more than [`FILE_MAX_BYTES`] of it, should it grow meanwhile.
pub(super) fn open(path: &Path) -> Result<io::BufReader<io::Take<File>>, ImportError> {
    let file = File::open(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
    Ok(io::BufReader::with_capacity(1 << 16, io::Read::take(file, FILE_MAX_BYTES)))
}
