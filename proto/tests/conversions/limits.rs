//! Every limit of the .proto files: accepted at the limit, refused one past it, with the field named.

use std::fmt::Debug;

use chimera_core::axis::CellSpec;
use chimera_core::entry::{ARRIVALS_MAX, Arrival, ArrivalKind, Arrivals, Entry, GenerationClosed, Note};
use chimera_core::id::AttemptId;
use chimera_core::node::{NodeFacts, SlotFacts};
use chimera_core::scheduler::event::HeldAttempt;
use chimera_core::scheduler::view::TrialCounts;
use chimera_core::sweep::Sweep;
use chimera_core::unit::{Nanos, UnixNanos};
use chimera_core::workload::{Limits, Workload};
use chimera_proto::convert::{
    ARRIVALS_PER_ENTRY, HELD_MAX, Hello, Invalid, Offer, decode_entries, decode_event, encode_entries,
};
use chimera_proto::v1::option_value::Kind;
use chimera_proto::{PAYLOAD_MAX_BYTES, v1};

use super::sample;

fn accepted<W, T: TryFrom<W, Error = Invalid>>(wire: W) {
    if let Err(refusal) = T::try_from(wire) {
        panic!("{refusal}");
    }
}

fn refused<W, T: TryFrom<W, Error = Invalid> + Debug>(wire: W, field: &str) {
    assert_eq!(T::try_from(wire).unwrap_err().field, field);
}

fn sweep(change: impl FnOnce(&mut v1::Sweep)) -> v1::Sweep {
    let mut wire = v1::Sweep::from(&sample::sweep());
    change(&mut wire);
    wire
}

fn workload(change: impl FnOnce(&mut v1::Workload)) -> v1::Workload {
    let mut wire = v1::Workload::from(&sample::workload());
    change(&mut wire);
    wire
}

fn integer(value: i64) -> v1::OptionValue {
    v1::OptionValue { kind: Some(Kind::Integer(value)) }
}

fn axis(name: &str, values: Vec<v1::OptionValue>) -> v1::Axis {
    v1::Axis { name: name.into(), values }
}

#[test]
fn sweeps() {
    let check = |change: fn(&mut v1::Sweep), field| match field {
        "" => accepted::<_, Sweep>(sweep(change)),
        field => refused::<_, Sweep>(sweep(change), field),
    };
    check(|wire| wire.description = "x".repeat(4096), "");
    check(|wire| wire.description = "x".repeat(4097), "description");
    check(|wire| wire.name = "x".repeat(63), "");
    check(|wire| wire.name = "x".repeat(64), "name");
    check(|wire| wire.repetitions = 10_000, "");
    check(|wire| wire.repetitions = 10_001, "repetitions");
    check(|wire| wire.repetitions = 0, "repetitions");
    check(|wire| wire.placement = 0, "placement");
    check(|wire| wire.placement = 4, "placement");
    check(|wire| wire.predicate = String::new(), "");
    check(|wire| wire.predicate = "vram_mib >=".into(), "predicate");
    check(|wire| wire.workload = None, "workload");
    check(|wire| wire.workload.as_mut().unwrap().generations = 0, "workload.generations");
    check(|wire| wire.defaults.push(wire.defaults[0].clone()), "defaults[1].name");
    check(|wire| wire.cells[0].model = String::new(), "cells[0].model");
    check(|wire| wire.zips[0].axes.truncate(1), "zips[0].axes");
    check(|wire| wire.zips[0].axes[1].values.truncate(1), "zips[0].axes[1].values");
}

