//! Checks of single fields, each naming its field in the refusal.

use std::fmt::Display;
use std::ops::RangeInclusive;

use chimera_core::id::Digest;

use super::{Invalid, Within};

/// Converts a message that must be there.
///
/// # Errors
/// [`Invalid`] when it is absent or refused.
pub fn required<W, T>(field: &str, wire: Option<W>) -> Result<T, Invalid>
where
    T: TryFrom<W, Error = Invalid>,
{
    T::try_from(wire.ok_or_else(|| Invalid::new(field, "missing"))?).within(field)
}

/// Converts every message of a list.
///
/// # Errors
/// [`Invalid`] of the first one that is refused, with its index.
pub fn each<W, T>(field: &str, wire: Vec<W>) -> Result<Vec<T>, Invalid>
where
    T: TryFrom<W, Error = Invalid>,
{
    let convert =
        |(index, item)| T::try_from(item).map_err(|invalid: Invalid| invalid.at(index).within(field));
    wire.into_iter().enumerate().map(convert).collect()
}

/// Reads a value of the wire's enum `W` from its number.
///
/// # Errors
/// [`Invalid`] when the number is 0 or not known.
pub fn variant<W, T>(field: &str, number: i32) -> Result<T, Invalid>
where
    W: TryFrom<i32>,
    T: TryFrom<W, Error = Invalid>,
{
    let wire =
        W::try_from(number).map_err(|_| Invalid::new(field, format!("{number} is not a known value")))?;
    T::try_from(wire).within(field)
}

/// Reads a value of the wire's enum `W` from its number, where 0 stands for its absence.
///
/// # Errors
/// [`Invalid`] when the number is not known.
pub fn variant_or_absent<W, T>(field: &str, number: i32) -> Result<Option<T>, Invalid>
where
    W: TryFrom<i32>,
    T: TryFrom<W, Error = Invalid>,
{
    if number == 0 { Ok(None) } else { variant::<W, T>(field, number).map(Some) }
}

/// Names the field of a refusal that core made.
///
/// # Errors
/// [`Invalid`] with the reason of `result`.
pub fn named<T, E: Display>(field: &str, result: Result<T, E>) -> Result<T, Invalid> {
    result.map_err(|error| Invalid::new(field, error))
}

/// Passes a text on when its length in bytes lies in `range`.
///
/// # Errors
/// [`Invalid`] otherwise.
pub fn text(field: &str, text: String, range: RangeInclusive<usize>) -> Result<String, Invalid> {
    length(field, text.len(), range, "bytes").map(|()| text)
}

/// Passes an optional text on when it is absent or has at most `max` bytes.
///
/// # Errors
/// [`Invalid`] otherwise.
pub fn optional_text(field: &str, wire: Option<String>, max: usize) -> Result<Option<String>, Invalid> {
    wire.map(|found| text(field, found, 0..=max)).transpose()
}

/// Accepts a list whose length lies in `range`.
///
/// # Errors
/// [`Invalid`] otherwise.
pub fn count<T>(field: &str, list: &[T], range: RangeInclusive<usize>) -> Result<(), Invalid> {
    length(field, list.len(), range, "entries")
}

/// Passes a number on when it lies in `range`, as the type that core keeps it in.
///
/// # Errors
/// [`Invalid`] otherwise.
pub fn number<W, T>(field: &str, number: W, range: RangeInclusive<T>) -> Result<T, Invalid>
where
    W: Copy + Display,
    T: TryFrom<W> + PartialOrd + Display,
{
    let refusal = || Invalid::new(field, format!("{number} is not in {} to {}", range.start(), range.end()));
    T::try_from(number).ok().filter(|found| range.contains(found)).ok_or_else(refusal)
}

/// Reads a digest of 32 bytes.
///
/// # Errors
/// [`Invalid`] for another length.
pub fn digest(field: &str, bytes: &[u8]) -> Result<Digest, Invalid> {
    Digest::from_slice(bytes).ok_or_else(|| Invalid::new(field, format!("has {} bytes, not 32", bytes.len())))
}

/// Reads a digest of 32 bytes, where no bytes stand for its absence.
///
/// # Errors
/// [`Invalid`] for another length.
pub fn digest_or_absent(field: &str, bytes: &[u8]) -> Result<Option<Digest>, Invalid> {
    if bytes.is_empty() { Ok(None) } else { digest(field, bytes).map(Some) }
}

fn length(field: &str, found: usize, range: RangeInclusive<usize>, unit: &str) -> Result<(), Invalid> {
    if range.contains(&found) {
        return Ok(());
    }
    let (min, max) = (range.start(), range.end());
    Err(Invalid::new(field, format!("has {found} {unit}, not {min} to {max}")))
}
