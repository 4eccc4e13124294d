use proptest::prelude::*;

use super::*;
use crate::gpu::Gpu;
use crate::id::{GpuUuid, NodeId};
use crate::node::{HostFacts, ProbeKind, ServerFacts};
use crate::unit::{Bytes, Milliwatts};

fn gpu(index: u32, model: &str, gib: u64) -> Gpu {
    Gpu {
        uuid: GpuUuid::new(&format!("GPU-{index}")).unwrap(),
        index,
        model: model.to_owned(),
        memory: Some(Bytes(gib << 30)),
        driver: Some("570.124.06".to_owned()),
        cuda: Some(12_040),
        vbios: None,
        power_limit: Some(Milliwatts(349_500)),
        sm_clock_max_mhz: Some(1_980),
        pcie_generation: Some(5),
        pcie_width: None,
        mig: None,
        energy_counter: true,
        idle_power: None,
    }
}

fn node(gpus: Vec<Gpu>) -> NodeFacts {
    NodeFacts {
        id: NodeId::new("lab-1").unwrap(),
        host: HostFacts {
            hostname: "lab-1.example".to_owned(),
            os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            kernel: Some("6.1.0-18-amd64".to_owned()),
            arch: "x86_64".to_owned(),
            cpu: None,
            cpus: Some(64),
            memory: Some(Bytes(256 << 30)),
            daemon_version: "0.1.0".to_owned(),
            boot_id: None,
        },
        slots: vec![SlotFacts {
            index: 0,
            endpoint: "http://127.0.0.1:11434".to_owned(),
            gpus,
            probe: ProbeKind::Nvml,
            probe_note: None,
            server: ServerFacts { version: Some("0.33.1".to_owned()), models: Vec::new(), error: None },
        }],
    }
}

fn verdict(source: &str, gpus: Vec<Gpu>) -> String {
    let node = node(gpus);
    match Predicate::parse(source).unwrap().matches(&node, &node.slots[0]) {
        Verdict::Match => "match".to_owned(),
        Verdict::Mismatch(mismatch) => mismatch.to_string(),
    }
}

#[test]
fn every_kind_of_attribute_can_match() {
    let holds = [
        "vram_mib >= 24000 && model =~ 'H100'",
        "model == \"NVIDIA H100 80GB HBM3\"",
        "model =~ '^NVIDIA (H100|A100)' && model !~ 'PCIe'",
        "driver >= 570 && driver < '571' && driver =~ '^570'",
        "cuda >= 12.4 && cuda < 12.10",
        "power_limit_w == 349.5",
        "index == 0 || index == 7",
        "!(vram_mib < 1000 || model == 'x')",
        "node == 'lab-1' && host =~ 'example$' && slot == 0",
        "kernel >= '6.1' && ollama_version >= 0.33 && ollama_version < 0.34.0",
        "gpus == 1 && probe == 'nvml' && cpus > 63 && memory_mib == 262144",
        "( ( sm_clock_max_mhz>=1980 ) )&&pcie_generation!=4",
    ];
    for source in holds {
        assert_eq!(verdict(source, vec![gpu(0, "NVIDIA H100 80GB HBM3", 80)]), "match", "{source}");
    }
}

#[test]
fn a_mismatch_names_the_comparison_the_gpu_and_the_value() {
    let two = || vec![gpu(0, "NVIDIA H100", 80), gpu(1, "NVIDIA L4", 24)];
    assert_eq!(
        verdict("vram_mib>=24576 && model=~'H100'", two()),
        "model =~ 'H100' fails on GPU-1: found 'NVIDIA L4'"
    );
    assert_eq!(
        verdict("model =~ 'A100' || vram_mib > 100000", two()),
        "model =~ 'A100' fails on GPU-0: found 'NVIDIA H100', and vram_mib > 100000 fails on GPU-0: found 81920"
    );
    assert_eq!(verdict("gpus == 0", vec![]), "match");
    assert_eq!(verdict("vram_mib > 0", vec![]), "vram_mib > 0 fails: absent");
    assert_eq!(
        verdict("power_limit_w > 400", vec![gpu(0, "x", 1)]),
        "power_limit_w > 400 fails on GPU-0: found 349.5"
    );
}

#[test]
fn a_comparison_with_an_absent_value_is_false_under_not_too() {
    let one = || vec![gpu(0, "x", 1)];
    assert_eq!(verdict("mig", one()), "mig == true fails on GPU-0: absent");
    assert_eq!(verdict("!mig", one()), "mig != true fails on GPU-0: absent");
    assert_eq!(verdict("vbios != 'a'", one()), "vbios != 'a' fails on GPU-0: absent");
    assert_eq!(verdict("!(cpu =~ 'EPYC')", one()), "cpu !~ 'EPYC' fails on GPU-0: absent");
}

