//! Whose a process on a GPU is: the slot's model server is who listens on its port, and its runners are its descendants.
//!
//! Only what can be seen is told. A server on another host, in a container of its own, or of another user leaves the
//! owner open, and so does a list in which no process of the server was ever seen: then it is not known how the driver
//! numbers processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chimera_core::gpu::GpuProcess;
use chimera_core::unit::Nanos;

use crate::config::Endpoint;

/// Shortest time between two looks at processes: with many of them a look takes milliseconds.
const LOOK_EVERY: Nanos = Nanos::from_secs(1);
/// The same while no server is found, which needs a look at every open file.
const SEARCH_EVERY: Nanos = Nanos::from_secs(10);
/// How long a server that still runs is believed to be the one that listens.
const BELIEVED: Nanos = Nanos::from_secs(60);
/// State of a listening socket in the kernel's tables.
const LISTENING: &str = "0A";
/// Local addresses that the loopback reaches, as the kernel prints them: any and loopback, of both versions.
const REACHED: [&str; 4] =
    ["00000000", "0100007F", "00000000000000000000000000000000", "00000000000000000000000001000000"];

/// Knows the processes of one slot's model server.
#[derive(Debug)]
pub(crate) struct Owner {
    proc: PathBuf,
    /// Port of the server; absent when it is not reached through the loopback.
    port: Option<u16>,
    /// Who listens there, with the time of its start, which tells it from a later process of the same number.
    server: BTreeMap<u32, u64>,
    /// The server and its descendants; empty while nobody listens.
    family: BTreeSet<u32>,
    /// Whether one of them was ever seen on a GPU.
    seen: bool,
    next_look: Nanos,
    /// When it was last found.
    found: Nanos,
}

impl Owner {
    /// The owner for the server at `endpoint`.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        Self::under(Path::new("/proc"), endpoint.loopback_port())
    }

    fn under(proc: &Path, port: Option<u16>) -> Self {
        Self {
            proc: proc.to_owned(),
            port,
            server: BTreeMap::new(),
            family: BTreeSet::new(),
            seen: false,
            next_look: Nanos::ZERO,
            found: Nanos::ZERO,
        }
    }

    /// A new attempt begins: a server that was replaced before it is no news. A known one is kept, because the search
    /// costs tens of milliseconds of a processor, which short trials would feel in the gap between them.
    pub(crate) fn begin(&mut self, now: Nanos) {
        let believed = self.alive() && now.saturating_sub(self.found).0 < BELIEVED.0;
        if !self.server.is_empty() && !believed {
            self.server.clear();
            self.family.clear();
            self.next_look = Nanos::ZERO;
        }
    }

    /// Looks at the server's processes, if it is time. Returns what happened when the server is another process than before.
    pub(crate) fn look(&mut self, now: Nanos) -> Option<String> {
        let port = self.port.filter(|_| now >= self.next_look)?;
        let replaced = if self.alive() { None } else { self.search(port, now) };
        self.family =
            if self.alive() { descendants(&self.proc, self.server.keys().copied()) } else { BTreeSet::new() };
        let pause = if self.family.is_empty() { SEARCH_EVERY } else { LOOK_EVERY };
        self.next_look = Nanos(now.0.saturating_add(pause.0));
        replaced
    }

    /// Whether every process of the server that is known still runs.
    fn alive(&self) -> bool {
        let runs = |(pid, started): (&u32, &u64)| {
            stat(&self.proc, *pid).is_some_and(|stat| stat.started == *started)
        };
        !self.server.is_empty() && self.server.iter().all(runs)
    }

    /// Finds who listens now. What listened before stays known until somebody else does.
    fn search(&mut self, port: u16, now: Nanos) -> Option<String> {
        let found = listeners(&self.proc, port);
        if found.is_empty() {
            return None;
        }
        self.found = now;
        let before = std::mem::replace(&mut self.server, found);
        let names =
            |server: &BTreeMap<u32, u64>| server.keys().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let after = names(&self.server);
        (!before.is_empty()).then(|| {
            format!("the model server was process {}; now it is a new process {after}", names(&before))
        })
    }

    /// Says of every process whose owner is open whether it is the server's, as far as can be told.
    pub(crate) fn tell(&mut self, processes: &mut [GpuProcess]) {
        self.seen |= processes.iter().any(|process| self.family.contains(&process.pid));
        if !self.seen || self.family.is_empty() {
            return;
        }
        for process in processes.iter_mut().filter(|process| process.own.is_none()) {
            let own = self.family.contains(&process.pid);
            // A process that cannot be seen here may be anybody's.
            let visible = own || stat(&self.proc, process.pid).is_some();
            process.own = visible.then_some(own);
        }
    }
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    started: u64,
}

fn stat(proc: &Path, pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    // The name stands in brackets and may hold anything, brackets and blanks included.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, started })
}

