//! How the experiment is laid out beyond its cells: `sentinel`, `[controls]`, `[stop]`, `[compare]`, `[validity]`,
//! `[goodput]`.

use chimera_core::design::{Comparing, Controls, Design, DesignError, Frame, Sentinel, StopDesign};
use chimera_core::outcome::ValidityReason;
use chimera_core::quantity::attempt::GoodputLimits;
use chimera_core::quantity::trial::COMPARABLE;
use chimera_core::sweep::REPETITIONS_MAX;
use chimera_core::unit::{Bytes, Milliwatts};
use chimera_core::validity::{Effect, Rules};
use toml::de::DeValue;

use super::error::SweepFileFault;
use super::place::Report;
use super::table::{Entry, Section};
use super::{duration, optional};

/// Keys of `[controls]`.
pub(super) const CONTROL_KEYS: &[&str] = &["serial", "solo"];
/// Keys of `[stop]`.
pub(super) const STOP_KEYS: &[&str] = &["n_min", "target"];
/// Keys of `[compare]`.
pub(super) const COMPARE_KEYS: &[&str] = &["quantity", "reference", "margin"];
/// Keys of `[validity]`.
pub(super) const VALIDITY_KEYS: &[&str] = &[
    "mark",
    "thermal_share",
    "brake_share",
    "power_cap_share",
    "power_cap",
    "settle",
    "unsettled_share",
    "sample_gap",
    "foreign_memory_mib",
    "power_limit_change_w",
    "client_lag",
    "reload",
];
/// Keys of `[goodput]`.
pub(super) const GOODPUT_KEYS: &[&str] = &["ttft", "tpot", "e2e"];
/// Most cells that a file may number.
const CELL_MAX: u64 = u32::MAX as u64;
/// Largest memory and power that a limit may name: beyond every device.
const DEVICE_MAX: u64 = 1_000_000;

/// Reads all parts, so that each tells its errors.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Option<Design> {
    let sentinel = root.get("sentinel").map_or(Some(Sentinel::Auto), |entry| sentinel(&entry, report));
    let controls = part(root, "controls", CONTROL_KEYS, report, controls);
    let stop = part(root, "stop", STOP_KEYS, report, stop);
    let compare = part(root, "compare", COMPARE_KEYS, report, compare);
    let validity = part(root, "validity", VALIDITY_KEYS, report, validity);
    let goodput = part(root, "goodput", GOODPUT_KEYS, report, goodput);
    Some(Design {
        sentinel: sentinel?,
        controls: optional(controls)?.unwrap_or_default(),
        stop: optional(stop)?,
        compare: optional(compare)?.unwrap_or_default(),
        validity: optional(validity)?.unwrap_or_default(),
        goodput: optional(goodput)?,
    })
}

/// Tells what does not fit the rest of the file, at the key that causes it.
pub(super) fn check(root: &Section<'_>, design: &Design, frame: Frame, report: &mut Report<'_>) {
    let Err(error) = design.check(frame) else { return };
    let (table, key) = match error {
        DesignError::NoSuchCell { what: "the sentinel", .. } => ("sentinel", None),
        DesignError::NoSuchCell { .. } => ("compare", Some("reference")),
        DesignError::NotComparable { .. } => ("compare", Some("quantity")),
        DesignError::ControlsWithoutStreams | DesignError::ControlsAnywhere => ("controls", None),
        DesignError::Stop(_) => ("stop", None),
    };
    let Some(entry) = root.get(table) else { return };
    let inner = key.and_then(|key| entry.section(report)?.get(key));
    inner.unwrap_or(entry).refuse(SweepFileFault::Design(error), report);
}

/// A table that may be absent; its keys are checked.
fn part<T>(
    root: &Section<'_>,
    name: &str,
    keys: &[&str],
    report: &mut Report<'_>,
    read: impl FnOnce(&Section<'_>, &mut Report<'_>) -> Option<T>,
) -> Option<Option<T>> {
    let entry = root.get(name)?;
    let Some(section) = entry.section(report) else { return Some(None) };
    let known = section.has_only(keys, report);
    Some(read(&section, report).filter(|_| known))
}

