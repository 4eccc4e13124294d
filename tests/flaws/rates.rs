//! What rates are made of.

use chimera_core::quantity::Quantity;
use chimera_core::record::GenerationRecord;

use crate::proof::{Finding, expect, prove, same};
use crate::scene::{counted, generation, lost, pooled, record};

/// The rate of a set of generations, tok/s.
type Rate = dyn Fn(&[GenerationRecord]) -> Option<f64>;

/// What the report prints as the rate of the set.
fn reported(generations: &[GenerationRecord]) -> Option<f64> {
    pooled(&counted(&[record(0, generations.to_vec())]).cells[0].tally, Quantity::DecodeRate)
}

/// N and seconds of eval; 0 and 1 where there is no final record, as a careless reader has it.
fn numbers(generation: &GenerationRecord) -> (f64, f64) {
    let counters = generation.closed.as_ref().and_then(|closed| closed.server);
    counters.map_or((0.0, 1.0), |server| {
        (server.tokens.unwrap_or(0) as f64, server.eval.unwrap_or_default().as_secs_f64())
    })
}

fn mean(rates: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let n = rates.len() as f64;
    Some(rates.sum::<f64>() / n)
}

#[test]
fn f03_a_short_answer_weighs_no_more_than_its_tokens() {
    fn check(rate: &Rate) -> Finding {
        // 1 step in 5 ms beside 1,200 steps in 12 s: (1 + 1,200) / 12.005 s, and not the mean of 200 and 100.
        let set = [generation(0, 2, 5), generation(1, 1_201, 12_000)];
        same("the rate of the set", rate(&set), Some(1_201.0 / 12.005))
    }
    let mean_of_rates = |set: &[GenerationRecord]| {
        mean(set.iter().map(numbers).map(|(tokens, seconds)| (tokens - 1.0) / seconds))
    };
    prove::<Rate>(check, &reported, &[("the mean of the rates of calls", &mean_of_rates)]);
}

#[test]
fn f03_single_calls_are_shown_beside_the_pooled_rate_and_under_another_name() {
    /// The rate of the set, and how the rates of single calls lie: smallest, mean, largest.
    type Shown = dyn Fn(&[GenerationRecord]) -> (Option<f64>, Option<[f64; 3]>);
    fn check(shown: &Shown) -> Finding {
        let (set, calls) = shown(&[generation(0, 2, 5), generation(1, 1_201, 12_000)]);
        same("the rate of the set", set, Some(1_201.0 / 12.005))?;
        expect(calls == Some([100.0, 150.0, 200.0]), format!("single calls: {calls:?}"))
    }
    let product = |set: &[GenerationRecord]| {
        let report = counted(&[record(0, set.to_vec())]);
        let figure = report.cells[0].tally.figure(Quantity::DecodeRate).expect("a rate");
        (figure.pooled, figure.spread.map(|spread| [spread.min, spread.mean, spread.max]))
    };
    let one_name = move |set: &[GenerationRecord]| (product(set).1.map(|calls| calls[1]), product(set).1);
    let no_spread = move |set: &[GenerationRecord]| (product(set).0, None);
    prove::<Shown>(
        check,
        &product,
        &[("one name for both", &one_name), ("the scatter of calls is not told", &no_spread)],
    );
}

#[test]
fn f04_a_lost_final_record_is_absent_and_never_zero() {
    fn check(rate: &Rate) -> Finding {
        let fine = [generation(0, 101, 1_000), generation(1, 101, 1_000), generation(2, 101, 1_000)];
        same("the rate without the lost one", rate(&fine), Some(100.0))?;
        let with_lost = [fine.as_slice(), &[lost(3)]].concat();
        same("the rate beside the lost one", rate(&with_lost), Some(100.0))?;
        same("the rate of a lost one alone", rate(&[lost(0)]), None)
    }
    let as_zero = |set: &[GenerationRecord]| {
        mean(set.iter().map(numbers).map(|(tokens, seconds)| (tokens - 1.0).max(0.0) / seconds))
    };
    prove::<Rate>(check, &reported, &[("a lost final record counts as 0 tok/s", &as_zero)]);
}

/// How many generations were sent, how many ended well, and how the others ended.
type Books = dyn Fn(&[GenerationRecord]) -> (u64, u64, Vec<String>);

#[test]
fn f04_a_lost_generation_is_counted_and_named() {
    fn check(books: &Books) -> Finding {
        let found = books(&[generation(0, 101, 1_000), lost(1)]);
        expect(found == (2, 1, vec!["truncated".to_owned()]), format!("{found:?}"))
    }
    let product = |set: &[GenerationRecord]| {
        let counts = counted(&[record(0, set.to_vec())]).cells[0].tally.generations.clone();
        (counts.sent, counts.ok, counts.not_ok.into_keys().collect())
    };
    let without_a_word = |set: &[GenerationRecord]| (set.len() as u64, set.len() as u64, Vec::new());
    prove::<Books>(check, &product, &[("a stream that ends is a call that ended", &without_a_word)]);
}

#[test]
fn f24_n_tokens_are_n_minus_1_steps() {
    fn check(rate: &Rate) -> Finding {
        same("2 tokens, one step of 8 ms", rate(&[generation(0, 2, 8)]), Some(125.0))?;
        same("1,001 tokens in 10 s", rate(&[generation(0, 1_001, 10_000)]), Some(100.0))?;
        // The newer server sends 1 µs where there was no step: N / eval is a million tokens per second.
        same("1 token", rate(&[generation(0, 1, 1)]), None)
    }
    let server_prints = |set: &[GenerationRecord]| {
        let (tokens, seconds): (Vec<f64>, Vec<f64>) = set.iter().map(numbers).unzip();
        Some(tokens.iter().sum::<f64>() / seconds.iter().sum::<f64>())
    };
    prove::<Rate>(check, &reported, &[("eval_count / eval_duration", &server_prints)]);
}