fn pids(proc: &Path) -> Vec<u32> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn descendants(proc: &Path, roots: impl Iterator<Item = u32>) -> BTreeSet<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in pids(proc) {
        if let Some(stat) = stat(proc, pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let (mut family, mut open) = (BTreeSet::new(), roots.collect::<Vec<u32>>());
    while let Some(pid) = open.pop() {
        if family.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    family
}

/// Processes that listen on a port, as far as their open files may be read.
fn listeners(proc: &Path, port: u16) -> BTreeMap<u32, u64> {
    let sockets: BTreeSet<String> =
        ["tcp", "tcp6"].iter().flat_map(|table| sockets(proc, table, port)).collect();
    if sockets.is_empty() {
        return BTreeMap::new();
    }
    let holds = |pid: &u32| {
        let files = fs::read_dir(proc.join(pid.to_string()).join("fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.to_str().is_some_and(|target| sockets.contains(target)))
    };
    let holders = pids(proc).into_iter().filter(holds);
    holders.filter_map(|pid| Some((pid, stat(proc, pid)?.started))).collect()
}

/// Listening sockets of a port, as open files are named: `socket:[inode]`.
fn sockets(proc: &Path, table: &str, port: u16) -> Vec<String> {
    let text = fs::read_to_string(proc.join("net").join(table)).unwrap_or_default();
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, local) = fields.get(1)?.split_once(':')?;
        let wanted = REACHED.contains(&address)
            && u16::from_str_radix(local, 16) == Ok(port)
            && fields.get(3) == Some(&LISTENING);
        wanted.then(|| format!("socket:[{}]", fields.get(9).unwrap_or(&"")))
    };
    text.lines().skip(1).filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use tempfile::TempDir;

    /// A process table: server 10 listens on 11434, its runner 11 has a child 12; 20 is somebody else's.
    fn table() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (pid, parent) in [(10, 1), (11, 10), (12, 11), (20, 1)] {
            add(folder.path(), pid, parent, 1_000);
        }
        fs::create_dir(folder.path().join("net")).unwrap();
        let line = |port: u16, state: &str, inode: u32| {
            format!(
                "   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1\n"
            )
        };
        let tcp = [
            "  sl  local_address rem_address\n".to_owned(),
            line(11_434, "0A", 77),
            line(11_434, "01", 78),
            line(9, "0A", 79),
        ];
        fs::write(folder.path().join("net/tcp"), tcp.concat()).unwrap();
        symlink("socket:[77]", folder.path().join("10/fd/3")).unwrap();
        symlink("socket:[78]", folder.path().join("20/fd/3")).unwrap();
        folder
    }

    fn add(proc: &Path, pid: u32, parent: u32, started: u64) {
        let zeros = "0 ".repeat(17);
        fs::create_dir_all(proc.join(format!("{pid}/fd"))).unwrap();
        fs::write(
            proc.join(format!("{pid}/stat")),
            format!("{pid} (a (b) c) S {parent} {zeros}{started} 5 5"),
        )
        .unwrap();
    }

    fn told(owner: &mut Owner, pids: &[u32]) -> Vec<Option<bool>> {
        let mut list: Vec<GpuProcess> =
            pids.iter().map(|pid| GpuProcess { pid: *pid, memory: None, own: None }).collect();
        owner.tell(&mut list);
        list.iter().map(|process| process.own).collect()
    }

    #[test]
    fn the_server_and_its_descendants_are_own_and_others_are_foreign() {
        let table = table();
        let mut owner = Owner::under(table.path(), Some(11_434));
        assert_eq!(owner.look(Nanos::ZERO), None);
        assert_eq!(told(&mut owner, &[20]), [None], "the driver may number processes in another way");
        assert_eq!(told(&mut owner, &[12, 20, 99]), [Some(true), Some(false), None], "99 is not seen here");
        assert_eq!(
            told(&mut owner, &[20]),
            [Some(false)],
            "once the server was seen, a lonely stranger is one"
        );
    }

    #[test]
    fn a_replaced_server_is_told_once() {
        let table = table();
        let mut owner = Owner::under(table.path(), Some(11_434));
        owner.look(Nanos::ZERO);
        for pid in [10, 11, 12] {
            fs::remove_dir_all(table.path().join(pid.to_string())).unwrap();
        }
        assert_eq!(owner.look(Nanos::from_secs(2)), None, "it is gone, and nobody came");
        add(table.path(), 10, 1, 2_000);
        symlink("socket:[77]", table.path().join("10/fd/3")).unwrap();
        let text = owner.look(Nanos::from_secs(20)).unwrap();
        assert_eq!(text, "the model server was process 10; now it is a new process 10");
        assert_eq!(owner.look(Nanos::from_secs(22)), None);
    }

    #[test]
    fn a_server_that_was_replaced_between_attempts_is_no_news() {
        let table = table();
        let mut owner = Owner::under(table.path(), Some(11_434));
        owner.look(Nanos::ZERO);
        owner.begin(Nanos::from_secs(1));
        assert_eq!(
            owner.server.keys().collect::<Vec<_>>(),
            [&10],
            "it still runs, so it is not searched again"
        );
        fs::remove_dir_all(table.path().join("10")).unwrap();
        add(table.path(), 10, 1, 2_000);
        symlink("socket:[77]", table.path().join("10/fd/3")).unwrap();
        owner.begin(Nanos::from_secs(2));
        assert_eq!(owner.look(Nanos::from_secs(2)), None, "it was replaced before the attempt");
        assert_eq!(owner.server.get(&10), Some(&2_000));
        owner.begin(Nanos::from_secs(90));
        assert!(owner.server.is_empty(), "after a while it is searched again, though it runs");
    }

    #[test]
    fn a_server_elsewhere_leaves_the_owner_open() {
        let table = table();
        for (proc, port) in
            [(table.path(), None), (table.path(), Some(5)), (Path::new("/nowhere"), Some(11_434))]
        {
            let mut owner = Owner::under(proc, port);
            owner.look(Nanos::ZERO);
            assert_eq!(told(&mut owner, &[12, 20]), [None, None]);
        }
    }

    #[test]
    fn this_process_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut owner = Owner::under(Path::new("/proc"), Some(listener.local_addr().unwrap().port()));
        owner.look(Nanos::ZERO);
        assert_eq!(told(&mut owner, &[std::process::id(), 1]), [Some(true), Some(false)]);
    }
}
