//! Range notation of axes: `first-last+step` and `first-last*factor`.
//!
//! Numbers are whole or decimal and may be negative; spaces around the signs are allowed. The end is included when a
//! step lands on it. Arithmetic is exact: `0-1+0.1` holds 0.3, not 0.30000000000000004.

use std::cmp::Ordering;
use std::fmt;

use super::AXIS_VALUES_MAX;
use crate::option::{Decimal, OptionValue};

/// Most digits of a number in a range: all sums of such numbers fit into 128 bits.
const DIGITS_MAX: usize = 18;

/// Why a text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The text has another shape.
    #[error("'{text}' is not a range: write first-last+step or first-last*factor, such as '1024-8192*2'")]
    Syntax {
        /// The refused text, cut at 80 characters.
        text: String,
    },
    /// A number is too long.
    #[error("a number of a range has at most 18 digits")]
    Digits,
    /// The step does not lead anywhere.
    #[error("step {step} never reaches the end of the range: use a step above 0")]
    Step {
        /// The refused step.
        step: Exact,
    },
    /// The factor does not lead anywhere.
    #[error("factor {factor} never reaches the end of the range: use a factor above 1")]
    Factor {
        /// The refused factor.
        factor: Exact,
    },
    /// The range runs backwards.
    #[error("the range starts at {first}, after its end {last}: swap them")]
    Backwards {
        /// The first number.
        first: Exact,
        /// The last number.
        last: Exact,
    },
    /// Multiplying would stand still or run away from the end.
    #[error("a range with '*' starts above 0, not at {first}")]
    FirstNotPositive {
        /// The first number.
        first: Exact,
    },
    /// The range has more values than an axis may have.
    #[error("the range has {count} values, an axis at most {AXIS_VALUES_MAX}: use a larger step")]
    TooMany {
        /// Number of values.
        count: u128,
    },
    /// A product needs more digits than are kept.
    #[error(
        "the factor {factor} makes numbers of more than 38 digits: use fewer decimals, or list the values"
    )]
    Overflow {
        /// The factor.
        factor: Exact,
    },
}

/// An exact decimal number: `mantissa / 10^scale`, without trailing zeros after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exact {
    mantissa: i128,
    scale: u32,
}

/// The values of a range, in rising order, 1 to [`AXIS_VALUES_MAX`]. Whole numbers are [`OptionValue::Integer`], others
/// [`OptionValue::Float`].
///
/// # Errors
/// [`RangeError`] when the text is not a range, never ends, runs backwards, or holds too many values.
pub fn parse(text: &str) -> Result<Vec<OptionValue>, RangeError> {
    let mut cursor = Cursor { rest: text, text };
    let first = cursor.number()?;
    cursor.sign(&['-'])?;
    let last = cursor.number()?;
    let operator = cursor.sign(&['+', '*'])?;
    let by = cursor.number()?;
    if !cursor.rest.trim().is_empty() {
        return Err(cursor.syntax());
    }
    if first.compare(last) == Some(Ordering::Greater) {
        return Err(RangeError::Backwards { first, last });
    }
    let numbers = if operator == '+' { added(first, last, by)? } else { multiplied(first, last, by)? };
    numbers.into_iter().map(|number| number.value().ok_or(RangeError::Digits)).collect()
}

fn added(first: Exact, last: Exact, step: Exact) -> Result<Vec<Exact>, RangeError> {
    if step.mantissa <= 0 {
        return Err(RangeError::Step { step });
    }
    let scale = first.scale.max(last.scale).max(step.scale);
    // At most 18 digits and 18 decimals each: the aligned numbers have at most 36 digits.
    let [low, high, step] =
        [first, last, step].map(|number| number.mantissa * 10_i128.pow(scale - number.scale));
    let count = ((high - low) / step).unsigned_abs() + 1;
    if count > AXIS_VALUES_MAX as u128 {
        return Err(RangeError::TooMany { count });
    }
    let numbers = (0..count).map(|index| Exact { mantissa: low + step * index as i128, scale }.reduced());
    Ok(numbers.collect())
}

fn multiplied(first: Exact, last: Exact, factor: Exact) -> Result<Vec<Exact>, RangeError> {
    if factor.compare(Exact { mantissa: 1, scale: 0 }) != Some(Ordering::Greater) {
        return Err(RangeError::Factor { factor });
    }
    if first.mantissa <= 0 {
        return Err(RangeError::FirstNotPositive { first });
    }
    let overflow = RangeError::Overflow { factor };
    let (mut numbers, mut number) = (Vec::new(), first);
    while number.compare(last).ok_or_else(|| overflow.clone())? != Ordering::Greater {
        numbers.push(number);
        if numbers.len() > AXIS_VALUES_MAX {
            return Err(RangeError::TooMany { count: numbers.len() as u128 });
        }
        number = number.times(factor).ok_or_else(|| overflow.clone())?;
    }
    Ok(numbers)
}

impl Exact {
    /// Without trailing zeros after the point.
    fn reduced(mut self) -> Self {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// `None` when the product does not fit.
    fn times(self, other: Self) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        Some(Self { mantissa, scale: self.scale + other.scale }.reduced())
    }

    /// `None` when the two can not be brought to the same scale.
    fn compare(self, other: Self) -> Option<Ordering> {
        let scale = self.scale.max(other.scale);
        let aligned = |number: Self| {
            10_i128.checked_pow(scale - number.scale).and_then(|power| number.mantissa.checked_mul(power))
        };
        Some(aligned(self)?.cmp(&aligned(other)?))
    }

