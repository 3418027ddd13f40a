//! A property test of your own: does a rule that you added hold, whatever the snapshot?
//!
//! `scheduler_core::strategies` (feature `proptest`) generates snapshots that are rich in conflicts, on
//! your own resources too. In a project of yours, `main`
//! would be a `#[test]`.
//!
//! `cargo run --example property_test`

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::test_runner::{Config, TestRunner};
use scheduler_core::{
    Claim, Claimant, Kind, Matrix, Mode, OwnKeyId, Resource, RuleSet, Simultaneous, Snapshot, Task, plan,
    strategies,
};

/// The resource that the rule is about.
const LICENCE: &str = "licence";

fn rules() -> RuleSet {
    let resource = Resource::Own(LICENCE.into());
    let simultaneous = Simultaneous::Same;
    let mut rules = RuleSet::default();
    rules.claims.push(Claim {
        by: Claimant::Job,
        resource: resource.clone(),
        mode: Mode::Exclusive,
        simultaneous,
    });
    rules.matrices.push(Matrix { resource, forbidden: vec![(Mode::Exclusive, Mode::Exclusive)] });
    rules
}

/// The licences of a job, each once; what is of launch type `sync` claims nothing.
fn licences(task: &Task) -> BTreeSet<OwnKeyId> {
    let claims = task.kind() == Kind::Job && task.launch_type != scheduler_core::LaunchType::Sync;
    let keys = task.own_keys.iter().filter(|own| claims && &*own.resource == LICENCE);
    keys.map(|own| own.key).collect()
}

/// How many jobs hold each licence once the plan is carried out, and how many of them the plan started.
fn holders(snapshot: &Snapshot, rules: &RuleSet) -> BTreeMap<OwnKeyId, (usize, usize)> {
    let plan = plan(snapshot, rules);
    let mut holders = BTreeMap::new();
    for task in &snapshot.tasks {
        let starts = plan.decision(task.id).is_some_and(|decision| decision.action.start().is_some());
        for key in licences(task).into_iter().filter(|_| starts || task.state.is_holding()) {
            let (all, started): &mut (usize, usize) = holders.entry(key).or_default();
            *all += 1;
            *started += usize::from(starts);
        }
    }
    holders
}

pub(crate) fn main() {
    let rules = rules();
    let starts = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&strategies::well_formed_for(&rules), |snapshot| {
        for (key, (all, started)) in holders(&snapshot, &rules) {
            starts.set(starts.get() + started);
            proptest::prop_assert!(started == 0 || all == 1, "licence {key} is held {all} times");
        }
        Ok(())
    });
    outcome.expect("no job starts while another holds its licence");
    println!("{} jobs started with their licence, each alone", starts.get());
    assert!(starts.get() > 0, "a property that nothing meets shows nothing");
}
