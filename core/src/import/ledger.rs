//! Which row cannot be, looked at beside the others.

use std::collections::BTreeMap;

use super::kind::RecordingFile;
use super::row::{Heading, Row};

/// Why a row cannot stand beside the rows before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// It is there already.
    #[error("{what} was in {file}:{line} already")]
    Duplicate {
        /// What names the row.
        what: String,
        /// The file of the first.
        file: RecordingFile,
        /// The line of the first.
        line: u64,
    },
    /// A field of its configuration has another value than before.
    #[error("field `{field}` is {found}, but {expected} for the same {of} '{id}' in {file}:{line}")]
    Differs {
        /// The field.
        field: &'static str,
        /// Its value here.
        found: String,
        /// Its value before.
        expected: String,
        /// What must have one value.
        of: &'static str,
        /// Which.
        id: String,
        /// The file of the first.
        file: RecordingFile,
        /// The line of the first.
        line: u64,
    },
}

#[derive(Debug, Clone, Copy)]
struct Place {
    file: RecordingFile,
    line: u64,
}

/// The fields of a heading as texts, in order of [`FIELDS`].
type HeadingTexts = [Option<String>; 7];
const FIELDS: [&str; 7] = ["dataset", "study", "phase", "implementation", "runtime", "topology", "scenario"];

/// The rows so far: their names, and what each configuration and run is.
#[derive(Debug, Default)]
pub struct Ledger {
    names: BTreeMap<(RecordingFile, String), Place>,
    configs: BTreeMap<String, (HeadingTexts, Place)>,
    runs: BTreeMap<String, (String, Place)>,
}

impl Ledger {
    /// Takes in the row at `line` of its file; a row that is refused leaves no trace.
    ///
    /// # Errors
    /// The first contradiction to an earlier row.
    pub fn admit(&mut self, row: &Row, line: u64) -> Result<(), Contradiction> {
        let place = Place { file: row.file(), line };
        let names = names(row);
        for name in &names {
            if let Some(first) = self.names.get(&(place.file, name.clone())) {
                return Err(Contradiction::Duplicate {
                    what: name.clone(),
                    file: first.file,
                    line: first.line,
                });
            }
        }
        if let Some((run, config, heading)) = belongs(row) {
            self.agrees(run, config, &texts(heading), place)?;
        }
        self.names.extend(names.into_iter().map(|name| ((place.file, name), place)));
        Ok(())
    }

    fn agrees(
        &mut self,
        run: &str,
        config: &str,
        heading: &HeadingTexts,
        place: Place,
    ) -> Result<(), Contradiction> {
        if let Some((known, first)) = self.runs.get(run).filter(|(known, _)| known != config) {
            return Err(differs("config_id", Some(config), Some(known), ("run_id", run), *first));
        }
        if let Some((known, first)) = self.configs.get(config) {
            let pairs = heading.iter().zip(known).zip(FIELDS);
            if let Some(((found, expected), field)) = pairs.into_iter().find(|((a, b), _)| a != b) {
                let (found, expected) = (found.as_deref(), expected.as_deref());
                return Err(differs(field, found, expected, ("config_id", config), *first));
            }
        }
        self.runs.entry(run.to_owned()).or_insert_with(|| (config.to_owned(), place));
        self.configs.entry(config.to_owned()).or_insert_with(|| (heading.clone(), place));
        Ok(())
    }
}

fn differs(
    field: &'static str,
    found: Option<&str>,
    expected: Option<&str>,
    (of, id): (&'static str, &str),
    first: Place,
) -> Contradiction {
    let shown = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), |text| format!("'{text}'"));
    Contradiction::Differs {
        field,
        found: shown(found),
        expected: shown(expected),
        of,
        id: id.to_owned(),
        file: first.file,
        line: first.line,
    }
}

/// What names a row within its file. The agents of a run may stand in one row or in one each, so each of them names it.
fn names(row: &Row) -> Vec<String> {
    match row {
        Row::Call(row) => vec![format!("call_id '{}'", row.call_id)],
        Row::Run(row) => row
            .agents
            .iter()
            .map(|agent| format!("run_id '{}' agent '{}'", row.run_id, agent.agent))
            .collect(),
        Row::Agent(row) => vec![format!("run_id '{}' agent '{}'", row.run_id, row.agent)],
        Row::SingleCall(row) => vec![format!("order {} of source '{}'", row.order, row.source)],
    }
}

fn belongs(row: &Row) -> Option<(&str, &str, Heading<'_>)> {
    match row {
        Row::Call(row) => Some((&row.run_id, &row.config_id, row.heading())),
        Row::Run(row) => Some((&row.run_id, &row.config_id, row.heading())),
        Row::Agent(row) => Some((&row.run_id, &row.config_id, row.heading())),
        Row::SingleCall(_) => None,
    }
}

fn texts(heading: Heading<'_>) -> HeadingTexts {
    let text = |text: &str| Some(text.to_owned());
    [
        text(heading.dataset),
        text(heading.study),
        heading.phase.map(|phase| phase.to_string()),
        text(heading.implementation),
        heading.runtime.map(str::to_owned),
        text(heading.topology),
        text(heading.scenario),
    ]
}
