//! A check that the product passes and the flaw, put back, does not.

/// What a check found: nothing wrong, or words for what is.
pub(crate) type Finding = Result<(), String>;

/// Runs `check` with the product's method, and once with each flawed one.
///
/// # Panics
/// When the product does not pass, or when nobody notices a flaw.
#[track_caller]
pub(crate) fn prove<M: ?Sized>(check: fn(&M) -> Finding, product: &M, flawed: &[(&str, &M)]) {
    if let Err(found) = check(product) {
        panic!("the product: {found}");
    }
    assert!(!flawed.is_empty(), "a check that was never seen to fail shows nothing");
    for (name, method) in flawed {
        assert!(check(method).is_err(), "nobody noticed: {name}");
    }
}

/// A finding, unless it holds.
pub(crate) fn expect(holds: bool, wrong: impl Into<String>) -> Finding {
    if holds { Ok(()) } else { Err(wrong.into()) }
}

/// Whether two figures are the same but for rounding.
pub(crate) fn same(what: &str, found: Option<f64>, expected: Option<f64>) -> Finding {
    let equal = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs(),
        (None, None) => true,
        _ => false,
    };
    expect(equal, format!("{what} is {found:?}, not {expected:?}"))
}
