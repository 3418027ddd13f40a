//! Only what a change can have touched is looked at again.

use scheduler_core::builder::{SnapshotBuilder, job};
use scheduler_core::{Action, Change, Outcome, Planner, RuleSet, Snapshot, State, Task, TaskId};

/// So many exclusive jobs for each of so many templates, of which the first of each runs; room for so many forks in all.
fn queues(templates: i64, length: i64, forks: u32) -> Snapshot {
    let mut snapshot = SnapshotBuilder::at(1_000).instance(1, "node", forks).group(1, "default", [1]);
    for template in 1..=templates {
        for place in 0..length {
            let id = place * templates + template;
            let job = job(id).template(template).impact(1).groups([1]).dependencies_derived();
            snapshot = snapshot.with(if place == 0 { job.running_on(1, 1) } else { job });
        }
    }
    snapshot.build()
}

fn ended(planner: &Planner, id: i64) -> Change {
    let task = planner.task(TaskId::new(id)).expect("it is there").clone();
    let state = State::Finished { outcome: Outcome::Successful, at: None };
    Change::Task(Task { state, ..task })
}

/// A planner that has told its plan, and what it had judged until then.
fn settled(snapshot: Snapshot) -> (Planner, u64) {
    let mut planner = Planner::new(snapshot, RuleSet::tower_2018());
    planner.step();
    let judged = planner.effort().judged;
    (planner, judged)
}

#[test]
fn the_end_of_a_task_wakes_the_next_of_its_template_and_a_handful_at_most() {
    let (mut planner, before) = settled(queues(100, 100, 1_000));
    for template in 1..=100 {
        let change = ended(&planner, template);
        planner.apply(change).expect("it fits");
        let news = planner.step();
        let [started] = &news.plan.decisions[..] else { panic!("{news:?}") };
        assert_eq!(started.task, TaskId::new(100 + template));
        assert!(matches!(started.action, Action::Start(_)));
    }
    let effort = planner.effort();
    // Nobody commits the starts here, so each is weighed again by what comes before it.
    assert!(effort.judged - before <= 100 * 101, "{effort:?}");
    assert_eq!((effort.passes, effort.rebuilds), (0, 1));
}

#[test]
fn a_task_that_is_launched_and_held_is_judged_alone() {
    let (mut planner, before) = settled(queues(100, 100, 1_000));
    for id in 20_001..=20_500 {
        let mut task = planner.task(TaskId::new(9_999)).expect("it is there").clone();
        task.id = TaskId::new(id);
        planner.apply(Change::Task(task)).expect("it fits");
        let news = planner.step();
        assert_eq!((news.anew, news.plan.decisions.len()), (false, 1));
    }
    let effort = planner.effort();
    assert_eq!(effort.judged - before, 500, "{effort:?}");
    assert_eq!((effort.passes, effort.rebuilds), (0, 1));
}

#[test]
fn an_instance_that_comes_back_wakes_as_many_as_it_has_room_for() {
    let snapshot = (1..=10_000)
        .fold(SnapshotBuilder::at(1_000).instance(1, "away", 0).group(1, "default", [1]), |all, id| {
            all.with(job(id).template(id).impact(1).groups([1]).dependencies_derived())
        });
    let (mut planner, before) = settled(snapshot.build());
    let mut instance = planner.snapshot().instances[0].clone();
    instance.capacity = 100.into();
    planner.apply(Change::Instance(instance)).expect("it fits");
    assert_eq!(planner.step().plan.starts().count(), 100);
    let effort = planner.effort();
    assert!(effort.judged - before <= 102, "{effort:?}");
    assert_eq!((effort.passes, effort.rebuilds), (0, 1));
}

#[test]
fn what_a_full_pass_decides_is_forgotten_once_it_is_settled() {
    let (mut planner, _) = settled(queues(10, 100, 1_000));
    let asked =
        Task { cancel_requested: true, ..planner.task(TaskId::new(990)).expect("it is there").clone() };
    planner.apply(Change::Task(asked)).expect("it fits");
    let news = planner.step();
    assert!(news.anew && news.plan.decisions.iter().any(|one| one.action.end().is_some()));
    planner.apply(Change::TaskGone(TaskId::new(990))).expect("it fits");
    assert!(planner.step().anew, "it tells everything once more, since another plan was told");
    let judged = planner.effort().judged;
    let change = ended(&planner, 1);
    planner.apply(change).expect("it fits");
    assert_eq!(planner.step().plan.starts().count(), 1);
    let effort = planner.effort();
    assert!(effort.judged - judged <= 2, "{effort:?}");
    assert_eq!((effort.passes, effort.rebuilds), (1, 1));
}

/// Rows that are gone twice, or were never there, are refused, and nothing changes.
#[test]
fn what_does_not_fit_is_refused_and_leaves_no_trace() {
    let (mut planner, _) = settled(queues(2, 3, 10));
    let before = planner.snapshot().clone();
    planner.apply(Change::TaskGone(TaskId::new(99))).unwrap_err();
    planner.apply(Change::GroupGone(99.into())).unwrap_err();
    assert_eq!(planner.snapshot(), &before);
    planner.apply(Change::TaskGone(TaskId::new(3))).expect("it is there");
    let refused = planner.apply(Change::TaskGone(TaskId::new(3))).unwrap_err();
    assert_eq!(refused.to_string(), "there is no task 3 that could be gone");
}
