//! One property for each rule of a pass and for each invariant of R11, over generated snapshots and rule sets.

mod apply;
mod blocking;
mod capacity;
mod dependencies;
mod history;
mod liveness;
mod order;
mod passes;
mod reasons;
mod subsets;
mod total;
mod view;
mod workflows;

use proptest::test_runner::Config;

/// Enough cases for a property that every pair of rules meets; few enough that the whole file takes seconds.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() }
}
