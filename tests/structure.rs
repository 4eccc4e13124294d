//! The shape of the house, as tests: what the core may name, which crate may use which, how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest accepted source file, in lines.
const LINES_MAX: usize = 600;

/// Which workspace crates each crate may use. Arrows point left only (ARCHITECTURE.md).
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("proto", &["core"]),
    ("report", &["core"]),
    ("simulator", &["core"]),
    ("coordinator", &["core", "proto"]),
    ("agent-node", &["core", "proto"]),
    ("cli", &["core", "proto", "coordinator", "agent-node", "report", "simulator"]),
    ("tests", &["core", "proto", "coordinator", "agent-node", "report", "simulator", "cli", "fake-nvml"]),
];

/// What the pure crates may depend on.
const CORE_DEPENDENCIES: &[&str] = &["regex-lite", "schemars", "serde", "sha2", "thiserror"];

/// Texts that no non-test line of core may hold: I/O, clocks, async.
const CORE_REFUSES: &[&str] = &[
    "tokio",
    "tonic",
    "prost",
    "std::fs",
    "std::net",
    "std::env",
    "Instant::now",
    "SystemTime",
    "async fn",
    ".await",
    "std::thread",
];

/// Words that say nothing, as part of a file name.
const EMPTY_WORDS: &[&str] = &["manager", "helper", "util", "common", "misc", "impl"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).unwrap().parse().unwrap()
}

fn dependencies(folder: &str, section: &str) -> Vec<String> {
    let manifest = manifest(folder);
    manifest
        .get(section)
        .and_then(|deps| deps.as_table())
        .map(|deps| deps.keys().cloned().collect())
        .unwrap_or_default()
}

#[test]
fn arrows_between_crates_are_as_drawn() {
    for (folder, allowed) in ARROWS {
        for dependency in dependencies(folder, "dependencies") {
            if let Some(target) = dependency.strip_prefix("chimera-") {
                assert!(allowed.contains(&target), "{folder} must not use {target}: see ARCHITECTURE.md");
            }
        }
    }
}

#[test]
fn every_member_of_the_workspace_is_drawn() {
    let workspace: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let drawn: Vec<&str> = ARROWS.iter().map(|(folder, _)| *folder).collect();
    for member in workspace["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        assert!(drawn.contains(&member) || member == "tests/fake-nvml", "{member} is missing in ARROWS");
    }
}

/// Whether `code` holds `text` as a word of its own: "monotonic" does not name tonic.
fn names(code: &str, text: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(text).any(|(at, _)| {
        let (before, after) = (code[..at].chars().next_back(), code[at + text.len()..].chars().next());
        let joined = text.starts_with(char::is_alphabetic) && part_of_word(before);
        !joined && !part_of_word(after)
    })
}

#[test]
fn core_stays_pure() {
    for dependency in dependencies("core", "dependencies") {
        assert!(CORE_DEPENDENCIES.contains(&dependency.as_str()), "core must not depend on {dependency}");
    }
    for path in sources(&root().join("core/src")) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if code.starts_with("//") {
                continue;
            }
            // The simulated world exists in tests alone, and may be told how many seeds to run.
            let in_world = path.to_string_lossy().contains("/world/");
            for refused in CORE_REFUSES.iter().filter(|refused| !in_world || **refused != "std::env") {
                assert!(
                    !names(code, refused),
                    "{}:{}: core must not name {refused}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn files_are_short_and_named_for_what_they_hold() {
    for path in sources(&root()) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: which two ideas live in it?", path.display());
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        for word in stem.split('_') {
            let singular = word.strip_suffix('s').unwrap_or(word);
            assert!(!EMPTY_WORDS.contains(&singular), "{}: the name says nothing", path.display());
        }
    }
}

#[test]
fn unsafe_code_lives_in_one_named_place() {
    for path in sources(&root()) {
        let relative = path.strip_prefix(root()).unwrap().to_path_buf();
        if relative.starts_with("tests/fake-nvml") || relative == Path::new("tests/structure.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(
                !line.contains("unsafe {") && !line.contains("unsafe fn"),
                "{}: {line}",
                relative.display()
            );
        }
    }
}

#[test]
fn architecture_names_every_folder_of_sources() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() <= 200, "ARCHITECTURE.md is a map: at most 200 lines");
    for (folder, _) in ARROWS {
        assert!(text.contains(&format!("{folder}/")), "ARCHITECTURE.md does not name {folder}/");
        let modules = root().join(folder).join("src");
        let Ok(entries) = fs::read_dir(modules) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.is_file() && !["lib", "main"].contains(&stem.as_str()) {
                assert!(text.contains(&stem), "ARCHITECTURE.md does not name {folder}/src/{stem}.rs");
            }
        }
    }
}

/// The one-minute test: every file that the map points to is there.
#[test]
fn the_map_points_to_files_that_exist() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = text.split("## Where is it?").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut folder = PathBuf::new();
    let mut pointed = 0;
    for name in table.split('`').skip(1).step_by(2) {
        // A bare name stands in the folder of the path before it, or in its crate's sources.
        let near = folder.ancestors().map(|folder| folder.join(name)).find(|path| root().join(path).exists());
        let path = near.unwrap_or_else(|| panic!("ARCHITECTURE.md points to {name}, which is not there"));
        folder = if root().join(&path).is_dir() { path } else { path.parent().unwrap().to_path_buf() };
        pointed += 1;
    }
    assert!(pointed >= 12, "the table was not read: {pointed}");
}

#[test]
fn one_version_of_each_crate_that_must_be_one() {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        versions.entry(name).or_default().push(package["version"].as_str().unwrap());
    }
    for name in ["tonic", "prost", "hyper", "h2", "tokio", "sqlx-core"] {
        let found = versions.get(name).map_or(0, Vec::len);
        assert!(found <= 1, "{name} is in the tree {found} times: {:?}", versions[name]);
    }
}
