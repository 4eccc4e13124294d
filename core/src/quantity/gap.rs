//! What lies between the lines of a generation.

use crate::entry::Arrival;
use crate::quantity::generation::text_lines;

/// Gaps between lines with text, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gaps {
    /// Each gap in seconds.
    pub seconds: Vec<f64>,
    /// Gaps of which at least one end is only an upper bound: lines of one read share its time.
    pub bound: u64,
}

impl Gaps {
    /// Gaps of a generation's lines.
    #[must_use]
    pub fn of(arrivals: &[Arrival]) -> Self {
        let mut gaps = Self::default();
        for (before, after) in pairs(arrivals) {
            gaps.seconds.push(after.at.saturating_sub(before.at).as_secs_f64());
            gaps.bound += u64::from(before.bound || after.bound);
        }
        gaps
    }
}

/// Gap per token, in seconds: the gap before a line divided by its tokens, one row per token. Absent unless the tokens of
/// every line with text are known.
#[must_use]
pub fn inter_token(arrivals: &[Arrival]) -> Option<Vec<f64>> {
    let known = text_lines(arrivals).all(|line| line.tokens.is_some_and(|tokens| tokens > 0));
    let rows = pairs(arrivals).flat_map(|(before, after)| {
        let tokens = after.tokens.unwrap_or_default();
        let gap = after.at.saturating_sub(before.at).as_secs_f64() / f64::from(tokens.max(1));
        std::iter::repeat_n(gap, usize::from(tokens))
    });
    known.then(|| rows.collect())
}

fn pairs(arrivals: &[Arrival]) -> impl Iterator<Item = (&Arrival, &Arrival)> {
    text_lines(arrivals).zip(text_lines(arrivals).skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::scene::sample_generation;

    #[test]
    fn gaps_are_counted_and_bounds_are_said() {
        let mut lines = sample_generation().arrivals;
        assert_eq!(Gaps::of(&lines), Gaps { seconds: vec![0.01; 4], bound: 0 });
        lines[1].bound = true;
        assert_eq!(Gaps::of(&lines).bound, 2, "the gap before and the gap after");
        lines[2].text_bytes = 0;
        assert_eq!(Gaps::of(&lines).seconds, [0.01, 0.02, 0.01], "a line without text is no line");
        assert_eq!(Gaps::of(&lines[..1]), Gaps::default());
    }

    #[test]
    fn times_between_tokens_need_the_tokens_of_every_line() {
        let mut lines = sample_generation().arrivals;
        assert_eq!(inter_token(&lines), None);
        lines.iter_mut().for_each(|line| line.tokens = Some(1));
        lines[2].tokens = Some(2);
        // 10 ms for one token, 10 ms for two, 10 ms for one, 10 ms for one.
        assert_eq!(inter_token(&lines).unwrap(), [0.01, 0.005, 0.005, 0.01, 0.01]);
        lines[4].tokens = None;
        assert_eq!(inter_token(&lines), None);
    }
}
