//! What an operator asks for.

use std::collections::BTreeSet;

use chimera_core::axis::{AXES_MAX, Axes, Axis, CELLS_MAX};
use chimera_core::design::Design;
use chimera_core::entry::CAUSE_MAX_BYTES;
use chimera_core::id::Name;
use chimera_core::predicate::Predicate;
use chimera_core::seed::Seed;
use chimera_core::sweep::{Placement, REPETITIONS_MAX, Sweep};

use super::option::{named_options, options};
use super::twins::twins;
use super::{Invalid, Within, check};
use crate::v1;

/// Fewest axes of a zip.
const ZIP_AXES_MIN: usize = 2;

twins! {
    Placement = Placement { EachGpu, Any, Spread }
}

impl From<&Sweep> for v1::Sweep {
    fn from(sweep: &Sweep) -> Self {
        let Sweep {
            name,
            description,
            axes: Axes { product, zips, cells },
            defaults,
            workload,
            placement,
            predicate,
            repetitions,
            seed,
            design,
        } = sweep;
        Self {
            name: name.to_string(),
            description: description.clone(),
            axes: product.iter().map(v1::Axis::from).collect(),
            zips: zips
                .iter()
                .map(|axes| v1::Zip { axes: axes.iter().map(v1::Axis::from).collect() })
                .collect(),
            cells: cells.iter().map(v1::CellSpec::from).collect(),
            defaults: named_options(defaults),
            workload: Some(workload.into()),
            placement: v1::Placement::from(*placement).into(),
            predicate: predicate.as_ref().map(|predicate| predicate.source().to_owned()).unwrap_or_default(),
            repetitions: *repetitions,
            seed: seed.map(|seed| seed.0),
            design: Some(design.into()),
        }
    }
}

impl TryFrom<v1::Sweep> for Sweep {
    type Error = Invalid;

    fn try_from(wire: v1::Sweep) -> Result<Self, Invalid> {
        let v1::Sweep {
            name,
            description,
            axes,
            zips,
            cells,
            defaults,
            workload,
            placement,
            predicate,
            repetitions,
            seed,
            design,
        } = wire;
        Ok(Self {
            name: check::named("name", Name::new(&name))?,
            description: check::text("description", description, 0..=CAUSE_MAX_BYTES)?,
            axes: expandable(axes, zips, cells)?,
            defaults: options("defaults", defaults)?,
            workload: check::required("workload", workload)?,
            placement: check::variant::<v1::Placement, _>("placement", placement)?,
            predicate: parsed(&predicate)?,
            repetitions: check::number("repetitions", repetitions, 1..=REPETITIONS_MAX)?,
            seed: seed.map(Seed),
            design: design.map(Design::try_from).transpose().within("design")?.unwrap_or_default(),
        })
    }
}

fn parsed(predicate: &str) -> Result<Option<Predicate>, Invalid> {
    if predicate.is_empty() {
        Ok(None)
    } else {
        check::named("predicate", Predicate::parse(predicate)).map(Some)
    }
}

fn expandable(axes: Vec<v1::Axis>, zips: Vec<v1::Zip>, cells: Vec<v1::CellSpec>) -> Result<Axes, Invalid> {
    let zipped = zips.iter().map(|zip| zip.axes.len());
    let total = zipped.fold(axes.len(), usize::saturating_add);
    check::number("axes", total, 0..=AXES_MAX)?;
    if cells.len() as u128 > CELLS_MAX {
        return Err(Invalid::new("cells", format!("{} is more than the {CELLS_MAX} that fit", cells.len())));
    }
    Ok(Axes { product: crossed(axes)?, zips: zipped_axes(zips)?, cells: check::each("cells", cells)? })
}

fn crossed(wire: Vec<v1::Axis>) -> Result<Vec<Axis>, Invalid> {
    let axes: Vec<Axis> = check::each("axes", wire)?;
    for (index, axis) in axes.iter().enumerate() {
        refuse_doubles(axis).map_err(|invalid| invalid.at(index)).within("axes")?;
    }
    Ok(axes)
}

/// Doubles in a crossed axis make the same cell twice. In a zipped one the other axes tell them apart.
fn refuse_doubles(axis: &Axis) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    match axis.values.iter().position(|value| !seen.insert(value)) {
        None => Ok(()),
        Some(second) => Err(Invalid::new("", "stands twice").at(second).within("values")),
    }
}

fn zipped_axes(wire: Vec<v1::Zip>) -> Result<Vec<Vec<Axis>>, Invalid> {
    let convert = |(index, v1::Zip { axes })| zip(axes).map_err(|invalid| invalid.at(index)).within("zips");
    wire.into_iter().enumerate().map(convert).collect()
}

fn zip(wire: Vec<v1::Axis>) -> Result<Vec<Axis>, Invalid> {
    check::count("axes", &wire, ZIP_AXES_MIN..=AXES_MAX)?;
    let axes: Vec<Axis> = check::each("axes", wire)?;
    match axes.windows(2).position(|pair| pair[0].values.len() != pair[1].values.len()) {
        None => Ok(axes),
        Some(before) => Err(Invalid::new("values", "has another length than the axis before")
            .at(before + 1)
            .within("axes")),
    }
}
