//! Options of a call as recorded: any name, any scalar. Which of them the server knew is not ours to decide afterwards.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Recorded options by name; empty means server defaults.
#[derive(Debug, Clone, Default, PartialEq, PartialOrd, Serialize)]
pub struct Options(pub BTreeMap<String, OptionScalar>);

/// One value of an option.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged, expecting = "an option must be a number, a text, true or false")]
pub enum OptionScalar {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for OptionScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("server defaults");
        }
        for (place, (name, value)) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { " " };
            write!(f, "{gap}{name}={value}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OptionsVisitor)
    }
}

/// Written by hand, because a map of serde keeps the last of two equal names and says nothing.
struct OptionsVisitor;

impl<'de> Visitor<'de> for OptionsVisitor {
    type Value = Options;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of options")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
        let mut options = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, OptionScalar>()? {
            if options.insert(name.clone(), value).is_some() {
                return Err(A::Error::custom(format_args!("duplicate option `{name}`")));
            }
        }
        Ok(Options(options))
    }
}
