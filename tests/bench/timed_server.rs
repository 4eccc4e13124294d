//! A model server that writes lines at known times: each line carries the moment just before its write, in the field
//! where a real server puts its own stamp. It runs on threads of its own, outside the runtime that is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::sweep::MODEL;

/// Lines of every answer, the final record not counted.
pub const LINES: u64 = 150;
/// Time between two lines of a stream: 50 tokens per second.
pub const STEP: Duration = Duration::from_millis(20);
/// Streams start this far apart in their phase, so that they do not write all at once.
const PHASE: Duration = Duration::from_micros(157);

struct Server {
    loaded: AtomicBool,
    streams: AtomicU64,
}

/// Starts a server that lives as long as the process.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Arc::new(Server { loaded: AtomicBool::new(false), streams: AtomicU64::new(0) });
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, server) = (connection.expect("a connection"), Arc::clone(&server));
            thread::spawn(move || server.serve(connection));
        }
    });
    address
}

impl Server {
    /// Answers the requests of a connection until it is closed.
    fn serve(&self, mut connection: TcpStream) {
        connection.set_nodelay(true).expect("an option");
        let mut reader = BufReader::new(connection.try_clone().expect("a second handle"));
        while let Some((path, body)) = request(&mut reader) {
            // A client may hang up at any time.
            if self.answer(&mut connection, &path, &body).is_err() {
                return;
            }
        }
    }

    fn answer(&self, connection: &mut TcpStream, path: &str, body: &str) -> std::io::Result<()> {
        let listed = serde_json::json!({
            "name": MODEL, "model": MODEL, "digest": "ab".repeat(32), "size": 1, "size_vram": 1,
        });
        let models =
            |there: bool| serde_json::json!({ "models": if there { vec![&listed] } else { Vec::new() } });
        let text = match path {
            "/api/chat" => return self.stream(connection),
            "/api/version" => serde_json::json!({ "version": "0.33.0" }),
            "/api/tags" => models(true),
            "/api/ps" => models(self.loaded.load(Ordering::SeqCst)),
            "/api/generate" => {
                self.loaded.store(!body.contains("\"keep_alive\":0"), Ordering::SeqCst);
                serde_json::json!({ "model": MODEL, "response": "", "done": true, "done_reason": "load" })
            }
            _ => serde_json::json!({ "model_info": {} }),
        };
        let text = text.to_string();
        write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    }

    fn stream(&self, connection: &mut TcpStream) -> std::io::Result<()> {
        let number = self.streams.fetch_add(1, Ordering::SeqCst) as u32;
        connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let began = Instant::now() + PHASE * (number % 127);
        for line in 1..=LINES as u32 {
            thread::sleep((began + STEP * line).saturating_duration_since(Instant::now()));
            chunk(connection, r#""message":{"role":"assistant","content":" word"},"done":false"#)?;
        }
        let counters =
            format!(r#""done":true,"done_reason":"length","eval_count":{LINES},"eval_duration":1"#);
        chunk(connection, &format!(r#""message":{{"role":"assistant","content":""}},{counters}"#))?;
        connection.write_all(b"0\r\n\r\n")
    }
}

/// Writes a line as one chunk in one write; its stamp is the last thing before that, but for its own digits.
fn chunk(connection: &mut TcpStream, rest: &str) -> std::io::Result<()> {
    let line = format!("{{\"model\":\"{MODEL}\",\"created_at\":\"{:.9}\",{rest}}}\n", Timestamp::now());
    connection.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())
}

/// The path and the body of the next request.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8_lossy(&body).into_owned()))
}
