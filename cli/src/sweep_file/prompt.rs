//! Prompts: texts in the sweep file, or files beside it.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use chimera_core::workload::{PROMPT_MAX_BYTES, PROMPTS_MAX, Prompt};
use toml::de::DeValue;

use super::error::SweepFileFault;
use super::place::Report;
use super::table::{Entry, shown};

/// Keys of a prompt that is written as a table.
pub(super) const KEYS: &[&str] = &["text", "file"];

/// Reads the list of prompts.
pub(super) fn read(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Vec<Prompt>> {
    let items = entry.list("a list of prompts", PROMPTS_MAX, report)?;
    let prompts: Vec<Option<Prompt>> = items.iter().map(|item| prompt(item, report)).collect();
    prompts.into_iter().collect()
}

fn prompt(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Prompt> {
    match entry.value {
        DeValue::String(text) => checked(entry, text.to_string(), report),
        DeValue::Table(_) => {
            let section = entry.section(report)?;
            if !section.has_only(KEYS, report) {
                return None;
            }
            match (section.get("text"), section.get("file")) {
                (Some(text), None) => checked(&text, text.text(report)?.to_owned(), report),
                (None, Some(file)) => from_file(&file, report),
                (Some(_), Some(_)) => refuse_form(entry, "both of them".to_owned(), report),
                (None, None) => refuse_form(entry, "an empty table".to_owned(), report),
            }
        }
        other => refuse_form(entry, shown(other), report),
    }
}

fn refuse_form(entry: &Entry<'_>, found: String, report: &mut Report<'_>) -> Option<Prompt> {
    entry.refuse(SweepFileFault::PromptForm { found }, report);
    None
}

fn checked(entry: &Entry<'_>, text: String, report: &mut Report<'_>) -> Option<Prompt> {
    if (1..=PROMPT_MAX_BYTES).contains(&text.len()) {
        return Some(Prompt { text });
    }
    entry.refuse(SweepFileFault::PromptLength { length: text.len() }, report);
    None
}

fn from_file(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Prompt> {
    let written = entry.text(report)?;
    let Some(path) = resolved(Path::new(written), report.origin()) else {
        entry.refuse(SweepFileFault::PromptOutside { path: written.to_owned() }, report);
        return None;
    };
    match read_bounded(&path) {
        Ok(text) => checked(entry, text, report),
        Err(reason) => {
            entry.refuse(SweepFileFault::PromptUnreadable { path, reason }, report);
            None
        }
    }
}

/// A relative path is looked for beside the sweep file and may not climb out of its folder: a sweep folder can then be
/// moved as a whole. Whole paths are accepted, because the file is read with the operator's own rights.
fn resolved(written: &Path, origin: &Path) -> Option<PathBuf> {
    let inside = written.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    match (written.is_absolute(), inside) {
        (true, _) => Some(written.to_owned()),
        (false, true) => Some(origin.parent().unwrap_or_else(|| Path::new("")).join(written)),
        (false, false) => None,
    }
}

/// Reads at most one byte more than a prompt may have.
fn read_bounded(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(PROMPT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // A cut in the middle of a character is a matter of length, not of encoding.
        Err(error) if error.as_bytes().len() > PROMPT_MAX_BYTES => Ok("x".repeat(error.as_bytes().len())),
        Err(_) => Err("it is not UTF-8 text".to_owned()),
    }
}