#[test]
fn axes() {
    let of = |axes: Vec<v1::Axis>| sweep(|wire| wire.axes = axes);
    let contexts = |last| (4..=last).map(integer).collect::<Vec<_>>();
    accepted::<_, Sweep>(of(vec![axis("num_ctx", contexts(259))]));
    refused::<_, Sweep>(of(vec![axis("num_ctx", contexts(260))]), "axes[0].values");
    refused::<_, Sweep>(of(vec![axis("num_ctx", vec![])]), "axes[0].values");
    refused::<_, Sweep>(of(vec![axis("num_ctx", vec![integer(8), integer(8)])]), "axes[0].values[1]");
    refused::<_, Sweep>(of(vec![axis("num_ctx", vec![integer(3)])]), "axes[0].values[0]");
    refused::<_, Sweep>(of(vec![axis("numctx", vec![integer(8)])]), "axes[0].name");
    refused::<_, Sweep>(of(vec![axis("model", vec![integer(8)])]), "axes[0].values[0]");
    let kind = |kind| vec![v1::OptionValue { kind }];
    let server = Some(Kind::ServerDefault(v1::ServerDefault {}));
    accepted::<_, Sweep>(of(vec![axis("num_ctx", kind(server.clone()))]));
    refused::<_, Sweep>(of(vec![axis("model", kind(server))]), "axes[0].values[0]");
    refused::<_, Sweep>(of(vec![axis("num_ctx", kind(None))]), "axes[0].values[0].kind");
    refused::<_, Sweep>(
        of(vec![axis("top_p", kind(Some(Kind::Decimal(f64::NAN))))]),
        "axes[0].values[0].decimal",
    );
    let model = Some(Kind::Model("x".repeat(257)));
    refused::<_, Sweep>(of(vec![axis("model", kind(model))]), "axes[0].values[0].model");
    // Two more stand in the sample's zip.
    accepted::<_, Sweep>(of(vec![axis("top_k", vec![integer(8)]); 62]));
    refused::<_, Sweep>(of(vec![axis("top_k", vec![integer(8)]); 63]), "axes");
}

#[test]
fn options() {
    let cell = |name: &str, kind| {
        let value = Some(v1::OptionValue { kind: Some(kind) });
        v1::CellSpec { model: "m".into(), options: vec![v1::NamedOption { name: name.into(), value }] }
    };
    let stop =
        |count: usize, length: usize| Kind::Texts(v1::TextList { texts: vec!["x".repeat(length); count] });
    accepted::<_, CellSpec>(cell("stop", stop(16, 256)));
    refused::<_, CellSpec>(cell("stop", stop(17, 1)), "options[0]");
    refused::<_, CellSpec>(cell("stop", stop(1, 257)), "options[0]");
    refused::<_, CellSpec>(cell("stop", stop(1, 0)), "options[0]");
    refused::<_, CellSpec>(cell("num_ctx", Kind::Model("m".into())), "options[0].value.model");
    let server = Kind::ServerDefault(v1::ServerDefault {});
    refused::<_, CellSpec>(cell("num_ctx", server), "options[0].value.server_default");
    refused::<_, CellSpec>(cell("unknown", Kind::Integer(1)), "options[0]");
}

#[test]
fn workloads() {
    let check = |change: fn(&mut v1::Workload), field| match field {
        "" => accepted::<_, Workload>(workload(change)),
        field => refused::<_, Workload>(workload(change), field),
    };
    check(|wire| wire.prompts = vec!["x".repeat(256 * 1024)], "");
    check(|wire| wire.prompts = vec!["x".repeat(256 * 1024 + 1)], "prompts[0]");
    check(|wire| wire.prompts.push(String::new()), "prompts[1]");
    check(|wire| wire.prompts = vec!["x".into(); 1024], "");
    check(|wire| wire.prompts = vec!["x".into(); 1025], "prompts");
    check(|wire| wire.prompts.clear(), "prompts");
    check(|wire| wire.prompts = vec!["x".repeat(200 * 1024); 5], "prompts");
    check(|wire| wire.system = Some("x".repeat(256 * 1024)), "");
    check(|wire| wire.system = Some("x".repeat(256 * 1024 + 1)), "system");
    check(|wire| wire.endpoint = v1::Endpoint::Generate.into(), "system");
    check(|wire| wire.generations = 10_000, "");
    check(|wire| wire.generations = 10_001, "generations");
    check(|wire| wire.warmups = 1_000, "");
    check(|wire| wire.warmups = 1_001, "warmups");
    check(|wire| wire.concurrency = 1_024, "");
    check(|wire| wire.concurrency = 1_025, "concurrency");
    check(|wire| wire.concurrency = 65_537, "concurrency");
    check(|wire| wire.concurrency = 0, "concurrency");
    check(|wire| wire.start = 0, "start");
    check(|wire| wire.limits = None, "limits");
}

