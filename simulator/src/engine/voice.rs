//! What a model writes: a seeded source of token pieces.

use std::collections::VecDeque;

use crate::{
    seed::SeedStream,
    spec::model::{ModelSpec, Tokenizer, Voice},
};

/// The bytes of one token.
pub(crate) type Piece = Vec<u8>;

/// Where the next token comes from.
#[derive(Debug)]
pub(crate) struct Source {
    voice: Voice,
    tokenizer: Tokenizer,
    stream: SeedStream,
    /// Pieces already decided: the rest of a character, or a forced text.
    ahead: VecDeque<Piece>,
    /// Tokens until the answer ends by itself.
    remaining: Option<u64>,
}

const WORDS: [&str; 64] = [
    " the", " a", " of", " and", " to", " in", " model", " speed", " token", " rate", " load", " cache",
    " batch", " power", " clock", " heat", " run", " test", " value", " mean", " slow", " fast", " more",
    " less", " than", " with", " under", " over", " this", " that", " each", " many", " few", " shows",
    " falls", " rises", " holds", " queue", " wait", " time", " first", " last", " next", " same", " other",
    " range", " limit", " share", " result", " sample", " card", " host", " fleet", " plan", " trial",
    " block", " order", " gain", " cost", " trace", ",", ".", ".\n", " -",
];
const SPREAD_CHARACTERS: [char; 6] = ['日', '本', '語', '🦙', '…', '€'];

impl Source {
    /// A source for one answer. `key` decides everything random in it.
    pub(crate) fn voiced(model: &ModelSpec, key: u64) -> Self {
        let mut stream = SeedStream::keyed(key);
        let remaining = natural_length(model, &mut stream);
        let (voice, tokenizer) = (model.voice, model.tokenizer);
        Self { voice, tokenizer, stream, ahead: VecDeque::new(), remaining }
    }

    /// A source that writes given pieces and then ends.
    pub(crate) fn forced(model: &ModelSpec, key: u64, pieces: Vec<Piece>) -> Self {
        let length = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
        Self { ahead: pieces.into(), remaining: Some(length), ..Self::voiced(model, key) }
    }

    /// The next token; `None` is the end token.
    pub(crate) fn next_piece(&mut self) -> Option<Piece> {
        if let Some(left) = self.remaining.as_mut() {
            if *left == 0 {
                return None;
            }
            *left -= 1;
        }
        match self.ahead.pop_front() {
            Some(piece) => Some(piece),
            None => Some(self.speak()),
        }
    }

    /// Another token that could have come, for lists of likely tokens.
    pub(crate) fn alternative(&mut self) -> Piece {
        self.plain_word()
    }

    fn speak(&mut self) -> Piece {
        match self.voice {
            Voice::Loop => b" la".to_vec(),
            Voice::Broken => vec![0x80 | u8::try_from(self.stream.below(0x40)).unwrap_or(0)],
            Voice::Multilingual if self.stream.below(8) == 0 => self.begin_character(),
            Voice::Babble | Voice::Multilingual | Voice::Silent => self.plain_word(),
        }
    }

    /// The first byte of a character; its other bytes are the next tokens.
    fn begin_character(&mut self) -> Piece {
        let index = usize::try_from(self.stream.below(6)).unwrap_or(0);
        let character = SPREAD_CHARACTERS.get(index).copied().unwrap_or('€');
        let mut bytes = character.to_string().into_bytes().into_iter();
        let first = bytes.next().unwrap_or(b'?');
        self.ahead.extend(bytes.map(|byte| vec![byte]));
        vec![first]
    }

    fn plain_word(&mut self) -> Piece {
        match self.tokenizer {
            Tokenizer::Syllables => self.syllable(),
            Tokenizer::Words => {
                let index = usize::try_from(self.stream.below(64)).unwrap_or(0);
                WORDS.get(index).copied().unwrap_or(" the").as_bytes().to_vec()
            }
        }
    }

    fn syllable(&mut self) -> Piece {
        let pick = |stream: &mut SeedStream, from: &[u8]| {
            let index = usize::try_from(stream.below(u64::try_from(from.len()).unwrap_or(1))).unwrap_or(0);
            from.get(index).copied().unwrap_or(b'a')
        };
        let pair = [pick(&mut self.stream, b"bcdfghklmnprstvw"), pick(&mut self.stream, b"aeiou")];
        match self.stream.below(10) {
            0 => vec![pick(&mut self.stream, b"!\"%'*.,?@\\^_xyz>")],
            1..=3 => pair.to_vec(),
            _ => [&b" "[..], &pair].concat(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive length far below the limits"
)]
fn natural_length(model: &ModelSpec, stream: &mut SeedStream) -> Option<u64> {
    match (model.voice, model.answer_tokens) {
        (Voice::Silent, _) => Some(0),
        (_, 0) => None,
        (_, mean) => Some((f64::from(mean) * stream.around_one(0.2)).round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::catalogue::catalogue;

    fn answer(key: u64) -> Vec<Piece> {
        let model = catalogue().into_iter().find(|model| model.name == "thinker:1b").unwrap();
        let mut source = Source::voiced(&model, key);
        std::iter::from_fn(|| source.next_piece()).collect()
    }

    #[test]
    fn equal_keys_give_equal_answers_that_end() {
        assert_eq!(answer(5), answer(5));
        assert_ne!(answer(5), answer(6));
        assert!((90..=150).contains(&answer(5).len()));
    }

    #[test]
    fn characters_spread_over_tokens_are_whole_in_the_end() {
        let bytes = answer(9).concat();
        let valid = std::str::from_utf8(&bytes);
        assert!(valid.is_ok() || valid.unwrap_err().error_len().is_none(), "only the last may be cut");
    }
}
