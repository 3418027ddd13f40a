//! The audit finds nothing in what the pass decides, and everything that is planted in it.

use proptest::prelude::*;
use proptest::sample::Index;
use scheduler_core::{
    About, Action, CreateId, Decision, Fault, Kind, NodeStep, Outcome, Place, Plan, Priority, Reason,
    RuleSet, SkipReason, Snapshot, TaskCount, TaskId, Violation, audit, plan, strategies,
};
use testkit::model;
use testkit::workload::MEETINGS;

/// A cluster in which a bit of everything happens.
fn snapshot() -> Snapshot {
    let text = r#"{
      "version": 1, "now": "2026-01-01T12:00:00Z",
      "tasks": [
        {"id": 1, "created": "2026-01-01T11:00:00Z", "impact": 2, "work": {"job": {"project": 1, "template": 1}},
         "state": {"running": {"group": 1, "node": 1}}, "dependencies_derived": true},
        {"id": 2, "created": "2026-01-01T11:01:00Z", "impact": 1, "work": {"project_update": {"project": 1}}},
        {"id": 3, "created": "2026-01-01T11:02:00Z", "impact": 2, "work": {"job": {"project": 1, "template": 2}}, "dependencies_derived": true},
        {"id": 4, "created": "2026-01-01T11:03:00Z", "impact": 3, "work": {"job": {"project": 2, "template": 3}}},
        {"id": 5, "created": "2026-01-01T11:04:00Z", "impact": 3, "work": {"job": {"template": 4}}},
        {"id": 6, "created": "2026-01-01T11:05:00Z", "impact": 3, "work": {"job": {"template": 5}}},
        {"id": 7, "created": "2026-01-01T11:06:00Z", "impact": 9, "work": {"job": {"template": 6}}, "groups": [2]},
        {"id": 8, "created": "2026-01-01T11:07:00Z", "impact": 3, "work": {"job": {"template": 7}}},
        {"id": 9, "created": "2026-01-01T11:08:00Z", "work": {"workflow_job": {"of": {"template": 1}}}, "state": {"running": {}}},
        {"id": 10, "created": "2026-01-01T11:09:00Z", "work": {"workflow_job": {"of": {"template": 2}}}, "state": {"running": {}}},
        {"id": 11, "created": "2026-01-01T11:10:00Z", "impact": 1, "work": {"job": {"template": 8}},
         "state": {"running": {"group": 1, "node": 3}}, "dependencies_derived": true},
        {"id": 12, "created": "2026-01-01T11:11:00Z", "impact": 1, "work": {"job": {"template": 9}}, "dependencies": [11]},
        {"id": 13, "created": "2026-01-01T11:12:00Z", "impact": 1, "work": {"job": {"template": 10}}, "cancel_requested": true},
        {"id": 14, "created": "2026-01-01T11:13:00Z", "impact": 1, "work": {"job": {"template": 11}}, "dependencies": [99]},
        {"id": 15, "created": "2026-01-01T11:14:00Z", "impact": 1, "work": {"system_job": {}},
         "state": {"waiting": {"id": 5, "since": "2026-01-01T11:20:00Z", "placement": {"group": 1, "node": 2}}}},
        {"id": 16, "created": "2026-01-01T11:15:00Z", "impact": 1, "work": {"ad_hoc_command": {}}, "dependencies": [3]}
      ],
      "projects": [{"id": 2, "update_on_launch": true}],
      "instances": [
        {"id": 1, "hostname": "a", "capacity": 6, "last_heartbeat": "2026-01-01T11:59:30Z"},
        {"id": 2, "hostname": "b", "capacity": 6, "last_heartbeat": "2026-01-01T11:59:30Z"},
        {"id": 3, "hostname": "c", "capacity": 6, "last_heartbeat": "2026-01-01T10:00:00Z"}],
      "groups": [
        {"id": 1, "name": "default", "members": {"instances": [1, 2, 3]}},
        {"id": 2, "name": "small", "members": {"instances": [1]}, "max_forks": 8}],
      "graphs": [
        {"workflow": 9, "nodes": [
          {"id": 1, "starts": {"job": {"project": 5, "inventory": 5}}, "progress": {"ended": {"task": 90, "outcome": "failed"}}},
          {"id": 2, "starts": {"job": {"project": 5, "inventory": 5}}},
          {"id": 3, "starts": {"job": {"project": 5, "inventory": 5}}}],
         "edges": [{"from": 1, "to": 2, "on": "success"}, {"from": 1, "to": 3, "on": "failure"}]},
        {"workflow": 10, "nodes": [
          {"id": 1, "starts": null, "progress": {"ended": {"task": 91, "outcome": "failed"}}}]}]
    }"#;
    serde_json::from_str(text).expect("the snapshot is valid")
}

