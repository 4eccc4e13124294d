//! What the server said, taken from the bytes between node and server by the test itself.

use chimera_core::record::GenerationRecord;
use chimera_tests::http::Exchange;
use serde_json::Value;

/// The answer to one generation.
pub(crate) struct Answer {
    /// Its place among everything that was said.
    pub(crate) order: u64,
    /// The prompt that was sent.
    pub(crate) prompt: String,
    /// The options that were sent.
    pub(crate) options: Value,
    /// HTTP status.
    pub(crate) status: Option<u16>,
    /// Lines with text.
    pub(crate) lines: Vec<Line>,
    /// The last line: the final record.
    pub(crate) last: Value,
}

/// A line with text.
pub(crate) struct Line {
    pub(crate) text: String,
    /// Nanoseconds since 1970 of its `created_at`.
    pub(crate) stamp: Option<i64>,
}

/// Every generation of a conversation.
pub(crate) fn of_generations(exchanges: &[Exchange]) -> Vec<Answer> {
    exchanges.iter().filter(|exchange| exchange.call == "POST /api/chat").map(answer).collect()
}

fn answer(exchange: &Exchange) -> Answer {
    let asked = exchange.asked();
    let messages = asked["messages"].as_array().expect("messages");
    let prompt = messages.last().expect("a prompt")["content"].as_str().expect("a text");
    let mut lines = exchange.lines();
    let last = lines.pop().expect("a final record");
    assert_eq!(last["done"], true, "{last:#}");
    let with_text = lines.iter().filter_map(|line| {
        let text = line["message"]["content"].as_str().filter(|text| !text.is_empty())?.to_owned();
        Some(Line { text, stamp: stamp(line) })
    });
    Answer {
        order: exchange.order,
        prompt: prompt.to_owned(),
        options: asked["options"].clone(),
        status: exchange.status,
        lines: with_text.collect(),
        last,
    }
}

/// The answer to a recorded generation: the head of its prompt is like no other.
pub(crate) fn of<'a>(answers: &'a [Answer], generation: &GenerationRecord) -> &'a Answer {
    let head = generation.opened.prompt_head.as_deref().expect("every prompt has a fresh head");
    let mut found = answers.iter().filter(|answer| answer.prompt.starts_with(head));
    let answer = found.next().unwrap_or_else(|| panic!("nobody asked with the head '{head}'"));
    assert!(found.next().is_none(), "two prompts have the head '{head}'");
    answer
}

/// Whether an exchange loaded a model: nothing to say, and not to be unloaded.
pub(crate) fn is_load(exchange: &Exchange) -> bool {
    let asked = exchange.asked();
    exchange.call == "POST /api/generate" && asked["prompt"] == "" && asked["keep_alive"] != 0
}

/// The first model in the next list of running models.
pub(crate) fn next_shown(exchanges: &[Exchange]) -> Value {
    let list = exchanges.iter().find(|exchange| exchange.call == "GET /api/ps").expect("it is read back");
    list.lines()[0]["models"][0].clone()
}

/// Nanoseconds since 1970 of a line's `created_at`, such as `2026-11-22T09:58:15.487787036Z`.
pub(crate) fn stamp(line: &Value) -> Option<i64> {
    let (date, time) = line["created_at"].as_str()?.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, mark: char| -> Option<Vec<i64>> {
        text.split(mark).map(|part| part.parse().ok()).collect()
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (date, clock) = (numbers(date, '-')?, numbers(clock, ':')?);
    let [year, month, day] = date.try_into().ok()?;
    let [hour, minute, second] = clock.try_into().ok()?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<i64>().ok()?)
}

/// Leap years before a year, counted from year 1.
const fn leaps_before(year: i64) -> i64 {
    let last = year - 1;
    last / 4 - last / 100 + last / 400
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps = leaps_before(year) - leaps_before(1970);
    let leap_day = i64::from(month > 2 && leaps_before(year + 1) > leaps_before(year));
    (year - 1970) * 365 + leaps + BEFORE_MONTH[month as usize - 1] + leap_day + day - 1
}

#[test]
fn stamps_are_nanoseconds_since_1970() {
    let stamp = |text: &str| stamp(&serde_json::json!({ "created_at": text }));
    assert_eq!(stamp("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(stamp("2000-03-01T00:00:00.5Z"), Some(951_868_800_500_000_000));
    assert_eq!(stamp("2026-11-22T09:58:15.487787036Z"), Some(1_795_341_495_487_787_036));
}
