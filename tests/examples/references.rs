//! Links and quotations of the documents.

use std::path::Path;

use chimera_tests::{Document, repository};

use crate::documents;

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut followed = 0;
    let mut broken = Vec::new();
    for document in documents() {
        let folder = document.path.parent().expect("a document lies in a folder").to_path_buf();
        for (line, target) in document.links() {
            let (path, _anchor) = target.split_once('#').unwrap_or((&target, ""));
            if target.contains("://") || path.is_empty() {
                continue;
            }
            followed += 1;
            if !repository().join(&folder).join(path).exists() {
                broken.push(format!("{}:{line}: {target}", document.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
    assert!(followed >= 30, "only {followed} links");
}

/// The guide quotes what the daemons log: the words must be in their code.
#[test]
fn every_message_that_the_guide_explains_is_logged() {
    let guide = Document::read("docs/fleet.md");
    let table = guide.text.split("| message | daemon |").nth(1).expect("the table of messages");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut checked = 0;
    for row in rows {
        let message = row.split('`').nth(1).expect("a quoted message");
        let folder = if row.contains("| coordinator |") { "coordinator/src" } else { "agent-node/src" };
        assert!(occurs(&repository().join(folder), message), "nothing in {folder} logs '{message}'");
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} messages");
}

/// Whether a text occurs in a source file under `folder`.
fn occurs(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    entries.map(|entry| entry.expect("an entry").path()).any(|path| {
        if path.is_dir() {
            return occurs(&path, text);
        }
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        source.contains(text)
    })
}
