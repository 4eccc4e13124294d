//! Options, axes and cells.

use chimera_core::axis::{AXIS_VALUES_MAX, Axis, AxisName, AxisValue, CellSpec};
use chimera_core::option::{Decimal, KNOWN, OptionValue, Options, lookup};
use chimera_core::sweep::ModelName;

use super::{Invalid, Within, check};
use crate::v1;
use crate::v1::option_value::Kind;

/// The name of the axis that varies the model.
const MODEL_AXIS: &str = "model";

impl From<&OptionValue> for v1::OptionValue {
    fn from(value: &OptionValue) -> Self {
        let kind = match value {
            OptionValue::Integer(number) => Kind::Integer(*number),
            OptionValue::Float(number) => Kind::Decimal(number.get()),
            OptionValue::Boolean(flag) => Kind::Boolean(*flag),
            OptionValue::Texts(texts) => Kind::Texts(v1::TextList { texts: texts.clone() }),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<v1::OptionValue> for OptionValue {
    type Error = Invalid;

    fn try_from(wire: v1::OptionValue) -> Result<Self, Invalid> {
        match AxisValue::try_from(wire)? {
            AxisValue::Option(value) => Ok(value),
            AxisValue::Model(_) => Err(Invalid::new("model", "stands in a model axis only")),
            AxisValue::Default => Err(Invalid::new("server_default", "stands in an axis only")),
        }
    }
}

impl From<&AxisValue> for v1::OptionValue {
    fn from(value: &AxisValue) -> Self {
        match value {
            AxisValue::Option(value) => value.into(),
            AxisValue::Model(model) => Self { kind: Some(Kind::Model(model.to_string())) },
            AxisValue::Default => Self { kind: Some(Kind::ServerDefault(v1::ServerDefault {})) },
        }
    }
}

impl TryFrom<v1::OptionValue> for AxisValue {
    type Error = Invalid;

    fn try_from(wire: v1::OptionValue) -> Result<Self, Invalid> {
        let v1::OptionValue { kind } = wire;
        Ok(match kind.ok_or_else(|| Invalid::new("kind", "missing"))? {
            Kind::Integer(number) => Self::Option(OptionValue::Integer(number)),
            Kind::Decimal(number) => Self::Option(OptionValue::Float(decimal(number)?)),
            Kind::Boolean(flag) => Self::Option(OptionValue::Boolean(flag)),
            Kind::Texts(v1::TextList { texts }) => Self::Option(OptionValue::Texts(texts)),
            Kind::Model(name) => Self::Model(check::named("model", ModelName::new(&name))?),
            Kind::ServerDefault(v1::ServerDefault {}) => Self::Default,
        })
    }
}

fn decimal(number: f64) -> Result<Decimal, Invalid> {
    Decimal::new(number).ok_or_else(|| Invalid::new("decimal", format!("{number} is not a finite number")))
}

/// Options as the wire lists them, sorted by name.
pub(super) fn named_options(options: &Options) -> Vec<v1::NamedOption> {
    options
        .iter()
        .map(|(name, value)| v1::NamedOption { name: name.to_owned(), value: Some(value.into()) })
        .collect()
}

/// Checks listed options; none may stand twice.
pub(super) fn options(field: &str, wire: Vec<v1::NamedOption>) -> Result<Options, Invalid> {
    check::count(field, &wire, 0..=KNOWN.len())?;
    let mut options = Options::default();
    for (index, option) in wire.into_iter().enumerate() {
        set(&mut options, option).map_err(|invalid| invalid.at(index).within(field))?;
    }
    Ok(options)
}

fn set(options: &mut Options, wire: v1::NamedOption) -> Result<(), Invalid> {
    let v1::NamedOption { name, value } = wire;
    if options.get(&name).is_some() {
        return Err(Invalid::new("name", format!("'{name}' stands twice")));
    }
    let value: OptionValue = check::required("value", value)?;
    check::named("", options.set(&name, value))
}

impl From<&CellSpec> for v1::CellSpec {
    fn from(cell: &CellSpec) -> Self {
        let CellSpec { model, options } = cell;
        Self { model: model.to_string(), options: named_options(options) }
    }
}

impl TryFrom<v1::CellSpec> for CellSpec {
    type Error = Invalid;

    fn try_from(wire: v1::CellSpec) -> Result<Self, Invalid> {
        let v1::CellSpec { model, options: listed } = wire;
        Ok(Self {
            model: check::named("model", ModelName::new(&model))?,
            options: options("options", listed)?,
        })
    }
}

impl From<&Axis> for v1::Axis {
    fn from(axis: &Axis) -> Self {
        let Axis { name, values } = axis;
        Self { name: name.to_string(), values: values.iter().map(v1::OptionValue::from).collect() }
    }
}

impl TryFrom<v1::Axis> for Axis {
    type Error = Invalid;

    /// Values are checked, but stay as they were written: expansion widens them.
    fn try_from(wire: v1::Axis) -> Result<Self, Invalid> {
        let v1::Axis { name, values } = wire;
        check::count("values", &values, 1..=AXIS_VALUES_MAX)?;
        let name = axis_name(&name)?;
        let values: Vec<AxisValue> = check::each("values", values)?;
        for (index, value) in values.iter().enumerate() {
            check_value(&name, value).map_err(|invalid| invalid.at(index)).within("values")?;
        }
        Ok(Self { name, values })
    }
}

fn axis_name(name: &str) -> Result<AxisName, Invalid> {
    if name == MODEL_AXIS {
        return Ok(AxisName::Model);
    }
    let unknown = || Invalid::new("name", format!("'{}' is not an Ollama option", shortened(name)));
    lookup(name).map(|facts| AxisName::Option(facts.name)).ok_or_else(unknown)
}

fn check_value(name: &AxisName, value: &AxisValue) -> Result<(), Invalid> {
    match (name, value) {
        (AxisName::Model, AxisValue::Model(_)) | (AxisName::Option(_), AxisValue::Default) => Ok(()),
        (AxisName::Option(name), AxisValue::Option(value)) => {
            let facts =
                lookup(name).ok_or_else(|| Invalid::new("", format!("'{name}' is not an Ollama option")))?;
            check::named("", facts.check(value.clone())).map(|_| ())
        }
        (AxisName::Model, _) => Err(Invalid::new("", "a model axis holds models only")),
        (AxisName::Option(_), AxisValue::Model(_)) => Err(Invalid::new("", "stands in a model axis only")),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
