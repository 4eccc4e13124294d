//! Price files: what energy and GPU time cost, read as sweep files are, with every error at its place.
//!
//! ```toml
//! currency = "EUR"                      # required
//! per_kwh = 0.30                        # absent = energy is not charged
//!
//! [per_gpu_hour]                        # absent = GPU time is not charged
//! "NVIDIA H100 80GB HBM3" = 2.10        # as `chimera nodes show` names the GPU
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde::Deserialize;
use serde_json::Value;
use toml::de::DeTable;

use super::error::{SweepFileErrors, SweepFileFault};
use super::place::Report;
use super::table::Section;
use super::{read_bounded, schema};

/// Largest accepted price.
const PRICE_MAX: f64 = 1e9;
/// Longest accepted name of a currency, in bytes.
const CURRENCY_MAX: usize = 16;
/// Keys of a price file.
const KEYS: &[&str] = &["currency", "per_kwh", "per_gpu_hour"];

/// What energy and GPU time cost.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The currency, such as EUR; only printed.
    #[schemars(length(min = 1, max = 16))]
    pub currency: String,
    /// Price of a kilowatt hour, 0 to 1e9. Absent: energy is not charged.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub per_kwh: Option<f64>,
    /// Price of an hour of one GPU by its model, as the driver names it, 0 to 1e9. Absent: GPU time is not charged.
    #[serde(default)]
    pub per_gpu_hour: BTreeMap<String, f64>,
}

impl Prices {
    /// What energy in kWh and GPU-hours by model cost.
    ///
    /// # Errors
    /// What is missing to know, in words: a sum with a hole is no price.
    pub fn cost(&self, kwh: Option<f64>, gpu_hours: Option<&BTreeMap<String, f64>>) -> Result<f64, String> {
        let mut total = None;
        if let Some(price) = self.per_kwh {
            total = Some(price * kwh.ok_or("the energy is not known")?);
        }
        if !self.per_gpu_hour.is_empty() {
            for (model, hours) in gpu_hours.ok_or("the GPU time is not known")? {
                let price = self.per_gpu_hour.get(model);
                let price = price.ok_or_else(|| format!("per_gpu_hour has no price for '{model}'"))?;
                total = Some(total.unwrap_or(0.0) + price * hours);
            }
        }
        total.ok_or_else(|| "the price file charges for nothing that was used".to_owned())
    }
}

/// Reads a price file.
///
/// # Errors
/// [`SweepFileErrors`] with everything that is wrong with it, or that it cannot be read.
pub fn load_prices(path: &Path) -> Result<Prices, SweepFileErrors> {
    let text = read_bounded(path).map_err(|fault| SweepFileErrors::of_file(path, fault))?;
    parse_prices(&text, path)
}

/// Reads the text of a price file; `origin` is named in errors.
///
/// # Errors
/// [`SweepFileErrors`] with everything that is wrong with it.
pub fn parse_prices(text: &str, origin: &Path) -> Result<Prices, SweepFileErrors> {
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut report = Report::new(text, origin);
    for error in &syntax {
        let span = error.span().unwrap_or(0..0);
        report.refuse(&span, "", SweepFileFault::Syntax { message: error.message().to_owned() });
    }
    let root = Section::root(table.get_ref());
    let prices = if syntax.is_empty() { prices(&root, &mut report) } else { None };
    report.finish(prices)
}

fn prices(root: &Section<'_>, report: &mut Report<'_>) -> Option<Prices> {
    root.has_only(KEYS, report);
    let currency = currency(root, report);
    let per_kwh = root.get("per_kwh").map(|entry| entry.decimal(0.0..=PRICE_MAX, report));
    let hours = root.get("per_gpu_hour").map(|entry| {
        let section = entry.section(report)?;
        let price = |gpu: super::table::Entry<'_>, report: &mut Report<'_>| {
            Some((gpu.key.to_owned(), gpu.decimal(0.0..=PRICE_MAX, report)?))
        };
        Some(section.entries().into_iter().filter_map(|gpu| price(gpu, report)).collect())
    });
    Some(Prices {
        currency: currency?,
        per_kwh: super::optional(per_kwh)?,
        per_gpu_hour: super::optional(hours)?.unwrap_or_default(),
    })
}

