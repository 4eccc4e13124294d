//! `chimera schema`.

use serde_json::Value;

use crate::args::SchemaKind;
use crate::error::{Ending, Failure};
use crate::screen::Screen;
use crate::sweep_file;
use crate::view::Document;

pub(super) fn run(kind: SchemaKind, screen: &Screen) -> Result<Ending, Failure> {
    screen.print(&schema(kind)?)?;
    Ok(Ending::Done)
}

fn schema(kind: SchemaKind) -> Result<String, Failure> {
    let schema: Value = match kind {
        SchemaKind::Sweep => sweep_file::json_schema(),
        SchemaKind::Prices => sweep_file::prices_schema(),
        SchemaKind::Output => schemars::schema_for!(Document).to_value(),
        SchemaKind::Report => {
            return chimera_report::json_schema().map_err(|error| Failure::Output(error.into()));
        }
    };
    Ok(format!("{schema:#}"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_kind_has_a_schema() {
        for kind in SchemaKind::value_variants() {
            let schema: Value = serde_json::from_str(&schema(*kind).unwrap()).unwrap();
            assert!(schema.get("$schema").is_some(), "{kind:?}: {schema:#}");
        }
    }
}
