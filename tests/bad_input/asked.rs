//! Asks the command and checks how it refuses, as text and as JSON.

use std::fs;

use chimera_tests::{Told, chimera};
use serde_json::Value;

/// Nothing listens there.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// A whole sweep file with further lines in front, and a table at the end.
pub(crate) fn sweep(head: &str, tail: &str) -> String {
    format!("name = \"night\"\n{head}\nworkload.prompts = [\"Why?\"]\n{tail}\n")
}

/// Asks for the plan of a file with these bytes.
pub(crate) fn plan_of(bytes: &[u8], coordinator: &str, output: &str) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("night.toml");
    fs::write(&file, bytes).unwrap();
    chimera(&["--coordinator", coordinator, "--output", output, "sweep", "plan", file.to_str().unwrap()])
}

/// The refusal as text and as JSON: both have the exit code, nothing on stdout, and every word.
#[track_caller]
pub(crate) fn refused(text: impl Fn(&str) -> Told, code: i32, words: &[&str]) {
    let told = text("text");
    assert_eq!((told.code, told.out.as_str()), (code, ""), "{told:?}");
    for word in words {
        assert!(told.err.contains(word), "does not say '{word}':\n{}", told.err);
    }
    assert!(told.err.starts_with("error: ") && told.err.contains("help: "), "{}", told.err);
    assert!(!told.err.chars().any(|char| char.is_control() && char != '\n'), "{:?}", told.err);
    let told = text("json");
    let problem: Value =
        serde_json::from_str(told.err.trim()).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    assert_eq!((&problem["kind"], &problem["exit_code"]), (&"error".into(), &code.into()), "{problem}");
    let said = format!("{} {}", problem["message"], problem["causes"]);
    assert!(problem["remedy"].is_string(), "{problem}");
    // Words with quotes or line ends are escaped in JSON.
    for word in words.iter().filter(|word| !word.contains(['"', '\\', '\n'])) {
        assert!(
            said.contains(word) || problem["remedy"].as_str().unwrap().contains(word),
            "no '{word}': {problem}"
        );
    }
    assert_eq!((told.code, told.out.as_str()), (code, ""), "{told:?}");
}

/// The refusal of a sweep file, without a coordinator.
#[track_caller]
pub(crate) fn file_refused(text: &str, words: &[&str]) {
    refused(|output| plan_of(text.as_bytes(), NOBODY, output), 2, words);
}