fn currency(root: &Section<'_>, report: &mut Report<'_>) -> Option<String> {
    let entry = root.require("currency", "\"EUR\"", report)?;
    let text = entry.text(report)?;
    let fits = (1..=CURRENCY_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if !fits {
        entry.refuse(SweepFileFault::TooLong { length: text.len(), max: CURRENCY_MAX }, report);
    }
    fits.then(|| text.to_owned())
}

/// The JSON Schema (draft 2020-12) of price files, as published in `docs/schema/prices.schema.json`.
#[must_use]
pub fn prices_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Prices>();
    RecursiveTransform(schema::remove_null).transform(&mut schema);
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn parsed(text: &str) -> Result<Prices, SweepFileErrors> {
        parse_prices(text, Path::new("p.toml"))
    }

    #[test]
    fn the_example_charges_for_energy_and_gpus() {
        let prices = load_prices(&repository().join("deploy/example/prices.toml")).unwrap();
        assert_eq!((prices.currency.as_str(), prices.per_kwh), ("EUR", Some(0.30)));
        let hours = BTreeMap::from([("NVIDIA H100 80GB HBM3".to_owned(), 2.0)]);
        let cost = prices.cost(Some(10.0), Some(&hours)).unwrap();
        assert!((cost - (3.0 + 2.0 * 2.10)).abs() < 1e-12, "{cost}");
    }

    #[test]
    fn a_cost_with_a_hole_is_absent_and_says_why() {
        let prices = parsed("currency = 'EUR'\nper_kwh = 1\n[per_gpu_hour]\nA = 1").unwrap();
        let of = |model: &str| BTreeMap::from([(model.to_owned(), 1.0)]);
        assert_eq!(prices.cost(None, Some(&of("A"))).unwrap_err(), "the energy is not known");
        assert_eq!(prices.cost(Some(1.0), None).unwrap_err(), "the GPU time is not known");
        assert_eq!(prices.cost(Some(1.0), Some(&of("B"))).unwrap_err(), "per_gpu_hour has no price for 'B'");
        let energy = parsed("currency = 'EUR'\nper_kwh = 2").unwrap();
        assert_eq!(energy.cost(Some(3.0), None), Ok(6.0));
        assert!(parsed("currency = 'EUR'").unwrap().cost(Some(1.0), None).is_err());
    }

    #[test]
    fn errors_name_their_place() {
        let text = "per_kwh = -1\nper_gpu_hours = 3\n[per_gpu_hour]\nA = 'much'\n";
        let told = parsed(text).unwrap_err().to_string();
        for words in [
            "p.toml:1:1: currency: is missing",
            "p.toml:1:11: per_kwh: takes 0 to 1000000000, not -1",
            "p.toml:2:1: per_gpu_hours: unknown key",
            "p.toml:4:5: per_gpu_hour.A: takes a number, not the text 'much'",
        ] {
            assert!(told.contains(words), "'{words}' is missing in:\n{told}");
        }
    }

    #[test]
    fn the_published_schema_is_the_generated_one() {
        let path = repository().join("docs/schema/prices.schema.json");
        let generated = prices_schema();
        if std::env::var_os("CHIMERA_BLESS").is_some() {
            std::fs::write(&path, serde_json::to_string_pretty(&generated).unwrap() + "\n").unwrap();
        }
        let read: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(
            read == generated,
            "docs/schema/prices.schema.json is stale: run the tests with CHIMERA_BLESS=1"
        );
        let keys: Vec<&String> = generated["properties"].as_object().unwrap().keys().collect();
        assert!(KEYS.iter().all(|key| keys.iter().any(|known| known == key)) && keys.len() == KEYS.len());
    }
}
