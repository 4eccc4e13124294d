//! The guard against endless repetition.

/// Counts equal lines in a row; white space around them does not matter.
#[derive(Debug, Default)]
pub(crate) struct RepeatGuard {
    last: String,
    repeats: u32,
}

/// Repeats after the first line that are let through.
const ALLOWED_REPEATS: u32 = 30;

impl RepeatGuard {
    /// Takes the next line. `true`: the stream must end here, without this line and without a final record.
    pub(crate) fn trips(&mut self, line: &str) -> bool {
        let trimmed = line.trim();
        if trimmed == self.last {
            self.repeats += 1;
        } else {
            trimmed.clone_into(&mut self.last);
            self.repeats = 0;
        }
        self.repeats > ALLOWED_REPEATS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_one_equal_lines_pass_and_the_next_does_not() {
        let mut guard = RepeatGuard::default();
        assert!((0..31).all(|_| !guard.trips(" la")));
        assert!(guard.trips("la "));
    }

    #[test]
    fn another_line_starts_over() {
        let mut guard = RepeatGuard::default();
        for _ in 0..100 {
            assert!(!(0..30).any(|_| guard.trips("a")));
            assert!(!guard.trips("b"));
        }
    }
}
