//! The lines of an answer, fields in the order of the real server.

use serde::Serialize;

use crate::wire::{call::Route, json};

/// Probability of one token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Logprob {
    pub(crate) token: String,
    pub(crate) logprob: f64,
    pub(crate) bytes: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) top_logprobs: Vec<Self>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DoneReason {
    Stop,
    Length,
    Load,
    Unload,
}

/// The counters of a final record, nanoseconds and tokens. Zero values are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Counters {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_duration: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) load_duration: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) prompt_eval_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) prompt_eval_duration: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) eval_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) eval_duration: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the serializer passes a reference")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// One line of an answer, for both routes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Line {
    pub(crate) created_at: String,
    pub(crate) content: String,
    pub(crate) thinking: String,
    pub(crate) done: bool,
    pub(crate) done_reason: Option<DoneReason>,
    pub(crate) context: Vec<u32>,
    pub(crate) counters: Counters,
    pub(crate) logprobs: Vec<Logprob>,
}

impl Line {
    /// The JSON text for a route, without a line end.
    pub(crate) fn encode(&self, route: Route, model: &str) -> String {
        match route {
            Route::Generate => json::encode(&GenerateLine {
                model,
                created_at: &self.created_at,
                response: &self.content,
                thinking: &self.thinking,
                done: self.done,
                done_reason: self.done_reason,
                context: &self.context,
                counters: self.counters,
                logprobs: &self.logprobs,
            }),
            Route::Chat => json::encode(&ChatLine {
                model,
                created_at: &self.created_at,
                message: Message { role: "assistant", content: &self.content, thinking: &self.thinking },
                done: self.done,
                done_reason: self.done_reason,
                counters: self.counters,
                logprobs: &self.logprobs,
            }),
        }
    }
}

#[derive(Serialize)]
struct GenerateLine<'a> {
    model: &'a str,
    created_at: &'a str,
    response: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_reason: Option<DoneReason>,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    context: &'a [u32],
    #[serde(flatten)]
    counters: Counters,
    #[serde(skip_serializing_if = "<[Logprob]>::is_empty")]
    logprobs: &'a [Logprob],
}

#[derive(Serialize)]
struct ChatLine<'a> {
    model: &'a str,
    created_at: &'a str,
    message: Message<'a>,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_reason: Option<DoneReason>,
    #[serde(flatten)]
    counters: Counters,
    #[serde(skip_serializing_if = "<[Logprob]>::is_empty")]
    logprobs: &'a [Logprob],
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_the_recorded_order_and_zeros_are_left_out() {
        let line = Line {
            created_at: "T".to_owned(),
            done: true,
            done_reason: Some(DoneReason::Length),
            context: vec![259, 318],
            counters: Counters {
                total_duration: 5,
                prompt_eval_count: 25,
                eval_count: 1,
                ..Counters::default()
            },
            ..Line::default()
        };
        assert_eq!(
            line.encode(Route::Generate, "tiny"),
            "{\"model\":\"tiny\",\"created_at\":\"T\",\"response\":\"\",\"done\":true,\"done_reason\":\"length\",\
             \"context\":[259,318],\"total_duration\":5,\"prompt_eval_count\":25,\"eval_count\":1}"
        );
        assert_eq!(
            line.encode(Route::Chat, "tiny"),
            "{\"model\":\"tiny\",\"created_at\":\"T\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\
             \"done\":true,\"done_reason\":\"length\",\"total_duration\":5,\"prompt_eval_count\":25,\"eval_count\":1}"
        );
    }
}
