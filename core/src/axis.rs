//! Axes of a sweep and their expansion into cells.

mod error;
pub mod range;

use std::collections::HashMap;
use std::fmt;

pub use error::AxesError;

use crate::option::{OptionValue, Options};
use crate::sweep::ModelName;

/// Most values of one axis.
pub const AXIS_VALUES_MAX: usize = 256;
/// Most axes, zipped ones included.
pub const AXES_MAX: usize = 64;
/// Most cells of one sweep. A cell holds a map of options: a million of them would not fit the memory of a plan.
pub const CELLS_MAX: u128 = 100_000;

/// What an axis varies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AxisName {
    /// The model.
    Model,
    /// A known option.
    Option(&'static str),
}

/// One value of an axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AxisValue {
    /// A model.
    Model(ModelName),
    /// A value of the axis's option.
    Option(OptionValue),
    /// The option is not sent: the server's default holds. Written `"default"`.
    Default,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// What it varies.
    pub name: AxisName,
    /// Its values in order, 1 to [`AXIS_VALUES_MAX`]. A crossed axis has no doubles, a zipped one may.
    pub values: Vec<AxisValue>,
}

/// One cell, written out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellSpec {
    /// The model.
    pub model: ModelName,
    /// Its options.
    pub options: Options,
}

/// The cells of a sweep: the product of all axes and zips, then the explicit cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Axes {
    /// Crossed axes, in order; the last varies fastest.
    pub product: Vec<Axis>,
    /// Groups of axes of equal length that advance together; each group is one factor of the product.
    pub zips: Vec<Vec<Axis>>,
    /// Cells added after the product.
    pub cells: Vec<CellSpec>,
}

impl fmt::Display for AxisName {
    /// The key in sweep files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Model => "model",
            Self::Option(name) => name,
        })
    }
}

impl fmt::Display for AxisValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(model) => model.fmt(f),
            Self::Option(value) => value.fmt(f),
            Self::Default => f.pad("default"),
        }
    }
}

impl fmt::Display for CellSpec {
    /// `gemma3:latest num_ctx=2048 temperature=0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.model, self.options)
    }
}

impl Axes {
    /// Number of cells: the product of all axes and zips, plus the explicit cells. Computed without expansion; stays
    /// at the largest number when it does not fit. A zip counts with its shortest axis.
    #[must_use]
    pub fn size(&self) -> u128 {
        let crossed = self.product.iter().map(|axis| axis.values.len());
        let zipped = self.zips.iter().map(|zip| zip.iter().map(|axis| axis.values.len()).min().unwrap_or(0));
        let product = crossed.chain(zipped).fold(1, |size: u128, length| size.saturating_mul(length as u128));
        let product = if self.is_crossed() { product } else { 0 };
        product.saturating_add(self.cells.len() as u128)
    }

    /// All cells: the product in order of its axes and then zips, the last varying fastest, then the explicit cells.
    /// Options that a cell does not set come from `defaults`; [`AxisValue::Default`] removes an option even then.
    ///
    /// # Errors
    /// [`AxesError`] when there is nothing to run, no model, an empty, doubled or ill-typed axis, a zip of unlike
    /// lengths, more than [`CELLS_MAX`] cells, or the same cell twice.
    pub fn expand(&self, defaults: &Options) -> Result<Vec<CellSpec>, AxesError> {
        self.check_shape()?;
        let size = self.size();
        if size > CELLS_MAX {
            return Err(AxesError::TooManyCells { size });
        }
        let mut cells = if self.is_crossed() { self.expand_product(defaults)? } else { Vec::new() };
        cells.extend(
            self.cells
                .iter()
                .map(|cell| CellSpec { model: cell.model.clone(), options: cell.options.over(defaults) }),
        );
        refuse_doubles(&cells)?;
        Ok(cells)
    }

    /// Whether there is a product: without axes it has no cells, not one.
    fn is_crossed(&self) -> bool {
        !(self.product.is_empty() && self.zips.is_empty())
    }

    /// All axes, zipped ones included.
    fn all(&self) -> impl Iterator<Item = &Axis> {
        self.product.iter().chain(self.zips.iter().flatten())
    }

