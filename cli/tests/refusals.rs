//! What a person can do wrong: the exit code, the words, and the JSON form of each, from the real program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions around tests fail as tests do")]

use std::process::{Command, Output};

use serde_json::Value;

/// Nothing listens on port 1 of the loopback.
const NOBODY: &str = "http://127.0.0.1:1";

fn chimera(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chimera"))
        .args(arguments)
        .env_remove("CHIMERA_COORDINATOR")
        .env_remove("OLLAMA_HOST")
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let output = chimera(arguments);
    let complaint = complaint(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
    for word in words {
        assert!(complaint.contains(word), "{arguments:?} does not say '{word}':\n{complaint}");
    }
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to stdout");
}

#[test]
fn a_wrong_line_is_usage() {
    refused(&["swep"], 2, &["unrecognized subcommand", "sweep"]);
    refused(&["simulate", "--port-base", "80"], 2, &["1024"]);
    refused(&["dev", "--ollama", "http://a", "--simulate"], 2, &["cannot be used with"]);
}

#[test]
fn a_missing_coordinator_says_how_to_start_one() {
    let words = ["is not reachable", "chimera-coordinator", "chimera dev"];
    refused(&["--coordinator", NOBODY, "nodes", "list"], 1, &words);
    refused(&["--coordinator", NOBODY, "report", "nightly"], 1, &words);
}

#[test]
fn an_address_that_is_none_is_usage() {
    refused(&["--coordinator", "localhost:7600", "nodes", "list"], 2, &["http://"]);
    refused(&["--coordinator", "https://host:7600", "nodes", "list"], 2, &["plain HTTP/2"]);
}

#[test]
fn a_wrong_sweep_file_is_told_without_a_coordinator() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.toml");
    std::fs::write(&file, "name = \"a\"\n[options]\nnum_ctxx = 1\n").unwrap();
    let path = file.to_str().unwrap();
    for arguments in [["sweep", "plan", path], ["sweep", "run", path]] {
        refused(&arguments, 2, &["sweep.toml:3:1", "num_ctx", "chimera schema sweep"]);
    }
    refused(&["sweep", "plan", "/nowhere.toml"], 2, &["/nowhere.toml"]);
}

#[test]
fn a_folder_without_a_store_is_told_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    refused(&["report", "x", "--data-dir", folder.path().to_str().unwrap()], 2, &["no store"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_named_ollama_that_is_away_is_not_replaced_by_a_simulated_one() {
    refused(&["dev", "--ollama", NOBODY], 1, &["no Ollama answers", "ollama serve"]);
}

#[test]
fn programs_get_complaints_as_json() {
    let lines: [(&[&str], i64); 3] = [
        (&["--output", "json", "--coordinator", NOBODY, "nodes", "list"], 1),
        (&["--output", "json", "sweep", "plan", "/nowhere.toml"], 2),
        (&["--output=json", "banana"], 2),
    ];
    for (arguments, code) in lines {
        let output = chimera(arguments);
        let problem: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(problem["kind"], "error", "{problem}");
        assert_eq!(problem["exit_code"], code, "{problem}");
        assert!(problem["message"].is_string() && problem["remedy"].is_string(), "{problem}");
        assert_eq!(output.status.code(), i32::try_from(code).ok());
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for arguments in [&["--help"][..], &["dev", "--help"], &["sweep", "run", "-h"], &["--version"]] {
        let output = chimera(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}
