//! "Did you mean …?"

/// Least likeness (Jaro–Winkler) at which a guess helps more than it misleads.
const ALIKE: f64 = 0.8;

/// The candidate most like `name`, if any is like it at all.
#[must_use]
pub fn near_miss<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::near_miss;

    #[test]
    fn a_slip_is_recognised_and_nonsense_is_not() {
        let names = ["nightly", "quickstart", "quickstart-2"];
        assert_eq!(near_miss("nigthly", names.into_iter()), Some("nightly"));
        assert_eq!(near_miss("quickstar", names.into_iter()), Some("quickstart"));
        assert_eq!(near_miss("zzz", names.into_iter()), None);
    }
}
