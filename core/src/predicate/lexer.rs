//! Cuts the text of a predicate into tokens.

use std::fmt;

use super::error::{PredicateError, PredicateFault};
use super::expression::Operator;

/// A piece of a predicate.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind<'a> {
    Word(&'a str),
    Text(&'a str),
    Number(&'a str),
    Operator(Operator),
    And,
    Or,
    Not,
    Open,
    Close,
    End,
}

/// A piece with the characters before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) position: usize,
}

impl fmt::Display for TokenKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "'{word}'"),
            Self::Text(text) => write!(f, "the text '{text}'"),
            Self::Number(number) => write!(f, "the number {number}"),
            Self::Operator(operator) => f.write_str(operator.sign()),
            Self::And => f.write_str("&&"),
            Self::Or => f.write_str("||"),
            Self::Not => f.write_str("!"),
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// All tokens of `source`, [`TokenKind::End`] last.
pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, PredicateError> {
    let (mut tokens, mut rest, mut position) = (Vec::new(), source, 0);
    loop {
        let trimmed = rest.trim_start();
        position += rest.chars().count() - trimmed.chars().count();
        let (kind, length) = next(trimmed).map_err(|reason| PredicateError { position, reason })?;
        let ended = kind == TokenKind::End;
        tokens.push(Token { kind, position });
        if ended {
            return Ok(tokens);
        }
        position += trimmed[..length].chars().count();
        rest = &trimmed[length..];
    }
}

/// The first token of `rest`, which has no leading space, and its length in bytes.
fn next(rest: &str) -> Result<(TokenKind<'_>, usize), PredicateFault> {
    let Some(first) = rest.chars().next() else {
        return Ok((TokenKind::End, 0));
    };
    if let Some(operator) = Operator::ALL.into_iter().find(|operator| rest.starts_with(operator.sign())) {
        return Ok((TokenKind::Operator(operator), operator.sign().len()));
    }
    let signs = [("&&", TokenKind::And), ("||", TokenKind::Or), ("!", TokenKind::Not)];
    let brackets = [("(", TokenKind::Open), (")", TokenKind::Close)];
    if let Some((sign, kind)) = signs.into_iter().chain(brackets).find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((kind, sign.len()));
    }
    match first {
        '\'' | '"' => text(&rest[1..], first),
        '-' | '0'..='9' => number(rest),
        'a'..='z' | 'A'..='Z' | '_' => {
            let length =
                rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            Ok((TokenKind::Word(&rest[..length]), length))
        }
        found => Err(PredicateFault::StrayCharacter { found }),
    }
}

fn text(inner: &str, quote: char) -> Result<(TokenKind<'_>, usize), PredicateFault> {
    let end = inner.find(quote).ok_or(PredicateFault::OpenText { quote })?;
    Ok((TokenKind::Text(&inner[..end]), end + 2))
}

/// Digits with dots: a number, or a version such as 12.4.1. Which of the two is settled by the attribute.
fn number(rest: &str) -> Result<(TokenKind<'_>, usize), PredicateFault> {
    let sign = usize::from(rest.starts_with('-'));
    let digits =
        rest.bytes().skip(sign).take_while(|byte| byte.is_ascii_alphanumeric() || b"._".contains(byte));
    let length = sign + digits.count();
    let text = &rest[..length];
    let valid = text[sign..]
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if valid {
        Ok((TokenKind::Number(text), length))
    } else {
        Err(PredicateFault::Number { text: text.chars().take(40).collect() })
    }
}
