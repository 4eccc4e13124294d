//! Does the list of docs/flaws.md hold? All flaws are there, and every test that it names exists, and the other way round.

use std::collections::{BTreeMap, BTreeSet};

use chimera_tests::{Document, repository};

/// Flaws of the list.
const FLAWS: u32 = 24;

/// The rows of the table: the number of a flaw, and the tests that its row names.
fn rows() -> BTreeMap<u32, BTreeSet<String>> {
    let document = Document::read("docs/flaws.md");
    let mut rows = BTreeMap::new();
    for line in document.text.lines() {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let number = cells.next().and_then(|first| first.strip_prefix('F')?.parse().ok());
        let Some(number) = number else { continue };
        let tests = cells.next_back().unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned);
        assert!(rows.insert(number, tests.collect()).is_none(), "F{number} has two rows");
    }
    rows
}

/// The tests of this target, by their file.
fn tests() -> BTreeSet<String> {
    let folder = repository().join("tests/flaws");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder of these tests") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a source");
        let names = text.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        found.extend(names.map(str::to_owned));
    }
    found
}

#[test]
fn every_flaw_has_its_row_and_its_tests() {
    let (rows, tests) = (rows(), tests());
    assert_eq!(
        rows.keys().copied().collect::<Vec<_>>(),
        (1..=FLAWS).collect::<Vec<_>>(),
        "rows of docs/flaws.md"
    );
    for (number, named) in &rows {
        assert!(!named.is_empty(), "the row of F{number} names no test");
        for test in named {
            assert!(
                tests.contains(test),
                "the row of F{number} names {test}, which is no test in tests/flaws"
            );
            assert!(test.starts_with(&format!("f{number:02}_")), "{test} is in the row of F{number}");
        }
    }
    let named: BTreeSet<&String> = rows.values().flatten().collect();
    let missing: Vec<&String> =
        tests.iter().filter(|test| test.starts_with('f') && !named.contains(test)).collect();
    assert!(missing.is_empty(), "tests that no row names: {missing:?}");
}
