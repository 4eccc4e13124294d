//! Sweep files, fleets and configurations, in deploy/example and in the documents; and lists made from the code.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chimera_agent_node::config::Config as NodeConfig;
use chimera_cli::sweep_file;
use chimera_coordinator::Config as CoordinatorConfig;
use chimera_core::quantity::name::QUANTITIES;
use chimera_simulator::Fleet;
use chimera_tests::{
    Document, PATIENCE, Running, assert_generated, binary, fleet_file, repository, run, until,
};
use serde_json::Value;

use crate::documents;

/// Longest wait for a plan.
const PLAN_LIMIT: Duration = Duration::from_secs(60);

/// What a TOML text is, by the keys that only one kind of file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Sweep,
    Fleet,
    Coordinator,
    Node,
    Prices,
}

impl Kind {
    fn of(text: &str, origin: &str) -> Self {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{origin}: {error}"));
        let has = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
        match () {
            () if has(&["workload", "axes", "cells"]) => Self::Sweep,
            () if has(&["host", "speed"]) => Self::Fleet,
            () if has(&["slots", "coordinator"]) => Self::Node,
            () if has(&["currency"]) => Self::Prices,
            () if has(&["listen", "limits"]) => Self::Coordinator,
            () => panic!("{origin}: no kind of file has these keys: {:?}", table.keys().collect::<Vec<_>>()),
        }
    }
}

/// A TOML text with the place that it comes from.
struct Example {
    origin: String,
    text: String,
    kind: Kind,
}

fn example(origin: String, text: String) -> Example {
    let kind = Kind::of(&text, &origin);
    Example { origin, text, kind }
}

/// Every TOML file of deploy/example and of the simulator, and every TOML block of the documents.
fn examples() -> Vec<Example> {
    let mut found = Vec::new();
    for folder in ["deploy/example", "deploy/example/sweeps", "simulator/examples"] {
        for path in toml_files(&repository().join(folder)) {
            let text = std::fs::read_to_string(&path).expect("an example");
            found.push(example(path.display().to_string(), text));
        }
    }
    for Document { path, text } in documents() {
        let blocks = Document { path: path.clone(), text }.blocks();
        let tomls = blocks.into_iter().filter(|block| block.language == "toml");
        found.extend(tomls.map(|block| example(format!("{}:{}", path.display(), block.line), block.text)));
    }
    found
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    paths
}

#[test]
fn every_example_is_accepted_by_the_program_that_reads_it() {
    let mut kinds = Vec::new();
    for Example { origin, text, kind } in examples() {
        let refused = match kind {
            Kind::Sweep => {
                sweep_file::parse(&text, Path::new(&origin)).err().map(|errors| errors.to_string())
            }
            Kind::Prices => {
                sweep_file::parse_prices(&text, Path::new(&origin)).err().map(|errors| errors.to_string())
            }
            Kind::Fleet => Fleet::parse(&text).err().map(|error| error.to_string()),
            Kind::Node => NodeConfig::from_toml(&text).err().map(|error| format!("{error:?}")),
            Kind::Coordinator => toml::from_str::<CoordinatorConfig>(&text)
                .map_err(|error| error.to_string())
                .and_then(|config| config.check().map_err(|error| error.to_string()))
                .err(),
        };
        assert_eq!(refused, None, "{origin}");
        kinds.push(kind);
    }
    kinds.sort();
    kinds.dedup();
    let every = [Kind::Sweep, Kind::Fleet, Kind::Coordinator, Kind::Node, Kind::Prices];
    assert_eq!(kinds, every, "an example of every kind");
}

#[test]
fn every_sweep_plans_on_the_default_simulated_fleet() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_fleet, coordinator) = serve(folder.path());
    let mut plans = 0;
    for Example { origin, text, .. } in examples().into_iter().filter(|example| example.kind == Kind::Sweep) {
        let file = folder.path().join("sweep.toml");
        std::fs::write(&file, text).expect("a sweep file");
        let mut command = Command::new(binary("chimera"));
        command.args(["--coordinator", &coordinator, "--output", "json", "sweep", "plan"]).arg(&file);
        let told = run(command, PLAN_LIMIT);
        assert_eq!(told.code, 0, "{origin} does not plan:\n{}", told.err);
        let plan = told.json();
        assert!(plan["trials"].as_u64().is_some_and(|trials| trials > 0), "{origin}: {plan:#}");
        plans += 1;
    }
    assert!(plans >= 5, "only {plans} sweeps");
}

/// `chimera dev --serve` on the default fleet, faster than life, and its address.
fn serve(folder: &Path) -> (Running, String) {
    let fleet = fleet_file(folder, 50.0).display().to_string();
    let data_dir = folder.join("data").display().to_string();
    let log = folder.join("serve.log");
    let arguments = ["dev", "--serve", "--simulate", &fleet, "--data-dir", &data_dir, "--output", "json"];
    let process = Running::start(&binary("chimera"), &arguments, &log);
    let announced = until("the fleet stays up", PATIENCE, || {
        let output = process.output();
        let documents = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        documents.into_iter().find(|document| document["kind"] == "announced")
    });
    let announced = announced.unwrap_or_else(|error| panic!("{error}:\n{}", process.output()));
    let coordinator = announced["coordinator"].as_str().expect("an address").to_owned();
    (process, coordinator)
}

#[test]
fn the_quantities_are_listed_as_the_code_has_them() {
    let mut text =
        String::from("\n| name | unit | origin | tokens by | definition |\n|---|---|---|---|---|\n");
    for facts in QUANTITIES {
        let cells = [
            format!("`{}`", facts.name),
            facts.unit.sign().to_owned(),
            facts.provenance.name().to_owned(),
            facts.tokens.name().replace("none", "–"),
            facts.formula.replace('|', "\\|"),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    assert_generated("docs/measurement.md", "quantities", &text);
}
