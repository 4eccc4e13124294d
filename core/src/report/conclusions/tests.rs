//! Conclusions from planted figures: what was put in is found, what was not is not claimed.

use proptest::prelude::*;

use super::study::{Spot, Study};
use crate::design::{Comparing, Controls, Sentinel, StopDesign};
use crate::option::OptionValue;
use crate::plan::TrialRole;
use crate::report::comparison::ROWS_MAX;
use crate::report::{Conclusions, Found, Mark, Report, Warning};
use crate::sweep::Placement;
use crate::unit::Bytes;

fn conclusions(report: &Report) -> &Conclusions {
    report.conclusions.as_ref().unwrap()
}

fn found(report: &Report) -> Vec<(Option<u32>, u32, Found)> {
    conclusions(report).comparison.rows.iter().map(|row| (row.cell, row.than, row.found)).collect()
}

/// Cell 2 is 3 % slower than the others.
fn planted(spot: &Spot) -> f64 {
    if spot.cell == 2 { 97.0 } else { 100.0 }
}

#[test]
fn a_planted_difference_is_found_with_its_size() {
    let report = Study::new(3, 12).report(planted);
    let expected =
        [(Some(0), 1, Found::NoDifferenceShown), (Some(0), 2, Found::Higher), (Some(1), 2, Found::Higher)];
    assert_eq!(found(&report), expected);
    let part = conclusions(&report);
    assert_eq!((part.comparison.differences, part.comparison.no_difference_shown), (2, 1));
    let ratio = part.comparison.rows[1].ratio.unwrap();
    assert!(ratio.low < 100.0 / 97.0 && 100.0 / 97.0 < ratio.high && ratio.low > 1.02, "{ratio:?}");
    assert_eq!((part.comparison.rows[1].n, part.comparison.rows[1].needed), (12, None));
    assert!(part.comparison.rows.iter().all(|row| row.marks.is_empty() && row.bootstrap.is_none()));
    let groups: Vec<(u32, u64)> = part.ranking.rows.iter().map(|row| (row.cell, row.group)).collect();
    assert_eq!((groups[2], groups[0].1, groups[1].1), ((2, 2), 1, 1), "{groups:?}");
    assert!(report.verdict.contains("best decode_rate: num_ctx="), "{}", report.verdict);
    assert!(report.verdict.contains(" (and 1 not told apart from it), 3."), "{}", report.verdict);
}

#[test]
fn equal_cells_show_no_difference_and_no_order() {
    let report = Study::new(3, 12).report(|_| 100.0);
    assert!(found(&report).iter().all(|(_, _, found)| *found == Found::NoDifferenceShown));
    let part = conclusions(&report);
    assert_eq!((part.ranking.groups, part.ranking.rows.len()), (1, 3));
    assert!(
        report.verdict.ends_with("; no difference shown between 3 cells in decode_rate."),
        "{}",
        report.verdict
    );
    assert!(
        part.comparison.rows[0].text.starts_with("no difference shown (-"),
        "{}",
        part.comparison.rows[0].text
    );
}

#[test]
fn too_few_blocks_are_said() {
    let report = Study::new(2, 5).report(planted);
    let row = &conclusions(&report).comparison.rows[0];
    assert_eq!((row.found, row.n, row.needed, row.ratio), (Found::NotEnough, 5, Some(12), None));
    assert!(report.verdict.ends_with("; not enough blocks to compare: 5 of 12."), "{}", report.verdict);
    assert!(conclusions(&report).ranking.none.is_some() && conclusions(&report).ranking.rows.is_empty());
}

#[test]
fn one_cell_has_nothing_to_stand_beside() {
    let report = Study::new(1, 12).report(planted);
    assert_eq!(conclusions(&report).comparison.none.as_deref(), Some("a comparison needs two cells"));
    assert!(report.verdict.contains("pooled decode rate 1"), "{}", report.verdict);
}

