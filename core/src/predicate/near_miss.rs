//! "Did you mean …?": the accepted word that a mistyped one is closest to.

/// Longest word that is compared; longer ones are never near anything.
const WORD_MAX: usize = 64;

/// The candidate that `word` is a likely misspelling of: the closest one, at most one edit per three letters away
/// (one for short words). The first of equally close ones wins. Case and `-`/`_` do not count.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    if word.is_empty() || word.len() > WORD_MAX {
        return None;
    }
    let limit = (word.len() / 3).max(1);
    let close = candidates.into_iter().map(|candidate| (distance(&word, &folded(candidate)), candidate));
    close.filter(|(edits, _)| *edits <= limit).min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// `; did you mean 'x'?`, or nothing: the tail of an error text.
#[must_use]
pub fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"))
}

/// `; did you mean 'x'? accepted are a, b, x`, or without the guess: the tail of an error text.
#[must_use]
pub fn choices(near: Option<&str>, accepted: &str) -> String {
    match near {
        Some(near) => format!("; did you mean '{near}'? accepted are {accepted}"),
        None => format!("; accepted are {accepted}"),
    }
}

fn folded(word: &str) -> Vec<char> {
    word.chars().take(WORD_MAX + 1).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours that lead from `a` to `b` (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let substituted = above[j] + usize::from(from != to);
            let mut best = substituted.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_word() {
        let words = ["num_ctx", "num_gpu", "num_batch", "temperature", "top_k"];
        for (typed, meant) in [
            ("num_ctxx", "num_ctx"),
            ("numctx", "num_ctx"),
            ("num-ctx", "num_ctx"),
            ("NUM_CTX", "num_ctx"),
            ("num_gup", "num_gpu"),
            ("temprature", "temperature"),
            ("topk", "top_k"),
        ] {
            assert_eq!(nearest(typed, words), Some(meant), "{typed}");
        }
        for typed in ["", "colour", "x", &"num_ctx".repeat(20)] {
            assert_eq!(nearest(typed, words), None, "{typed}");
        }
    }

    #[test]
    fn the_distance_counts_edits() {
        let of = |a: &str, b: &str| distance(&folded(a), &folded(b));
        assert_eq!(of("", ""), 0);
        assert_eq!(of("abc", ""), 3);
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("abcd", "acbd"), 1);
        assert_eq!(of("kitten", "sitting"), 3);
    }
}