    fn check_shape(&self) -> Result<(), AxesError> {
        let count = self.all().count();
        if count > AXES_MAX {
            return Err(AxesError::TooManyAxes { count });
        }
        if !self.is_crossed() && self.cells.is_empty() {
            return Err(AxesError::NoCells);
        }
        for (index, axis) in self.all().enumerate() {
            axis.check()?;
            if self.all().take(index).any(|other| other.name == axis.name) {
                return Err(AxesError::DuplicateAxis { axis: axis.name.clone() });
            }
        }
        self.zips.iter().enumerate().try_for_each(|(index, zip)| check_zip(index + 1, zip))?;
        let has_model = self.all().any(|axis| axis.name == AxisName::Model);
        if self.is_crossed() && !has_model { Err(AxesError::ModelMissing) } else { Ok(()) }
    }

    fn expand_product(&self, defaults: &Options) -> Result<Vec<CellSpec>, AxesError> {
        let crossed = self.product.iter().map(std::slice::from_ref);
        let factors: Vec<&[Axis]> = crossed.chain(self.zips.iter().map(Vec::as_slice)).collect();
        let lengths: Vec<usize> =
            factors.iter().map(|axes| axes.first().map_or(0, |axis| axis.values.len())).collect();
        let mut position = vec![0; factors.len()];
        let mut cells = Vec::new();
        loop {
            let chosen =
                factors.iter().zip(&position).flat_map(|(axes, at)| axes.iter().map(|axis| axis.at(*at)));
            cells.push(cell_at(chosen, defaults)?);
            if !advance(&mut position, &lengths) {
                return Ok(cells);
            }
        }
    }
}

impl Axis {
    fn check(&self) -> Result<(), AxesError> {
        let axis = || self.name.clone();
        if self.values.is_empty() {
            return Err(AxesError::EmptyAxis { axis: axis() });
        }
        if self.values.len() > AXIS_VALUES_MAX {
            return Err(AxesError::TooManyValues { axis: axis(), count: self.values.len() });
        }
        let fits =
            |value: &&AxisValue| matches!(value, AxisValue::Model(_)) == (self.name == AxisName::Model);
        match self.values.iter().find(|value| !fits(value)) {
            Some(value) => Err(AxesError::ForeignValue { axis: axis(), value: value.to_string() }),
            None => Ok(()),
        }
    }

    fn at(&self, index: usize) -> (&AxisName, Option<&AxisValue>) {
        (&self.name, self.values.get(index))
    }
}

fn check_zip(zip: usize, axes: &[Axis]) -> Result<(), AxesError> {
    let first = axes.first().ok_or(AxesError::EmptyZip { zip })?;
    match axes.iter().find(|axis| axis.values.len() != first.values.len()) {
        None => Ok(()),
        Some(other) => Err(AxesError::UnequalZip {
            zip,
            left_axis: first.name.clone(),
            left: first.values.len(),
            right_axis: other.name.clone(),
            right: other.values.len(),
        }),
    }
}

fn cell_at<'a>(
    chosen: impl Iterator<Item = (&'a AxisName, Option<&'a AxisValue>)>,
    defaults: &Options,
) -> Result<CellSpec, AxesError> {
    let (mut model, mut options) = (None, defaults.clone());
    for (name, value) in chosen {
        match (name, value) {
            (AxisName::Model, Some(AxisValue::Model(name))) => model = Some(name.clone()),
            (AxisName::Option(name), Some(AxisValue::Option(value))) => options.set(name, value.clone())?,
            (AxisName::Option(name), Some(AxisValue::Default)) => options.unset(name),
            _ => {}
        }
    }
    Ok(CellSpec { model: model.ok_or(AxesError::ModelMissing)?, options })
}

/// Counts up, the last position fastest; `false` when all positions are at their start again.
fn advance(position: &mut [usize], lengths: &[usize]) -> bool {
    for (at, length) in position.iter_mut().zip(lengths).rev() {
        *at += 1;
        if *at < *length {
            return true;
        }
        *at = 0;
    }
    false
}

fn refuse_doubles(cells: &[CellSpec]) -> Result<(), AxesError> {
    let mut seen = HashMap::with_capacity(cells.len());
    for (index, cell) in cells.iter().enumerate() {
        if let Some(first) = seen.insert(cell, index) {
            let cell = Box::new(cell.clone());
            return Err(AxesError::DuplicateCell { first: first + 1, second: index + 1, cell });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