#[test]
fn the_sentinel_is_the_twin_of_its_cell() {
    let mut study = Study::new(2, 12);
    // A tenth of a percent lies well below what equal cells differ by.
    let report = study.report(|spot| if spot.cell == 1 { 99.95 } else { 100.0 });
    let noise = &conclusions(&report).noise_floor;
    let floor = noise.floor.unwrap();
    assert!((0.000_5..0.01).contains(&floor), "{noise:?}");
    assert_eq!(
        (noise.twins.len(), noise.twins[0].cell, noise.twins[0].label.as_str()),
        (1, None, "sentinel")
    );
    let row = &conclusions(&report).comparison.rows[0];
    assert_eq!(row.below_noise_floor, Some(true), "{row:?}");
    assert!(row.text.ends_with(", below noise floor"), "{}", row.text);
    study.sweep.design.sentinel = Sentinel::Off;
    let report = study.report(planted);
    let noise = &conclusions(&report).noise_floor;
    assert!(noise.floor.is_none() && noise.twins.is_empty() && noise.not_known.is_some());
    assert_eq!(conclusions(&report).comparison.rows[0].below_noise_floor, None);
}

#[test]
fn twins_that_differ_are_a_warning() {
    let report = Study::new(2, 12).report(|spot| if spot.role == TrialRole::Sentinel { 90.0 } else { 100.0 });
    assert_eq!(conclusions(&report).noise_floor.differing, 1);
    assert!(report.warnings.iter().any(|told| told.warning == Warning::EqualCellsDiffer { n: 1 }));
    assert!(report.verdict.contains("equal cells were called different"), "{}", report.verdict);
}

#[test]
fn a_planted_drift_marks_every_comparison_of_its_slot() {
    let slower =
        |spot: &Spot| if spot.slot == 1 { 100.0 * (1.0 - 0.005 * f64::from(spot.block)) } else { 100.0 };
    let report = Study::new(2, 12).report(slower);
    let drift = &conclusions(&report).drift;
    assert_eq!(drift.shown_on, ["n1/0"], "{drift:?}");
    assert_eq!((drift.slots.len(), drift.sentinel.as_deref()), (3, Some("num_ctx=1024")));
    let change = drift.slots[1].change.unwrap();
    assert!((change + 0.055).abs() < 0.02, "{change}");
    let mark = Mark::Drift { slots: vec!["n1/0".into()] };
    assert!(conclusions(&report).comparison.rows.iter().all(|row| row.marks == [mark.clone()]));
    assert!(report.verdict.contains("drift was shown on 1 slots"), "{}", report.verdict);
    let steady = Study::new(2, 12).report(planted);
    assert!(
        conclusions(&steady).drift.shown_on.is_empty() && conclusions(&steady).drift.not_checked.is_none()
    );
    assert!(conclusions(&steady).comparison.rows[0].marks.is_empty());
}

#[test]
fn drift_that_cannot_be_checked_says_why() {
    let mut study = Study::new(2, 12);
    study.sweep.design.sentinel = Sentinel::Off;
    let text = conclusions(&study.report(planted)).drift.text.clone();
    assert_eq!(text, "not checked: the design leaves the sentinel out");
    study.sweep.design.sentinel = Sentinel::Cell(1);
    study.sweep.repetitions = 4;
    let short = study.report(planted);
    let drift = &conclusions(&short).drift;
    assert_eq!(drift.slots[0].needed, Some(5));
    assert!(drift.text.starts_with("not checked: the sentinel has figures of 4 blocks"), "{}", drift.text);
}

#[test]
fn a_strictly_serial_queue_gains_nothing_and_no_control_no_ratio() {
    let mut study = Study::new(2, 12);
    assert_eq!(conclusions(&study.report(planted)).speedup, None);
    study.sweep.design.controls = Controls { serial: true, solo: false };
    let report = study.report(planted);
    let part = conclusions(&report);
    assert_eq!(part.contention, None);
    for row in &part.speedup.as_ref().unwrap().rows {
        let ratio = row.ratio.unwrap();
        assert!((ratio.value - 1.0).abs() < 1e-9 && row.n == 12 && !row.flagged, "{row:?}");
    }
    // A control that a slow slot lacks must not make the others look faster.
    study.touch = Some(|spot, record| {
        let closed = record.generations[0].closed.as_mut().unwrap();
        closed.ended_at = crate::unit::Nanos(closed.ended_at.0 * u64::from(1 + spot.slot));
    });
    study.lost = Some(|spot| spot.role == TrialRole::Serial && spot.slot == 2);
    let report = study.report(planted);
    let ratio = conclusions(&report).speedup.as_ref().unwrap().rows[0].ratio.unwrap();
    assert!((ratio.value - 1.0).abs() < 1e-9, "{ratio:?}");
}

