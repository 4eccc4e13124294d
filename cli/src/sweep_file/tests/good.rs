//! Sweep files that are read, and what they mean.

use std::path::{Path, PathBuf};

use chimera_core::axis::CellSpec;
use chimera_core::design::{Comparing, Design, Sentinel, StopDesign};
use chimera_core::outcome::ValidityReason;
use chimera_core::quantity::Quantity;
use chimera_core::quantity::attempt::GoodputLimits;
use chimera_core::seed::Seed;
use chimera_core::sweep::{Placement, Sweep};
use chimera_core::unit::{Bytes, Milliwatts, Nanos};
use chimera_core::validity::{Effect, Rules};
use chimera_core::workload::{Endpoint, Limits, PromptCache, Start, TextStorage};

use crate::sweep_file::{load, parse};

/// The sample of `chimera dev`, and the examples that packages install.
pub(super) fn examples() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::fs::read_dir(root.join("../deploy/example/sweeps")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.push(root.join("src/sample.toml"));
    paths.sort();
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    paths.iter().map(|path| (path.clone(), text(path))).collect()
}

fn read(text: &str) -> Sweep {
    parse(text, Path::new("sweep.toml")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn cells(sweep: &Sweep) -> Vec<String> {
    sweep.axes.expand(&sweep.defaults).unwrap().iter().map(CellSpec::to_string).collect()
}

#[test]
fn the_examples_are_read() {
    let examples = examples();
    assert!(examples.len() >= 4, "{examples:?}");
    for (path, _) in examples {
        let sweep = load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(sweep.name.as_str(), stem, "the name of an example is that of its file");
        assert!(!cells(&sweep).is_empty());
    }
}

#[test]
fn a_short_file_gets_the_defaults() {
    let sweep = read("name = 'a'\nworkload.prompts = ['x']\naxes.model = 'm'\n");
    assert_eq!((sweep.repetitions, sweep.placement, sweep.seed), (5, Placement::EachGpu, None));
    assert_eq!((sweep.description.as_str(), sweep.predicate), ("", None));
    let workload = sweep.workload;
    assert_eq!((workload.endpoint, workload.start), (Endpoint::Chat, Start::Warm));
    assert_eq!((workload.cache, workload.texts), (PromptCache::Bust, TextStorage::Full));
    assert_eq!((workload.generations, workload.warmups, workload.concurrency), (1, 1, 1));
    assert_eq!((workload.system, workload.think, workload.limits), (None, None, Limits::default()));
}

#[test]
fn every_key_is_read() {
    let sweep = read(
        r#"
        name = "all"
        description = "d"
        seed = 0xffff_ffff_ffff_ffff
        repetitions = 2
        placement = "spread"
        where = '''
            vram_mib >= 24000
            && model =~ 'H100'
        '''
        options = { num_predict = 9, stop = ["END"], use_mmap = true, temperature = 1 }
        [workload]
        endpoint = "chat"
        system = "s"
        prompts = ["a", { text = "b" }]
        generations = 3
        warmups = 0
        concurrency = 4
        start = "cold"
        cache = "allow"
        texts = "hash"
        think = false
        limits = { load = "1m", first_token = "10 s", stall = "500ms", generation = "2m", attempt = "1h" }
        [axes]
        model = "m"
        "#,
    );
    assert_eq!(
        (sweep.seed, sweep.repetitions, sweep.placement),
        (Some(Seed(u64::MAX)), 2, Placement::Spread)
    );
    let predicate = sweep.predicate.as_ref().unwrap();
    assert_eq!(predicate.to_string(), "vram_mib >= 24000 && model =~ 'H100'");
    assert_eq!(cells(&sweep), [r#"m num_predict=9 stop=["END"] temperature=1 use_mmap=true"#]);
    let workload = sweep.workload;
    assert_eq!(workload.prompts.len(), 2);
    assert_eq!((workload.system.as_deref(), workload.think), (Some("s"), Some(false)));
    assert_eq!((workload.generations, workload.warmups, workload.concurrency), (3, 0, 4));
    assert_eq!(
        (workload.start, workload.cache, workload.texts),
        (Start::Cold, PromptCache::Allow, TextStorage::Hash)
    );
    assert_eq!(workload.limits.stall, Nanos::from_millis(500));
    assert_eq!(workload.limits.first_token, Nanos::from_secs(10));
}

#[test]
fn axes_are_crossed_in_file_order_with_zips_and_cells() {
    let sweep = read(
        r#"
        name = "axes"
        workload.prompts = ["x"]
        [options]
        num_ctx = 512
        [axes]
        temperature = "0-0.5+0.5"
        model = ["b", "a"]
        num_ctx = [1024, "default"]
        stop = [["X"], "default"]
        [[zip]]
        num_gpu = [1, -1]
        num_batch = "8-16*2"
        [[cells]]
        model = "c"
        top_k = 1
        seed = "default"
        "#,
    );
    let cells = cells(&sweep);
    assert_eq!(cells.len(), 2 * 2 * 2 * 2 * 2 + 1);
    assert_eq!(cells[0], r#"b num_batch=8 num_ctx=1024 num_gpu=1 stop=["X"] temperature=0"#);
    assert_eq!(cells[1], r#"b num_batch=16 num_ctx=1024 num_gpu=-1 stop=["X"] temperature=0"#);
    assert_eq!(cells[2], "b num_batch=8 num_ctx=1024 num_gpu=1 temperature=0");
    assert_eq!(cells[7], "b num_batch=16 num_gpu=-1 temperature=0");
    assert_eq!(cells[8], r#"a num_batch=8 num_ctx=1024 num_gpu=1 stop=["X"] temperature=0"#);
    assert_eq!(cells[16], r#"b num_batch=8 num_ctx=1024 num_gpu=1 stop=["X"] temperature=0.5"#);
    assert_eq!(cells[32], "c num_ctx=512 top_k=1");
}

#[test]
fn prompt_files_are_looked_for_beside_the_sweep_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("prompts")).unwrap();
    let inner = folder.path().join("prompts/one.txt");
    std::fs::write(&inner, "one\n").unwrap();
    let text = format!(
        "name = 'a'\naxes.model = 'm'\nworkload.prompts = [{{ file = 'prompts/one.txt' }}, {{ file = '{}' }}]\n",
        inner.display()
    );
    let path = folder.path().join("sweep.toml");
    std::fs::write(&path, text).unwrap();
    let sweep = load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let prompts: Vec<&str> = sweep.workload.prompts.iter().map(|prompt| prompt.text.as_str()).collect();
    assert_eq!(prompts, ["one\n", "one\n"]);
}

#[test]
fn a_layout_is_read() {
    let sweep = read(
        r#"
        name = "laid-out"
        sentinel = 2
        repetitions = 40
        axes.model = ["m", "n"]
        workload = { prompts = ["x"], concurrency = 4, generations = 8 }
        controls = { serial = true, solo = true }
        stop = { n_min = 15, target = 0.01 }
        compare = { quantity = "ttft", reference = 1, margin = 0.03 }
        goodput = { ttft = "500ms", e2e = "10s" }
        [validity]
        mark = ["clock_stepped"]
        thermal_share = 0
        power_cap = "invalidate"
        sample_gap = "500ms"
        foreign_memory_mib = 1
        power_limit_change_w = 5
        "#,
    );
    let design = sweep.design;
    assert_eq!((design.sentinel, design.controls.count()), (Sentinel::Cell(1), 2));
    assert_eq!(design.stop, Some(StopDesign { n_min: 15, target: 0.01 }));
    assert_eq!(design.compare, Comparing { quantity: Quantity::Ttft, reference: Some(0), margin: 0.03 });
    let limits =
        GoodputLimits { ttft: Some(Nanos::from_millis(500)), tpot: None, e2e: Some(Nanos::from_secs(10)) };
    assert_eq!(design.goodput, Some(limits));
    let rules = Rules {
        marked: vec![ValidityReason::ClockStepped],
        thermal_share_max: 0.0,
        power_cap: Effect::Invalidate,
        sample_gap_max: Nanos::from_millis(500),
        foreign_memory_min: Bytes(1 << 20),
        power_limit_change_max: Milliwatts(5_000),
        ..Rules::default()
    };
    assert_eq!(design.validity, rules);
    assert_eq!(read("name = 'a'\nworkload.prompts = ['x']\naxes.model = 'm'\n").design, Design::default());
}
