//! Lines of a generation, column by column.
//!
//! Times are differences to the line before. `at` never falls within a generation, so its differences are unsigned;
//! the server's stamps may jump either way, so theirs are signed and taken modulo 2^64: every stamp survives.

use chimera_core::entry::{ARRIVALS_MAX, Arrival, ArrivalKind, Arrivals};
use chimera_core::unit::{Nanos, UnixNanos};

use super::{Invalid, check};
use crate::v1;

/// Arrivals that are sure to fit into one entry of a payload, whatever they hold: at most 32 bytes each.
pub const ARRIVALS_PER_ENTRY: usize = 8_192;

/// The bit that marks a time as an upper bound.
const FLAG_BOUND: u32 = 1;
/// Where the kind begins in the flags.
const KIND_SHIFT: u32 = 1;

impl TryFrom<&Arrivals> for v1::Arrivals {
    type Error = Invalid;

    /// Refuses times that fall: nothing is rounded or sorted in silence.
    fn try_from(lines: &Arrivals) -> Result<Self, Invalid> {
        let Arrivals { ordinal, arrivals } = lines;
        check::count("arrivals", arrivals, 0..=ARRIVALS_MAX)?;
        let mut wire = Self { ordinal: *ordinal, ..Self::default() };
        let mut last = Last::default();
        for (index, arrival) in (0_u32..).zip(arrivals) {
            last.push(&mut wire, index, *arrival)?;
        }
        if arrivals.iter().all(|arrival| arrival.tokens.is_none()) {
            wire.tokens_plus_one.clear();
        }
        Ok(wire)
    }
}

/// What the next line is told from.
#[derive(Default)]
struct Last {
    at: u64,
    stamp: i64,
}

impl Last {
    fn push(&mut self, wire: &mut v1::Arrivals, index: u32, arrival: Arrival) -> Result<(), Invalid> {
        let Arrival { at, bound, kind, text_bytes, tokens, created_at } = arrival;
        let fallen =
            || Invalid::new("at", "lies before the line before").at(index as usize).within("arrivals");
        wire.at_delta_ns.push(at.0.checked_sub(self.at).ok_or_else(fallen)?);
        wire.flags.push(flags(bound, kind));
        wire.text_bytes.push(text_bytes);
        wire.tokens_plus_one.push(tokens.map_or(0, |tokens| u32::from(tokens) + 1));
        wire.created_delta_ns.push(created_at.map_or(0, |UnixNanos(stamp)| stamp.wrapping_sub(self.stamp)));
        match created_at {
            Some(UnixNanos(stamp)) => self.stamp = stamp,
            None => wire.unstamped.push(index),
        }
        self.at = at.0;
        Ok(())
    }
}

impl TryFrom<v1::Arrivals> for Arrivals {
    type Error = Invalid;

    fn try_from(wire: v1::Arrivals) -> Result<Self, Invalid> {
        let v1::Arrivals {
            ordinal,
            at_delta_ns,
            flags,
            text_bytes,
            tokens_plus_one,
            created_delta_ns,
            unstamped,
        } = wire;
        let lines = at_delta_ns.len();
        check::count("at_delta_ns", &at_delta_ns, 0..=ARRIVALS_MAX)?;
        check::count("flags", &flags, lines..=lines)?;
        check::count("text_bytes", &text_bytes, lines..=lines)?;
        let kinds = flags.iter().enumerate().map(read_flags).collect::<Result<Vec<_>, _>>()?;
        let columns = times(&at_delta_ns)?.into_iter().zip(kinds).zip(text_bytes);
        let columns = columns.zip(tokens(&tokens_plus_one, lines)?);
        let columns = columns.zip(stamps(&created_delta_ns, &unstamped, lines)?);
        let arrivals = columns.map(|((((at, (bound, kind)), text_bytes), tokens), created_at)| Arrival {
            at,
            bound,
            kind,
            text_bytes,
            tokens,
            created_at,
        });
        Ok(Self { ordinal, arrivals: arrivals.collect() })
    }
}

fn flags(bound: bool, kind: ArrivalKind) -> u32 {
    let kind = match kind {
        ArrivalKind::Content => 0,
        ArrivalKind::Thinking => 1,
        ArrivalKind::Empty => 2,
    };
    (u32::from(bound) * FLAG_BOUND) | (kind << KIND_SHIFT)
}

fn read_flags((index, flags): (usize, &u32)) -> Result<(bool, ArrivalKind), Invalid> {
    let kind = match flags >> KIND_SHIFT {
        0 => ArrivalKind::Content,
        1 => ArrivalKind::Thinking,
        2 => ArrivalKind::Empty,
        _ => {
            return Err(Invalid::new("", format!("{flags} is not a known value")).at(index).within("flags"));
        }
    };
    Ok((flags & FLAG_BOUND != 0, kind))
}

fn times(deltas: &[u64]) -> Result<Vec<Nanos>, Invalid> {
    let mut last = 0_u64;
    let add = |(index, delta): (usize, &u64)| {
        let overflow =
            || Invalid::new("", "the time does not fit into 64 bits").at(index).within("at_delta_ns");
        last = last.checked_add(*delta).ok_or_else(overflow)?;
        Ok(Nanos(last))
    };
    deltas.iter().enumerate().map(add).collect()
}

fn tokens(column: &[u32], lines: usize) -> Result<Vec<Option<u16>>, Invalid> {
    if column.is_empty() {
        return Ok(vec![None; lines]);
    }
    check::count("tokens_plus_one", column, lines..=lines)?;
    let read = |(index, plus_one): (usize, &u32)| {
        let overflow = |_| {
            Invalid::new("", format!("{plus_one} is not in 0 to 65536")).at(index).within("tokens_plus_one")
        };
        plus_one.checked_sub(1).map(u16::try_from).transpose().map_err(overflow)
    };
    column.iter().enumerate().map(read).collect()
}

fn stamps(deltas: &[i64], unstamped: &[u32], lines: usize) -> Result<Vec<Option<UnixNanos>>, Invalid> {
    check::count("created_delta_ns", deltas, lines..=lines)?;
    let refusal = |reason: &str| Invalid::new("unstamped", reason);
    let ascending = unstamped.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || unstamped.last().is_some_and(|last| *last as usize >= lines) {
        return Err(refusal("indices of lines in ascending order are expected"));
    }
    let (mut missing, mut last, mut stamps) = (unstamped.iter().peekable(), 0_i64, Vec::with_capacity(lines));
    for (index, delta) in deltas.iter().enumerate() {
        if missing.next_if(|next| **next as usize == index).is_none() {
            last = last.wrapping_add(*delta);
            stamps.push(Some(UnixNanos(last)));
        } else if *delta == 0 {
            stamps.push(None);
        } else {
            return Err(refusal("a line without a stamp holds one"));
        }
    }
    Ok(stamps)
}
