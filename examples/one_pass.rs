//! One pass: a snapshot in, a plan out.
//!
//! `cargo run --example one_pass`

use scheduler_core::builder::{SnapshotBuilder, job, project, project_update};
use scheduler_core::{RuleSet, Snapshot, TaskId, plan};

fn snapshot() -> Snapshot {
    SnapshotBuilder::at(1000)
        .instance(1, "node-a", 20)
        .instance(2, "node-b", 10)
        .group(1, "default", [1, 2])
        .with(project(3).update_on_launch(60))
        // Runs already, and uses project 3.
        .with(job(17).name("deploy").project(3).impact(5).groups([1]).running_on(1, 1))
        // Waits: no update while a job uses the project.
        .with(project_update(40).project(3).groups([1]))
        // Depends on that update; the pass finds out by itself (R4).
        .with(job(42).name("migrate").project(3).impact(5).groups([1]))
        // Nothing stands in its way: it goes to the instance with the most room.
        .with(job(43).name("report").inventory(9).impact(6).groups([1]))
        .build()
}

pub(crate) fn main() {
    let snapshot = snapshot();
    snapshot.validate().expect("every row can be followed");

    let plan = plan(&snapshot, &RuleSet::default());
    for decision in &plan.decisions {
        println!("{decision}");
    }
    for derived in &plan.derived {
        println!("{derived}");
    }

    let started: Vec<TaskId> = plan.starts().map(|(task, _)| task).collect();
    assert_eq!(started, [TaskId::new(43)]);
    let held: Vec<&str> = plan.holds().map(|(_, reason)| reason.token()).collect();
    assert_eq!(held, ["resource_held", "waiting_for_dependency"]);
    assert_eq!(plan, scheduler_core::plan(&snapshot, &RuleSet::default()), "same snapshot, same plan");
}
