//! Parts of documents that are made from the code: compared by a test, rewritten with `CHIMERA_BLESS=1`.

use crate::markdown::{Document, repository};

/// Asserts that the part of a document between `<!-- begin NAME -->` and `<!-- end NAME -->` is `expected`. With
/// `CHIMERA_BLESS=1` in the environment it is rewritten instead.
///
/// # Panics
/// When the marks are missing, or the part is another one.
pub fn assert_generated(path: &str, name: &str, expected: &str) {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let Document { path: shown, text } = Document::read(path);
    let start = text.find(&begin).unwrap_or_else(|| panic!("{path} has no '{begin}'")) + begin.len();
    let length = text[start..].find(&end).unwrap_or_else(|| panic!("{path} has no '{end}'"));
    if text[start..start + length] == *expected {
        return;
    }
    let bless = std::env::var("CHIMERA_BLESS").is_ok_and(|wish| wish == "1");
    assert!(
        bless,
        "{} is out of date in '{name}'; rewrite it with CHIMERA_BLESS=1. Expected:\n{expected}",
        shown.display()
    );
    // Other parts may be rewritten at the same time: read again right before writing.
    let text = Document::read(path).text;
    let start = text.find(&begin).expect("it was there") + begin.len();
    let length = text[start..].find(&end).expect("it was there");
    let fresh = format!("{}{expected}{}", &text[..start], &text[start + length..]);
    std::fs::write(repository().join(path), fresh).expect("the document can be written");
}
