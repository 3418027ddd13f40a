//! R11: what may be left out of a plan, and out of a snapshot.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use scheduler_core::{
    Action, CreateId, Decision, Kind, Members, Place, Plan, Reason, RuleSet, Snapshot, State, Task, TaskId,
    TaskRef, Then, Work, plan, strategies,
};

use crate::capacity::excess;
use crate::cases;
use crate::total::{is_referred_to, without};
use crate::view::{conflict, row};

/// What is wrong with these starts, made one after the other while nothing else in the snapshot changes.
fn flaw(snapshot: &Snapshot, rules: &RuleSet, starts: &[(TaskId, Place)]) -> Option<String> {
    let tasks: Vec<&Task> = starts.iter().filter_map(|(id, _)| row(snapshot, *id)).collect();
    for (position, task) in tasks.iter().enumerate() {
        let holding = snapshot.tasks.iter().filter(|row| row.state.is_holding() && row.id != task.id);
        let mut holders = holding.chain(tasks.iter().take(position).copied());
        if let Some(holder) = holders.find(|holder| conflict(task, holder, rules)) {
            return Some(format!("task {} conflicts with {}", task.id, holder.id));
        }
        if let Some(on) = tasks.iter().find(|on| task.dependencies.contains(&on.id)) {
            return Some(format!("task {} depends on {}, which starts too", task.id, on.id));
        }
    }
    excess(snapshot, rules, starts)
}

/// The reason, told apart from whether it closes a circle.
fn plain(reason: &Reason) -> &Reason {
    match reason {
        Reason::Circle { waits, .. } => plain(waits),
        reason => reason,
    }
}

/// Somewhere that a task may name: the first member of the first of its groups that is there.
fn somewhere(snapshot: &Snapshot, rules: &RuleSet, task: &Task) -> Option<Place> {
    let named = if task.groups.is_empty() { &rules.default_groups[..] } else { &task.groups[..] };
    let group = named.iter().find_map(|id| snapshot.groups.iter().find(|group| group.id == *id))?;
    match &group.members {
        Members::Container => Some(Place::Container { group: group.id, controller: None }),
        Members::Instances(nodes) => {
            Some(Place::Instance { group: group.id, node: *nodes.first()?, controller: None })
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    /// A store leaves out the starts whose rows changed meanwhile; whatever it leaves out, the others conflict with nothing
    /// and find room, though nothing that the plan ends or takes back has let go of what it holds.
    #[test]
    fn r11_every_subset_of_starts_is_safe(
        snapshot in strategies::snapshot(), rules in strategies::rules(), subset in any::<u64>(),
    ) {
        let whole = plan(&snapshot, &rules);
        let starts = whole.starts().enumerate().filter(|(position, _)| subset >> (position % 64) & 1 == 1);
        let starts: Vec<_> = starts.map(|(_, (id, place))| (id, *place)).collect();
        prop_assert_eq!(flaw(&snapshot, &rules, &starts), None);
    }
}

/// The check above can fail: with one start more, of a task that the plan holds for its claims or for want of room, it does.
#[test]
fn r11_one_start_too_many_is_not_safe() {
    let found = Cell::new(0_u32);
    let drawn = (strategies::well_formed(), strategies::rules());
    let result = TestRunner::new(cases(192)).run(&drawn, |(snapshot, mut rules)| {
        (rules.control_plane, rules.reserve_after) = (None, None);
        let whole = plan(&snapshot, &rules);
        for (id, reason) in whole.holds() {
            let task = row(&snapshot, id).expect("ids are unique");
            let place = match plain(reason) {
                Reason::Blocked { .. } => Place::Nowhere,
                Reason::NoCapacity(_) => match somewhere(&snapshot, &rules, task) {
                    Some(place) => place,
                    None => continue,
                },
                _ => continue,
            };
            // Those that were started before it, and it.
            let before = whole.decisions.iter().take_while(|decision| decision.task != id);
            let starts = before.filter_map(|decision| Some((decision.task, *decision.action.start()?)));
            let starts: Vec<_> = starts.chain([(id, place)]).collect();
            prop_assert!(flaw(&snapshot, &rules, &starts).is_some(), "{} may start: {:?}", id, reason);
            found.set(found.get() + 1);
        }
        Ok(())
    });
    assert_eq!(result, Ok(()));
    assert!(found.get() > 48, "only {} starts too many were tried", found.get());
}

/// Whether nothing before a pending task hangs on it: nobody refers to it, and it lends its place to nobody.
fn hangs_alone(snapshot: &Snapshot, rules: &RuleSet, whole: &Plan, task: &Task) -> bool {
    let mut links =
        whole.derived.iter().filter(|derived| derived.task == task.id).flat_map(|derived| &derived.links);
    let lends = !task.dependencies.is_empty() || links.any(|link| link.task().is_some());
    // Whom a running workflow blocks lends its priority to that workflow's jobs (R1).
    let workflows =
        snapshot.tasks.iter().filter(|row| row.kind() == Kind::WorkflowJob && row.state.is_holding());
    let lends_priority = workflows.into_iter().any(|workflow| conflict(task, workflow, rules));
    let is_above = snapshot.graphs.iter().any(|graph| graph.workflow == task.id);
    task.state == State::Pending
        && !(lends || lends_priority || is_above || is_referred_to(snapshot, whole, task.id))
}

/// A decision without the circle that it closes, which may go by way of later tasks, and with what it waits for of the tasks
/// that the plan creates instead of that task's number, which counts those of later tasks too.
fn local(plan: &Plan, decision: &Decision) -> (Decision, Option<Work>) {
    let mut decision = decision.clone();
    let held = match &mut decision.action {
        Action::Hold(reason) => Some(reason),
        Action::TakeBack(back) => match &mut back.then {
            Then::Hold(reason) => Some(reason),
            _ => None,
        },
        _ => None,
    };
    let mut awaited = None;
    if let Some(reason) = held {
        *reason = plain(reason).clone();
        if let Reason::Dependency { on: TaskRef::New { id, .. } } = reason {
            awaited = plan.creates.get(id.position()).map(|create| create.work.clone());
            *id = CreateId::new(0);
        }
    }
    (decision, awaited)
}

#[test]
fn r11_removing_a_later_task_changes_no_earlier_decision() {
    let (considered, compared) = (Cell::new(0_u32), Cell::new(0_u32));
    let drawn = (strategies::well_formed(), strategies::rules());
    let result = TestRunner::new(cases(192)).run(&drawn, |(snapshot, rules)| {
        let whole = plan(&snapshot, &rules);
        for (at, decision) in whole.decisions.iter().enumerate() {
            if decision.action.start().is_none() && decision.action.hold().is_none() {
                continue;
            }
            considered.set(considered.get() + 1);
            let task = row(&snapshot, decision.task).expect("ids are unique");
            if !hangs_alone(&snapshot, &rules, &whole, task) {
                continue;
            }
            compared.set(compared.get() + 1);
            let rest = plan(&without(&snapshot, task.id), &rules);
            let earlier = |plan: &Plan| -> Vec<(Decision, Option<Work>)> {
                plan.decisions.iter().take(at).map(|decision| local(plan, decision)).collect()
            };
            prop_assert_eq!(earlier(&whole), earlier(&rest), "without {}", task.id);
            prop_assert_eq!(&whole.nodes, &rest.nodes, "without {}", task.id);
        }
        Ok(())
    });
    assert_eq!(result, Ok(()));
    let (considered, compared) = (considered.get(), compared.get());
    assert!(compared * 3 > considered, "only {compared} of {considered} tasks could be left out");
}
