//! How an experiment is laid out beyond its cells.

use chimera_core::design::{Comparing, Controls, Design, Sentinel, StopDesign};
use chimera_core::outcome::ValidityReason;
use chimera_core::quantity::Quantity;
use chimera_core::quantity::attempt::GoodputLimits;
use chimera_core::sweep::REPETITIONS_MAX;
use chimera_core::unit::{Bytes, Milliwatts, Nanos};
use chimera_core::validity::{Effect, Rules};

use super::workload::LIMIT_MAX;
use super::{Invalid, Within, check};
use crate::v1;

/// Most reasons that only mark a record.
const MARKED_MAX: usize = 64;

impl From<&Design> for v1::Design {
    fn from(design: &Design) -> Self {
        let Design { sentinel, controls: Controls { serial, solo }, stop, compare, validity, goodput } =
            design;
        let Comparing { quantity, reference, margin } = compare;
        Self {
            sentinel: match sentinel {
                Sentinel::Auto => None,
                Sentinel::Off => Some(0),
                Sentinel::Cell(cell) => Some(cell.saturating_add(1)),
            },
            serial_control: *serial,
            solo_control: *solo,
            stop: stop.map(|StopDesign { n_min, target }| v1::StopRule { n_min, target }),
            compare_quantity: quantity.name().to_owned(),
            compare_reference: reference.map(|cell| cell.saturating_add(1)),
            odd_margin: Some(*margin),
            validity: Some(validity.into()),
            goodput: goodput.as_ref().map(v1::GoodputLimits::from),
        }
    }
}

impl TryFrom<v1::Design> for Design {
    type Error = Invalid;

    fn try_from(wire: v1::Design) -> Result<Self, Invalid> {
        let v1::Design {
            sentinel,
            serial_control,
            solo_control,
            stop,
            compare_quantity,
            compare_reference,
            odd_margin,
            validity,
            goodput,
        } = wire;
        let default = Comparing::default();
        let compare = Comparing {
            quantity: quantity(&compare_quantity, default.quantity)?,
            reference: compare_reference.map(reference).transpose()?,
            margin: odd_margin.map_or(Ok(default.margin), |share| open_share("odd_margin", share))?,
        };
        Ok(Self {
            sentinel: match sentinel {
                None => Sentinel::Auto,
                Some(0) => Sentinel::Off,
                Some(number) => Sentinel::Cell(number - 1),
            },
            controls: Controls { serial: serial_control, solo: solo_control },
            stop: stop.map(StopDesign::try_from).transpose().within("stop")?,
            compare,
            validity: validity.map(Rules::try_from).transpose().within("validity")?.unwrap_or_default(),
            goodput: goodput.map(GoodputLimits::try_from).transpose().within("goodput")?,
        })
    }
}

impl TryFrom<v1::StopRule> for StopDesign {
    type Error = Invalid;

    fn try_from(wire: v1::StopRule) -> Result<Self, Invalid> {
        let v1::StopRule { n_min, target } = wire;
        Ok(Self {
            n_min: check::number("n_min", n_min, 1..=REPETITIONS_MAX)?,
            target: open_share("target", target)?,
        })
    }
}

impl From<&Rules> for v1::ValidityRules {
    fn from(rules: &Rules) -> Self {
        let Rules {
            marked,
            thermal_share_max,
            brake_share_max,
            power_cap_share_max,
            power_cap,
            settle,
            unsettled_share_max,
            sample_gap_max,
            foreign_memory_min,
            power_limit_change_max,
            client_lag_max,
            reload_min,
        } = rules;
        Self {
            marked: marked.iter().map(|reason| reason.name().to_owned()).collect(),
            thermal_share_max: Some(*thermal_share_max),
            brake_share_max: Some(*brake_share_max),
            power_cap_share_max: Some(*power_cap_share_max),
            power_cap_invalidates: *power_cap == Effect::Invalidate,
            settle_ns: Some(settle.0),
            unsettled_share_max: Some(*unsettled_share_max),
            sample_gap_max_ns: Some(sample_gap_max.0),
            foreign_memory_min_bytes: Some(foreign_memory_min.0),
            power_limit_change_max_mw: Some(power_limit_change_max.0),
            client_lag_max_ns: Some(client_lag_max.0),
            reload_min_ns: Some(reload_min.0),
        }
    }
}

impl TryFrom<v1::ValidityRules> for Rules {
    type Error = Invalid;

