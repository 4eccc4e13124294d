//! Tripwires of quality: how answers ended and whether they say anything. They are no measure of what a model can do, they
//! show when a setting broke it. Nothing here enters a rate.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::GenerationOutcome;
use crate::quantity::generation::valid;
use crate::record::GenerationRecord;
use crate::stats::Sample;

/// Most words of one answer whose pairs are counted.
const WORDS_MAX: usize = 10_000;

/// How the answers of a row look.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answers {
    /// Valid generations by why the server ended them: `stop`, `length`, `other`; `unknown` where it did not say.
    pub done: BTreeMap<String, u64>,
    /// Valid generations without any text of an answer.
    pub empty: u64,
    /// Generations that the server's repeat guard ended.
    pub repeat_aborts: u64,
    /// Median length of the answers of valid generations, in bytes of UTF-8.
    pub bytes_p50: Option<f64>,
    /// distinct-2: different pairs of neighbouring words / pairs, 0 to 1, median over answers of two words or more. Absent
    /// where answers are not stored. A loop of words has a small one.
    pub distinct_2: Option<f64>,
}

/// Answers while records come in.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerRows {
    done: BTreeMap<String, u64>,
    empty: u64,
    repeat_aborts: u64,
    bytes: Vec<f64>,
    distinct_2: Vec<f64>,
}

impl AnswerRows {
    pub(super) fn add(&mut self, generation: &GenerationRecord) {
        let outcome = generation.closed.as_ref().map(|closed| closed.outcome);
        self.repeat_aborts += u64::from(outcome == Some(GenerationOutcome::RepeatAbort));
        let Some((closed, _)) = valid(generation) else { return };
        let reason = closed.done_reason.map_or("unknown", |reason| reason.name());
        *self.done.entry(reason.to_owned()).or_default() += 1;
        self.empty += u64::from(closed.answer_bytes == 0);
        self.bytes.push(closed.answer_bytes as f64);
        self.distinct_2.extend(closed.answer.as_deref().and_then(distinct_2));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (reason, n) in &other.done {
            *self.done.entry(reason.clone()).or_default() += n;
        }
        self.empty += other.empty;
        self.repeat_aborts += other.repeat_aborts;
        self.bytes.extend(&other.bytes);
        self.distinct_2.extend(&other.distinct_2);
    }

    pub(super) fn told(&self) -> Answers {
        let median = |rows: &Vec<f64>| Sample::new(rows.clone()).printed_quantile(0.5);
        Answers {
            done: self.done.clone(),
            empty: self.empty,
            repeat_aborts: self.repeat_aborts,
            bytes_p50: median(&self.bytes),
            distinct_2: median(&self.distinct_2),
        }
    }
}

/// Different pairs / pairs of neighbouring words (Li and others 2016); absent with fewer than two words.
fn distinct_2(answer: &str) -> Option<f64> {
    let words: Vec<&str> = answer.split_whitespace().take(WORDS_MAX).collect();
    let pairs: BTreeSet<(&str, &str)> = words.windows(2).map(|pair| (pair[0], pair[1])).collect();
    (words.len() > 1).then(|| pairs.len() as f64 / (words.len() - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::DoneReason;
    use crate::quantity::scene::sample_generation;

    fn answered(text: &str, reason: Option<DoneReason>) -> GenerationRecord {
        let mut generation = sample_generation();
        let closed = generation.closed.as_mut().unwrap();
        closed.answer_bytes = text.len() as u64;
        closed.answer = Some(text.to_owned());
        closed.done_reason = reason;
        generation
    }

    #[test]
    fn pairs_of_words_by_hand() {
        assert_eq!(distinct_2("the cat saw the cat"), Some(0.75), "the cat, cat saw, saw the; the cat again");
        assert_eq!(distinct_2("no no no no no"), Some(0.25));
        assert_eq!((distinct_2("word"), distinct_2("  ")), (None, None));
    }

    #[test]
    fn ends_and_lengths_are_counted_and_pooling_is_adding() {
        let one = [answered("a b a b", Some(DoneReason::Stop)), answered("", Some(DoneReason::Length))];
        let mut aborted = answered("x", None);
        aborted.closed.as_mut().unwrap().outcome = GenerationOutcome::RepeatAbort;
        let other = [aborted, answered("a b c", None)];
        let rows = |generations: &[GenerationRecord]| {
            let mut rows = AnswerRows::default();
            generations.iter().for_each(|generation| rows.add(generation));
            rows
        };
        let mut pooled = rows(&one);
        pooled.merge(&rows(&other));
        let told = pooled.told();
        assert_eq!(told, rows(&[one.as_slice(), other.as_slice()].concat()).told());
        let done: Vec<(&str, u64)> = told.done.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
        assert_eq!(done, [("length", 1), ("stop", 1), ("unknown", 1)]);
        assert_eq!((told.empty, told.repeat_aborts, told.bytes_p50), (1, 1, Some(5.0)));
        assert_eq!(told.distinct_2, Some((2.0 / 3.0 + 1.0) / 2.0));
    }

    #[test]
    fn without_stored_answers_their_words_are_absent() {
        let mut hashed = answered("a b", Some(DoneReason::Stop));
        hashed.closed.as_mut().unwrap().answer = None;
        let mut rows = AnswerRows::default();
        rows.add(&hashed);
        assert_eq!((rows.told().bytes_p50, rows.told().distinct_2), (None, None), "a median needs two rows");
    }
}
