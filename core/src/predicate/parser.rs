//! Reads a predicate by recursive descent: `||` binds weakest, then `&&`, then `!`.

use super::attribute::{Attribute, Kind};
use super::error::{PredicateError, PredicateFault};
use super::expression::{Comparison, Expression, Operator};
use super::lexer::{Token, TokenKind, tokens};
use super::literal::{Literal, Pattern, thousandths};
use super::near_miss::nearest;
use super::version::Version;
use super::{DEPTH_MAX, PREDICATE_MAX};

/// Most digits of a number before the point.
const WHOLE_DIGITS_MAX: usize = 15;

pub(super) fn parse(source: &str) -> Result<Expression, PredicateError> {
    let at_start = |reason| PredicateError { position: 0, reason };
    if source.len() > PREDICATE_MAX {
        return Err(at_start(PredicateFault::TooLong));
    }
    if source.trim().is_empty() {
        return Err(at_start(PredicateFault::Empty));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let expression = parser.any()?;
    match parser.peek().kind {
        TokenKind::End => Ok(expression),
        _ => Err(parser.expected("'&&', '||' or the end")),
    }
}

struct Parser<'t, 'a> {
    /// Never empty: the end token is not consumed.
    tokens: &'t [Token<'a>],
    depth: usize,
}

const END: Token<'static> = Token { kind: TokenKind::End, position: 0 };

impl<'t, 'a> Parser<'t, 'a> {
    fn any(&mut self) -> Result<Expression, PredicateError> {
        let mut parts = vec![self.all()?];
        while self.take(&TokenKind::Or) {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, PredicateError> {
        let mut parts = vec![self.unary()?];
        while self.take(&TokenKind::And) {
            parts.push(self.unary()?);
        }
        Ok(joined(parts, Expression::All))
    }

    fn unary(&mut self) -> Result<Expression, PredicateError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(PredicateFault::TooDeep));
        }
        let expression = if self.take(&TokenKind::Not) {
            self.unary()?.negated()
        } else if self.take(&TokenKind::Open) {
            self.group()?
        } else {
            Expression::Compare(self.comparison()?)
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn group(&mut self) -> Result<Expression, PredicateError> {
        let inner = self.any()?;
        if self.take(&TokenKind::Close) { Ok(inner) } else { Err(self.expected("'&&', '||' or ')'")) }
    }

    fn comparison(&mut self) -> Result<Comparison, PredicateError> {
        let attribute = self.attribute()?;
        let TokenKind::Operator(operator) = self.peek().kind else {
            // A truth value needs no comparison: `mig` and `!mig` read well.
            return match attribute.kind() {
                Kind::Boolean => {
                    Ok(Comparison { attribute, operator: Operator::Equal, literal: Literal::Boolean(true) })
                }
                _ => Err(self.expected("a comparison such as == or >=")),
            };
        };
        check_operator(attribute, operator).map_err(|reason| self.fault(reason))?;
        self.advance();
        let literal = self.literal(attribute, operator)?;
        Ok(Comparison { attribute, operator, literal })
    }

    fn attribute(&mut self) -> Result<Attribute, PredicateError> {
        let TokenKind::Word(name) = self.peek().kind else {
            return Err(self.expected("an attribute such as vram_mib"));
        };
        let attribute = Attribute::from_name(name).ok_or_else(|| self.fault(unknown(name)))?;
        self.advance();
        Ok(attribute)
    }

    fn literal(&mut self, attribute: Attribute, operator: Operator) -> Result<Literal, PredicateError> {
        let token = self.peek();
        let literal = literal(&token.kind, attribute, operator);
        let literal = literal.map_err(|reason| PredicateError { position: token.position, reason })?;
        self.advance();
        Ok(literal)
    }

    fn peek(&self) -> &'t Token<'a> {
        self.tokens.first().unwrap_or(&END)
    }

    fn advance(&mut self) {
        if self.tokens.len() > 1 {
            self.tokens = &self.tokens[1..];
        }
    }

    fn take(&mut self, kind: &TokenKind<'_>) -> bool {
        let taken = self.peek().kind == *kind;
        if taken {
            self.advance();
        }
        taken
    }

    fn expected(&self, expected: &'static str) -> PredicateError {
        self.fault(PredicateFault::Expected { expected, found: self.peek().kind.to_string() })
    }

    fn fault(&self, reason: PredicateFault) -> PredicateError {
        PredicateError { position: self.peek().position, reason }
    }
}

fn joined(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn unknown(name: &str) -> PredicateFault {
    let names = || Attribute::ALL.iter().map(|attribute| attribute.name());
    PredicateFault::UnknownAttribute {
        name: name.chars().take(40).collect(),
        near: nearest(name, names()),
        known: names().collect::<Vec<_>>().join(", "),
    }
}

fn check_operator(attribute: Attribute, operator: Operator) -> Result<(), PredicateFault> {
    use Operator::{Equal, Matches, MatchesNot, NotEqual};
    let (fits, accepted) = match attribute.kind() {
        Kind::Text => (matches!(operator, Equal | NotEqual | Matches | MatchesNot), "==, !=, =~ or !~"),
        Kind::Version => (true, ""),
        Kind::Number => (!matches!(operator, Matches | MatchesNot), "==, !=, <, <=, > or >="),
        Kind::Boolean => (matches!(operator, Equal | NotEqual), "== or !="),
    };
    let refused =
        PredicateFault::WrongOperator { attribute: attribute.name(), operator: operator.sign(), accepted };
    if fits { Ok(()) } else { Err(refused) }
}

fn literal(
    token: &TokenKind<'_>,
    attribute: Attribute,
    operator: Operator,
) -> Result<Literal, PredicateFault> {
    if matches!(operator, Operator::Matches | Operator::MatchesNot) {
        return pattern(token);
    }
    let wrong = || PredicateFault::WrongType {
        attribute: attribute.name(),
        kind: attribute.kind(),
        found: token.to_string(),
    };
    match (attribute.kind(), token) {
        (Kind::Text, TokenKind::Text(text)) => Ok(Literal::Text((*text).to_owned())),
        (Kind::Version, TokenKind::Text(text) | TokenKind::Number(text)) => {
            let version = Version::parse(text).ok_or_else(wrong)?;
            Ok(Literal::Version { version, text: (*text).to_owned() })
        }
        (Kind::Number, TokenKind::Number(text)) => number(text),
        (Kind::Boolean, TokenKind::Word("true")) => Ok(Literal::Boolean(true)),
        (Kind::Boolean, TokenKind::Word("false")) => Ok(Literal::Boolean(false)),
        _ => Err(wrong()),
    }
}

fn number(text: &str) -> Result<Literal, PredicateFault> {
    let whole = text.split('.').next().unwrap_or(text).trim_start_matches('-');
    let number = thousandths(text).filter(|_| whole.len() <= WHOLE_DIGITS_MAX);
    number
        .map(Literal::Number)
        .ok_or_else(|| PredicateFault::Number { text: text.chars().take(40).collect() })
}

fn pattern(token: &TokenKind<'_>) -> Result<Literal, PredicateFault> {
    let TokenKind::Text(text) = token else {
        return Err(PredicateFault::Expected {
            expected: "a regular expression in quotes",
            found: token.to_string(),
        });
    };
    let refused = |reason| PredicateFault::Pattern { pattern: text.chars().take(80).collect(), reason };
    Pattern::new(text).map(Literal::Pattern).map_err(refused)
}
