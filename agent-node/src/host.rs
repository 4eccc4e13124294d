//! Facts of the host, read from /proc and /etc/os-release. What cannot be read is absent.

use std::fs;

use chimera_core::node::HostFacts;
use chimera_core::unit::Bytes;

/// Longest text of a fact.
const TEXT_MAX_CHARS: usize = 200;

/// Reads the facts.
#[must_use]
pub(crate) fn read() -> HostFacts {
    let memory = fs::read_to_string("/proc/meminfo").ok();
    let processors = fs::read_to_string("/proc/cpuinfo").ok();
    HostFacts {
        hostname: line_of("/proc/sys/kernel/hostname").unwrap_or_else(|| "unknown".to_owned()),
        os: fs::read_to_string("/etc/os-release").ok().as_deref().and_then(pretty_name),
        kernel: line_of("/proc/sys/kernel/osrelease"),
        arch: std::env::consts::ARCH.to_owned(),
        cpu: processors.as_deref().and_then(cpu_name),
        cpus: std::thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok()),
        memory: memory.as_deref().and_then(total_memory),
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        boot_id: line_of("/proc/sys/kernel/random/boot_id"),
    }
}

fn line_of(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| bounded(line))
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_MAX_CHARS).collect()
}

fn pretty_name(os_release: &str) -> Option<String> {
    let line = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(bounded(line.trim().trim_matches('"')))
}

fn cpu_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(bounded(line.split_once(':')?.1.trim()))
}

fn total_memory(meminfo: &str) -> Option<Bytes> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_their_lines() {
        assert_eq!(pretty_name("ID=debian\nPRETTY_NAME=\"Debian 12\"\n").unwrap(), "Debian 12");
        assert_eq!(cpu_name("processor\t: 0\nmodel name\t: Some CPU\n").unwrap(), "Some CPU");
        assert_eq!(total_memory("MemTotal:       2048 kB\n"), Some(Bytes(2 * 1024 * 1024)));
        assert_eq!(total_memory("MemTotal: many"), None);
        assert_eq!(read().arch, std::env::consts::ARCH);
    }
}
