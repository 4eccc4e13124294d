use proptest::prelude::*;

use super::*;
use crate::option::Decimal;

fn model(names: &[&str]) -> Axis {
    let values = names.iter().map(|name| AxisValue::Model(ModelName::new(name).unwrap())).collect();
    Axis { name: AxisName::Model, values }
}

fn integers(name: &'static str, values: &[i64]) -> Axis {
    let values = values.iter().map(|value| AxisValue::Option(OptionValue::Integer(*value))).collect();
    Axis { name: AxisName::Option(name), values }
}

fn options(pairs: &[(&str, i64)]) -> Options {
    let mut options = Options::default();
    for (name, value) in pairs {
        options.set(name, OptionValue::Integer(*value)).unwrap();
    }
    options
}

fn shown(axes: &Axes, defaults: &Options) -> Vec<String> {
    axes.expand(defaults).unwrap().iter().map(CellSpec::to_string).collect()
}

fn refusal(axes: &Axes) -> String {
    axes.expand(&Options::default()).unwrap_err().to_string()
}

#[test]
fn the_last_axis_varies_fastest_then_zips_then_cells() {
    let axes = Axes {
        product: vec![model(&["a", "b"]), integers("top_k", &[1, 2])],
        zips: vec![vec![integers("num_ctx", &[8, 16]), integers("num_batch", &[4, 8])]],
        cells: vec![CellSpec { model: ModelName::new("c").unwrap(), options: options(&[("num_ctx", 64)]) }],
    };
    let cells = shown(&axes, &options(&[("num_predict", 5)]));
    assert_eq!(cells.len() as u128, axes.size());
    assert_eq!(cells[0], "a num_batch=4 num_ctx=8 num_predict=5 top_k=1");
    assert_eq!(cells[1], "a num_batch=8 num_ctx=16 num_predict=5 top_k=1");
    assert_eq!(cells[2], "a num_batch=4 num_ctx=8 num_predict=5 top_k=2");
    assert_eq!(cells[4], "b num_batch=4 num_ctx=8 num_predict=5 top_k=1");
    assert_eq!(cells[8], "c num_ctx=64 num_predict=5");
}

#[test]
fn the_default_value_removes_an_option_even_if_defaults_set_it() {
    let mut axis = integers("num_ctx", &[8]);
    axis.values.push(AxisValue::Default);
    let axes = Axes { product: vec![model(&["a"]), axis], ..Axes::default() };
    assert_eq!(shown(&axes, &options(&[("num_ctx", 4)])), ["a num_ctx=8", "a server defaults"]);
}

#[test]
fn explicit_cells_need_no_axes() {
    let cell = CellSpec { model: ModelName::new("a").unwrap(), options: Options::default() };
    let axes = Axes { cells: vec![cell], ..Axes::default() };
    assert_eq!(axes.size(), 1);
    assert_eq!(shown(&axes, &Options::default()), ["a server defaults"]);
}

#[test]
fn what_can_not_be_expanded_is_refused_with_a_remedy() {
    let of = |product: Vec<Axis>| Axes { product, ..Axes::default() };
    assert_eq!(refusal(&Axes::default()), "the sweep has no cells: set axes.model, or list cells");
    assert_eq!(
        refusal(&of(vec![integers("num_ctx", &[8])])),
        "the axes name no model: add 'model' to them, such as model = \"gemma3:latest\""
    );
    assert_eq!(
        refusal(&of(vec![model(&["a"]), integers("num_ctx", &[])])),
        "axis 'num_ctx' has no values: give it at least one, or remove it"
    );
    assert_eq!(
        refusal(&of(vec![model(&["a"]), integers("num_ctx", &[8]), integers("num_ctx", &[9])])),
        "axis 'num_ctx' stands twice: join its values into one axis"
    );
    assert_eq!(
        refusal(&of(vec![model(&["a"]), integers("num_ctx", &[3])])),
        "'num_ctx' takes 4 to 4194304, not 3"
    );
    assert_eq!(
        refusal(&of(vec![model(&["a"]), integers("num_ctx", &[8, 16, 8])])),
        "cells 1 and 3 are the same (a num_ctx=8): remove one"
    );
    let half = AxisValue::Option(OptionValue::Float(Decimal::new(0.5).unwrap()));
    let mixed = Axis { name: AxisName::Model, values: vec![half] };
    assert_eq!(refusal(&of(vec![mixed])), "axis 'model' has the value 0.5, which belongs to another axis");
}

#[test]
fn zips_of_unlike_lengths_are_refused() {
    let zip = vec![integers("num_ctx", &[8, 16]), integers("num_batch", &[4])];
    let axes = Axes { product: vec![model(&["a"])], zips: vec![zip], ..Axes::default() };
    assert_eq!(
        refusal(&axes),
        "zip 1 pairs 2 values of 'num_ctx' with 1 of 'num_batch': give both as many values"
    );
    let axes = Axes { product: vec![model(&["a"])], zips: vec![vec![]], ..Axes::default() };
    assert_eq!(refusal(&axes), "zip 1 has no axes: give it at least two, or remove it");
}

#[test]
fn the_size_is_computed_before_expansion() {
    let long: Vec<i64> = (4..260).collect();
    let names = ["num_ctx", "num_batch", "top_k", "num_keep", "num_predict", "repeat_last_n"];
    let mut product = vec![model(&["a"])];
    product.extend(names.map(|name| integers(name, &long)));
    let axes = Axes { product, ..Axes::default() };
    assert_eq!(axes.size(), 256_u128.pow(6));
    assert_eq!(
        refusal(&axes),
        "the axes make 281474976710656 cells, more than the 100000 that fit: shorten an axis, or zip axes that \
         belong together"
    );
    let endless = Axes { product: vec![integers("top_k", &long); AXES_MAX], ..Axes::default() };
    assert_eq!(endless.size(), u128::MAX);
}

proptest! {
    #[test]
    fn size_is_the_length_of_the_expansion(
        models in 1_usize..4, contexts in 1_usize..6, zipped in 0_usize..5, cells in 0_usize..4,
    ) {
        let names: Vec<String> = (0..models).map(|n| format!("m{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let range = |count: usize| (0..count as i64).map(|n| 4 + n).collect::<Vec<_>>();
        let pair = vec![integers("num_batch", &range(zipped)), integers("top_k", &range(zipped))];
        let axes = Axes {
            product: vec![model(&names), integers("num_ctx", &range(contexts))],
            zips: if zipped == 0 { vec![] } else { vec![pair] },
            cells: (0..cells)
                .map(|n| CellSpec { model: ModelName::new(&format!("x{n}")).unwrap(), options: Options::default() })
                .collect(),
        };
        let expanded = axes.expand(&Options::default()).unwrap();
        prop_assert_eq!(expanded.len() as u128, axes.size());
        let distinct: std::collections::BTreeSet<_> = expanded.iter().collect();
        prop_assert_eq!(distinct.len(), expanded.len());
    }
}