#[test]
fn deadlines() {
    let limits = |span| v1::Limits {
        load_ns: span,
        first_token_ns: span,
        stall_ns: span,
        generation_ns: span,
        attempt_ns: span,
    };
    accepted::<_, Limits>(limits(1_000_000));
    accepted::<_, Limits>(limits(86_400_000_000_000));
    refused::<_, Limits>(limits(999_999), "load_ns");
    refused::<_, Limits>(v1::Limits { attempt_ns: 86_400_000_000_001, ..limits(1_000_000) }, "attempt_ns");
    refused::<_, Limits>(v1::Limits { stall_ns: 0, ..limits(1_000_000) }, "stall_ns");
}

#[test]
fn nodes() {
    let slot = |index| v1::SlotFacts { index, ..v1::SlotFacts::from(&sample::node().slots[0]) };
    accepted::<_, SlotFacts>(slot(63));
    refused::<_, SlotFacts>(slot(64), "index");
    refused::<_, SlotFacts>(slot(65_536), "index");
    refused::<_, SlotFacts>(v1::SlotFacts { probe: 0, ..slot(0) }, "probe");
    refused::<_, SlotFacts>(v1::SlotFacts { server: None, ..slot(0) }, "server");
    let node = |slots| v1::NodeFacts { slots, ..v1::NodeFacts::from(&sample::node()) };
    accepted::<_, NodeFacts>(node((0..64).map(slot).collect()));
    refused::<_, NodeFacts>(node((0..65).map(slot).collect()), "slots");
    refused::<_, NodeFacts>(node(vec![]), "slots");
    refused::<_, NodeFacts>(node(vec![slot(2), slot(1), slot(2)]), "slots[2].index");
    let mut wire = node(vec![slot(0)]);
    wire.slots[0].gpus[0].uuid = "x".repeat(96);
    accepted::<_, NodeFacts>(wire.clone());
    wire.slots[0].gpus[0].uuid.push('x');
    refused::<_, NodeFacts>(wire, "slots[0].gpus[0].uuid");
    let mut wire = slot(0);
    let server = wire.server.as_mut().unwrap();
    server.models = vec![server.models[0].clone(); 4_096];
    accepted::<_, SlotFacts>(wire.clone());
    let server = wire.server.as_mut().unwrap();
    server.models.push(server.models[0].clone());
    refused::<_, SlotFacts>(wire, "server.models");
}

#[test]
fn attempts() {
    let id = v1::AttemptId::from(&sample::attempt());
    refused::<_, AttemptId>(v1::AttemptId { number: 0, ..id.clone() }, "number");
    refused::<_, AttemptId>(v1::AttemptId { sweep: "A".into(), ..id.clone() }, "sweep");
    let held = v1::HeldAttempt { attempt: Some(id.clone()), state: 1, last_seq: 0, chain: vec![] };
    accepted::<_, HeldAttempt>(held.clone());
    refused::<_, HeldAttempt>(v1::HeldAttempt { chain: vec![0; 31], ..held.clone() }, "chain");
    refused::<_, HeldAttempt>(v1::HeldAttempt { attempt: None, ..held.clone() }, "attempt");
    refused::<_, HeldAttempt>(v1::HeldAttempt { state: 3, ..held.clone() }, "state");
    let workload = Some(v1::Workload::from(&sample::workload()));
    let cell = Some(v1::CellSpec { model: "m".into(), options: vec![] });
    let offer = v1::Offer { attempt: Some(id), slot: 64, cell, cell_index: 0, block: 0, workload, seed: 0 };
    refused::<_, Offer>(offer, "slot");
}

