//! Sweeps.

use std::collections::BTreeSet;

use chimera_core::axis::{Axes, Axis, AxisName, AxisValue, CellSpec};
use chimera_core::design::{Comparing, Controls, Design, Sentinel, StopDesign};
use chimera_core::id::Name;
use chimera_core::option::{Decimal, KNOWN, OptionFacts, OptionKind, OptionValue, Options};
use chimera_core::outcome::ValidityReason;
use chimera_core::predicate::Predicate;
use chimera_core::quantity::attempt::GoodputLimits;
use chimera_core::quantity::trial::COMPARABLE;
use chimera_core::seed::Seed;
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::unit::{Bytes, Milliwatts, Nanos};
use chimera_core::validity::{Effect, Rules};
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

fn rules() -> impl Strategy<Value = Rules> {
    let spans = vec((0..=86_400_000_000_000_u64).prop_map(Nanos), 4);
    let marked = vec(select(ValidityReason::ALL.to_vec()), 0..4);
    let effect = select(vec![Effect::Mark, Effect::Invalidate]);
    (marked, vec(0.0..=1.0_f64, 4), effect, spans, any::<u64>(), any::<u32>()).prop_map(
        |(marked, shares, power_cap, spans, memory, power)| Rules {
            marked,
            thermal_share_max: shares[0],
            brake_share_max: shares[1],
            power_cap_share_max: shares[2],
            power_cap,
            settle: spans[0],
            unsettled_share_max: shares[3],
            sample_gap_max: spans[1],
            foreign_memory_min: Bytes(memory),
            power_limit_change_max: Milliwatts(power),
            client_lag_max: spans[2],
            reload_min: spans[3],
        },
    )
}

pub(crate) fn design() -> impl Strategy<Value = Design> {
    let sentinel =
        prop_oneof![Just(Sentinel::Auto), Just(Sentinel::Off), (0..100_000_u32).prop_map(Sentinel::Cell)];
    let controls = any::<(bool, bool)>().prop_map(|(serial, solo)| Controls { serial, solo });
    let stop =
        of((1..=10_000_u32, 0.001..0.999_f64).prop_map(|(n_min, target)| StopDesign { n_min, target }));
    let compare = (select(COMPARABLE.to_vec()), of(0..100_000_u32), 0.001..0.999_f64)
        .prop_map(|(quantity, reference, margin)| Comparing { quantity, reference, margin });
    let limit = || of((1..=86_400_000_000_000_u64).prop_map(Nanos));
    let goodput =
        of((limit(), limit(), limit()).prop_map(|(ttft, tpot, e2e)| GoodputLimits { ttft, tpot, e2e }));
    (sentinel, controls, stop, compare, rules(), goodput).prop_map(
        |(sentinel, controls, stop, compare, validity, goodput)| Design {
            sentinel,
            controls,
            stop,
            compare,
            validity,
            goodput,
        },
    )
}

pub(crate) fn sweep() -> impl Strategy<Value = Sweep> {
    let placement = select(vec![Placement::EachGpu, Placement::Any, Placement::Spread]);
    let predicate =
        of((0..100_000_u32).prop_map(|mib| Predicate::parse(&format!("vram_mib >= {mib}")).unwrap()));
    let numbers = (1..=10_000_u32, of(any::<u64>().prop_map(Seed)));
    (name(), text(), axes(), options(), workload(), (placement, predicate, numbers, design())).prop_map(
        |(
            name,
            description,
            axes,
            defaults,
            workload,
            (placement, predicate, (repetitions, seed), design),
        )| Sweep {
            name: Name::new(&name).unwrap(),
            description,
            axes,
            defaults,
            workload,
            placement,
            predicate,
            repetitions,
            seed,
            design,
        },
    )
}
