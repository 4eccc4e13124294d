//! Request bodies. Where an option becomes JSON.

use bytes::Bytes;
use chimera_core::option::{OptionValue, Options};
use chimera_core::workload::Endpoint as Route;
use serde_json::{Map, Value, json};

/// How long the server keeps the model after a request. Longer than any pause inside a sweep; every request renews it.
const KEEP_ALIVE: &str = "1h";

/// What one generation asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GenerationCall<'a> {
    /// The route.
    pub(crate) route: Route,
    /// The model.
    pub(crate) model: &'a str,
    /// System text; chat only.
    pub(crate) system: Option<&'a str>,
    /// The prompt.
    pub(crate) prompt: &'a str,
    /// Options of the cell.
    pub(crate) options: &'a Options,
    /// Sampling seed.
    pub(crate) seed: i64,
    /// Whether to think.
    pub(crate) think: Option<bool>,
}

impl GenerationCall<'_> {
    /// Path of the route.
    pub(crate) const fn path(&self) -> &'static str {
        match self.route {
            Route::Chat => "/api/chat",
            Route::Generate => "/api/generate",
        }
    }

    /// The body. `truncate: false` makes the server refuse a prompt that does not fit instead of cutting it silently.
    pub(crate) fn body(&self) -> Bytes {
        let mut options = options_json(self.options);
        options.insert("seed".to_owned(), self.seed.into());
        let mut body = json!({
            "model": self.model, "stream": true, "truncate": false, "keep_alive": KEEP_ALIVE, "options": options,
        });
        match self.route {
            Route::Chat => body["messages"] = self.messages(),
            Route::Generate => {
                body["prompt"] = self.prompt.into();
                body["raw"] = true.into();
            }
        }
        if let Some(think) = self.think {
            body["think"] = think.into();
        }
        bytes_of(&body)
    }

    fn messages(&self) -> Value {
        let user = json!({"role": "user", "content": self.prompt});
        match self.system {
            Some(system) => json!([{"role": "system", "content": system}, user]),
            None => json!([user]),
        }
    }
}

/// The body that loads a model with options and generates nothing.
pub(crate) fn load_body(model: &str, options: &Options) -> Bytes {
    bytes_of(&json!({
        "model": model, "prompt": "", "stream": false, "keep_alive": KEEP_ALIVE, "options": options_json(options),
    }))
}

/// The body that unloads a model.
pub(crate) fn unload_body(model: &str) -> Bytes {
    bytes_of(&json!({"model": model, "prompt": "", "stream": false, "keep_alive": 0}))
}

/// The body that asks for details of a model.
pub(crate) fn show_body(model: &str) -> Bytes {
    bytes_of(&json!({"model": model}))
}

/// Where an option becomes JSON. An option that is not set is not sent: the server's default holds.
fn options_json(options: &Options) -> Map<String, Value> {
    let json = |value: &OptionValue| match value {
        OptionValue::Integer(number) => Value::from(*number),
        OptionValue::Float(number) => Value::from(number.get()),
        OptionValue::Boolean(flag) => Value::from(*flag),
        OptionValue::Texts(texts) => Value::from(texts.clone()),
    };
    options.iter().map(|(name, value)| (name.to_owned(), json(value))).collect()
}

fn bytes_of(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::option::Decimal;

    fn options() -> Options {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(2048)).unwrap();
        options.set("temperature", OptionValue::Float(Decimal::new(0.8).unwrap())).unwrap();
        options.set("use_mmap", OptionValue::Boolean(false)).unwrap();
        options.set("stop", OptionValue::Texts(vec!["\n\n".into()])).unwrap();
        options
    }

    fn call(route: Route) -> Value {
        let options = options();
        let call = GenerationCall {
            route,
            model: "tiny",
            system: Some("be brief"),
            prompt: "why \"x\"?",
            options: &options,
            seed: 7,
            think: Some(false),
        };
        serde_json::from_slice(&call.body()).unwrap()
    }

    #[test]
    fn options_keep_their_type() {
        let expected =
            json!({"num_ctx": 2048, "temperature": 0.8, "use_mmap": false, "stop": ["\n\n"], "seed": 7});
        assert_eq!(call(Route::Chat)["options"], expected);
    }

    #[test]
    fn the_two_routes_differ_in_the_prompt_only() {
        let chat = call(Route::Chat);
        assert_eq!(chat["messages"][1], json!({"role": "user", "content": "why \"x\"?"}));
        assert_eq!(
            (&chat["think"], &chat["truncate"], &chat["stream"]),
            (&json!(false), &json!(false), &json!(true))
        );
        let generate = call(Route::Generate);
        assert_eq!((&generate["raw"], &generate["prompt"]), (&json!(true), &json!("why \"x\"?")));
        assert_eq!(generate.get("messages"), None);
    }

    #[test]
    fn loads_carry_the_options_and_unloads_do_not() {
        let load: Value = serde_json::from_slice(&load_body("tiny", &options())).unwrap();
        assert_eq!((&load["prompt"], &load["options"]["num_ctx"]), (&json!(""), &json!(2048)));
        let unload: Value = serde_json::from_slice(&unload_body("tiny")).unwrap();
        assert_eq!((&unload["keep_alive"], unload.get("options")), (&json!(0), None));
    }
}
