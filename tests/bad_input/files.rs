//! Wrong sweep files: told at once, with file, line and column, without a coordinator.

use chimera_tests::chimera;

use crate::asked::{NOBODY, file_refused, plan_of, refused, sweep};

#[test]
fn an_unknown_key_is_told_with_its_place_and_a_near_miss() {
    let text = sweep("repetitons = 3", "axes.model = \"m\"");
    file_refused(&text, &["night.toml:2:1", "repetitons", "did you mean 'repetitions'?", "accepted are"]);
    let text = sweep("", "[axes]\nmodel = \"m\"\n[options]\nnum_ctxx = 8");
    file_refused(&text, &["night.toml:7:1", "options.num_ctxx", "did you mean 'num_ctx'?"]);
}

#[test]
fn a_wrong_type_is_told_with_what_is_taken() {
    let text = sweep("repetitions = \"three\"", "axes.model = \"m\"");
    file_refused(&text, &["night.toml:2:15", "takes a whole number", "'three'"]);
    file_refused(&sweep("", "axes.model = 7"), &["axes.model", "takes a text"]);
    file_refused(&sweep("seed = -1", "axes.model = \"m\""), &["seed", "18446744073709551615"]);
}

#[test]
fn an_empty_axis_and_a_duplicate_cell_are_told() {
    file_refused(&sweep("", "axes.model = []"), &["axes.model", "has 0 values"]);
    let text = sweep("", "[axes]\nmodel = [\"m\", \"n\"]\n[[cells]]\nmodel = \"m\"");
    file_refused(&text, &["cells 1 and 3 are the same", "remove one"]);
}

#[test]
fn a_million_million_cells_are_counted_and_not_made() {
    let text = sweep(
        "",
        "[axes]\nmodel = \"m\"\nnum_ctx = \"4-103+1\"\ntop_k = \"1-100+1\"\nnum_keep = \"1-100+1\"\n\
                          num_batch = \"2-101+1\"\nseed = \"1-100+1\"\nnum_thread = \"1-100+1\"",
    );
    file_refused(&text, &["1000000000000 cells", "100000", "shorten an axis"]);
}

#[test]
fn a_contradictory_predicate_is_told_without_a_fleet() {
    let text = sweep("where = \"vram_mib > 24000 && vram_mib < 8000\"", "axes.model = \"m\"");
    file_refused(&text, &["where", "vram_mib > 24000 && vram_mib < 8000 can never hold"]);
    let text = sweep("where = \"vram_mb > 1\"", "axes.model = \"m\"");
    file_refused(&text, &["did you mean 'vram_mib'?"]);
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = sweep("repetitions = 0\nplacement = \"each_gpu\"", "axes.model = \"a b\"");
    file_refused(
        &text,
        &["night.toml:2:", "night.toml:3:", "did you mean 'each-gpu'?", "'a b' is not a model name"],
    );
}

#[test]
fn files_that_are_none_are_named() {
    let plan = |path: &'static str| {
        move |output: &str| chimera(&["--coordinator", NOBODY, "--output", output, "sweep", "plan", path])
    };
    refused(plan("/nowhere/night.toml"), 2, &["/nowhere/night.toml"]);
    refused(plan("/"), 2, &["/"]);
    let large = "# padding\n".repeat(2 * 1024 * 1024 / 10);
    file_refused(&large, &["larger than 1048576 bytes"]);
    refused(|output| plan_of(b"name = \"a\0b\"\n", NOBODY, output), 2, &["night.toml:1:"]);
    refused(|output| plan_of(&[0; 64], NOBODY, output), 2, &["night.toml"]);
    refused(|output| plan_of(&[0xff, 0xfe, 0x00], NOBODY, output), 2, &["night.toml"]);
    refused(|output| plan_of(b"", NOBODY, output), 2, &["name: is missing", "workload: is missing"]);
}

#[test]
fn a_wrong_fleet_file_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.toml");
    std::fs::write(&file, "seed = 1\nbanana = 2\n").unwrap();
    let path = file.to_str().unwrap();
    let dev = |output: &str| chimera(&["--output", output, "dev", "--simulate", path]);
    refused(dev, 2, &["fleet.toml", "banana"]);
}