    fn try_from(wire: v1::ValidityRules) -> Result<Self, Invalid> {
        let v1::ValidityRules {
            marked,
            thermal_share_max,
            brake_share_max,
            power_cap_share_max,
            power_cap_invalidates,
            settle_ns,
            unsettled_share_max,
            sample_gap_max_ns,
            foreign_memory_min_bytes,
            power_limit_change_max_mw,
            client_lag_max_ns,
            reload_min_ns,
        } = wire;
        let default = Self::default();
        let power_limit = power_limit_change_max_mw.map(Milliwatts);
        Ok(Self {
            marked: reasons(&marked)?,
            thermal_share_max: share("thermal_share_max", thermal_share_max, default.thermal_share_max)?,
            brake_share_max: share("brake_share_max", brake_share_max, default.brake_share_max)?,
            power_cap_share_max: share(
                "power_cap_share_max",
                power_cap_share_max,
                default.power_cap_share_max,
            )?,
            power_cap: if power_cap_invalidates { Effect::Invalidate } else { Effect::Mark },
            settle: span("settle_ns", settle_ns, default.settle)?,
            unsettled_share_max: share(
                "unsettled_share_max",
                unsettled_share_max,
                default.unsettled_share_max,
            )?,
            sample_gap_max: span("sample_gap_max_ns", sample_gap_max_ns, default.sample_gap_max)?,
            foreign_memory_min: foreign_memory_min_bytes.map_or(default.foreign_memory_min, Bytes),
            power_limit_change_max: power_limit.unwrap_or(default.power_limit_change_max),
            client_lag_max: span("client_lag_max_ns", client_lag_max_ns, default.client_lag_max)?,
            reload_min: span("reload_min_ns", reload_min_ns, default.reload_min)?,
        })
    }
}

impl From<&GoodputLimits> for v1::GoodputLimits {
    fn from(limits: &GoodputLimits) -> Self {
        let GoodputLimits { ttft, tpot, e2e } = limits;
        let nanos = |limit: &Option<Nanos>| limit.map(|limit| limit.0);
        Self { ttft_ns: nanos(ttft), tpot_ns: nanos(tpot), e2e_ns: nanos(e2e) }
    }
}

impl TryFrom<v1::GoodputLimits> for GoodputLimits {
    type Error = Invalid;

    fn try_from(wire: v1::GoodputLimits) -> Result<Self, Invalid> {
        let v1::GoodputLimits { ttft_ns, tpot_ns, e2e_ns } = wire;
        let limit = |field: &str, span: Option<u64>| {
            span.map(|span| check::number(field, span, 1..=LIMIT_MAX.0).map(Nanos)).transpose()
        };
        Ok(Self {
            ttft: limit("ttft_ns", ttft_ns)?,
            tpot: limit("tpot_ns", tpot_ns)?,
            e2e: limit("e2e_ns", e2e_ns)?,
        })
    }
}

fn quantity(name: &str, default: Quantity) -> Result<Quantity, Invalid> {
    let unknown = || Invalid::new("compare_quantity", format!("'{name}' is no figure"));
    if name.is_empty() { Ok(default) } else { Quantity::from_name(name).ok_or_else(unknown) }
}

/// Cells are numbered from 1 on the wire, as they are for people.
fn reference(number: u32) -> Result<u32, Invalid> {
    number.checked_sub(1).ok_or_else(|| Invalid::new("compare_reference", "cells are numbered from 1"))
}

fn reasons(names: &[String]) -> Result<Vec<ValidityReason>, Invalid> {
    check::count("marked", names, 0..=MARKED_MAX)?;
    let reason = |(index, name): (usize, &String)| {
        let unknown = || Invalid::new("", "is no validity reason").at(index).within("marked");
        ValidityReason::from_name(name).ok_or_else(unknown)
    };
    names.iter().enumerate().map(reason).collect()
}

fn share(field: &str, wire: Option<f64>, default: f64) -> Result<f64, Invalid> {
    let share = wire.unwrap_or(default);
    let inside = (0.0..=1.0).contains(&share);
    if inside { Ok(share) } else { Err(Invalid::new(field, format!("{share} is not in 0 to 1"))) }
}

fn open_share(field: &str, share: f64) -> Result<f64, Invalid> {
    let inside = share > 0.0 && share < 1.0;
    let refusal = || Invalid::new(field, format!("{share} is not above 0 and below 1"));
    if inside { Ok(share) } else { Err(refusal()) }
}

fn span(field: &str, wire: Option<u64>, default: Nanos) -> Result<Nanos, Invalid> {
    wire.map_or(Ok(default), |span| check::number(field, span, 0..=LIMIT_MAX.0).map(Nanos))
}