fn rules() -> RuleSet {
    RuleSet { default_groups: vec![1.into()], ..RuleSet::tower_2018() }
}

fn decided() -> Plan {
    plan(&snapshot(), &rules())
}

fn at(plan: &Plan, task: i64) -> usize {
    plan.decisions.iter().position(|decision| decision.task == TaskId::new(task)).expect("it has a decision")
}

fn action(plan: &mut Plan, task: i64) -> &mut Action {
    let place = at(plan, task);
    &mut plan.decisions[place].action
}

fn mutated(change: impl FnOnce(&mut Plan)) -> Vec<Violation> {
    let mut plan = decided();
    change(&mut plan);
    audit(&snapshot(), &rules(), &plan)
}

/// The audit of the changed plan names this task by this rule.
#[track_caller]
fn names(task: i64, rule: &str, change: impl FnOnce(&mut Plan)) {
    let found = mutated(change);
    let mut about = found.iter().filter(|violation| violation.about == About::Task(task.into()));
    assert!(about.any(|violation| violation.rule == rule), "task {task} is not named by {rule}: {found:?}");
    assert!(found.iter().all(|violation| violation.to_string().starts_with(violation.rule)));
}

const ON_B: Place = Place::Instance {
    group: scheduler_core::GroupId::new(1),
    node: scheduler_core::InstanceId::new(2),
    controller: None,
};

#[test]
fn a_correct_plan_has_no_violation() {
    assert_eq!(audit(&snapshot(), &rules(), &decided()), []);
    assert_eq!(audit(&Snapshot::default(), &RuleSet::default(), &Plan::default()), []);
}

#[test]
fn the_snapshot_shows_every_kind_of_decision() {
    let plan = decided();
    let reasons: Vec<&str> = plan.holds().map(|(_, reason)| reason.token()).collect();
    for token in [
        "resource_held",
        "behind_older_task",
        "waiting_for_dependency",
        "no_capacity",
        "never_fits",
        "malformed_missing_dependency",
    ] {
        assert!(reasons.contains(&token), "{token} is missing from {reasons:?}");
    }
    assert!(plan.starts().count() >= 2, "{plan:?}");
    assert!(!plan.nodes.is_empty() && plan.creates.len() == 2 && plan.more);
}

#[test]
fn r6_a_start_moved_to_another_instance() {
    for node in [1, 3, 77] {
        let place = Place::Instance { group: 1.into(), node: node.into(), controller: None };
        names(5, "R6", |plan| *action(plan, 5) = Action::Start(place));
    }
    let wrong_group = Place::Instance { group: 2.into(), node: 2.into(), controller: None };
    names(5, "R6", |plan| *action(plan, 5) = Action::Start(wrong_group));
    let controlled = Place::Instance { group: 1.into(), node: 2.into(), controller: Some(1.into()) };
    names(5, "R6", |plan| *action(plan, 5) = Action::Start(controlled));
    names(5, "R6", |plan| *action(plan, 5) = Action::Start(Place::Nowhere));
}

#[test]
fn a_violation_is_said_in_the_words_of_the_reasons() {
    let found = mutated(|plan| *action(plan, 2) = Action::Start(ON_B));
    let said: Vec<String> = found.iter().map(Violation::to_string).collect();
    let about_2 = "R2: task 2: the plan says start on instance 2 of group 1; the rules say hold: it waits for job 1 to \
        release project 1 (held for use, wanted for update)";
    assert!(said.iter().any(|words| words == about_2), "{said:#?}");
}

#[test]
fn r10_a_hold_turned_into_a_start() {
    for (task, rule) in [(2, "R2"), (3, "R3"), (4, "R5"), (7, "R6"), (8, "R6"), (14, "R11"), (16, "R5")] {
        names(task, rule, |plan| *action(plan, task) = Action::Start(ON_B));
    }
}

