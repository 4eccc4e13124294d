//! From a request to the tokens the engine sees: rendering, dropping and cutting.

use crate::{
    dialect::Dialect,
    engine::tokens::{BEGIN, tokenize},
    spec::model::{Capability, ChatPath, ModelSpec},
    wire::{
        call::{Call, Route, Turn},
        options::Options,
        refusal::Refusal,
    },
};

/// A prompt ready for the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// What is evaluated, begin token included, cut to the context.
    pub(crate) tokens: Vec<u32>,
    /// The rendered text before any cut, for the `context` array.
    pub(crate) text: String,
    /// Answer tokens at most; `None`: no limit but the simulator's own.
    pub(crate) budget: Option<u32>,
}

/// Renders a request and fits it into the context.
pub(crate) fn prepare(
    call: &Call,
    options: &Options,
    model: &ModelSpec,
    dialect: Dialect,
    num_ctx: u32,
) -> Result<Prompt, Refusal> {
    let mut call = call.clone();
    if call.route == Route::Chat && call.truncate {
        drop_old_turns(&mut call, model, num_ctx);
    }
    refuse_images(&call, model, dialect)?;
    let text = render(&call);
    let tokens = encode(&call, model, &text);
    let tokens = fit(tokens, &call, options, model, dialect, num_ctx)?;
    let budget = budget(&call, options, model, dialect, num_ctx, count(&tokens));
    Ok(Prompt { tokens, text, budget })
}

fn refuse_images(call: &Call, model: &ModelSpec, dialect: Dialect) -> Result<(), Refusal> {
    if call.images() == 0 || model.can(Capability::Vision) || !dialect.is_newer() {
        return Ok(());
    }
    let message = "Multimodal data provided, but model does not support multimodal requests.";
    let inner = format!(
        "{{\"error\":{{\"code\":400,\"message\":\"{message}\",\"type\":\"invalid_request_error\"}}}}"
    );
    Err(Refusal::engine(400, inner))
}

/// The oldest turns go first; system turns and the last turn stay.
fn drop_old_turns(call: &mut Call, model: &ModelSpec, num_ctx: u32) {
    while count(&encode(call, model, &render(call))) > num_ctx {
        let last = call.turns.len().saturating_sub(1);
        let oldest = call.turns.iter().take(last).position(|turn| turn.role != "system");
        match oldest {
            Some(index) => call.turns.remove(index),
            None => return,
        };
    }
}

fn render(call: &Call) -> String {
    let prompt = call.turns.first().map(with_images).unwrap_or_default();
    if call.raw {
        return prompt;
    }
    if !call.template.is_empty() {
        return call.template.replace("{{ .Prompt }}", &prompt).replace("{{ .System }}", &call.system);
    }
    let system = (!call.system.is_empty()).then(|| format!("[system] {}\n", call.system));
    let turns = call.turns.iter().map(|turn| format!("[{}] {}\n", turn.role, with_images(turn)));
    system.into_iter().chain(turns).chain(std::iter::once("[assistant] ".to_owned())).collect()
}

fn with_images(turn: &Turn) -> String {
    let tags: String = (0..turn.images).map(|index| format!("[img-{index}]")).collect();
    format!("{tags}{}", turn.content)
}

fn encode(call: &Call, model: &ModelSpec, text: &str) -> Vec<u32> {
    std::iter::once(BEGIN)
        .chain(call.context.iter().copied())
        .chain(tokenize(model.tokenizer, text))
        .collect()
}

fn fit(
    tokens: Vec<u32>,
    call: &Call,
    options: &Options,
    model: &ModelSpec,
    dialect: Dialect,
    num_ctx: u32,
) -> Result<Vec<u32>, Refusal> {
    let length = count(&tokens);
    if length <= num_ctx {
        return Ok(tokens);
    }
    let real = dialect.real_context(num_ctx);
    let whole = !call.truncate || is_native(call, model, dialect);
    if whole && length <= real {
        return Ok(tokens);
    }
    if let Some(refusal) = too_long(call.shift, dialect, length, real, whole) {
        return Err(refusal);
    }
    let keep =
        u32::try_from(options.num_keep.unwrap_or(4).max(0)).unwrap_or(4).saturating_add(1).min(num_ctx / 2);
    let limit = dialect.cut_prompt(num_ctx, keep);
    let tail = length - limit.saturating_sub(keep);
    Ok((0..).zip(tokens).filter(|(at, _)| *at < keep || *at >= tail).map(|(_, token)| token).collect())
}

/// Whether the engine renders this request's prompt itself.
pub(crate) fn is_native(call: &Call, model: &ModelSpec, dialect: Dialect) -> bool {
    dialect.is_newer() && call.route == Route::Chat && model.chat_path == ChatPath::Native
}

/// The refusal of a prompt that does not fit; `None` when it is cut instead. `whole`: it must not be cut.
fn too_long(shift: bool, dialect: Dialect, length: u32, real: u32, whole: bool) -> Option<Refusal> {
    match dialect {
        Dialect::V0_24 if whole => Some(Refusal::engine(400, "the input length exceeds the context length")),
        Dialect::V0_33 if whole => Some(Refusal::engine(400, exceeds_context(length, real))),
        Dialect::V0_33 if !shift => Some(Refusal::engine(
            400,
            "the prompt is longer than the context length currently available to the model; shorten the prompt, \
             adjust the context length in settings, or use a model with a longer context length",
        )),
        Dialect::V0_24 | Dialect::V0_33 => None,
    }
}

/// The newer server passes the engine's JSON on as a text.
fn exceeds_context(length: u32, real: u32) -> String {
    format!(
        "{{\"error\":{{\"code\":400,\"message\":\"request ({length} tokens) exceeds the available context size \
         ({real} tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\
         \"n_prompt_tokens\":{length},\"n_ctx\":{real}}}}}"
    )
}

fn budget(
    call: &Call,
    options: &Options,
    model: &ModelSpec,
    dialect: Dialect,
    num_ctx: u32,
    prompt: u32,
) -> Option<u32> {
    let cap = num_ctx.saturating_mul(10);
    let native = is_native(call, model, dialect);
    let wanted = match options.num_predict.unwrap_or(-1) {
        0 if native => Some(1),
        0 => None,
        negative if negative < 0 => Some(cap),
        positive => Some(u32::try_from(positive).unwrap_or(u32::MAX).min(cap)),
    };
    if call.shift {
        return wanted;
    }
    let room = dialect.tokens_without_shift(dialect.real_context(num_ctx), prompt);
    Some(wanted.map_or(room, |wanted| wanted.min(room)))
}

fn count(tokens: &[u32]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}
