//! What one generation gives.

use crate::entry::{Arrival, ArrivalKind, FinalRecord, GenerationClosed, Phase};
use crate::outcome::GenerationOutcome;
use crate::record::GenerationRecord;
use crate::unit::Nanos;
use crate::workload::Start;

/// Figures of one valid generation. Times in ns; absent when not measurable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationQuantities {
    /// Send to final record.
    pub e2e: Nanos,
    /// Send to the first text of the answer.
    pub ttft: Option<Nanos>,
    /// Send to the first text of the thinking.
    pub thinking_first: Option<Nanos>,
    /// The server's `load_duration`.
    pub load: Option<Nanos>,
    /// The server's `prompt_eval_duration`.
    pub prefill: Option<Nanos>,
    /// The server's `eval_duration`; absent when N < 2: there was no step (0.33 then sends a placeholder of 1000 ns).
    pub decode: Option<Nanos>,
    /// First text − load − prefill, in ns. Signed, not clipped.
    pub queue: Option<i64>,
    /// The server's total − load − prefill − decode, in ns. Signed, not clipped.
    pub server_residual: Option<i64>,
    /// `prefill` of a warm generation.
    pub ttft_warm: Option<Nanos>,
    /// N = `eval_count`.
    pub output_tokens: Option<u64>,
    /// `prompt_eval_count`.
    pub prompt_tokens: Option<u64>,
    /// First to last line with text, either kind; absent with fewer than two such lines or N < 2.
    pub text_span: Option<Nanos>,
}

impl GenerationQuantities {
    /// Figures of a generation; absent unless it is [`valid`].
    #[must_use]
    pub fn of(generation: &GenerationRecord) -> Option<Self> {
        let (closed, server) = valid(generation)?;
        let steps = server.tokens.and_then(steps);
        let text = |kind| first_text(&generation.arrivals, kind);
        let ttft = text(ArrivalKind::Content);
        let thinking_first = text(ArrivalKind::Thinking);
        let first = ttft.into_iter().chain(thinking_first).min();
        let prefill = server.prompt;
        let decode = steps.and(server.eval).filter(|decode| *decode > Nanos::ZERO);
        Some(Self {
            e2e: closed.ended_at,
            ttft,
            thinking_first,
            load: server.load,
            prefill,
            decode,
            queue: residual(first, &[server.load, prefill]),
            server_residual: residual(
                server.total,
                &[server.load, prefill, server.eval.or_else(|| no_steps(&server))],
            ),
            ttft_warm: prefill.filter(|_| generation.opened.start == Start::Warm),
            output_tokens: server.tokens,
            prompt_tokens: server.prompt_tokens,
            text_span: steps.and_then(|_| text_span(&generation.arrivals)),
        })
    }

    /// N − 1, the steps after the first token; absent when N < 2.
    #[must_use]
    pub fn steps(&self) -> Option<u64> {
        self.output_tokens.and_then(steps)
    }

    /// (N − 1) / decode, in tokens per second.
    #[must_use]
    pub fn decode_rate(&self) -> Option<f64> {
        rate(self.steps()?, self.decode?)
    }

    /// (N − 1) / (t_last − t_first), in tokens per second.
    #[must_use]
    pub fn decode_rate_wall(&self) -> Option<f64> {
        rate(self.steps()?, self.text_span?)
    }

    /// (t_last − t_first) / (N − 1), in seconds.
    #[must_use]
    pub fn tpot(&self) -> Option<f64> {
        Some(self.text_span?.as_secs_f64() / self.steps()? as f64)
    }

    /// Prompt tokens / prefill, in tokens per second. Only meaningful when nothing of the prompt was cached.
    #[must_use]
    pub fn prefill_rate(&self) -> Option<f64> {
        rate(self.prompt_tokens?, self.prefill?)
    }
}

/// The end and the counters of a generation that may enter a figure: measured, ended `ok`, with a final record.
#[must_use]
pub fn valid(generation: &GenerationRecord) -> Option<(&GenerationClosed, FinalRecord)> {
    let closed = generation.closed.as_ref()?;
    let counts = generation.opened.phase == Phase::Measured && closed.outcome == GenerationOutcome::Ok;
    closed.server.filter(|_| counts).map(|server| (closed, server))
}

/// Lines that carry text, of either kind.
pub fn text_lines(arrivals: &[Arrival]) -> impl Iterator<Item = &Arrival> {
    arrivals.iter().filter(|line| line.kind != ArrivalKind::Empty && line.text_bytes > 0)
}

fn first_text(arrivals: &[Arrival], kind: ArrivalKind) -> Option<Nanos> {
    text_lines(arrivals).find(|line| line.kind == kind).map(|line| line.at)
}

/// N counts thinking and answer alike, so the span runs over both.
fn text_span(arrivals: &[Arrival]) -> Option<Nanos> {
    let first = text_lines(arrivals).next()?.at;
    let last = text_lines(arrivals).last()?.at;
    Some(last.saturating_sub(first)).filter(|span| *span > Nanos::ZERO)
}

fn steps(tokens: u64) -> Option<u64> {
    tokens.checked_sub(1).filter(|steps| *steps > 0)
}

/// With one token the server leaves `eval_duration` out (0.24): there was no step, and no time went into one.
fn no_steps(server: &FinalRecord) -> Option<Nanos> {
    (server.tokens == Some(1)).then_some(Nanos::ZERO)
}

fn residual(whole: Option<Nanos>, parts: &[Option<Nanos>]) -> Option<i64> {
    let whole = i64::try_from(whole?.0).ok()?;
    parts.iter().try_fold(whole, |rest, part| rest.checked_sub(i64::try_from(part.as_ref()?.0).ok()?))
}