#[test]
fn r10_a_start_turned_into_a_hold() {
    let reason = decided().holds().find(|(task, _)| *task == 2.into()).map(|(_, reason)| reason.clone());
    names(5, "R2", |plan| *action(plan, 5) = Action::Hold(reason.expect("task 2 is held")));
}

#[test]
fn r10_a_reason_that_is_not_true() {
    let reasons: Vec<Reason> = decided().holds().map(|(_, reason)| reason.clone()).collect();
    for held in [2, 3, 4, 7, 8, 14, 16] {
        for reason in &reasons {
            if decided().decision(held.into()).and_then(|found| found.action.hold()) != Some(reason) {
                let found = mutated(|plan| *action(plan, held) = Action::Hold(reason.clone()));
                assert!(
                    found.iter().any(|violation| violation.about == About::Task(held.into())),
                    "{reason:?}"
                );
            }
        }
    }
}

#[test]
fn r9_decisions_swapped_duplicated_and_dropped() {
    names(5, "R1", |plan| {
        let (one, other) = (at(plan, 5), at(plan, 7));
        plan.decisions.swap(one, other);
    });
    for task in [2, 5, 11, 13, 12] {
        let found = mutated(|plan| plan.decisions.push(plan.decisions[at(plan, task)].clone()));
        assert!(found.iter().any(|violation| violation.fault == Fault::Twice), "{found:?}");
    }
    for (task, rule) in
        [(2, "R10"), (5, "R10"), (10, "R7.4"), (11, "R8.1"), (12, "R5"), (13, "R8.3"), (15, "R8.2")]
    {
        names(task, rule, |plan| drop(plan.decisions.remove(at(plan, task))));
    }
    names(11, "R9", |plan| plan.decisions.rotate_left(1));
}

#[test]
fn r10_a_decision_about_nothing_and_of_another_kind() {
    names(500, "R10", |plan| {
        plan.decisions.push(Decision { task: 500.into(), kind: Kind::Job, action: Action::Start(ON_B) });
    });
    names(5, "R10", |plan| {
        let place = at(plan, 5);
        plan.decisions[place].kind = Kind::SystemJob;
    });
}

#[test]
fn r4_updates_and_links() {
    let about_creates = |found: &[Violation]| found.iter().any(|violation| violation.rule == "R4");
    let last = decided().creates.len() - 1;
    assert!(about_creates(&mutated(|plan| drop(plan.creates.pop()))));
    assert!(about_creates(&mutated(|plan| plan.creates.push(plan.creates[last].clone()))));
    assert!(about_creates(&mutated(|plan| plan.creates[last].priority = Priority::new(7))));
    assert!(about_creates(&mutated(|plan| plan.creates[last].created = None)));
    assert!(about_creates(&mutated(
        |plan| plan.creates[last].launch_type = scheduler_core::LaunchType::Manual
    )));
    assert!(about_creates(&mutated(|plan| plan.creates[last].dependencies_derived = false)));
    names(4, "R4", |plan| {
        let derived = plan.derived.iter_mut().find(|derived| derived.task == 4.into()).expect("derived");
        derived.links.clear();
    });
    names(4, "R4", |plan| plan.derived.retain(|derived| derived.task != 4.into()));
    assert!(about_creates(&mutated(|plan| plan.derived.swap(0, 1))));
    assert!(about_creates(&mutated(|plan| plan.derived.push(plan.derived[0].clone()))));
}

#[test]
fn r7_steps_of_nodes() {
    let about_nodes = |found: &[Violation]| found.iter().any(|violation| violation.rule.starts_with("R7"));
    for index in 0..decided().nodes.len() {
        assert!(about_nodes(&mutated(|plan| {
            plan.nodes.remove(index);
        })));
        assert!(about_nodes(&mutated(|plan| plan.nodes[index].step = NodeStep::TemplateMissing)));
        assert!(about_nodes(&mutated(|plan| plan.nodes[index].step = NodeStep::Run(CreateId::new(9)))));
        let canceled = NodeStep::Skip(SkipReason::WorkflowCanceled);
        assert!(about_nodes(&mutated(|plan| plan.nodes[index].step = canceled)));
        assert!(about_nodes(&mutated(|plan| plan.nodes.push(plan.nodes[index].clone()))));
    }
    assert!(about_nodes(&mutated(|plan| plan.creates[0].failed =
        Some(scheduler_core::NodeFailure::MissingResource {
            resource: scheduler_core::MissingResource::Project
        }))));
}

