//! Thousands of seeds, the same seed twice, and the mutants.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::luck::Luck;
use super::run;
use crate::scheduler::mutant::Mutant;
use crate::seed::Seed;

/// How many seeds run; `CHIMERA_WORLD_SEEDS` overrides it.
fn seeds() -> u64 {
    let wanted = std::env::var("CHIMERA_WORLD_SEEDS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// Every other seed, so that two threads share the work.
fn every_invariant_holds_and_luck_strikes(first: u64) {
    let mut luck = Luck::default();
    for seed in (first..seeds()).step_by(2) {
        match run(Seed(seed), None) {
            Ok(outcome) => luck.add(&outcome.luck),
            Err(what) => panic!("seed {seed}: {what}"),
        }
    }
    println!("{:?}", luck.rows());
    assert!(luck.rows().iter().all(|(_, count)| *count > 0), "{:?}", luck.rows());
}

#[test]
fn every_invariant_holds_in_even_seeds_and_luck_strikes() {
    every_invariant_holds_and_luck_strikes(0);
}

#[test]
fn every_invariant_holds_in_odd_seeds_and_luck_strikes() {
    every_invariant_holds_and_luck_strikes(1);
}

#[test]
fn the_same_seed_gives_the_same_commands() {
    for seed in 0..20 {
        let (one, other) = (run(Seed(seed), None).unwrap(), run(Seed(seed), None).unwrap());
        assert_eq!(one.commands, other.commands, "seed {seed}");
    }
}

/// Whether one of 200 seeds finds the mutant. A failed debug assertion finds it as well as a broken invariant does.
fn killed(mutant: Mutant) -> bool {
    let finds = |seed: u64| {
        let result = catch_unwind(AssertUnwindSafe(|| run(Seed(seed), Some(mutant))));
        if let Ok(Err(what)) = &result {
            println!("{mutant:?} is killed by seed {seed}: {what}");
        }
        !matches!(result, Ok(Ok(_)))
    };
    (0..200).any(finds)
}

#[test]
fn first_finisher_wins_is_killed() {
    assert!(killed(Mutant::FirstFinisherWins));
}

#[test]
fn no_fence_is_killed() {
    assert!(killed(Mutant::NoFence));
}

#[test]
fn uncharged_requeue_is_killed() {
    assert!(killed(Mutant::UnchargedRequeue));
}

#[test]
fn lost_cancel_is_killed() {
    assert!(killed(Mutant::LostCancel));
}

#[test]
fn renew_by_name_is_killed() {
    assert!(killed(Mutant::RenewByName));
}

#[test]
fn expire_on_restart_is_killed() {
    assert!(killed(Mutant::ExpireOnRestart));
}
