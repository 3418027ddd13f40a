//! A planner that stays: a million tasks, and what one event changes.
//!
//! `cargo run --release --example resident`, or with another number of tasks behind it

use std::time::{Duration, Instant};

use scheduler_core::builder::{SnapshotBuilder, job};
use scheduler_core::{
    Change, Dispatch, DispatchId, News, Outcome, Place, Planner, RuleSet, Snapshot, State, Task, TaskId,
    Timestamp,
};

/// As many exclusive jobs as are asked for, a hundred of each template; the first of each runs.
fn snapshot(tasks: i64) -> Snapshot {
    let templates = (tasks / 100).max(1);
    let mut cluster = SnapshotBuilder::at(1_000_000).group(1, "default", 1..=100);
    for instance in 1..=100 {
        cluster = cluster.instance(instance, &format!("node-{instance}"), 1_000);
    }
    for id in 1..=tasks {
        let job = job(id).template(id % templates).impact(1).groups([1]).dependencies_derived();
        cluster = cluster.with(if id <= templates { job.running_on(1, id % 100 + 1) } else { job });
    }
    cluster.build()
}

/// Makes a change, and tells what it did to the plan and how long that took.
fn happens(planner: &mut Planner, what: &str, change: Change) -> (News, Duration) {
    let began = Instant::now();
    planner.apply(change).expect("it fits what the planner knows");
    let news = planner.step();
    let took = began.elapsed();
    println!("{what}: {} decisions changed, in {took:?}", news.plan.decisions.len());
    for decision in &news.plan.decisions {
        println!("    {decision}");
    }
    (news, took)
}

/// What a store makes of a start that it commits.
fn started(task: &Task, place: Place, now: Timestamp) -> Change {
    let dispatch = Dispatch { id: DispatchId::new(1), since: now, placement: place.into() };
    Change::Task(Task { state: State::Waiting(Box::new(dispatch)), ..task.clone() })
}

pub(crate) fn show(tasks: i64) {
    let mut planner = Planner::new(snapshot(tasks), RuleSet::default());
    let began = Instant::now();
    let news = planner.step();
    println!("{} decisions about {tasks} tasks, in {:?}", news.plan.decisions.len(), began.elapsed());

    // Task 1 ends. The next of its template starts, and nobody else is looked at.
    let ended = State::Finished { outcome: Outcome::Successful, at: None };
    let one = Task { state: ended, ..planner.task(TaskId::new(1)).expect("it is there").clone() };
    let (news, _) = happens(&mut planner, "task 1 ended", Change::Task(one));
    let (next, place) = news.plan.starts().map(|(task, &place)| (task, place)).next().expect("one starts");
    let row = planner.task(next).expect("it is there").clone();
    let start = started(&row, place, planner.snapshot().now);
    happens(&mut planner, &format!("task {next} was given its place"), start);

    // Another of that template is launched, and has to wait.
    let launched = Task { id: TaskId::new(tasks + 1), ..row };
    let (news, _) = happens(&mut planner, "a task was launched", Change::Task(launched));
    assert_eq!(news.plan.holds().count(), 1);

    // Reasons are told when they are asked for.
    let last = TaskId::new(tasks);
    let began = Instant::now();
    let reason = planner.reason(last).expect("it is held");
    println!("task {last} {reason}, told in {:?}", began.elapsed());

    let effort = planner.effort();
    assert_eq!((effort.passes, effort.rebuilds), (0, 1), "everything was read once");
    // What was remembered can be thrown away at any moment: a pass over the same rows says the same.
    assert_eq!(planner.plan(), scheduler_core::plan(planner.snapshot(), planner.rules()));
}

pub(crate) fn main() {
    let asked = std::env::args().nth(1).and_then(|tasks| tasks.parse().ok());
    show(asked.unwrap_or(1_000_000));
}
