//! A recording into the store: looked at as a whole first, then written in one transaction.

use std::path::{Path, PathBuf};

use chimera_coordinator::{Draft, Imports};
use chimera_core::id::{Digest, Name};
use chimera_core::import::RecordingFile;

use super::error::ImportError;
use super::fault::FaultList;
use super::folder::{Sources, sources};
use super::intake::Intake;
use crate::dev::store_folder;

/// What to import.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The folder with the files.
    pub folder: PathBuf,
    /// The name to import it under.
    pub name: Name,
    /// The folder of `chimera dev` or of a coordinator.
    pub data_dir: PathBuf,
    /// Whether to leave out what is wrong.
    pub keep_going: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The name.
    pub name: Name,
    /// The same rows were there under the same name before; nothing was written.
    pub already_there: bool,
    /// Rows by file.
    pub rows: Vec<(RecordingFile, u64)>,
    /// Files that are not in the folder.
    pub absent: Vec<RecordingFile>,
    /// Lines that were left out.
    pub left_out: FaultList,
}

/// Imports a recording, whole or not at all.
///
/// # Errors
/// When the files cannot be read, hold something that cannot be (unless that is to be left out), or the name is taken.
pub async fn import(wish: &Wish) -> Result<Taken, ImportError> {
    let sources = sources(&wish.folder)?;
    let seen = look(&sources)?;
    if seen.faults.count > 0 && !wish.keep_going {
        return Err(ImportError::Faulty { faults: seen.faults });
    }
    if seen.rows() == 0 {
        return Err(ImportError::NoRow { faults: seen.faults });
    }
    let mut imports = Imports::open(&target(&wish.data_dir)).await?;
    let stored = store(&mut imports, wish, &sources, &seen).await;
    let closed = imports.close().await;
    let already_there = stored?;
    closed?;
    Ok(Taken {
        name: wish.name.clone(),
        already_there,
        rows: seen.kept.into_iter().collect(),
        absent: sources.absent,
        left_out: seen.faults,
    })
}

/// Reads everything once, so that nothing is opened or made for a recording that cannot be taken.
fn look(sources: &Sources) -> Result<Intake, ImportError> {
    let mut intake = Intake::new(sources.there.clone());
    for row in intake.by_ref() {
        drop(row?);
    }
    Ok(intake)
}

/// Writes the rows, unless they are there already; says whether they were.
async fn store(
    imports: &mut Imports,
    wish: &Wish,
    sources: &Sources,
    seen: &Intake,
) -> Result<bool, ImportError> {
    let name = || wish.name.as_str().to_owned();
    if let Some(entry) = imports.find(&wish.name).await? {
        let same = entry.digest == seen.digest;
        return if same { Ok(true) } else { Err(ImportError::NameTaken { name: name() }) };
    }
    if imports.is_sweep(&wish.name).await? {
        return Err(ImportError::NameOfSweep { name: name() });
    }
    let mut draft = imports.begin(wish.name.clone()).await?;
    match write(&mut draft, sources, seen.digest).await {
        Ok(()) => draft.finish(seen.digest, seen.faults.count).await?,
        Err(error) => {
            draft.abandon().await?;
            return Err(error);
        }
    }
    Ok(false)
}

async fn write(draft: &mut Draft<'_>, sources: &Sources, expected: Digest) -> Result<(), ImportError> {
    let mut intake = Intake::new(sources.there.clone());
    for row in intake.by_ref() {
        draft.put(&row?).await?;
    }
    if intake.digest == expected { Ok(()) } else { Err(ImportError::Changed) }
}

/// The store that is there, else the place where `chimera dev` would make one.
fn target(data_dir: &Path) -> PathBuf {
    store_folder(data_dir).unwrap_or_else(|_| data_dir.join("coordinator"))
}
