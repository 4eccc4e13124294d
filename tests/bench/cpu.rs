//! Processor time of this process.

/// Ticks per second of `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// Seconds of processor time that all threads have used.
pub fn seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the counters of this process");
    // The name of the program may hold spaces; what follows its bracket does not.
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}
