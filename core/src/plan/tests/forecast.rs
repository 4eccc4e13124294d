//! What earlier records let a plan expect.

use super::*;

fn sums(rate: u64, watts: f64) -> experience::Sums {
    let second = 1_000_000_000;
    experience::Sums {
        attempts: 1,
        overhead_ns: second / 4,
        loads: 1,
        load_ns: 2 * second,
        generations: 2,
        rest_ns: second,
        steps: rate,
        decode_ns: second,
        joules: watts * 10.0,
        energy_ns: if watts > 0.0 { 10 * second } else { 0 },
        ..experience::Sums::default()
    }
}

/// What a former sweep taught of model `a` on the slots of a fleet, at these tokens per second.
fn learned(nodes: &[Arc<NodeFacts>], rates: &[u64], watts: f64) -> Experience {
    let former = SweepId::new("former").unwrap();
    let cell = CellSpec { model: ModelName::new("a").unwrap(), options: Options::default() };
    let devices = experience::devices(nodes.iter().map(AsRef::as_ref));
    let lesson = |(device, rate): (&experience::Device, &u64)| Lesson {
        setting: experience::Setting::of(&cell, device, 1),
        sums: sums(*rate, watts),
    };
    let lessons: Vec<Lesson> = devices.values().zip(rates).map(lesson).collect();
    let mut experience = Experience::default();
    experience.learn(&former, &lessons);
    experience
}

fn forecast(sweep: &Sweep, nodes: &[Arc<NodeFacts>], experience: &Experience) -> Forecast {
    let plan = plan_of(sweep, 1, nodes).unwrap();
    Forecast::of(&plan, sweep, nodes.iter().map(AsRef::as_ref), experience)
}

#[test]
fn a_forecast_walks_the_plan_of_each_slot() {
    let nodes = fleet(&[("n1", 1)]);
    let sweep = sweep(vec![models(&["a"]), integers("top_k", [1, 2])], Placement::EachGpu, 3);
    let found = forecast(&sweep, &nodes, &learned(&nodes, &[63], 360.0));
    // 64 tokens are 63 steps: 1 s and 0.5 s beside. A load of 2 s with a warm-up, then 6 trials of 2 generations.
    let seconds = 2.0 + 1.5 + 6.0 * (0.25 + 2.0 * 1.5);
    assert!((found.seconds.unwrap() - seconds).abs() < 1e-9, "{found:?}");
    assert!((found.kwh.unwrap() - 360.0 * seconds / 3.6e6).abs() < 1e-12, "{found:?}");
    assert!((found.gpu_hours["H100"] - seconds / 3_600.0).abs() < 1e-12, "{found:?}");
    assert_eq!((found.lacking, found.sources), (Vec::<String>::new(), vec![SweepId::new("former").unwrap()]));
}

#[test]
fn the_slowest_of_unlike_slots_decides_how_long_it_takes() {
    let mut slow = node("n2", 1);
    slow.slots[0].gpus[0].model = "L4".to_owned();
    let nodes = [fleet(&[("n1", 1)]), vec![Arc::new(slow)]].concat();
    let experience = learned(&nodes, &[63, 21], 100.0);
    let each = sweep(vec![models(&["a"])], Placement::EachGpu, 4);
    let found = forecast(&each, &nodes, &experience);
    // Three seconds of decoding on the slow one, one on the other.
    let [fast, slow] = [1.5, 3.5].map(|generation| 2.0 + generation + 4.0 * (0.25 + 2.0 * generation));
    assert!((found.seconds.unwrap() - slow).abs() < 1e-9, "{found:?}");
    assert!((found.gpu_hours["H100"] * 3_600.0 - fast).abs() < 1e-9, "{found:?}");
    // Trials that may run anywhere go to the slot that is free first.
    let any = Sweep { placement: Placement::Any, ..each };
    assert!(forecast(&any, &nodes, &experience).seconds.unwrap() < slow);
}

#[test]
fn one_setting_without_a_record_leaves_the_whole_forecast_out() {
    let nodes = fleet(&[("n1", 1)]);
    let experience = learned(&nodes, &[63], 0.0);
    let two = sweep(vec![models(&["a", "b:1b"])], Placement::EachGpu, 1);
    let found = forecast(&two, &nodes, &experience);
    assert_eq!((found.seconds, found.kwh, found.gpu_hours.len()), (None, None, 0));
    assert_eq!(found.lacking, ["no earlier record of b:1b on H100 (simulated)"]);
    // Time is known and energy is not: each figure for itself.
    let one = sweep(vec![models(&["a"])], Placement::EachGpu, 1);
    let found = forecast(&one, &nodes, &experience);
    assert!(found.seconds.is_some() && found.kwh.is_none(), "{found:?}");
    assert_eq!(found.lacking, ["no earlier energy of a on H100 (simulated)"]);
    let mut real = node("n1", 1);
    real.slots[0].probe = ProbeKind::Nvml;
    let real = forecast(&one, &[Arc::new(real)], &experience);
    assert_eq!(
        real.lacking,
        ["no earlier record of a on H100"],
        "a simulated GPU tells nothing about a real one"
    );
}

#[test]
fn options_that_place_the_model_make_another_setting() {
    let nodes = fleet(&[("n1", 1)]);
    let experience = learned(&nodes, &[63], 1.0);
    let on_cpu = sweep(vec![models(&["a"]), integers("num_gpu", [0])], Placement::EachGpu, 1);
    let found = forecast(&on_cpu, &nodes, &experience);
    assert_eq!(found.lacking, ["no earlier record of a on H100 (simulated) with num_gpu=0"]);
    let mut free = sweep(vec![models(&["a"])], Placement::EachGpu, 1);
    free.defaults = Options::default();
    let found = forecast(&free, &nodes, &experience);
    assert_eq!(found.lacking, ["a has no token budget (num_predict)"]);
}

#[test]
fn a_sweep_teaches_once() {
    let nodes = fleet(&[("n1", 1)]);
    let device = experience::devices(nodes.iter().map(AsRef::as_ref)).into_values().next().unwrap();
    let cell = CellSpec { model: ModelName::new("a").unwrap(), options: Options::default() };
    let setting = experience::Setting::of(&cell, &device, 1);
    let lesson = Lesson { setting: setting.clone(), sums: sums(63, 1.0) };
    let mut experience = Experience::default();
    let [first, second] = ["first", "second"].map(|name| SweepId::new(name).unwrap());
    for sweep in [&first, &first, &second] {
        experience.learn(sweep, std::slice::from_ref(&lesson));
    }
    assert_eq!(experience.of(&setting).unwrap().sums.attempts, 2);
    assert!(experience.knows(&second));
}
