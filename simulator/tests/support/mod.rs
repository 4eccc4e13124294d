//! A raw HTTP client that keeps what libraries hide: framing, order, the end of the connection.

#![allow(dead_code, reason = "every test binary uses another part")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use chimera_simulator::{
    ChatPath, Dialect, Fleet, GpuSpec, HostSpec, ModelSpec, RunningFleet, ServerSpec, Voice, catalogue,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Eof,
    Reset,
}

/// One exchange on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    /// Whether the body is complete: by its length or by a zero chunk.
    pub(crate) complete: bool,
    pub(crate) end: End,
}

impl Exchange {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn last(&self) -> serde_json::Value {
        serde_json::from_str(self.lines().last().unwrap()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All content of an answer of either route.
    pub(crate) fn content(&self) -> String {
        let text = |line: &serde_json::Value| {
            let found = line.get("response").or_else(|| line.pointer("/message/content"));
            found.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        self.json_lines().iter().map(text).collect()
    }
}

/// Splits the bytes of an answer.
pub(crate) fn split(raw: &[u8], end: End) -> Exchange {
    let at = raw.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, rest) = at.map_or((raw, &[][..]), |at| (&raw[..at], &raw[at + 4..]));
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let chunked = headers.iter().any(|(name, value)| name == "Transfer-Encoding" && value == "chunked");
    let (chunks, complete) = if chunked { dechunk(rest) } else { (vec![rest.to_vec()], true) };
    Exchange { status: status.unwrap_or(0), headers, body: chunks.concat(), chunks, complete, end }
}

fn dechunk(mut rest: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..at]).into_owned();
        let Ok(size) = usize::from_str_radix(&size, 16) else {
            return (chunks, false);
        };
        if size == 0 {
            return (chunks, true);
        }
        let from = at + 2;
        let to = (from + size).min(rest.len());
        chunks.push(rest[from..to].to_vec());
        rest = rest.get(to + 2..).unwrap_or_default();
    }
    (chunks, false)
}

/// Sends raw bytes and reads to the end of the connection.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Exchange {
    let work = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut raw = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return split(&raw, End::Eof),
                Ok(length) => raw.extend_from_slice(&buffer[..length]),
                Err(_) => return split(&raw, End::Reset),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("an answer within 30 s")
}

/// A request as the recorder sends it.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:11434\r\nConnection: close\r\n");
    if !body.is_empty() {
        head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    format!("{head}\r\n{body}").into_bytes()
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &serde_json::Value) -> Exchange {
    exchange(address, &request("POST", path, &body.to_string())).await
}

pub(crate) async fn generate(address: SocketAddr, body: serde_json::Value) -> Exchange {
    post(address, "/api/generate", &body).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Exchange {
    exchange(address, &request("GET", path, "")).await
}

/// A fleet of one CPU server with the recorded models.
pub(crate) fn recorded(server: ServerSpec) -> Fleet {
    let gpu = GpuSpec { vram_bytes: 0, speed_factor: 1.0, servers: vec![server], ..GpuSpec::default() };
    Fleet {
        speed: 4.0,
        models: recorded_models(),
        hosts: vec![HostSpec { name: "cpu".to_owned(), gpus: vec![gpu] }],
        ..Fleet::default()
    }
}

/// A model whose chats the engine renders.
fn native(name: &str) -> ModelSpec {
    let voice = if name == "natloop" { Voice::Loop } else { Voice::Babble };
    let tiny = catalogue().into_iter().find(|model| model.name == "tiny:latest").unwrap();
    ModelSpec {
        name: format!("{name}:latest"),
        digest: String::new(),
        blob: String::new(),
        voice,
        chat_path: ChatPath::Native,
        ..tiny
    }
}

fn recorded_models() -> Vec<ModelSpec> {
    let tiny = catalogue().into_iter().find(|model| model.name == "tiny:latest").unwrap();
    let named = |name: &str| ModelSpec {
        name: name.to_owned(),
        digest: String::new(),
        blob: String::new(),
        ..tiny.clone()
    };
    let shared = ModelSpec { num_ctx: 1_024, blob: tiny.blob.clone(), ..named("tiny-nostream:latest") };
    vec![
        named("tinyb:latest"),
        named("slow:latest"),
        named("medium:latest"),
        named("bytes:latest"),
        shared,
        native("nat"),
        native("natloop"),
    ]
}

pub(crate) async fn start(fleet: Fleet) -> RunningFleet {
    fleet.start(Ipv4Addr::LOCALHOST.into()).await.unwrap()
}

pub(crate) async fn start_one(server: ServerSpec) -> (RunningFleet, SocketAddr) {
    let fleet = start(recorded(server)).await;
    let address = fleet.slots()[0].address;
    (fleet, address)
}

pub(crate) fn speaking(dialect: Dialect) -> ServerSpec {
    ServerSpec { dialect, ..ServerSpec::default() }
}

/// The shape of a JSON text: keys in order, types, booleans and done reasons; other values are wiped.
pub(crate) fn shape(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    let mut key = String::new();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '0'..='9' | '-' => rest.find(|c: char| !"0123456789+-.eE".contains(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, next) = rest.split_at(length);
        match first {
            '"' if next.starts_with(':') => {
                token.clone_into(&mut key);
                out += token;
            }
            '"' if key == "\"done_reason\"" => out += token,
            '"' => out += "\"s\"",
            '0'..='9' | '-' => out += "0",
            _ => out += token,
        }
        rest = next;
    }
    while out.contains("0,0") {
        out = out.replace("0,0", "0");
    }
    out
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