#[test]
fn held_attempts() {
    let attempt = Some(v1::AttemptId::from(&sample::attempt()));
    let held = v1::HeldAttempt { attempt, state: 1, last_seq: 0, chain: vec![] };
    let hello = |held| {
        let facts = Some(v1::NodeFacts::from(&sample::node()));
        v1::Hello { protocol_min: 1, protocol_max: 1, process_nonce: 2, facts, held }
    };
    accepted::<_, Hello>(hello(vec![held.clone(); HELD_MAX]));
    let refusal = Hello::try_from(hello(vec![held; HELD_MAX + 1])).unwrap_err();
    assert_eq!(refusal.to_string(), "field 'held': has 1025 entries, not 0 to 1024");
    assert_eq!(decode_event(&[]).unwrap_err().field, "kind");
}

#[test]
fn counts_must_sum_up() {
    let counts =
        v1::TrialCounts { admitted: 3, pending: 2, running: 2, counted: 1, ..v1::TrialCounts::default() };
    accepted::<_, TrialCounts>(counts);
    refused::<_, TrialCounts>(v1::TrialCounts { admitted: 4, ..counts }, "admitted");
    refused::<_, TrialCounts>(v1::TrialCounts { running: 3, ..counts }, "running");
    refused::<_, TrialCounts>(v1::TrialCounts { failed: u32::MAX, counted: u32::MAX, ..counts }, "admitted");
}

#[test]
fn closed_generations_and_notes() {
    let Some(Entry::GenerationClosed(closed)) = sample::entries().into_iter().nth(4) else {
        panic!("the sample has changed");
    };
    let wire = || v1::GenerationClosed::from(&closed);
    let check = |change: fn(&mut v1::GenerationClosed), field| {
        let mut wire = wire();
        change(&mut wire);
        match field {
            "" => accepted::<_, GenerationClosed>(wire),
            field => refused::<_, GenerationClosed>(wire, field),
        }
    };
    check(|wire| wire.http_status = Some(100), "");
    check(|wire| wire.http_status = Some(99), "http_status");
    check(|wire| wire.http_status = Some(1000), "http_status");
    check(|wire| wire.http_status = Some(65_736), "http_status");
    check(|wire| wire.answer = Some("x".repeat(256 * 1024)), "");
    check(|wire| wire.answer = Some("x".repeat(256 * 1024 + 1)), "answer");
    check(|wire| wire.cause = Some("x".repeat(4097)), "cause");
    check(|wire| wire.done_reason = 0, "");
    check(|wire| wire.done_reason = 6, "done_reason");
    check(|wire| wire.outcome = 0, "outcome");
    check(|wire| wire.answer_digest.clear(), "answer_digest");
    let note = |length: usize, reason| v1::Note { at_ns: 0, reason, text: "x".repeat(length) };
    accepted::<_, Note>(note(4096, 0));
    refused::<_, Note>(note(4097, 0), "text");
    refused::<_, Note>(note(0, 17), "reason");
}

#[test]
fn samples() {
    let Some(Entry::GpuSamples(samples)) = sample::entries().into_iter().nth(5) else {
        panic!("the sample has changed");
    };
    let wire = || v1::GpuSample::from(&samples[0]);
    type Sample = chimera_core::gpu::GpuSample;
    accepted::<_, Sample>(v1::GpuSample { performance_state: Some(15), ..wire() });
    refused::<_, Sample>(v1::GpuSample { performance_state: Some(16), ..wire() }, "performance_state");
    refused::<_, Sample>(v1::GpuSample { utilisation_percent: Some(101), ..wire() }, "utilisation_percent");
    refused::<_, Sample>(v1::GpuSample { processes_known: false, ..wire() }, "processes");
}

