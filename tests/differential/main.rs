//! The pass and the slow model must agree (R1 to R11), on snapshots made to be crowded: few ids, so that tasks meet in
//! every resource, and everything that can be malformed is now and then.
//!
//! A snapshot follows from one number, so that a failure can be run again; before it is shown, every row that the
//! difference does not need is left out. `DIFFERENTIAL_CASES` runs more cases, `DIFFERENTIAL_FIRST` begins elsewhere.

mod dice;
mod report;
mod smallest;
mod snapshot;
mod tables;
mod tasks;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::{ProptestConfig, prop_assert, proptest};
use scheduler_core::{RuleSet, Snapshot, strategies};
use testkit::model;

use crate::dice::Dice;
use crate::report::report;
use crate::smallest::smallest;

#[test]
fn r1_to_r11_the_pass_and_the_model_agree_on_tower_2018() {
    compare("tower-2018", RuleSet::tower_2018);
}

#[test]
fn r1_to_r11_the_pass_and_the_model_agree_on_awx_2024() {
    compare("awx-2024", RuleSet::awx_2024);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r1_to_r11_the_pass_and_the_model_agree_on_the_published_strategies(
        snapshot in strategies::snapshot(),
        rules in strategies::rules(),
    ) {
        prop_assert!(!differ(&snapshot, &rules), "{}", report(&snapshot, &rules));
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name} is a number, and not {text:?}"))
    })
}

fn drawn(seed: u64, preset: fn() -> RuleSet) -> (Snapshot, RuleSet) {
    let mut dice = Dice(seed);
    let rules = dice.rules(preset());
    (dice.snapshot(), rules)
}

fn compare(name: &str, preset: fn() -> RuleSet) {
    let first = setting("DIFFERENTIAL_FIRST", 0);
    let Some(seed) = first_difference(first..first + setting("DIFFERENTIAL_CASES", 4000), preset) else {
        return;
    };
    let (snapshot, rules) = drawn(seed, preset);
    if catch_unwind(AssertUnwindSafe(|| differ(&snapshot, &rules))).is_err() {
        panic!("{name}, case {seed}: the pass panics");
    }
    let (snapshot, rules) = smallest(snapshot, rules);
    panic!("{name}, case {seed}:\n{}", report(&snapshot, &rules));
}

/// The first of these cases in which the pass and the model differ, or one of them panics. All cores look.
fn first_difference(seeds: std::ops::Range<u64>, preset: fn() -> RuleSet) -> Option<u64> {
    let (next, found) = (AtomicU64::new(seeds.start), AtomicU64::new(seeds.end));
    let look = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= found.load(Ordering::Relaxed) {
            return;
        }
        let (snapshot, rules) = drawn(seed, preset);
        if catch_unwind(AssertUnwindSafe(|| differ(&snapshot, &rules))).unwrap_or(true) {
            found.fetch_min(seed, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(look);
        }
    });
    Some(found.into_inner()).filter(|&seed| seed < seeds.end)
}

fn differ(snapshot: &Snapshot, rules: &RuleSet) -> bool {
    scheduler_core::plan(snapshot, rules) != model::plan(snapshot, rules)
}
