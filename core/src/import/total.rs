//! Sums that lose nothing.

/// Neumaier's compensated sum: the figures must agree to 1e-9 with other programs' exact sums even where large terms of
/// both signs cancel, and must not depend on the order of the rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    sum: f64,
    lost: f64,
}

impl Total {
    fn add(mut self, term: f64) -> Self {
        let sum = self.sum + term;
        self.lost +=
            if self.sum.abs() >= term.abs() { (self.sum - sum) + term } else { (term - sum) + self.sum };
        self.sum = sum;
        self
    }
}

/// The sum of `terms`.
pub(super) fn total(terms: impl IntoIterator<Item = f64>) -> f64 {
    let total = terms.into_iter().fold(Total::default(), Total::add);
    total.sum + total.lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones() {
        assert_eq!(total([1e16, 1.0, -1e16]), 1.0);
        assert_eq!(total([0.1; 10]), 1.0);
        assert_eq!(total([]), 0.0);
    }
}