fn columns(change: impl FnOnce(&mut v1::Arrivals)) -> v1::Arrivals {
    let mut wire = v1::Arrivals::try_from(&sample::arrivals()).unwrap();
    change(&mut wire);
    wire
}

#[test]
fn columns_must_fit_together() {
    let check = |change: fn(&mut v1::Arrivals), field| refused::<_, Arrivals>(columns(change), field);
    check(|wire| wire.flags.push(0), "flags");
    check(|wire| wire.text_bytes.truncate(3), "text_bytes");
    check(|wire| wire.tokens_plus_one.push(0), "tokens_plus_one");
    check(|wire| wire.created_delta_ns.push(0), "created_delta_ns");
    check(|wire| wire.flags[2] = 6, "flags[2]");
    check(|wire| wire.flags[2] = 8, "flags[2]");
    check(|wire| wire.tokens_plus_one[1] = 65_537, "tokens_plus_one[1]");
    check(|wire| wire.at_delta_ns[3] = u64::MAX, "at_delta_ns[3]");
    check(|wire| wire.unstamped = vec![4], "unstamped");
    check(|wire| wire.unstamped = vec![0, 0], "unstamped");
    check(|wire| wire.unstamped = vec![1, 0], "unstamped");
    check(|wire| wire.unstamped = vec![0, 1], "unstamped");
    accepted::<_, Arrivals>(columns(|wire| wire.tokens_plus_one.clear()));
}

#[test]
fn lines_are_bounded_and_never_fall() {
    let lines = |length: usize| v1::Arrivals {
        at_delta_ns: vec![1; length],
        flags: vec![0; length],
        text_bytes: vec![0; length],
        created_delta_ns: vec![0; length],
        ..v1::Arrivals::default()
    };
    accepted::<_, Arrivals>(lines(ARRIVALS_MAX));
    refused::<_, Arrivals>(lines(ARRIVALS_MAX + 1), "at_delta_ns");
    let mut fallen = sample::arrivals();
    fallen.arrivals.swap(0, 3);
    let refusal = encode_entries(&[Entry::Arrivals(fallen)]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "field 'entries[0].arrivals.arrivals[1].at': lies before the line before"
    );
}

#[test]
fn payloads() {
    // The most expensive lines there are: every number as long as it gets.
    let line = |index: usize| Arrival {
        at: Nanos(u64::MAX - ARRIVALS_PER_ENTRY as u64 + index as u64),
        bound: true,
        kind: ArrivalKind::Empty,
        text_bytes: u32::MAX,
        tokens: Some(u16::MAX),
        created_at: (index.is_multiple_of(2)).then_some(UnixNanos(if index.is_multiple_of(4) {
            i64::MIN
        } else {
            -1
        })),
    };
    let lines =
        |length: usize| Entry::Arrivals(Arrivals { ordinal: 0, arrivals: (0..length).map(line).collect() });
    let bytes = encode_entries(&[lines(ARRIVALS_PER_ENTRY)]).unwrap();
    assert!(bytes.len() <= PAYLOAD_MAX_BYTES / 2, "{}", bytes.len());

    let note = |length: usize| Entry::Note(Note { at: Nanos(0), reason: None, text: "x".repeat(length) });
    let full = vec![note(4096); PAYLOAD_MAX_BYTES / 4105];
    assert!(encode_entries(&full).is_ok());
    let over = vec![note(4096); PAYLOAD_MAX_BYTES / 4096 + 1];
    assert_eq!(encode_entries(&over).unwrap_err().field, "payload");
    assert_eq!(encode_entries(&[note(4097)]).unwrap_err().field, "entries[0].note.text");
    assert_eq!(decode_entries(&[0xff]).unwrap_err().field, "payload");
    assert_eq!(decode_entries(&[]).unwrap(), []);
}
