//! Sweep files that are refused, with everything that is said about them.

use std::path::Path;

use crate::sweep_file::{SweepFileFault, load, parse};

/// Sweep files and the answers to them: a case is the file, a line `=>`, and the errors; `---` stands between cases.
const CASES: &str = include_str!("refused.txt");

fn answer(text: &str) -> String {
    match parse(text, Path::new("s.toml")) {
        Ok(_) => "accepted".to_owned(),
        Err(errors) => errors.to_string(),
    }
}

/// Run with `CHIMERA_BLESS=1` to write the answers anew, and read the difference.
#[test]
fn every_bad_file_is_answered_in_full() {
    let inputs = CASES.split("\n---\n").map(|case| case.split("\n=>").next().unwrap());
    let answered: Vec<String> = inputs.map(|text| format!("{text}\n=>\n{}", answer(text))).collect();
    let answered = answered.join("\n---\n") + "\n";
    if std::env::var_os("CHIMERA_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sweep_file/tests/refused.txt");
        std::fs::write(path, &answered).unwrap();
    } else {
        assert_eq!(answered, CASES);
    }
    assert!(!answered.contains("accepted\n---") && !answered.ends_with("accepted\n"), "{answered}");
}

#[test]
fn sizes_are_bounded() {
    let large = "#".repeat(1024 * 1024 + 1);
    assert_eq!(
        answer(&large),
        "s.toml: the sweep file is larger than 1048576 bytes: move long prompts into files of their own"
    );
    let deep = format!("name = {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(answer(&deep).contains("not TOML"), "{}", answer(&deep));
    let many: String = (0..30).map(|number| format!("key{number} = 1\n")).collect();
    assert!(answer(&many).ends_with("\nand 13 more errors"), "{}", answer(&many));
}

/// No answer is checked here: none may crash, and each names a place inside the file.
#[test]
fn every_cut_of_the_examples_is_answered() {
    for (path, text) in super::good::examples() {
        for (cut, _) in text.char_indices() {
            let Err(errors) = parse(&text[..cut], &path) else { continue };
            let lines = text[..cut].matches('\n').count() + 1;
            let outside = |line: usize| line == 0 || line > lines;
            let places = errors.errors.iter().filter_map(|error| error.place.as_ref());
            assert!(places.into_iter().all(|place| !outside(place.line)), "{errors}");
            assert!(!errors.errors.is_empty());
        }
    }
}

#[test]
fn unreadable_files_are_named() {
    let missing = load(Path::new("/nonexistent/s.toml")).unwrap_err().to_string();
    assert!(missing.starts_with("/nonexistent/s.toml: the file can not be read: "), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(load(&path).unwrap_err().errors[0].fault, SweepFileFault::NotText);
}

#[test]
fn prompt_files_are_bounded_and_text() {
    let folder = tempfile::tempdir().unwrap();
    let answer_to = |bytes: &[u8]| {
        std::fs::write(folder.path().join("p.txt"), bytes).unwrap();
        let text = "name = 'a'\naxes.model = 'm'\nworkload.prompts = [{ file = 'p.txt' }]\n";
        let errors = parse(text, &folder.path().join("s.toml")).unwrap_err();
        errors.errors[0].fault.clone()
    };
    assert_eq!(answer_to(b""), SweepFileFault::PromptLength { length: 0 });
    let long = "é".repeat(131_073);
    assert_eq!(answer_to(long.as_bytes()), SweepFileFault::PromptLength { length: 262_145 });
    assert!(matches!(answer_to(&[0xff]), SweepFileFault::PromptUnreadable { .. }));
}
