//! Predicates that no slot can satisfy: conflicting demands on one attribute.
//!
//! Sound, not complete: comparisons that are joined by "and" are intersected per attribute; an "or" is contradictory
//! when each of its branches is, given what is demanded around it.

use super::attribute::Attribute;
use super::expression::{Comparison, Expression, Operator};
use super::literal::Literal;
use super::version::Version;

/// Why `expression` can never hold, if that can be told.
pub(super) fn find(expression: &Expression) -> Option<String> {
    conflict(expression, &[])
}

/// `demanded` are the comparisons that hold around `expression`.
fn conflict(expression: &Expression, demanded: &[&Comparison]) -> Option<String> {
    let mut demanded = demanded.to_vec();
    let mut alternatives = Vec::new();
    gather(expression, &mut demanded, &mut alternatives);
    if let Some(reason) = Attribute::ALL.iter().find_map(|attribute| conflict_on(*attribute, &demanded)) {
        return Some(reason);
    }
    alternatives.into_iter().find_map(|branches| {
        let reasons: Option<Vec<String>> =
            branches.iter().map(|branch| conflict(branch, &demanded)).collect();
        reasons.and_then(|reasons| reasons.into_iter().next())
    })
}

/// Splits a conjunction into its comparisons and its "or" parts.
fn gather<'a>(
    expression: &'a Expression,
    comparisons: &mut Vec<&'a Comparison>,
    alternatives: &mut Vec<&'a [Expression]>,
) {
    match expression {
        Expression::All(parts) => parts.iter().for_each(|part| gather(part, comparisons, alternatives)),
        Expression::Any(branches) => alternatives.push(branches),
        Expression::Compare(comparison) => comparisons.push(comparison),
    }
}

fn conflict_on(attribute: Attribute, demanded: &[&Comparison]) -> Option<String> {
    let mine: Vec<&Comparison> =
        demanded.iter().copied().filter(|demand| demand.attribute == attribute).collect();
    let (last, before) = mine.split_last()?;
    if let Some(reason) = alone(last) {
        return Some(reason);
    }
    // The pair that clashes is named, not the whole predicate: bounds on one axis clash pairwise.
    let clash = before.iter().find(|other| clashes(other, last));
    let found = clash.map(|other| format!("{other} && {last} can never hold"));
    found.or_else(|| conflict_on(attribute, before))
}

/// No value at all satisfies the comparison.
fn alone(demand: &Comparison) -> Option<String> {
    let Literal::Number(_) = demand.literal else {
        return None;
    };
    let span = Span::of(demand)?;
    (span.low > span.high).then(|| format!("{demand} can never hold"))
}

fn clashes(a: &Comparison, b: &Comparison) -> bool {
    match (&a.literal, &b.literal) {
        (Literal::Number(_), Literal::Number(_)) => numbers_clash(a, b),
        (Literal::Version { version: left, .. }, Literal::Version { version: right, .. }) => {
            versions_clash((a.operator, left), (b.operator, right))
        }
        (Literal::Text(left), Literal::Text(right)) => fixed_clash(a.operator, b.operator, left == right),
        (Literal::Boolean(left), Literal::Boolean(right)) => {
            fixed_clash(a.operator, b.operator, left == right)
                || (a.operator == Operator::NotEqual && b.operator == Operator::NotEqual && left != right)
        }
        (Literal::Text(text), Literal::Pattern(pattern)) => {
            a.operator == Operator::Equal && pattern.is_match(text) != (b.operator == Operator::Matches)
        }
        (Literal::Pattern(_), Literal::Text(_)) => clashes(b, a),
        (Literal::Pattern(left), Literal::Pattern(right)) => left == right && a.operator != b.operator,
        _ => false,
    }
}

/// `== x` against `== y`, and `== x` against `!= x`.
fn fixed_clash(a: Operator, b: Operator, same: bool) -> bool {
    match (a, b) {
        (Operator::Equal, Operator::Equal) => !same,
        (Operator::Equal, Operator::NotEqual) | (Operator::NotEqual, Operator::Equal) => same,
        _ => false,
    }
}

/// The whole steps of a number attribute that satisfy a comparison, both ends included.
struct Span {
    low: i64,
    high: i64,
}

impl Span {
    /// `None` for `!=`, which leaves a hole instead of ends.
    fn of(demand: &Comparison) -> Option<Self> {
        let Literal::Number(thousandths) = demand.literal else {
            return None;
        };
        let step = step(demand.attribute);
        let (floor, exact) = (thousandths.div_euclid(step), thousandths.rem_euclid(step) == 0);
        let ceiling = if exact { floor } else { floor + 1 };
        let (low, high) = match demand.operator {
            Operator::Equal => (ceiling, floor),
            Operator::Less => (i64::MIN, ceiling - 1),
            Operator::LessOrEqual => (i64::MIN, floor),
            Operator::Greater => (floor + 1, i64::MAX),
            Operator::GreaterOrEqual => (ceiling, i64::MAX),
            Operator::NotEqual | Operator::Matches | Operator::MatchesNot => return None,
        };
        // No attribute is negative.
        Some(Self { low: low.max(0), high })
    }
}

/// Smallest difference of two values, in thousandths: power limits come in milliwatts, everything else is whole.
const fn step(attribute: Attribute) -> i64 {
    if matches!(attribute, Attribute::PowerLimitW) { 1 } else { 1_000 }
}

fn numbers_clash(a: &Comparison, b: &Comparison) -> bool {
    match (Span::of(a), Span::of(b)) {
        (Some(left), Some(right)) => left.low.max(right.low) > left.high.min(right.high),
        (Some(span), None) => is_hole(&span, b),
        (None, Some(span)) => is_hole(&span, a),
        (None, None) => false,
    }
}

/// Whether the span has one value and `!=` takes it away.
fn is_hole(span: &Span, hole: &Comparison) -> bool {
    let value = span.low.checked_mul(step(hole.attribute)).filter(|_| span.low == span.high);
    value.is_some_and(|value| hole.literal == Literal::Number(value))
}

fn versions_clash(a: (Operator, &Version), b: (Operator, &Version)) -> bool {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    match (a.0, b.0) {
        (Equal, operator) => !operator.allows(a.1.cmp(b.1)),
        (_, Equal) => versions_clash(b, a),
        // Between two versions there is always a third, so the ends clash only when they cross or touch open.
        (Less | LessOrEqual, Greater | GreaterOrEqual) => {
            a.1 < b.1 || (a.1 == b.1 && (a.0 == Less || b.0 == Greater))
        }
        (Greater | GreaterOrEqual, Less | LessOrEqual) => versions_clash(b, a),
        _ => false,
    }
}
