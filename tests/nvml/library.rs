//! A copy of the stand-in library with a script of its own.

use std::fs;
use std::path::{Path, PathBuf};

use chimera_tests::binary;
use tempfile::TempDir;

/// File name of the stand-in, as cargo builds it.
const BUILT: &str = "libchimera_fake_nvml.so";

/// A copy, with its script beside it.
pub(crate) struct Library {
    folder: TempDir,
}

impl Library {
    /// A copy that answers as `script` says.
    pub(crate) fn with(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(binary(BUILT), folder.path().join(BUILT)).unwrap();
        fs::write(folder.path().join("fake-nvml.toml"), script).unwrap();
        Self { folder }
    }

    /// Takes a function out of the copy: its name is changed wherever it stands.
    pub(crate) fn without(self, symbol: &str) -> Self {
        let mut bytes = fs::read(self.path()).unwrap();
        let name = format!("\0{symbol}\0").into_bytes();
        let starts: Vec<usize> =
            (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(&name)).collect();
        assert!(!starts.is_empty(), "the stand-in has no {symbol}");
        for start in starts {
            bytes[start + 1] = b'X';
        }
        fs::remove_file(self.path()).unwrap();
        fs::write(self.path(), bytes).unwrap();
        self
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(BUILT)
    }

    /// The folder of the copy.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The keys of a node that uses it.
    pub(crate) fn node_keys(&self) -> String {
        node_keys(&self.path())
    }
}

/// The keys of a node that uses the library at `path`.
pub(crate) fn node_keys(path: &Path) -> String {
    format!("probe = \"nvml\"\nnvml_library = '{}'\nreconnect_max_seconds = 1\n", path.display())
}

/// The head of every script.
pub(crate) const HEAD: &str = "driver = \"570.124.06\"\ncuda = 12080\n";

/// A device with further keys.
pub(crate) fn device(number: u32, keys: &str) -> String {
    format!(
        "[[device]]\nuuid = \"GPU-0000000{number}-aaaa-bbbb-cccc-00000000000{number}\"\n\
         name = \"NVIDIA H100 80GB HBM3\"\nmemory_mib = 81559\n{keys}\n"
    )
}

/// The UUID of [`device`].
pub(crate) fn uuid(number: u32) -> String {
    format!("GPU-0000000{number}-aaaa-bbbb-cccc-00000000000{number}")
}
