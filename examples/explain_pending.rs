//! Why does my job not start? Every no has a reason, and reasons form chains.
//!
//! `cargo run --example explain_pending`

use scheduler_core::builder::{SnapshotBuilder, job, project_update};
use scheduler_core::{Ending, Outlook, RuleSet, TaskId, plan};

pub(crate) fn main() {
    let snapshot = SnapshotBuilder::at(1000)
        .instance(1, "node-a", 20)
        .group(1, "default", [1])
        .execution(2, "edge-1", 20)
        .group(2, "edge", [2])
        .with(job(17).project(3).impact(15).groups([1]).running_on(1, 1))
        .with(project_update(40).project(3).groups([1]))
        .with(job(42).project(3).groups([1]).depends_on([40]))
        // Does not fit beside job 17.
        .with(job(50).impact(10).groups([1]))
        // Project updates run on control and hybrid nodes, and group 2 has none.
        .with(project_update(60).project(4).groups([2]))
        .build();
    let plan = plan(&snapshot, &RuleSet::default());

    // One index answers many questions.
    let explainer = plan.explainer();
    for task in &snapshot.tasks {
        match explainer.explain(task.id) {
            Some(chain) => println!("{chain}"),
            None => println!("{} {} goes on", task.kind(), task.id),
        }
    }

    let chain = explainer.explain(TaskId::new(42)).expect("job 42 is pending");
    assert_eq!(
        chain.to_string(),
        "job 42 waits for project update 40, which waits for job 17 to release project 3"
    );
    let crowded = explainer.explain(TaskId::new(50)).expect("job 50 is pending");
    assert_eq!(crowded.ending, Ending::Capacity);
    assert!(crowded.to_string().contains("at most 5 forks free on one instance (20 forks in all)"));

    // What waits is told apart from what somebody must mend.
    let never: Vec<TaskId> =
        plan.holds().filter(|(_, reason)| reason.outlook() == Outlook::Never).map(|(task, _)| task).collect();
    assert_eq!(never, [TaskId::new(60)]);
    assert!(explainer.explain(never[0]).is_some_and(|chain| chain.ending == Ending::Never));
}
