//! Probabilities of tokens: per token in the older dialect, per line in the newer.

use crate::{
    dialect::Dialect,
    engine::{assembler::Shown, voice::Source},
    seed::SeedStream,
    wire::records::Logprob,
};

/// The entries of one line.
pub(crate) fn of_line(
    shown: &Shown,
    dialect: Dialect,
    top: usize,
    stream: &mut SeedStream,
    source: &mut Source,
) -> Vec<Logprob> {
    match dialect {
        Dialect::V0_24 => shown.pieces.iter().map(|piece| entry(piece, top, stream, source)).collect(),
        Dialect::V0_33 => vec![entry(shown.text.as_bytes(), top, stream, source)],
    }
}

fn entry(bytes: &[u8], top: usize, stream: &mut SeedStream, source: &mut Source) -> Logprob {
    let own = single(bytes, value(stream));
    let mut candidates = Vec::with_capacity(top);
    let mut below = own.logprob;
    for place in 0..top {
        if place == 0 {
            candidates.push(own.clone());
        } else {
            below -= stream.unit() + 0.01;
            candidates.push(single(&source.alternative(), f64::from(narrow(below))));
        }
    }
    Logprob { top_logprobs: candidates, ..own }
}

/// Bytes that are no text show as the replacement character.
fn single(bytes: &[u8], logprob: f64) -> Logprob {
    let token = String::from_utf8_lossy(bytes).into_owned();
    Logprob { bytes: token.clone().into_bytes(), token, logprob, top_logprobs: Vec::new() }
}

/// Single precision, as the server computes it.
fn value(stream: &mut SeedStream) -> f64 {
    f64::from(narrow(-0.05 - 6.0 * stream.unit()))
}

#[expect(clippy::cast_possible_truncation, reason = "the server's values are single precision")]
const fn narrow(value: f64) -> f32 {
    value as f32
}