const KNOWN: &str = "model, uuid, index, vram_mib, driver, cuda, vbios, power_limit_w, sm_clock_max_mhz, \
    pcie_generation, pcie_width, mig, node, host, os, kernel, arch, cpu, cpus, memory_mib, daemon_version, slot, \
    ollama_version, endpoint, gpus, probe";

/// Bad predicates and what is said about them.
const BAD: &[(&str, &str)] = &[
    ("", "the predicate is empty: leave it out to use every slot (at character 1)"),
    ("vram_mib = 1", "'=' means nothing here: write == to compare, or =~ to match (at character 10)"),
    ("mig & mig", "'&' means nothing here: write && for 'and' (at character 5)"),
    ("mig | mig", "'|' means nothing here: write || for 'or' (at character 5)"),
    ("model == 'H100", "the text has no closing ' (at character 10)"),
    ("model == 7", "'model' is compared with a text in quotes, not with the number 7 (at character 10)"),
    ("vram_mib > '7'", "'vram_mib' is compared with a number, not with the text '7' (at character 12)"),
    ("mig == 1", "'mig' is compared with true or false, not with the number 1 (at character 8)"),
    (
        "driver > 'new'",
        "'driver' is compared with a version such as '12.4', not with the text 'new' (at character 10)",
    ),
    ("model > 'a'", "'model' can not be compared by >: use ==, !=, =~ or !~ (at character 7)"),
    ("index =~ '1'", "'index' can not be compared by =~: use ==, !=, <, <=, > or >= (at character 7)"),
    ("mig < true", "'mig' can not be compared by <: use == or != (at character 5)"),
    ("vram_mib", "expected a comparison such as == or >=, found the end (at character 9)"),
    ("mig mig", "expected '&&', '||' or the end, found 'mig' (at character 5)"),
    ("(mig", "expected '&&', '||' or ')', found the end (at character 5)"),
    ("mig &&", "expected an attribute such as vram_mib, found the end (at character 7)"),
    ("model =~ 7", "expected a regular expression in quotes, found the number 7 (at character 10)"),
    ("cpus > 1.2345", "'1.2345' is not a number: use up to 15 digits and three decimals (at character 8)"),
    ("cpus > 1e3", "'1e3' is not a number: use up to 15 digits and three decimals (at character 8)"),
    ("cpus > 1.2.3", "'1.2.3' is not a number: use up to 15 digits and three decimals (at character 8)"),
    ("host == 'ü' ü", "'ü' means nothing here (at character 13)"),
];

#[test]
fn bad_predicates_say_what_and_where() {
    for (source, message) in BAD {
        assert_eq!(Predicate::parse(source).unwrap_err().to_string(), *message, "{source}");
    }
    let bad = Predicate::parse("model =~ '('").unwrap_err();
    assert_eq!(bad.position, 9);
    assert!(bad.to_string().starts_with("'(' is not a regular expression: "), "{bad}");
}

#[test]
fn unknown_attributes_get_a_guess_and_the_list() {
    let message = |source: &str| Predicate::parse(source).unwrap_err().to_string();
    assert_eq!(
        message("vram_mb > 1"),
        format!(
            "'vram_mb' is not an attribute; did you mean 'vram_mib'? accepted are {KNOWN} (at character 1)"
        )
    );
    assert_eq!(
        message("mig && colour == 'x'"),
        format!("'colour' is not an attribute; accepted are {KNOWN} (at character 8)")
    );
}

