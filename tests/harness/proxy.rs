//! A TCP proxy that keeps every byte: what a node and a model server said to each other, seen by neither of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::http::{self, Exchange};

/// Bytes of one connection, each read with its place in the order of all reads of the proxy.
#[derive(Default)]
pub(crate) struct Tape {
    pub(crate) asked: Vec<(u64, Vec<u8>)>,
    pub(crate) answered: Vec<(u64, Vec<u8>)>,
}

type Tapes = Arc<Mutex<Vec<Arc<Mutex<Tape>>>>>;

/// A running proxy. Dropping it takes no new connections; those that are open end with their peers.
pub struct RecordingProxy {
    /// Its address.
    pub url: String,
    address: SocketAddr,
    tapes: Tapes,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl RecordingProxy {
    /// Starts one in front of `upstream`, an address such as `http://127.0.0.1:11434`.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (tapes, stop) = (Tapes::default(), Arc::new(AtomicBool::new(false)));
        let (kept, stopped) = (Arc::clone(&tapes), Arc::clone(&stop));
        let accept = move || {
            let clock = Arc::new(AtomicU64::new(0));
            for client in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                let tape = Arc::new(Mutex::new(Tape::default()));
                kept.lock().expect("no thread panics with it").push(Arc::clone(&tape));
                relay(&client, &upstream, &tape, &clock);
            }
        };
        let listener = Some(std::thread::spawn(accept));
        Self { url: format!("http://{address}"), address, tapes, stop, listener }
    }

    /// Every request with its answer so far, in the order in which the requests began.
    ///
    /// # Panics
    /// When a peer did not speak HTTP/1.1.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        let tapes = self.tapes.lock().expect("no thread panics with it");
        let mut exchanges: Vec<Exchange> = Vec::new();
        for tape in tapes.iter() {
            exchanges.extend(http::exchanges(&tape.lock().expect("no thread panics with it")));
        }
        exchanges.sort_by_key(|exchange| exchange.order);
        exchanges
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Two threads per connection, one per direction. Nagle's algorithm would hold lines back.
fn relay(client: &TcpStream, upstream: &str, tape: &Arc<Mutex<Tape>>, clock: &Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(upstream) else {
        let _ = client.shutdown(Shutdown::Both);
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let clones = (client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone());
    let (Ok(from_client), Ok(to_server), Ok(to_client), Ok(from_server)) = clones else { return };
    let keep = |asks: bool| {
        let (tape, clock) = (Arc::clone(tape), Arc::clone(clock));
        move |bytes: &[u8]| {
            let read = (clock.fetch_add(1, Ordering::Relaxed), bytes.to_vec());
            let mut tape = tape.lock().expect("no thread panics with it");
            if asks { tape.asked.push(read) } else { tape.answered.push(read) }
        }
    };
    let (asked, answered) = (keep(true), keep(false));
    std::thread::spawn(move || copy(from_client, to_server, &asked));
    std::thread::spawn(move || copy(from_server, to_client, &answered));
}

/// Copies until an end; what is kept is kept before it is passed on.
fn copy(mut from: TcpStream, mut to: TcpStream, keep: &dyn Fn(&[u8])) {
    let mut buffer = vec![0_u8; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