#[test]
fn streams_that_slow_each_other_are_flagged() {
    let mut study = Study::new(2, 12);
    study.sweep.design.controls = Controls { serial: false, solo: true };
    let report = study.report(|spot| match (spot.role, spot.cell) {
        (TrialRole::Solo, 0) => 130.0,
        _ => 100.0,
    });
    let rows = &conclusions(&report).contention.as_ref().unwrap().rows;
    assert_eq!((rows[0].flagged, rows[1].flagged), (true, false), "{rows:?}");
    assert!((rows[0].ratio.unwrap().value - 1.3).abs() < 0.02 && rows[0].text.ends_with(", above 1.10"));
    study.sweep.repetitions = 4;
    let few = study.report(planted);
    let row = &conclusions(&few).contention.as_ref().unwrap().rows[0];
    assert_eq!((row.ratio, row.n, row.needed), (None, 4, Some(10)));
}

#[test]
fn an_odd_gpu_is_named_with_what_differs() {
    let mut study = Study::new(2, 12);
    study.nodes[2].slots[0].gpus[0].power_limit = Some(crate::unit::Milliwatts(250_000));
    let report = study.report(|spot| if spot.slot == 2 { 94.0 } else { 100.0 });
    let odd = &conclusions(&report).odd_gpus;
    let suspect = &odd.models[0].suspects[0];
    assert_eq!((odd.models.len(), odd.models[0].suspects.len(), suspect.slot.as_str()), (1, 1, "n2/0"));
    assert!((suspect.off + 0.06).abs() < 0.01, "{suspect:?}");
    let differing: Vec<&str> =
        suspect.facts.iter().filter(|fact| fact.differs).map(|fact| fact.fact.as_str()).collect();
    assert_eq!(differing, ["power limit, W"]);
    let limit = suspect.facts.iter().find(|fact| fact.differs).unwrap();
    assert_eq!((limit.own.as_deref(), limit.peers.as_deref()), (Some("250"), Some("350")));
    assert!(suspect.facts.iter().any(|fact| fact.fact == "clock, median MHz" && fact.own.is_some()));
    assert!(report.verdict.ends_with("; odd GPU: n2/0."), "{}", report.verdict);
    let healthy = Study::new(2, 12).report(planted);
    assert_eq!(conclusions(&healthy).odd_gpus.suspects().count(), 0);
    assert_eq!(conclusions(&healthy).odd_gpus.text, "none of 3 GPUs is odd");
}

#[test]
fn gpus_that_cannot_be_judged_are_not() {
    let few = Study::new(2, 4).report(planted);
    assert!(conclusions(&few).odd_gpus.text.contains("ran the same cell: 4, needed: 5"));
    let mut study = Study::new(2, 12);
    study.nodes[2].slots[0].gpus[0].model = "other".into();
    let report = study.report(planted);
    let models = &conclusions(&report).odd_gpus.models;
    assert!(
        models.iter().all(|model| model.readings.is_empty() && model.text.contains("needed: 3")),
        "{models:?}"
    );
    study.sweep.placement = Placement::Any;
    assert!(conclusions(&study.report(planted)).odd_gpus.none.is_some());
}

#[test]
fn rows_of_several_versions_drivers_or_models_are_marked() {
    let mut study = Study::new(2, 12);
    study.nodes[0].slots[0].gpus[0].driver = Some("999".into());
    study.touch = Some(|spot, record| {
        if spot.block > 5 {
            record.opened.server_version = Some("0.24.0".into());
        }
        if spot.slot == 1 {
            record.opened.model_digest = Some("cd".into());
        }
    });
    let report = study.report(planted);
    let expected = [
        Mark::ServerVersions { versions: vec!["0.24.0".into(), "0.33.0".into()] },
        Mark::Drivers { versions: vec!["570.86".into(), "999".into()] },
        Mark::ModelDigests { model: "tiny".into(), digests: vec!["ab".into(), "cd".into()] },
    ];
    assert_eq!(conclusions(&report).comparison.rows[0].marks, expected);
    assert_eq!(conclusions(&report).odd_gpus.models[0].marks, expected);
}

