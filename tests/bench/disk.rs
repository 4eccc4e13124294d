//! Where data lies while it is measured: a real disk, named in the output, because every commit waits for it.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

use crate::quantile;

/// Flushes that are timed.
const FLUSHES: usize = 200;

/// A folder beside the build, which is hardly ever in memory.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// The file system of a folder, and what one flush of 4 KiB costs there.
pub fn described(folder: &Path) -> String {
    let mut file = std::fs::File::create(folder.join("flushed")).expect("a file");
    let flush = |_| {
        let began = Instant::now();
        file.write_all(&[7; 4096]).expect("a write");
        file.sync_data().expect("a flush");
        began.elapsed().as_secs_f64() * 1e3
    };
    let flushes: Vec<f64> = (0..FLUSHES).map(flush).collect();
    let (p50, p99) = (quantile::of(&flushes, 0.5), quantile::of(&flushes, 0.99));
    format!("Disk: {}, write and flush of 4 KiB p50 {p50:.2} ms, p99 {p99:.2} ms.", file_system(folder))
}

/// The type of the mount with the longest path above the folder.
fn file_system(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let above = place.split(' ').nth(4).filter(|above| folder.starts_with(above))?;
        Some((above.len(), kind.split(' ').next()?.to_owned()))
    };
    mounts.lines().filter_map(mount).max().map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}
