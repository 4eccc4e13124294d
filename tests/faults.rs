//! Faults of servers, disks, clocks and daemons, through the real programs. Each gives a clear word, and nothing else is
//! lost by it.

#[path = "faults/absent.rs"]
mod absent;
#[path = "faults/attempts.rs"]
mod attempts;
#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/folder.rs"]
mod folder;
#[path = "faults/ledger.rs"]
mod ledger;
#[path = "faults/port.rs"]
mod port;
#[path = "faults/protocol.rs"]
mod protocol;
#[path = "faults/server.rs"]
mod server;
#[path = "faults/signals.rs"]
mod signals;
#[path = "faults/streams.rs"]
mod streams;
#[path = "faults/sweeps.rs"]
mod sweeps;
#[path = "faults/tmpfs.rs"]
mod tmpfs;
