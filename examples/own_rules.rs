//! A blocking rule of your own is one more row of the table: here, only one job may use a licence at a time.
//!
//! `cargo run --example own_rules`

use scheduler_core::builder::{SnapshotBuilder, job, system_job};
use scheduler_core::{
    Claim, Claimant, Matrix, Mode, Reason, Resource, RuleSet, Simultaneous, TaskId, audit, plan,
};

/// The default rules, and a resource that they do not know.
fn rules() -> RuleSet {
    let licence = Resource::Own("licence".into());
    let mut rules = RuleSet { name: "with licences".into(), ..RuleSet::default() };
    rules.claims.push(Claim {
        by: Claimant::Job,
        resource: licence.clone(),
        mode: Mode::Exclusive,
        // A template that allows several jobs at once shares the licence among them.
        simultaneous: Simultaneous::As(Mode::Shared),
    });
    rules.matrices.push(Matrix {
        resource: licence,
        // The first may not start while the second is held.
        forbidden: vec![
            (Mode::Exclusive, Mode::Exclusive),
            (Mode::Exclusive, Mode::Shared),
            (Mode::Shared, Mode::Exclusive),
        ],
    });
    rules
}

pub(crate) fn main() {
    let rules = rules();
    rules.validate().expect("the table is in order");

    let snapshot = SnapshotBuilder::at(1000)
        .instance(1, "node-a", 100)
        .group(1, "default", [1])
        .with(job(1).own_key("licence", 7).groups([1]).running_on(1, 1))
        .with(job(2).own_key("licence", 7).groups([1]))
        .with(job(3).own_key("licence", 8).groups([1]))
        // The new row is about jobs only.
        .with(system_job(4).own_key("licence", 7).groups([1]))
        .build();
    let decided = plan(&snapshot, &rules);
    for decision in &decided.decisions {
        println!("{decision}");
    }

    let started: Vec<TaskId> = decided.starts().map(|(task, _)| task).collect();
    assert_eq!(started, [TaskId::new(3), TaskId::new(4)]);
    let (held, reason) = decided.holds().next().expect("job 2 is held");
    assert_eq!(held, TaskId::new(2));
    assert!(matches!(reason, Reason::Blocked { holder, .. } if *holder == TaskId::new(1)));
    assert!(reason.to_string().starts_with("waits for job 1 to release licence 7"));

    assert_eq!(audit(&snapshot, &rules, &decided), [], "the audit knows the row too");
    assert_eq!(plan(&snapshot, &RuleSet::default()).holds().count(), 0, "and without the row nothing waits");
}
