//! Many comparisons at once: the chance of any false claim in the family stays at the level.

/// Adjusted p values, in the order of `p` (Holm 1979): with p₍₁₎ ≤ … ≤ p₍ₘ₎, the adjusted p₍ᵢ₎ is
/// max over j ≤ i of min(1, (m − j + 1)·p₍ⱼ₎). A claim stands when its adjusted p is at most the level.
///
/// Holds whatever the dependence between the comparisons. A p that is no number counts as 1.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let clean = |p: f64| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) };
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| clean(p[*a]).total_cmp(&clean(p[*b])));
    let mut adjusted = vec![1.0; p.len()];
    let mut largest = 0.0_f64;
    for (step, index) in order.into_iter().enumerate() {
        let left = (p.len() - step) as f64;
        largest = largest.max((left * clean(p[index])).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, then 0.04 is lifted to 0.06.
        let found = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        assert_eq!(holm(&[0.5, 0.6, f64::NAN]), [1.0, 1.0, 1.0]);
        assert_eq!(holm(&[0.03]), [0.03]);
        assert!(holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn between_raw_and_bonferroni(p in prop::collection::vec(0.0_f64..=1.0, 1..40)) {
            let adjusted = holm(&p);
            for (raw, adjusted) in p.iter().zip(&adjusted) {
                prop_assert!(adjusted >= raw && *adjusted <= (raw * p.len() as f64).min(1.0).max(*raw) + 1e-12
                    || p.iter().zip(&holm(&p)).any(|(other, b)| other < raw && b >= adjusted));
            }
            let smallest = p.iter().copied().fold(1.0, f64::min);
            let claimed = adjusted.iter().copied().fold(1.0, f64::min);
            prop_assert!((claimed - (smallest * p.len() as f64).min(1.0)).abs() < 1e-12);
        }

        #[test]
        fn order_changes_nothing(p in prop::collection::vec(0.0_f64..=1.0, 1..40), seed in any::<u64>()) {
            let mut order: Vec<usize> = (0..p.len()).collect();
            crate::seed::Seed(seed).stream().shuffle(&mut order);
            let shuffled: Vec<f64> = order.iter().map(|index| p[*index]).collect();
            let (straight, mixed) = (holm(&p), holm(&shuffled));
            for (place, index) in order.iter().enumerate() {
                prop_assert_eq!(mixed[place].to_bits(), straight[*index].to_bits());
            }
        }
    }
}
