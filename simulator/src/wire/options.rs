//! The `options` object of a request.

use serde_json::{Map, Value};

use crate::{seed::fingerprint, wire::refusal::Refusal};

/// Options as requested; absent values are `None` and get their default where they are used.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Options {
    pub(crate) num_ctx: Option<i64>,
    pub(crate) num_batch: Option<i64>,
    pub(crate) num_gpu: Option<i64>,
    pub(crate) main_gpu: Option<i64>,
    pub(crate) num_thread: Option<i64>,
    pub(crate) draft_num_predict: Option<i64>,
    pub(crate) use_mmap: Option<bool>,
    pub(crate) num_keep: Option<i64>,
    pub(crate) num_predict: Option<i64>,
    pub(crate) seed: Option<i64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) stop: Vec<String>,
    /// Fingerprint of the options that change what is sampled, besides seed and temperature.
    pub(crate) sampling: u64,
}

const INTEGERS: [&str; 11] = [
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "repeat_last_n",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "draft_num_predict",
];
const FLOATS: [&str; 7] =
    ["top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"];
const SAMPLING: [&str; 8] = [
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_last_n",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
];

impl Options {
    /// Reads the object. Wrong types are a 500, null means the default, floats are cut to whole numbers where
    /// those are wanted, unknown names are ignored: all as on the real server.
    pub(crate) fn parse(object: &Map<String, Value>) -> Result<Self, Refusal> {
        check(object, &INTEGERS, Value::is_number, "integer")?;
        check(object, &FLOATS, Value::is_number, "float32")?;
        check(object, &["use_mmap"], Value::is_boolean, "boolean")?;
        let int = |name: &str| object.get(name).and_then(whole);
        Ok(Self {
            num_ctx: int("num_ctx"),
            num_batch: int("num_batch"),
            num_gpu: int("num_gpu"),
            main_gpu: int("main_gpu"),
            num_thread: int("num_thread"),
            draft_num_predict: int("draft_num_predict"),
            use_mmap: object.get("use_mmap").and_then(Value::as_bool),
            num_keep: int("num_keep"),
            num_predict: int("num_predict"),
            seed: int("seed"),
            temperature: object.get("temperature").and_then(Value::as_f64),
            stop: stops(object.get("stop"))?,
            sampling: sampling_fingerprint(object),
        })
    }
}

fn check(
    object: &Map<String, Value>,
    names: &[&str],
    accepts: impl Fn(&Value) -> bool,
    wanted: &str,
) -> Result<(), Refusal> {
    let wrong =
        names.iter().find(|name| object.get(**name).is_some_and(|value| !value.is_null() && !accepts(value)));
    match wrong {
        Some(name) => Err(Refusal::handler(500, format!("option {name:?} must be of type {wanted}"))),
        None => Ok(()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the server cuts floats in the same way")]
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|float| float as i64))
}

fn stops(value: Option<&Value>) -> Result<Vec<String>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
            .ok_or_else(|| Refusal::handler(500, "option \"stop\" must be of an array of strings")),
        Some(_) => Err(Refusal::handler(500, "option \"stop\" must be of type array")),
    }
}

fn sampling_fingerprint(object: &Map<String, Value>) -> u64 {
    let text: String = SAMPLING
        .iter()
        .filter_map(|name| object.get(*name).map(|value| format!("{name}={value};")))
        .collect();
    fingerprint(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Options, String> {
        Options::parse(value.as_object().unwrap()).map_err(|refusal| {
            assert_eq!(refusal.status, 500);
            refusal.text
        })
    }

    #[test]
    fn types_are_checked_as_recorded() {
        let text = |value: Value| parse(&value).unwrap_err();
        assert_eq!(text(json!({"num_ctx": "abc"})), "option \"num_ctx\" must be of type integer");
        assert_eq!(text(json!({"temperature": "hot"})), "option \"temperature\" must be of type float32");
        assert_eq!(text(json!({"stop": "x"})), "option \"stop\" must be of type array");
        assert_eq!(text(json!({"stop": [1]})), "option \"stop\" must be of an array of strings");
        assert_eq!(text(json!({"use_mmap": "yes"})), "option \"use_mmap\" must be of type boolean");
    }

    #[test]
    fn null_is_the_default_floats_are_cut_and_unknown_names_ignored() {
        let read = parse(&json!({"seed": null, "num_predict": 3.9, "num_contex": 4})).unwrap();
        assert_eq!(read.seed, None);
        assert_eq!(read.num_predict, Some(3));
        assert_eq!(read.num_ctx, None);
    }
}
