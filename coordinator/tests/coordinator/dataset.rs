//! Sealed sweeps can be read by others.

use std::fs::File;
use std::path::Path;

use chimera_coordinator::dataset::TABLES;
use chimera_proto::v1;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Row;

use crate::world::node::Node;
use crate::world::{World, samples};

fn rows(folder: &Path, table: &str) -> Vec<Row> {
    let reader =
        SerializedFileReader::new(File::open(folder.join(format!("{table}.parquet"))).unwrap()).unwrap();
    let format = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(format.iter().any(|pair| pair.key == "chimera.format" && pair.value.as_deref() == Some("1")));
    reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect()
}

fn shown(row: &Row, column: &str) -> String {
    row.get_column_iter().find(|(name, _)| *name == column).unwrap().1.to_string()
}

async fn sealed(world: &World, sweep: &str) -> std::path::PathBuf {
    world.sweep_until(sweep, |status| status.dataset.is_some()).await.dataset.unwrap().into()
}

#[tokio::test]
async fn a_sweep_that_ended_is_sealed_with_all_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 2), "r1").await.unwrap();
    node.run_one().await;
    node.run_one().await;
    let dataset = sealed(&world, &sweep).await;
    let [trials, loads, generations, tokens, samples] =
        ["trials", "loads", "generations", "tokens", "gpu_samples"].map(|table| rows(&dataset, table));
    let found = [trials.len(), loads.len(), generations.len(), tokens.len(), samples.len()];
    assert_eq!(found, [2, 2, 2, 8, 2]);
    let trial = &trials[0];
    assert_eq!((shown(trial, "counted"), shown(trial, "num_ctx")), ("true".into(), "2048".into()));
    assert_eq!(
        (shown(trial, "temperature"), shown(trial, "gpu_uuids")),
        ("null".into(), "\"GPU-lab-1\"".into())
    );
    assert_eq!(shown(trial, "role"), "\"measured\"");
    let load = ["cause", "elapsed_ns", "context_length", "size_bytes", "size_vram_bytes"];
    let load = load.map(|column| shown(&loads[0], column));
    assert_eq!(load, ["\"not_loaded\"", "250", "2048", "3000", "null"]);
    assert_eq!(shown(&generations[0], "ttft_ns"), "200000000");
    assert_eq!(shown(&generations[0], "decode_rate"), "5.0");
    assert_eq!(shown(&tokens[3], "at_ns"), "800000000");
    assert_eq!(
        (shown(&samples[0], "power_mw"), shown(&samples[0], "energy_mj")),
        ("120000".into(), "null".into())
    );
}

#[tokio::test]
async fn a_dataset_that_is_missing_at_the_start_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 3), "r1").await.unwrap();
    node.run_one().await;
    let request = v1::CancelSweepRequest { sweep: sweep.clone() };
    // Ended and not sealed: the folder cannot be made while a file is in its place.
    let place = folder.path().join("datasets");
    std::fs::write(&place, "").unwrap();
    world.operator().await.cancel_sweep(request).await.unwrap();
    drop(node);
    world.sweep_until(&sweep, |status| status.trials.is_some_and(|trials| trials.pending == 0)).await;
    world.kill().await;
    std::fs::remove_file(&place).unwrap();

    let world = World::start(folder.path()).await;
    let dataset = sealed(&world, &sweep).await;
    let trials = rows(&dataset, "trials");
    assert!(trials.len() >= 3, "every trial has a row");
    let counted: Vec<_> = trials.iter().map(|row| shown(row, "counted")).collect();
    assert_eq!(counted.iter().filter(|counted| *counted == "true").count(), 1);
}

#[test]
fn names_of_tables_and_columns_are_unique_and_plain() {
    for table in TABLES {
        let mut names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        );
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}", table.name);
    }
}
