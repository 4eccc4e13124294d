//! Text into token ids.

use crate::{seed::fingerprint, spec::model::Tokenizer};

/// The token every prompt begins with.
pub(crate) const BEGIN: u32 = 1;

const CONSONANTS: &[u8] = b"bcdfghklmnprstvw";
const VOWELS: &[u8] = b"aeiou";
const FIRST_BYTE: u32 = 3;
const SPACE: u32 = 259;
const FIRST_CHARACTER: u32 = 260;
const FIRST_SYLLABLE: u32 = 354;
const FIRST_SPACED_SYLLABLE: u32 = 434;
const SPECIALS: [char; 6] = ['é', 'ü', 'ß', 'あ', '中', '😀'];
const FIRST_SPECIAL: u32 = 514;

/// Token ids of a text, without the begin token.
pub(crate) fn tokenize(tokenizer: Tokenizer, text: &str) -> Vec<u32> {
    match tokenizer {
        Tokenizer::Syllables => syllables(&format!(" {text}")),
        Tokenizer::Words => words(text),
    }
}

/// Longest piece first. Syllables cannot overlap, so this equals merging pieces by score.
fn syllables(text: &str) -> Vec<u32> {
    let mut ids = Vec::with_capacity(text.len() / 2 + 1);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (id, length) = match (first, syllable(rest.as_bytes()), spaced_syllable(rest)) {
            (' ', _, Some(index)) => (FIRST_SPACED_SYLLABLE + index, 3),
            (' ', _, None) => (SPACE, 1),
            (_, Some(index), _) => (FIRST_SYLLABLE + index, 2),
            ('!'..='~', None, _) => (FIRST_CHARACTER + u32::from(first) - 33, 1),
            _ => {
                push_other(&mut ids, first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
        };
        ids.push(id);
        rest = rest.get(length..).unwrap_or_default();
    }
    ids
}

fn syllable(bytes: &[u8]) -> Option<u32> {
    let [consonant, vowel, ..] = bytes else {
        return None;
    };
    let c = CONSONANTS.iter().position(|known| known == consonant)?;
    let v = VOWELS.iter().position(|known| known == vowel)?;
    u32::try_from(c * VOWELS.len() + v).ok()
}

fn spaced_syllable(text: &str) -> Option<u32> {
    text.strip_prefix(' ').and_then(|rest| syllable(rest.as_bytes()))
}

fn push_other(ids: &mut Vec<u32>, character: char) {
    if let Some(special) = (FIRST_SPECIAL..).zip(SPECIALS).find(|(_, known)| *known == character) {
        ids.push(special.0);
    } else {
        let mut buffer = [0; 4];
        ids.extend(character.encode_utf8(&mut buffer).bytes().map(|byte| FIRST_BYTE + u32::from(byte)));
    }
}

/// A space belongs to the word after it; words are cut after six letters, numbers after three digits.
fn words(text: &str) -> Vec<u32> {
    let mut ids = Vec::with_capacity(text.len() / 4 + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let length = piece_length(rest);
        let (piece, next) = rest.split_at(length);
        ids.push(word_id(piece));
        rest = next;
    }
    ids
}

fn word_id(piece: &str) -> u32 {
    u32::try_from(fingerprint(piece.as_bytes()) % 128_000).unwrap_or(0) + 256
}

fn piece_length(text: &str) -> usize {
    let lead = usize::from(text.starts_with(' '));
    let body = text.get(lead..).unwrap_or_default();
    let run = |accepts: fn(char) -> bool, most: usize| {
        body.chars().take(most).take_while(|c| accepts(*c)).map(char::len_utf8).sum::<usize>()
    };
    let letters = run(char::is_alphabetic, 6);
    let digits = run(|c| c.is_ascii_digit(), 3);
    match letters.max(digits) {
        0 if lead == 1 => 1,
        0 => body.chars().next().map_or(1, char::len_utf8),
        length => lead + length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_prompt_has_the_recorded_ids() {
        let ids = tokenize(Tokenizer::Syllables, "[user] hello world\n[assistant] ");
        let recorded = [
            259, 318, 344, 415, 341, 320, 460, 335, 392, 512, 341, 335, 327, 13, 318, 324, 342, 416, 342,
            419, 337, 343, 320, 259,
        ];
        assert_eq!(ids, recorded);
    }

    #[test]
    fn words_have_about_four_characters_per_token() {
        let text = "The benchmark compares several configurations of the same model on 12 machines.";
        let tokens = tokenize(Tokenizer::Words, text).len();
        assert!((text.len() / 6..text.len() / 3).contains(&tokens), "{tokens}");
    }

    #[test]
    fn any_text_tokenizes() {
        for text in ["", " ", "  x", "日本語 ok", "\u{0}\n\t", "é😀🦙"] {
            let _ = tokenize(Tokenizer::Words, text);
            assert!(!tokenize(Tokenizer::Syllables, text).is_empty());
        }
    }
}
