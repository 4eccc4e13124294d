//! Why axes can not be expanded.

use super::{AXES_MAX, AXIS_VALUES_MAX, AxisName, CELLS_MAX, CellSpec};
use crate::option::InvalidOption;

/// Why axes can not be expanded into cells.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AxesError {
    /// There is nothing to run.
    #[error("the sweep has no cells: set axes.model, or list cells")]
    NoCells,
    /// Neither an axis nor a zip says which model to run.
    #[error("the axes name no model: add 'model' to them, such as model = \"gemma3:latest\"")]
    ModelMissing,
    /// An axis has no values.
    #[error("axis '{axis}' has no values: give it at least one, or remove it")]
    EmptyAxis {
        /// The axis.
        axis: AxisName,
    },
    /// A zip has no axes.
    #[error("zip {zip} has no axes: give it at least two, or remove it")]
    EmptyZip {
        /// Its number, from 1.
        zip: usize,
    },
    /// An axis has too many values.
    #[error("axis '{axis}' has {count} values, more than the {AXIS_VALUES_MAX} that fit")]
    TooManyValues {
        /// The axis.
        axis: AxisName,
        /// Number of its values.
        count: usize,
    },
    /// There are too many axes.
    #[error("the sweep has {count} axes, more than the {AXES_MAX} that fit")]
    TooManyAxes {
        /// Their number, zipped ones included.
        count: usize,
    },
    /// Two axes vary the same thing.
    #[error("axis '{axis}' stands twice: join its values into one axis")]
    DuplicateAxis {
        /// The axis.
        axis: AxisName,
    },
    /// A value of an axis belongs to an axis of another kind.
    #[error("axis '{axis}' has the value {value}, which belongs to another axis")]
    ForeignValue {
        /// The axis.
        axis: AxisName,
        /// The value.
        value: String,
    },
    /// The axes of a zip have unlike lengths.
    #[error(
        "zip {zip} pairs {left} values of '{left_axis}' with {right} of '{right_axis}': give both as many values"
    )]
    UnequalZip {
        /// Its number, from 1.
        zip: usize,
        /// Its first axis.
        left_axis: AxisName,
        /// Number of values of the first axis.
        left: usize,
        /// The axis that differs.
        right_axis: AxisName,
        /// Number of values of that axis.
        right: usize,
    },
    /// A value does not fit its option.
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// The product is too large.
    #[error(
        "the axes make {size} cells, more than the {CELLS_MAX} that fit: shorten an axis, or zip axes that belong together"
    )]
    TooManyCells {
        /// Number of cells, computed without expansion.
        size: u128,
    },
    /// Two cells are the same.
    #[error("cells {first} and {second} are the same ({cell}): remove one")]
    DuplicateCell {
        /// Number of the earlier cell, from 1, in the order of expansion.
        first: usize,
        /// Number of the later cell.
        second: usize,
        /// What both are.
        cell: Box<CellSpec>,
    },
}
