//! A request to `/api/generate` or `/api/chat`, read and checked.

use serde_json::{Map, Value};

use crate::wire::{
    binding::{self, Kind},
    keep_alive::{self, KeepAlive},
    refusal::Refusal,
};

/// Which of the two routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/api/generate`: `response` and `context`.
    Generate,
    /// `/api/chat`: `message`.
    Chat,
}

/// One message of a chat, or the single prompt of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) role: String,
    pub(crate) content: String,
    pub(crate) images: u32,
}

/// A request as the handlers see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) route: Route,
    pub(crate) model: String,
    /// The conversation; a generation has one turn of the user.
    pub(crate) turns: Vec<Turn>,
    pub(crate) system: String,
    pub(crate) template: String,
    pub(crate) suffix: String,
    /// Token ids of an earlier answer.
    pub(crate) context: Vec<u32>,
    pub(crate) stream: bool,
    pub(crate) raw: bool,
    pub(crate) tools: bool,
    pub(crate) format: Option<Value>,
    pub(crate) keep_alive: Option<KeepAlive>,
    /// The raw options; they are checked only after the model is found.
    pub(crate) options: Map<String, Value>,
    pub(crate) think: Option<bool>,
    pub(crate) truncate: bool,
    pub(crate) shift: bool,
    pub(crate) logprobs: bool,
    pub(crate) top_logprobs: i64,
}

const SHARED: [(&str, Kind); 7] = [
    ("model", Kind::Text),
    ("stream", Kind::Flag),
    ("options", Kind::Object),
    ("truncate", Kind::Flag),
    ("shift", Kind::Flag),
    ("logprobs", Kind::Flag),
    ("top_logprobs", Kind::Int),
];
const GENERATE: [(&str, Kind); 7] = [
    ("prompt", Kind::Text),
    ("suffix", Kind::Text),
    ("system", Kind::Text),
    ("template", Kind::Text),
    ("context", Kind::Array("[]int")),
    ("raw", Kind::Flag),
    ("images", Kind::Array("[]api.ImageData")),
];
const CHAT: [(&str, Kind); 2] =
    [("messages", Kind::Array("[]api.Message")), ("tools", Kind::Array("api.Tools"))];
const MESSAGE: [(&str, Kind); 3] =
    [("role", Kind::Text), ("content", Kind::Text), ("images", Kind::Array("[]api.ImageData"))];

impl Call {
    /// Reads the body of a request to a route.
    pub(crate) fn parse(route: Route, body: &[u8]) -> Result<Self, Refusal> {
        let (request_type, own): (&str, &[(&str, Kind)]) = match route {
            Route::Generate => ("GenerateRequest", &GENERATE),
            Route::Chat => ("ChatRequest", &CHAT),
        };
        let object = binding::object(body, request_type, &SHARED)?;
        binding::check_fields(&object, request_type, own)?;
        let turns = match route {
            Route::Generate => vec![single_turn(&object)?],
            Route::Chat => messages(&object)?,
        };
        let call = Self::assemble(route, &object, turns)?;
        if (0..=20).contains(&call.top_logprobs) {
            Ok(call)
        } else {
            Err(Refusal::handler(400, "top_logprobs must be between 0 and 20"))
        }
    }

    fn assemble(route: Route, object: &Map<String, Value>, turns: Vec<Turn>) -> Result<Self, Refusal> {
        Ok(Self {
            route,
            model: text(object, "model"),
            turns,
            system: text(object, "system"),
            template: text(object, "template"),
            suffix: text(object, "suffix"),
            context: context_ids(object),
            stream: flag(object, "stream", true),
            raw: flag(object, "raw", false),
            tools: object.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty()),
            format: object.get("format").filter(|value| !is_blank(value)).cloned(),
            keep_alive: keep_alive::parse(object.get("keep_alive"))
                .map_err(|text| Refusal::handler(400, text))?,
            options: object.get("options").and_then(Value::as_object).cloned().unwrap_or_default(),
            think: think(object.get("think"))?,
            truncate: flag(object, "truncate", true),
            shift: flag(object, "shift", true),
            logprobs: flag(object, "logprobs", false),
            top_logprobs: object.get("top_logprobs").and_then(Value::as_i64).unwrap_or(0),
        })
    }

    /// Whether nothing is asked: the request only loads or unloads.
    pub(crate) fn is_empty(&self) -> bool {
        match self.route {
            Route::Generate => {
                self.suffix.is_empty()
                    && self.turns.iter().all(|turn| turn.content.is_empty() && turn.images == 0)
            }
            Route::Chat => self.turns.is_empty(),
        }
    }

    /// Images in all turns.
    pub(crate) fn images(&self) -> u32 {
        self.turns.iter().map(|turn| turn.images).sum()
    }
}

fn text(object: &Map<String, Value>, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn flag(object: &Map<String, Value>, name: &str, default: bool) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(default)
}

fn context_ids(object: &Map<String, Value>) -> Vec<u32> {
    let ids = object.get("context").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()).collect()
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn single_turn(object: &Map<String, Value>) -> Result<Turn, Refusal> {
    Ok(Turn { role: "user".to_owned(), content: text(object, "prompt"), images: images(object)? })
}

fn messages(object: &Map<String, Value>) -> Result<Vec<Turn>, Refusal> {
    let list = object.get("messages").and_then(Value::as_array);
    list.into_iter().flatten().map(message).collect()
}

fn message(value: &Value) -> Result<Turn, Refusal> {
    let empty = Map::new();
    let object = value.as_object().unwrap_or(&empty);
    binding::check_fields(object, "ChatRequest.messages", &MESSAGE)?;
    Ok(Turn { role: text(object, "role"), content: text(object, "content"), images: images(object)? })
}

fn images(object: &Map<String, Value>) -> Result<u32, Refusal> {
    let list = object.get("images").and_then(Value::as_array);
    let mut count = 0;
    for image in list.into_iter().flatten() {
        if let Some(at) = image.as_str().and_then(illegal_base64) {
            return Err(Refusal::handler(400, format!("illegal base64 data at input byte {at}")));
        }
        count += 1;
    }
    Ok(count)
}

/// The place of the first byte that standard base64 does not allow.
fn illegal_base64(text: &str) -> Option<usize> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r');
    text.bytes()
        .position(|byte| !legal(byte))
        .or_else(|| (!text.len().is_multiple_of(4)).then_some(text.len()))
}

fn think(value: Option<&Value>) -> Result<Option<bool>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(wanted)) => Ok(Some(*wanted)),
        Some(Value::String(level)) if matches!(level.as_str(), "high" | "medium" | "low" | "max") => {
            Ok(Some(true))
        }
        Some(Value::String(level)) => {
            let allowed = "(must be \"high\", \"medium\", \"low\", \"max\", true, or false)";
            Err(Refusal::handler(400, format!("invalid think value: {level:?} {allowed}")))
        }
        Some(_) => Err(Refusal::handler(
            400,
            "think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or false)",
        )),
    }
}