#[test]
fn r5_r7_r8_ends_that_differ() {
    let successful = scheduler_core::End::WorkflowSuccessful;
    assert_eq!(successful.outcome(), Outcome::Successful);
    names(10, "R7.4", |plan| *action(plan, 10) = Action::End(successful));
    names(12, "R5", |plan| *action(plan, 12) = Action::End(scheduler_core::End::CancelRequested));
    names(11, "R8.1", |plan| *action(plan, 11) = Action::End(scheduler_core::End::CancelRequested));
    names(15, "R8.2", |plan| *action(plan, 15) = Action::Redispatch(6.into()));
}

#[test]
fn r9_more_limits_and_counts() {
    let found = mutated(|plan| plan.more = !plan.more);
    assert!(
        matches!(found.as_slice(), [Violation { fault: Fault::More { expected: true }, .. }]),
        "{found:?}"
    );
    let found = mutated(|plan| plan.unconsidered = TaskCount::new(3));
    assert!(matches!(found.as_slice(), [Violation { fault: Fault::Unconsidered { .. }, .. }]), "{found:?}");

    let limited = RuleSet { start_limit: TaskCount::new(1), ..rules() };
    let plan = plan(&snapshot(), &limited);
    assert_eq!(audit(&snapshot(), &limited, &plan), []);
    let beyond = audit(&snapshot(), &limited, &decided());
    assert!(beyond.iter().any(|violation| violation.rule == "R9"), "{beyond:?}");
}

/// Changes one statement of a plan; `None` when there is nothing to change in this way.
fn change(plan: &Plan, how: usize, which: Index, other: Index) -> Option<Plan> {
    let mut changed = plan.clone();
    let count = plan.decisions.len();
    if count == 0 {
        changed.more = !changed.more;
        return Some(changed);
    }
    let (one, two) = (which.index(count), other.index(count));
    match how {
        0 => drop(changed.decisions.remove(one)),
        1 => changed.decisions.push(plan.decisions[one].clone()),
        2 => changed.more = !changed.more,
        3 => changed.decisions[one].action = plan.decisions[two].action.clone(),
        4 if plan.nodes.is_empty() => return None,
        4 => drop(changed.nodes.remove(which.index(plan.nodes.len()))),
        5 => changed.derived.get_mut(which.index(plan.derived.len().max(1)))?.links.clear(),
        6 => changed.creates.get_mut(which.index(plan.creates.len().max(1)))?.priority = Priority::new(-77),
        7 => changed.unconsidered = TaskCount::new(plan.unconsidered.get() + 1),
        _ => changed.decisions[one].action = Action::Start(Place::Nowhere),
    }
    (changed != *plan).then_some(changed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_changed_in_a_plan_is_found(
        (snapshot, rules) in (strategies::well_formed(), strategies::rules()),
        changes in proptest::collection::vec((0..9usize, any::<Index>(), any::<Index>()), 8),
    ) {
        let decided = plan(&snapshot, &rules);
        prop_assume!(audit(&snapshot, &rules, &decided).is_empty());
        for (how, which, other) in changes {
            if let Some(changed) = change(&decided, how, which, other) {
                prop_assert!(!audit(&snapshot, &rules, &changed).is_empty(), "{how}: {changed:?}");
            }
        }
    }
}

#[test]
fn r1_to_r11_where_many_meet_in_one_place_plan_model_and_audit_agree() {
    for (name, shape) in MEETINGS {
        let workload = shape(24);
        let planned = workload.plan_as_expected();
        assert_eq!(audit(&workload.snapshot, &workload.rules, &planned), [], "{name}");
        assert_eq!(model::plan(&workload.snapshot, &workload.rules), planned, "{name}");
    }
}

/// What costs the square of a hundred thousand does not end while anybody waits for it.
#[test]
fn r1_to_r11_where_a_hundred_thousand_meet_in_one_place_a_plan_is_made() {
    for (_, shape) in MEETINGS {
        let _as_expected = shape(100_000).plan_as_expected();
    }
}
