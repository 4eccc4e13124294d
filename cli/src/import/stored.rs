//! An import back from the store.

use std::path::Path;

use chimera_coordinator::{ImportEntry, ImportedRow, Imports};
use chimera_core::id::Name;
use chimera_core::import::Recording;

use super::error::ImportError;
use super::lines::Line;
use super::parse::parse;
use crate::dev::store_folder;
use crate::error::Failure;

/// An import as it is stored.
#[derive(Debug, Clone)]
pub struct StoredImport {
    /// What is known about it as a whole.
    pub entry: ImportEntry,
    /// Its rows.
    pub recording: Recording,
}

/// The import named `name` in the store of `data_dir`; none when there is none of this name.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub async fn stored_import(data_dir: &Path, name: &str) -> Result<Option<StoredImport>, Failure> {
    let folder = store_folder(data_dir)?;
    let Ok(name) = Name::new(name) else { return Ok(None) };
    let mut imports = Imports::look(&folder).await.map_err(ImportError::from)?;
    let found = read(&mut imports, &name).await;
    imports.close().await.map_err(ImportError::from)?;
    Ok(found?)
}

async fn read(imports: &mut Imports, name: &Name) -> Result<Option<StoredImport>, ImportError> {
    let Some(entry) = imports.find(name).await? else { return Ok(None) };
    let mut recording = Recording::default();
    let mut after = None;
    loop {
        let page = imports.rows_after(name, after).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.file, last.line));
        for row in page {
            add(&mut recording, name, row)?;
        }
    }
    Ok(Some(StoredImport { entry, recording }))
}

fn add(recording: &mut Recording, name: &Name, row: ImportedRow) -> Result<(), ImportError> {
    let ImportedRow { file, line, text } = row;
    let (row, _) = parse(file, Line::Text { bytes: text.into_bytes(), ended: true }).map_err(|problem| {
        let name = name.as_str().to_owned();
        ImportError::Stored { name, file: file.file_name(), line, problem: problem.words }
    })?;
    recording.push(row);
    Ok(())
}
