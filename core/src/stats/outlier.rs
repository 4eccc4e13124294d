//! Which of several equal things is not like the others?

use super::sample::Sample;

/// |z| above which a row is odd (Iglewicz, Hoaglin 1993).
pub const Z_LIMIT: f64 = 3.5;
/// Share of the median by which a row must be off besides: z alone calls a healthy GPU odd in every seventh fleet of
/// eight, because eight rows know their own spread badly.
pub const MARGIN: f64 = 0.02;
/// Rows that are needed: of two, neither is the odd one.
pub const ROWS_MIN: usize = 3;

/// 0.6745 = Φ⁻¹(0.75): makes the MAD of a normal distribution its standard deviation.
const MAD_TO_SD: f64 = 0.6745;

/// One row against all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// (x − median)/median.
    pub off: f64,
    /// 0.6745·(x − median)/MAD; absent when MAD is 0 (more than half of the rows are equal) and x is not the median:
    /// then z has no bound and the margin alone decides.
    pub z: Option<f64>,
    /// Whether |z| is above [`Z_LIMIT`] and |off| above the margin.
    pub odd: bool,
}

/// Modified z of every row, in the order of `rows`; absent below [`ROWS_MIN`] rows, or when a row or the median is not
/// above 0, because then there is no share of it.
#[must_use]
pub fn readings(rows: &[f64], margin: f64) -> Option<Vec<Reading>> {
    let sample = Sample::new(rows.to_vec());
    let (median, mad) = sample.median().zip(sample.mad())?;
    let usable = rows.len() >= ROWS_MIN && rows.iter().all(|row| row.is_finite() && *row > 0.0);
    let reading = |row: &f64| {
        let distance = row - median;
        let z = if distance == 0.0 { Some(0.0) } else { (mad > 0.0).then(|| MAD_TO_SD * distance / mad) };
        let off = distance / median;
        // The slack keeps a row that is off by exactly the margin on the right side.
        let beyond = off.abs() > margin * (1.0 + 1e-9);
        Reading { off, z, odd: z.is_none_or(|z| z.abs() > Z_LIMIT) && beyond }
    };
    usable.then(|| rows.iter().map(reading).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn odd(rows: &[f64]) -> Vec<usize> {
        let readings = readings(rows, MARGIN).unwrap();
        (0..rows.len()).filter(|index| readings[*index].odd).collect()
    }

    #[test]
    fn by_hand() {
        // Median 100.05; distances 0.05 0.15 0.05 0.25 0.15 0.35 0.05 3.05: MAD 0.15; z of the last −13.7.
        let rows = [100.0, 100.2, 100.1, 99.8, 100.2, 99.7, 100.1, 97.0];
        let found = readings(&rows, MARGIN).unwrap();
        assert!((found[7].z.unwrap() + 0.6745 * 3.05 / 0.15).abs() < 1e-9, "{found:?}");
        assert!((found[7].off + 3.05 / 100.05).abs() < 1e-12);
        assert_eq!(odd(&rows), [7]);
    }

    #[test]
    fn far_in_z_but_within_the_margin_is_healthy() {
        assert_eq!(odd(&[100.0, 100.0001, 99.9999, 100.0002, 101.5]), [0_usize; 0]);
    }

    #[test]
    fn beyond_the_margin_but_within_the_spread_is_healthy() {
        assert_eq!(odd(&[90.0, 95.0, 100.0, 105.0, 110.0, 92.0, 108.0, 97.0]), [0_usize; 0]);
    }

    #[test]
    fn a_fleet_of_equal_rows_has_no_spread() {
        assert_eq!(odd(&[50.0; 8]), [0_usize; 0]);
        assert_eq!(odd(&[50.0, 50.0, 50.0, 50.0, 48.5]), [4]);
        assert_eq!(odd(&[50.0, 50.0, 50.0, 50.0, 49.5]), [0_usize; 0]);
        assert_eq!(readings(&[50.0, 50.0, 48.0], MARGIN).unwrap()[2].z, None);
    }

    #[test]
    fn what_cannot_be_judged_is_absent() {
        assert_eq!(readings(&[1.0, 2.0], MARGIN), None);
        assert_eq!(readings(&[1.0, 2.0, 0.0], MARGIN), None);
        assert_eq!(readings(&[1.0, 2.0, f64::NAN], MARGIN), None);
        assert_eq!(readings(&[], MARGIN), None);
    }

    proptest! {
        #[test]
        fn scaling_and_order_change_nothing(rows in prop::collection::vec(50.0_f64..150.0, 3..20), seed in any::<u64>()) {
            let mut order: Vec<usize> = (0..rows.len()).collect();
            crate::seed::Seed(seed).stream().shuffle(&mut order);
            let shuffled: Vec<f64> = order.iter().map(|index| rows[*index] * 4.0).collect();
            let (straight, mixed) = (readings(&rows, MARGIN).unwrap(), readings(&shuffled, MARGIN).unwrap());
            for (place, index) in order.iter().enumerate() {
                prop_assert_eq!(mixed[place], straight[*index]);
            }
        }
    }
}