#[test]
fn cells_that_ran_alike_are_twins_and_a_warning() {
    let mut study = Study::new(3, 12);
    study.sweep.design.sentinel = Sentinel::Off;
    // The server cuts the contexts of the last two cells to the same.
    study.touch = Some(|spot, record| {
        record.loads.push(super::study::load([1_024, 2_048, 2_048][spot.cell as usize], Bytes(4 << 30)));
    });
    let report = study.report(|_| 100.0);
    let told =
        report.warnings.iter().find(|told| matches!(told.warning, Warning::CellsAlike { .. })).unwrap();
    assert_eq!(told.message, "the server ran these cells alike: num_ctx=2048, num_ctx=3072");
    let noise = &conclusions(&report).noise_floor;
    assert_eq!((noise.twins.len(), noise.twins[0].cell, noise.twins[0].than), (1, Some(2), 1));
    assert!(noise.floor.is_some());
    // Another size, or another option, and they are two things.
    study.plan_option = Some((2, "temperature", OptionValue::Integer(1)));
    let report = study.report(|_| 100.0);
    assert!(!report.warnings.iter().any(|told| matches!(told.warning, Warning::CellsAlike { .. })));
}

#[test]
fn a_declared_reference_is_what_cells_are_compared_with() {
    let mut study = Study::new(3, 12);
    study.sweep.design.compare = Comparing { reference: Some(2), ..Comparing::default() };
    let report = study.report(planted);
    assert_eq!(found(&report), [(Some(0), 2, Found::Higher), (Some(1), 2, Found::Higher)]);
    let part = conclusions(&report);
    assert_eq!(part.comparison.reference.as_deref(), Some("num_ctx=3072"));
    assert!(part.ranking.none.is_some(), "one reference orders nothing");
    assert!(report.verdict.contains("2 of 2 cells differ from num_ctx=3072"), "{}", report.verdict);
}

#[test]
fn too_many_pairs_fall_back_to_the_first_cell_and_the_list_is_bounded() {
    let mut study = Study::new(448, 1);
    study.nodes.truncate(1);
    let report = study.report(planted);
    let part = &conclusions(&report).comparison;
    assert_eq!((part.pairs, part.rows.len(), part.left_out), (447, ROWS_MAX, 247));
    assert!(part.family.contains("every pair would be more than 100000 comparisons"), "{}", part.family);
    assert_eq!(part.reference.as_deref(), Some("num_ctx=1024"));
}

#[test]
fn a_stop_rule_raises_the_floors() {
    let mut study = Study::new(2, 11);
    let interval = |report: &Report| {
        let figure = report.slots[0].tally.figure(crate::quantity::Quantity::DecodeRate).unwrap();
        figure.interval.map(|interval| interval.n)
    };
    assert_eq!(interval(&study.report(planted)), Some(11));
    study.sweep.design.stop = Some(StopDesign::default());
    let report = study.report(planted);
    assert_eq!((interval(&report), conclusions(&report).sample_size.as_str()), (None, "sequential"));
}

#[test]
fn the_bootstrap_stands_beside_student_from_its_floor_on() {
    let report = Study::new(2, 30).report(planted);
    let row = &conclusions(&report).comparison.rows[0];
    let (student, bootstrap) = (row.ratio.unwrap(), row.bootstrap.unwrap());
    assert!(bootstrap.low < student.value && student.value < bootstrap.high);
    assert!(
        (bootstrap.low / student.low - 1.0).abs() < 0.002
            && (bootstrap.high / student.high - 1.0).abs() < 0.002
    );
}

#[test]
fn a_report_without_conclusions_is_still_read() {
    let mut older = serde_json::to_value(Study::new(2, 5).report(planted)).unwrap();
    assert!(older.as_object_mut().unwrap().remove("conclusions").is_some());
    assert_eq!(serde_json::from_value::<Report>(older).unwrap().conclusions, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_records_changes_no_conclusion(noise in any::<u64>(), order in any::<u64>(), slow in 0_u32..3) {
        let mut study = Study::new(3, 12);
        study.sweep.design.controls = Controls { serial: true, solo: true };
        study.noise = crate::seed::Seed(noise);
        let speed = |spot: &Spot| if spot.cell == slow || spot.slot == slow { 95.0 } else { 100.0 };
        let straight = serde_json::to_string(&study.report(speed)).unwrap();
        study.order = Some(crate::seed::Seed(order));
        prop_assert_eq!(&straight, &serde_json::to_string(&study.report(speed)).unwrap());
        // NaN and infinities become null in JSON and would not be read back.
        prop_assert!(serde_json::from_str::<Report>(&straight).is_ok());
    }
}
