//! R2 and R3: claims and places.

use proptest::prelude::*;
use scheduler_core::{Plan, Reason, RuleSet, Snapshot, Task, plan, strategies};

use crate::cases;
use crate::view::{ancestors, conflict, row, workflows};

/// The rows that start, in the order of the plan.
fn starts<'s>(snapshot: &'s Snapshot, plan: &Plan) -> Vec<&'s Task> {
    plan.starts().filter_map(|(id, _)| row(snapshot, id)).collect()
}

fn is_blocked(reason: &Reason) -> bool {
    match reason {
        Reason::Blocked { .. } => true,
        Reason::Circle { waits, .. } => is_blocked(waits),
        _ => false,
    }
}

/// Whether a workflow above `task` holds a claim that blocks `older`.
fn is_exempt(snapshot: &Snapshot, rules: &RuleSet, task: &Task, older: &Task) -> bool {
    ancestors(&workflows(snapshot), task.id)
        .into_iter()
        .flat_map(|id| snapshot.tasks.iter().filter(move |row| row.id == id))
        .any(|workflow| workflow.state.is_holding() && conflict(older, workflow, rules))
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn r2_no_start_conflicts_with_a_holder_or_an_earlier_start(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let starts = starts(&snapshot, &plan);
        for (position, start) in starts.iter().enumerate() {
            let holders = snapshot.tasks.iter().filter(|task| task.state.is_holding() && task.id != start.id);
            for holder in holders.chain(starts.iter().take(position).copied()) {
                prop_assert!(!conflict(start, holder, &rules), "{} starts beside {}", start.id, holder.id);
            }
        }
    }

    #[test]
    fn r2_a_blocked_task_names_a_conflict_that_there_is(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        for (id, reason) in plan.holds() {
            if let (Some(task), Reason::Blocked { holder, .. }) = (row(&snapshot, id), reason) {
                let starts = plan.starts().any(|(start, _)| start == *holder);
                let conflicts = snapshot
                    .tasks
                    .iter()
                    .any(|row| row.id == *holder && (row.state.is_holding() || starts) && conflict(task, row, &rules));
                prop_assert!(conflicts, "{} is not blocked by {}", id, holder);
            }
        }
    }

    #[test]
    fn r3_no_start_overtakes_a_blocked_task_that_it_would_block(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let mut blocked: Vec<&Task> = Vec::new();
        for decision in &plan.decisions {
            let Some(task) = row(&snapshot, decision.task) else { continue };
            if decision.action.hold().is_some_and(is_blocked) {
                blocked.push(task);
            }
            if decision.action.start().is_some() && rules.chronological {
                for older in &blocked {
                    prop_assert!(
                        !conflict(older, task, &rules) || is_exempt(&snapshot, &rules, task, older),
                        "{} overtakes {}", task.id, older.id
                    );
                }
            }
        }
    }
}
