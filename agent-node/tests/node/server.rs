//! A scripted model server: enough HTTP for this node, and exactly the bytes that a test wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::script::{Act, good, status};

/// What the server knows and has seen.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Scripts of the next generations; without one, a good answer of four lines.
    pub(crate) scripts: VecDeque<Vec<Act>>,
    /// Models in the order of loads; `/api/ps` shows them.
    pub(crate) loaded: Vec<String>,
    /// Every request body, with its path.
    pub(crate) seen: Vec<(String, Value)>,
}

/// A running server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn script(&self, scripts: impl IntoIterator<Item = Vec<Act>>) {
        self.state.lock().unwrap().scripts.extend(scripts);
    }

    /// Bodies of the generations seen.
    pub(crate) fn generations(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|(path, _)| path == "/api/chat").map(|(_, body)| body.clone()).collect()
    }

    /// Loads and unloads seen, as `load` and `unload`.
    pub(crate) fn moves(&self) -> Vec<&'static str> {
        let state = self.state.lock().unwrap();
        let generate = state.seen.iter().filter(|(path, _)| path == "/api/generate");
        generate.map(|(_, body)| if body["keep_alive"] == 0 { "unload" } else { "load" }).collect()
    }
}

async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    socket.set_nodelay(true).unwrap();
    let Some((path, body)) = read_request(&mut socket).await else { return };
    let acts = answer(&path, body, &state);
    play(socket, acts).await;
}

async fn read_request(socket: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |digits| digits.trim().parse().unwrap());
    while bytes.len() < head + length {
        socket.read_buf(&mut bytes).await.ok()?;
    }
    let path = text.split(' ').nth(1)?.to_owned();
    Some((path, serde_json::from_slice(&bytes[head..]).unwrap_or(Value::Null)))
}

fn answer(path: &str, body: Value, state: &Mutex<State>) -> Vec<Act> {
    let mut state = state.lock().unwrap();
    state.seen.push((path.to_owned(), body.clone()));
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    match path {
        "/api/version" => status(200, r#"{"version":"0.33.0"}"#),
        "/api/tags" => status(
            200,
            r#"{"models":[{"name":"tiny:latest","digest":"d1","size":9,"details":{"family":"llama"}}]}"#,
        ),
        "/api/show" => status(200, r#"{"model_info":{"llama.block_count":2,"llama.context_length":2048}}"#),
        "/api/ps" => {
            status(200, &json!({"models": state.loaded.iter().map(shown).collect::<Vec<_>>()}).to_string())
        }
        "/api/generate" if body["keep_alive"] == 0 => {
            state.loaded.retain(|name| *name != model);
            status(200, r#"{"done":true,"done_reason":"unload"}"#)
        }
        "/api/generate" => {
            state.loaded.push("tiny:latest".to_owned());
            status(200, r#"{"done":true,"done_reason":"load"}"#)
        }
        "/api/chat" => {
            if state.loaded.is_empty() {
                state.loaded.push("tiny:latest".to_owned());
            }
            state.scripts.pop_front().unwrap_or_else(|| good(4))
        }
        _ => status(404, "404 page not found"),
    }
}

fn shown(name: &String) -> Value {
    json!({"name": name, "digest": "d1", "size": 10, "size_vram": 7, "context_length": 2048})
}

async fn play(mut socket: TcpStream, acts: Vec<Act>) {
    for act in acts {
        match act {
            // The other side may have left on purpose.
            Act::Bytes(bytes) => drop(socket.write_all(&bytes).await),
            Act::Pause(time) => tokio::time::sleep(time).await,
            Act::Reset => {
                socket.set_zero_linger().unwrap();
                return;
            }
            Act::Hang => {
                let mut rest = Vec::new();
                let _ = socket.read_to_end(&mut rest).await;
                return;
            }
        }
    }
    let _ = socket.shutdown().await;
}
