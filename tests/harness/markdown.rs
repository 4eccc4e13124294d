//! What documents show, so that tests can do it: fenced blocks and links.

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository");
    root.to_path_buf()
}

/// A document of the repository.
#[derive(Debug)]
pub struct Document {
    /// Its path from the root.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// Number of its first line in the document, from 1.
    pub line: usize,
    /// What it is: the first word after the fence.
    pub language: String,
    /// Its text.
    pub text: String,
}

impl Document {
    /// Reads a document by its path from the root.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_path_buf();
        let text = std::fs::read_to_string(repository().join(&path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// Every document in `folders`, which are paths from the root; folders in them are not looked into.
    ///
    /// # Panics
    /// When a folder cannot be read.
    #[must_use]
    pub fn all_in(folders: &[&str]) -> Vec<Self> {
        let mut paths = Vec::new();
        for folder in folders {
            for entry in std::fs::read_dir(repository().join(folder)).expect("a folder of documents") {
                let path = Path::new(folder).join(entry.expect("an entry").file_name());
                paths.extend(Some(path).filter(|path| path.extension().is_some_and(|ending| ending == "md")));
            }
        }
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    /// Its fenced blocks in order.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in (1..).zip(self.text.lines()) {
            match (line.trim_start().strip_prefix("```"), open.as_mut()) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(info), None) => {
                    let language = info.split_whitespace().next().unwrap_or_default().to_owned();
                    open = Some(Block { line: number + 1, language, text: String::new() });
                }
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.path.display());
        blocks
    }

    /// Targets of its links outside blocks, with the number of their line.
    #[must_use]
    pub fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        let mut in_block = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            if line.trim_start().starts_with("```") {
                in_block = !in_block;
            }
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            links.extend(targets.filter(|_| !in_block).map(|target| (number, target.to_owned())));
        }
        links
    }
}

/// Words of a command line; double quotes keep spaces together, and ` #` begins a comment. Documents need no more of a
/// shell.
#[must_use]
pub fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.split(" #").next().unwrap_or(line).chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together_and_comments_are_left_out() {
        assert_eq!(shell_words("a  --reason \"new driver\" b  # c"), ["a", "--reason", "new driver", "b"]);
    }
}
