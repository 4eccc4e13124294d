//! New lines of a log file.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Reads a growing file from where it stopped the last time.
pub struct LogTail {
    path: PathBuf,
    offset: u64,
    rest: String,
}

impl LogTail {
    /// Begins at the start of the file, which may not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, rest: String::new() }
    }

    /// Whole lines that came since the last call.
    pub fn lines(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.path)
            && file.seek(SeekFrom::Start(self.offset)).is_ok()
            && let Ok(count) = file.read_to_end(&mut bytes)
        {
            self.offset += count as u64;
        }
        self.rest.push_str(&String::from_utf8_lossy(&bytes));
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let rest = self.rest.split_off(whole);
        let lines = std::mem::replace(&mut self.rest, rest);
        lines.lines().map(str::to_owned).collect()
    }
}

/// The value of `key=value` in a log line.
#[must_use]
pub fn field<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!(" {key}="))?;
    rest.split_whitespace().next()
}