fn sentinel(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Sentinel> {
    if let DeValue::Integer(_) = entry.value {
        return cell(entry, report).map(Sentinel::Cell);
    }
    entry.word(&[("auto", Sentinel::Auto), ("off", Sentinel::Off)], report)
}

/// Cells are numbered from 1 for people.
fn cell(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<u32> {
    let number = entry.integer(1..=CELL_MAX, report)?;
    u32::try_from(number - 1).ok()
}

fn controls(section: &Section<'_>, report: &mut Report<'_>) -> Option<Controls> {
    let [serial, solo] =
        ["serial", "solo"].map(|key| section.get(key).map_or(Some(false), |entry| entry.boolean(report)));
    Some(Controls { serial: serial?, solo: solo? })
}

fn stop(section: &Section<'_>, report: &mut Report<'_>) -> Option<StopDesign> {
    let default = StopDesign::default();
    let n_min = section.get("n_min").map_or(Some(default.n_min), |entry| {
        entry.integer(1..=u64::from(REPETITIONS_MAX), report).and_then(|number| u32::try_from(number).ok())
    });
    let target = section.get("target").map_or(Some(default.target), |entry| open_share(&entry, report));
    Some(StopDesign { n_min: n_min?, target: target? })
}

fn compare(section: &Section<'_>, report: &mut Report<'_>) -> Option<Comparing> {
    let default = Comparing::default();
    let words = COMPARABLE.map(|quantity| (quantity.name(), quantity));
    let quantity = section.get("quantity").map_or(Some(default.quantity), |entry| entry.word(&words, report));
    let reference = section.get("reference").map(|entry| cell(&entry, report));
    let margin = section.get("margin").map_or(Some(default.margin), |entry| open_share(&entry, report));
    Some(Comparing { quantity: quantity?, reference: optional(reference)?, margin: margin? })
}

fn validity(section: &Section<'_>, report: &mut Report<'_>) -> Option<Rules> {
    let default = Rules::default();
    let marked = section.get("mark").map_or(Some(Vec::new()), |entry| reasons(&entry, report));
    let [thermal, brake, power_cap_share, unsettled] = [
        ("thermal_share", default.thermal_share_max),
        ("brake_share", default.brake_share_max),
        ("power_cap_share", default.power_cap_share_max),
        ("unsettled_share", default.unsettled_share_max),
    ]
    .map(|(key, default)| section.get(key).map_or(Some(default), |entry| share(&entry, report)));
    let effects = [("mark", Effect::Mark), ("invalidate", Effect::Invalidate)];
    let power_cap =
        section.get("power_cap").map_or(Some(default.power_cap), |entry| entry.word(&effects, report));
    let [settle, sample_gap, client_lag, reload] = [
        ("settle", default.settle),
        ("sample_gap", default.sample_gap_max),
        ("client_lag", default.client_lag_max),
        ("reload", default.reload_min),
    ]
    .map(|(key, default)| section.get(key).map_or(Some(default), |entry| duration::read(&entry, report)));
    let [memory, power] = ["foreign_memory_mib", "power_limit_change_w"]
        .map(|key| section.get(key).map(|entry| entry.integer(0..=DEVICE_MAX, report)));
    let (memory, power) = (optional(memory)?, optional(power)?);
    Some(Rules {
        marked: marked?,
        thermal_share_max: thermal?,
        brake_share_max: brake?,
        power_cap_share_max: power_cap_share?,
        power_cap: power_cap?,
        settle: settle?,
        unsettled_share_max: unsettled?,
        sample_gap_max: sample_gap?,
        foreign_memory_min: memory.map_or(default.foreign_memory_min, |mib| Bytes(mib * 1024 * 1024)),
        power_limit_change_max: power
            .and_then(|watts| u32::try_from(watts * 1_000).ok())
            .map_or(default.power_limit_change_max, Milliwatts),
        client_lag_max: client_lag?,
        reload_min: reload?,
    })
}

fn goodput(section: &Section<'_>, report: &mut Report<'_>) -> Option<GoodputLimits> {
    let [ttft, tpot, e2e] =
        ["ttft", "tpot", "e2e"].map(|key| section.get(key).map(|entry| duration::read(&entry, report)));
    Some(GoodputLimits { ttft: optional(ttft)?, tpot: optional(tpot)?, e2e: optional(e2e)? })
}

fn reasons(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Vec<ValidityReason>> {
    let words = ValidityReason::ALL.map(|reason| (reason.name(), reason));
    let items = entry.list("a list of reasons", words.len(), report)?;
    items.iter().map(|item| item.word(&words, report)).collect()
}

/// 0 to 1.
fn share(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<f64> {
    checked_share(entry, report, "0 to 1", |share| (0.0..=1.0).contains(&share))
}

/// Above 0 and below 1.
fn open_share(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<f64> {
    checked_share(entry, report, "a share above 0 and below 1, such as 0.02 for 2 %", |share| {
        share > 0.0 && share < 1.0
    })
}

fn checked_share(
    entry: &Entry<'_>,
    report: &mut Report<'_>,
    expected: &'static str,
    fits: impl Fn(f64) -> bool,
) -> Option<f64> {
    let number = match entry.value {
        DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => None,
    };
    let share = number.filter(|share| fits(*share));
    if share.is_none() {
        entry.refuse_type(expected, report);
    }
    share
}