    fn value(self) -> Option<OptionValue> {
        let whole = i64::try_from(self.mantissa).ok().filter(|_| self.scale == 0);
        // Reading the decimal text rounds once, to the same number as if it had been written out by hand.
        let decimal = || self.to_string().parse().ok().and_then(Decimal::new).map(OptionValue::Float);
        whole.map(OptionValue::Integer).or_else(decimal)
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let width = self.scale as usize + 1;
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs());
        let (whole, decimals) = digits.split_at(digits.len() - self.scale as usize);
        let point = if decimals.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{decimals}")
    }
}

/// What is still unread of a range.
struct Cursor<'a> {
    rest: &'a str,
    text: &'a str,
}

impl Cursor<'_> {
    fn number(&mut self) -> Result<Exact, RangeError> {
        let trimmed = self.rest.trim_start();
        let (negative, unsigned) = trimmed.strip_prefix('-').map_or((false, trimmed), |rest| (true, rest));
        let (whole, rest) = digits(unsigned);
        let (decimals, rest) = match rest.strip_prefix('.').map(digits) {
            Some((decimals, rest)) if !decimals.is_empty() => (decimals, rest),
            Some(_) => return Err(self.syntax()),
            None => ("", rest),
        };
        if whole.is_empty() {
            return Err(self.syntax());
        }
        if whole.len() + decimals.len() > DIGITS_MAX {
            return Err(RangeError::Digits);
        }
        let magnitude: i128 = format!("{whole}{decimals}").parse().map_err(|_| RangeError::Digits)?;
        self.rest = rest;
        let mantissa = if negative { -magnitude } else { magnitude };
        Ok(Exact { mantissa, scale: decimals.len() as u32 }.reduced())
    }

    fn sign(&mut self, accepted: &[char]) -> Result<char, RangeError> {
        let mut rest = self.rest.trim_start().chars();
        let sign = rest.next().filter(|found| accepted.contains(found)).ok_or_else(|| self.syntax())?;
        self.rest = rest.as_str();
        Ok(sign)
    }

    fn syntax(&self) -> RangeError {
        RangeError::Syntax { text: self.text.chars().filter(|c| !c.is_control()).take(80).collect() }
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        match parse(text) {
            Ok(values) => values.iter().map(OptionValue::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn ranges_are_exact() {
        assert_eq!(shown("1024-8192*2"), "1024 2048 4096 8192");
        assert_eq!(shown("0-1+0.25"), "0 0.25 0.5 0.75 1");
        assert_eq!(shown("0-0.7+0.1"), "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7");
        assert_eq!(shown("1-100*10"), "1 10 100");
        assert_eq!(shown("1-2*1.25"), "1 1.25 1.5625 1.953125");
        assert_eq!(shown(" -2 - -1 + 0.5 "), "-2 -1.5 -1");
        assert_eq!(shown("5-5+1"), "5");
        assert_eq!(shown("1-8+3"), "1 4 7");
        assert_eq!(shown("0.10-0.30+0.10"), "0.1 0.2 0.3");
    }

    #[test]
    fn bad_ranges_say_what_to_do() {
        let shape = "is not a range: write first-last+step or first-last*factor, such as '1024-8192*2'";
        for bad in
            ["", "1", "1-", "1-2", "1-2+", "1-2/3", "1-2+3x", "a-b+c", "1.-2+1", "1-.5+1", "1-2+1 1", "٣-5+1"]
        {
            assert_eq!(shown(bad), format!("'{bad}' {shape}"));
        }
        assert_eq!(shown("1-2+0"), "step 0 never reaches the end of the range: use a step above 0");
        assert_eq!(shown("1-2+-1"), "step -1 never reaches the end of the range: use a step above 0");
        assert_eq!(shown("1-2*1"), "factor 1 never reaches the end of the range: use a factor above 1");
        assert_eq!(shown("1-2*0.5"), "factor 0.5 never reaches the end of the range: use a factor above 1");
        assert_eq!(shown("0-2*2"), "a range with '*' starts above 0, not at 0");
        assert_eq!(shown("3-2+1"), "the range starts at 3, after its end 2: swap them");
        assert_eq!(shown("0-256+1"), "the range has 257 values, an axis at most 256: use a larger step");
        assert_eq!(
            shown("1-2*1.000000001"),
            "the factor 1.000000001 makes numbers of more than 38 digits: use fewer decimals, or list the values"
        );
        assert_eq!(shown("1-1234567890123456789+1"), "a number of a range has at most 18 digits");
    }

    proptest! {
        #[test]
        fn sums_have_the_computed_length_and_stay_inside(first in -1000_i64..1000, span in 0_i64..1000, step in 1_i64..50) {
            let (last, count) = (first + span, span / step + 1);
            let text = format!("{first}-{last}+{step}");
            match parse(&text) {
                Ok(values) => {
                    let expected: Vec<_> = (0..count).map(|i| OptionValue::Integer(first + i * step)).collect();
                    prop_assert_eq!(values, expected);
                }
                Err(error) => prop_assert_eq!(error, RangeError::TooMany { count: count as u128 }),
            }
        }

        #[test]
        fn tenths_equal_the_written_decimals(first in 0_u32..100, count in 1_u32..50) {
            let tenths = |n: u32| format!("{}.{}", n / 10, n % 10);
            let values = parse(&format!("{}-{}+0.1", tenths(first), tenths(first + count))).unwrap();
            for (index, value) in values.iter().enumerate() {
                let written: f64 = tenths(first + index as u32).parse().unwrap();
                let number = match value { OptionValue::Integer(n) => *n as f64, OptionValue::Float(d) => d.get(), _ => f64::NAN };
                prop_assert_eq!(number.to_bits(), written.to_bits());
            }
        }

        #[test]
        fn no_text_panics(text in "[-+*0-9. ]{0,40}") {
            let _ = parse(&text);
        }
    }
}
