//! A small disk of its own, where the user may mount one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted disk of a few MiB; unmounted with the value.
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `path`. `None` says loudly what is skipped.
    pub(crate) fn mount(path: &Path, mebibytes: u32, what_is_skipped: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("a mount point");
        let size = format!("size={mebibytes}m,mode=0777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path: path.to_owned() });
        }
        eprintln!(
            "SKIPPED: {what_is_skipped}: this user may not mount a tmpfs; run the tests as root to get it"
        );
        None
    }

    /// Fills it until only `left` bytes are free.
    pub(crate) fn fill(&self, left: u64) {
        let output =
            Command::new("df").args(["--output=avail", "-B1"]).arg(&self.path).output().expect("df runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let free: u64 =
            text.lines().last().and_then(|line| line.trim().parse().ok()).expect("df tells bytes");
        let bytes = usize::try_from(free.saturating_sub(left)).expect("a small disk");
        fs::write(self.filler(), vec![0_u8; bytes]).expect("a filler");
    }

    /// Frees what [`Self::fill`] took.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).expect("the filler goes");
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    /// Processes that use it were dropped before; a lazy unmount covers those that still end.
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy".as_ref(), self.path.as_os_str()]).status();
    }
}