/// `count` per second of `span`; absent for an empty span.
#[must_use]
pub fn rate(count: u64, span: Nanos) -> Option<f64> {
    (span > Nanos::ZERO).then(|| count as f64 / span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::scene::{ms, sample_generation};

    #[test]
    fn every_figure_by_hand() {
        // Lines at 120, 130, 140, 150, 160 ms; N = 5; load 10, prefill 100, eval 32, total 150, end 165 ms.
        let found = GenerationQuantities::of(&sample_generation()).unwrap();
        assert_eq!((found.e2e, found.ttft), (ms(165), Some(ms(120))));
        assert_eq!((found.load, found.prefill, found.decode), (Some(ms(10)), Some(ms(100)), Some(ms(32))));
        assert_eq!(found.ttft_warm, Some(ms(100)));
        assert_eq!(found.queue, Some(10_000_000), "120 − 10 − 100");
        assert_eq!(found.server_residual, Some(8_000_000), "150 − 10 − 100 − 32");
        assert_eq!(found.decode_rate(), Some(125.0), "4 / 0.032, not 5 / 0.032 = 156.25");
        assert_eq!(found.decode_rate_wall(), Some(100.0), "4 / 0.040");
        assert_eq!(found.tpot(), Some(0.010));
        assert_eq!(found.prefill_rate(), Some(500.0), "50 / 0.1");
    }

    #[test]
    fn one_token_has_no_rate_whatever_the_server_says() {
        // 0.24 leaves eval_duration out; 0.33 sends 1000 ns, which naively is a million tokens per second.
        for eval in [None, Some(Nanos(1_000))] {
            let mut one = sample_generation();
            let server = one.closed.as_mut().unwrap().server.as_mut().unwrap();
            (server.tokens, server.eval) = (Some(1), eval);
            let found = GenerationQuantities::of(&one).unwrap();
            assert_eq!((found.steps(), found.decode, found.decode_rate()), (None, None, None));
            assert_eq!((found.decode_rate_wall(), found.tpot()), (None, None));
            assert_eq!(found.output_tokens, Some(1));
            let rest = 40_000_000 - eval.map_or(0, |eval| i64::try_from(eval.0).unwrap());
            assert_eq!(found.server_residual, Some(rest));
        }
    }

    #[test]
    fn two_tokens_are_one_step() {
        let mut two = sample_generation();
        let server = two.closed.as_mut().unwrap().server.as_mut().unwrap();
        (server.tokens, server.eval) = (Some(2), Some(ms(8)));
        assert_eq!(GenerationQuantities::of(&two).unwrap().decode_rate(), Some(125.0));
    }

    #[test]
    fn a_field_that_the_server_left_out_is_absent_and_not_zero() {
        let mut bare = sample_generation();
        bare.closed.as_mut().unwrap().server = Some(FinalRecord::default());
        bare.arrivals.clear();
        let found = GenerationQuantities::of(&bare).unwrap();
        assert_eq!((found.load, found.prefill, found.decode, found.queue), (None, None, None, None));
        assert_eq!((found.ttft, found.server_residual, found.output_tokens), (None, None, None));
        assert_eq!(found.e2e, ms(165));
    }

    #[test]
    fn residuals_are_signed() {
        let mut early = sample_generation();
        early.arrivals.iter_mut().for_each(|line| line.at = line.at.saturating_sub(ms(15)));
        assert_eq!(GenerationQuantities::of(&early).unwrap().queue, Some(-5_000_000));
    }

    #[test]
    fn thinking_is_kept_apart_but_its_tokens_are_in_the_span() {
        let mut thinks = sample_generation();
        thinks.arrivals[0].kind = ArrivalKind::Thinking;
        thinks.arrivals[1].kind = ArrivalKind::Thinking;
        let found = GenerationQuantities::of(&thinks).unwrap();
        assert_eq!((found.thinking_first, found.ttft), (Some(ms(120)), Some(ms(140))));
        assert_eq!((found.queue, found.decode_rate_wall()), (Some(10_000_000), Some(100.0)));
    }

    #[test]
    fn clocks_stop_at_the_last_line_with_text() {
        let mut late = sample_generation();
        let mut empty = late.arrivals[4];
        (empty.at, empty.kind, empty.text_bytes) = (ms(900), ArrivalKind::Empty, 0);
        late.arrivals.push(empty);
        assert_eq!(GenerationQuantities::of(&late).unwrap().text_span, Some(ms(40)));
    }

    #[test]
    fn only_measured_ok_generations_with_a_final_record_enter() {
        let changed = |change: fn(&mut GenerationRecord)| {
            let mut generation = sample_generation();
            change(&mut generation);
            GenerationQuantities::of(&generation)
        };
        assert!(changed(|_| {}).is_some());
        assert!(changed(|found| found.opened.phase = Phase::Warmup).is_none());
        assert!(changed(|found| found.closed = None).is_none());
        assert!(changed(|found| found.closed.as_mut().unwrap().server = None).is_none());
        for outcome in GenerationOutcome::ALL.into_iter().filter(|outcome| *outcome != GenerationOutcome::Ok)
        {
            let mut generation = sample_generation();
            generation.closed.as_mut().unwrap().outcome = outcome;
            assert!(GenerationQuantities::of(&generation).is_none(), "{outcome}");
        }
    }

    #[test]
    fn a_cold_generation_has_no_warm_figure() {
        let mut cold = sample_generation();
        cold.opened.start = Start::Cold;
        let found = GenerationQuantities::of(&cold).unwrap();
        assert_eq!((found.ttft_warm, found.prefill), (None, Some(ms(100))));
    }
}
