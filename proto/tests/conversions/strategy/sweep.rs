//! Sweeps.

use std::collections::BTreeSet;

use chimera_core::axis::{Axes, Axis, AxisName, AxisValue, CellSpec};
use chimera_core::id::Name;
use chimera_core::option::{Decimal, KNOWN, OptionFacts, OptionKind, OptionValue, Options};
use chimera_core::predicate::Predicate;
use chimera_core::seed::Seed;
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::unit::Nanos;
use chimera_core::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage, Workload};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::{name, text};

pub(crate) fn model() -> impl Strategy<Value = ModelName> {
    "[a-z0-9.:/-]{1,20}".prop_map(|name| ModelName::new(&name).unwrap())
}

fn value(facts: &'static OptionFacts) -> BoxedStrategy<OptionValue> {
    match facts.kind {
        OptionKind::Integer => (facts.min as i64..=facts.max as i64).prop_map(OptionValue::Integer).boxed(),
        OptionKind::Float => (facts.min..=facts.max)
            .prop_map(|number| OptionValue::Float(Decimal::new(number).unwrap()))
            .boxed(),
        OptionKind::Boolean => any::<bool>().prop_map(OptionValue::Boolean).boxed(),
        OptionKind::Texts => vec("\\PC{1,20}", 0..=16).prop_map(OptionValue::Texts).boxed(),
    }
}

fn known() -> impl Strategy<Value = &'static OptionFacts> {
    select(KNOWN.iter().collect::<Vec<_>>())
}

pub(crate) fn options() -> impl Strategy<Value = Options> {
    let one = known().prop_flat_map(|facts| value(facts).prop_map(move |value| (facts.name, value)));
    vec(one, 0..5).prop_map(|pairs| {
        let mut options = Options::default();
        pairs.into_iter().for_each(|(name, value)| options.set(name, value).unwrap());
        options
    })
}

pub(crate) fn cell() -> impl Strategy<Value = CellSpec> {
    (model(), options()).prop_map(|(model, options)| CellSpec { model, options })
}

fn axis(length: usize) -> BoxedStrategy<Axis> {
    let models = vec(model().prop_map(AxisValue::Model), length);
    let models = models.prop_map(|values| Axis { name: AxisName::Model, values });
    let options = known().prop_flat_map(move |facts| {
        let one = prop_oneof![5 => value(facts).prop_map(AxisValue::Option), 1 => Just(AxisValue::Default)];
        vec(one, length).prop_map(|values| Axis { name: AxisName::Option(facts.name), values })
    });
    prop_oneof![models, options].boxed()
}

fn without_doubles(axis: Axis) -> Axis {
    let values: BTreeSet<AxisValue> = axis.values.into_iter().collect();
    Axis { name: axis.name, values: values.into_iter().collect() }
}

fn axes() -> impl Strategy<Value = Axes> {
    let product = vec((1..5_usize).prop_flat_map(axis).prop_map(without_doubles), 0..4);
    let zips = vec((1..4_usize).prop_flat_map(|length| vec(axis(length), 2..4)), 0..3);
    (product, zips, vec(cell(), 0..3)).prop_map(|(product, zips, cells)| Axes { product, zips, cells })
}

fn limits() -> impl Strategy<Value = Limits> {
    vec(1_000_000..=86_400_000_000_000_u64, 5).prop_map(|spans| Limits {
        load: Nanos(spans[0]),
        first_token: Nanos(spans[1]),
        stall: Nanos(spans[2]),
        generation: Nanos(spans[3]),
        attempt: Nanos(spans[4]),
    })
}

pub(crate) fn workload() -> impl Strategy<Value = Workload> {
    let route =
        prop_oneof![of(text()).prop_map(|system| (Endpoint::Chat, system)), Just((Endpoint::Generate, None))];
    let prompts = vec("\\PC{1,30}".prop_map(|text| Prompt { text }), 1..4);
    let counts = (1..=10_000_u32, 0..=1_000_u32, 1..=1_024_u16);
    let choices = (
        select(vec![Start::Cold, Start::Warm]),
        select(vec![PromptCache::Bust, PromptCache::Allow]),
        select(vec![TextStorage::Full, TextStorage::Hash]),
        of(any::<bool>()),
    );
    (route, prompts, counts, choices, limits()).prop_map(
        |(
            (endpoint, system),
            prompts,
            (generations, warmups, concurrency),
            (start, cache, texts, think),
            limits,
        )| {
            Workload {
                endpoint,
                system,
                prompts,
                generations,
                warmups,
                concurrency,
                start,
                cache,
                texts,
                think,
                limits,
            }
        },
    )
}

pub(crate) fn sweep() -> impl Strategy<Value = Sweep> {
    let placement = select(vec![Placement::EachGpu, Placement::Any, Placement::Spread]);
    let predicate =
        of((0..100_000_u32).prop_map(|mib| Predicate::parse(&format!("vram_mib >= {mib}")).unwrap()));
    let numbers = (1..=10_000_u32, of(any::<u64>().prop_map(Seed)));
    (name(), text(), axes(), options(), workload(), (placement, predicate, numbers)).prop_map(
        |(name, description, axes, defaults, workload, (placement, predicate, (repetitions, seed)))| Sweep {
            name: Name::new(&name).unwrap(),
            description,
            axes,
            defaults,
            workload,
            placement,
            predicate,
            repetitions,
            seed,
        },
    )
}
