//! R11: total, deterministic, contained.

use proptest::prelude::*;
use scheduler_core::{
    Decision, Malformed, Plan, Reason, Snapshot, State, TaskCount, TaskId, audit, plan, strategies,
};

use crate::cases;
use crate::view::{row, workflows};

/// Whether anything in the snapshot or the plan refers to a task.
pub(crate) fn is_referred_to(snapshot: &Snapshot, plan: &Plan, id: TaskId) -> bool {
    let by_task = snapshot.tasks.iter().any(|task| task.id != id && task.dependencies.contains(&id));
    let derived = plan.derived.iter().flat_map(|derived| &derived.links);
    // A new inventory update may rely on an update of its project that is there already (R4.4).
    let created = plan.creates.iter().flat_map(|create| &create.dependencies);
    let by_link = derived.chain(created).any(|link| link.task() == Some(id));
    by_task || by_link || workflows(snapshot).contains_key(&id)
}

pub(crate) fn without(snapshot: &Snapshot, id: TaskId) -> Snapshot {
    let mut rest = snapshot.clone();
    rest.tasks.retain(|task| task.id != id);
    rest
}

fn decisions_but(plan: &Plan, id: TaskId) -> Vec<&Decision> {
    plan.decisions.iter().filter(|decision| decision.task != id).collect()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn r11_a_pass_is_total_and_deterministic(
        snapshot in strategies::malformed(), rules in strategies::rules(),
    ) {
        prop_assert_eq!(plan(&snapshot, &rules), plan(&snapshot.clone(), &rules.clone()));
    }

    #[test]
    fn r11_an_audit_finds_nothing_in_a_plan(snapshot in strategies::snapshot(), rules in strategies::rules()) {
        let violations = audit(&snapshot, &rules, &plan(&snapshot, &rules));
        prop_assert!(violations.is_empty(), "{:#?}", violations);
    }

    #[test]
    fn r11_an_audit_finds_nothing_in_a_plan_over_malformed_rows(
        snapshot in strategies::malformed(), rules in strategies::rules(),
    ) {
        let violations = audit(&snapshot, &rules, &plan(&snapshot, &rules));
        prop_assert!(violations.is_empty(), "{:#?}", violations);
    }

    #[test]
    fn r11_the_fallible_door_lets_well_formed_snapshots_in(snapshot in strategies::well_formed()) {
        prop_assert!(snapshot.validate().is_ok(), "{:#?}", snapshot.validate());
    }

    #[test]
    fn r11_a_malformed_task_changes_no_other_decision(
        snapshot in strategies::malformed(), mut rules in strategies::rules(),
    ) {
        rules.start_limit = TaskCount::new(0);
        let whole = plan(&snapshot, &rules);
        let flawed = |reason: &Reason| {
            matches!(reason, Reason::Malformed(Malformed::MissingDependency { .. } | Malformed::NoKnownGroup))
        };
        for (id, _) in whole.holds().filter(|(_, reason)| flawed(reason)) {
            if !is_referred_to(&snapshot, &whole, id) && row(&snapshot, id).is_some_and(|task| task.state == State::Pending) {
                let rest = plan(&without(&snapshot, id), &rules);
                prop_assert_eq!(decisions_but(&whole, id), decisions_but(&rest, id), "without {}", id);
            }
        }
    }
}