#[test]
fn length_depth_and_patterns_are_bounded() {
    let reason = |source: String| Predicate::parse(&source).unwrap_err().reason;
    let nested = |levels: usize| format!("{}mig{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Predicate::parse(&nested(DEPTH_MAX - 1)).is_ok());
    assert_eq!(reason(nested(DEPTH_MAX)), PredicateFault::TooDeep);
    assert_eq!(reason(format!("{}mig", "!".repeat(DEPTH_MAX))), PredicateFault::TooDeep);
    assert_eq!(reason("x".repeat(PREDICATE_MAX + 1)), PredicateFault::TooLong);
    assert!(matches!(
        reason("model =~ '((a{1000}){1000}){1000}'".to_owned()),
        PredicateFault::Pattern { .. }
    ));
    assert!(matches!(reason(format!("model =~ '{}'", "a".repeat(600))), PredicateFault::Pattern { .. }));
}

#[test]
fn contradictions_are_found_as_far_as_single_attributes_tell() {
    let cases = [
        ("vram_mib > 10 && vram_mib < 5", Some("vram_mib > 10 && vram_mib < 5 can never hold")),
        ("vram_mib > 10 && vram_mib < 11", Some("vram_mib > 10 && vram_mib < 11 can never hold")),
        ("power_limit_w > 10 && power_limit_w < 11", None),
        (
            "power_limit_w > 10 && power_limit_w < 10.001",
            Some("power_limit_w > 10 && power_limit_w < 10.001 can never hold"),
        ),
        ("vram_mib >= 10 && vram_mib <= 10", None),
        ("cpus == 2 && cpus != 2", Some("cpus == 2 && cpus != 2 can never hold")),
        ("cpus == 1.5", Some("cpus == 1.5 can never hold")),
        ("cpus < 0", Some("cpus < 0 can never hold")),
        ("model == 'a' && model == 'b'", Some("model == 'a' && model == 'b' can never hold")),
        ("model == 'a100' && model =~ 'H'", Some("model == 'a100' && model =~ 'H' can never hold")),
        ("model =~ 'H' && !(model =~ 'H')", Some("model =~ 'H' && model !~ 'H' can never hold")),
        ("mig && !mig", Some("mig == true && mig != true can never hold")),
        ("mig == true && mig == false", Some("mig == true && mig == false can never hold")),
        ("driver >= 570 && driver < '570.0'", Some("driver >= 570 && driver < '570.0' can never hold")),
        ("driver >= 570 && driver <= 570", None),
        ("cuda == 12.4 && cuda > 12.5", Some("cuda == 12.4 && cuda > 12.5 can never hold")),
        ("cpus > 8 && (cpus < 4 || cpus == 7)", Some("cpus > 8 && cpus < 4 can never hold")),
        ("cpus > 8 && (cpus < 4 || mig)", None),
        ("vram_mib > 10 || vram_mib < 5", None),
        ("(cpus < 1 && cpus > 1) || (index < 0)", Some("cpus < 1 && cpus > 1 can never hold")),
    ];
    for (source, expected) in cases {
        // Versions are shown in quotes, as texts are.
        let expected = expected.map(|text| {
            if source.starts_with("driver") || source.starts_with("cuda") {
                text.replace(">= 570", ">= '570'")
                    .replace("== 12.4", "== '12.4'")
                    .replace("> 12.5", "> '12.5'")
            } else {
                text.to_owned()
            }
        });
        assert_eq!(Predicate::parse(source).unwrap().contradiction(), expected, "{source}");
    }
}

#[test]
fn the_source_is_kept_and_the_plain_form_resolves_negations() {
    let predicate = Predicate::parse("!(vram_mib<5||  !mig)").unwrap();
    assert_eq!(predicate.source(), "!(vram_mib<5||  !mig)");
    assert_eq!(predicate.to_string(), "vram_mib >= 5 && mig == true");
}

/// Any well-formed predicate.
fn source() -> impl Strategy<Value = String> {
    let number = (
        prop_oneof!["vram_mib", "cpus", "power_limit_w"],
        prop_oneof!["==", "!=", "<", "<=", ">", ">="],
        -5_i64..99_999,
    )
        .prop_map(|(name, sign, thousandths)| format!("{name} {sign} {}", thousandths as f64 / 1e3));
    let text = (prop_oneof!["model", "host"], prop_oneof!["==", "!=", "=~", "!~"], "[a-zA-Z0-9 '-]{0,8}")
        .prop_map(|(name, sign, text)| format!("{name} {sign} \"{text}\""));
    let version = (prop_oneof!["driver", "cuda"], prop_oneof!["==", "<", ">="], 0_u32..999, 0_u32..99)
        .prop_map(|(name, sign, major, minor)| format!("{name} {sign} {major}.{minor}"));
    let leaf = prop_oneof![number, text, version, Just("mig".to_owned()), Just("mig != false".to_owned())];
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| format!("!({part})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(inner, 2..4).prop_map(|parts| format!("({})", parts.join("||"))),
        ]
    })
}

proptest! {
    #[test]
    fn the_plain_form_parses_to_the_same_predicate(source in source()) {
        let parsed = Predicate::parse(&source).unwrap();
        let again = Predicate::parse(&parsed.to_string()).unwrap();
        prop_assert_eq!(again.to_string(), parsed.to_string());
        prop_assert_eq!(&again.expression, &parsed.expression);
    }

    #[test]
    fn a_contradiction_never_matches(source in source(), gib in 0_u64..100) {
        let parsed = Predicate::parse(&source).unwrap();
        if parsed.contradiction().is_some() {
            let node = node(vec![gpu(0, "H100", gib)]);
            prop_assert_ne!(parsed.matches(&node, &node.slots[0]), Verdict::Match);
        }
    }

    #[test]
    fn no_text_panics(source in ".{0,80}") {
        let _ = Predicate::parse(&source);
    }

    #[test]
    fn no_soup_of_tokens_panics(
        parts in prop::collection::vec(
            prop_oneof!["vram_mib", "model", "mig", "==", "=~", "<", "&&", "\\|\\|", "!", "\\(", "\\)", "'x'", "\"", "7", "1.5", "-", "ü"],
            0..30,
        ),
    ) {
        let source = parts.join(" ");
        if let Ok(predicate) = Predicate::parse(&source) {
            let node = node(vec![gpu(0, "H100", 80)]);
            let _ = (predicate.matches(&node, &node.slots[0]), predicate.contradiction());
        }
    }
}
