//! R10: every no has a reason, and the reason is true.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scheduler_core::{Lack, Reason, RuleSet, Snapshot, State, Task, TaskCount, plan, strategies};

use crate::cases;
use crate::view::{is_on_lost, row};

/// The cluster with nothing on it but this task.
fn alone(snapshot: &Snapshot, rules: &RuleSet, task: &Task) -> (Snapshot, RuleSet) {
    let mut task = task.clone();
    task.dependencies.clear();
    (task.dependencies_derived, task.cancel_requested, task.state) = (true, false, State::Pending);
    let alone = Snapshot { tasks: vec![task], graphs: Vec::new(), ..snapshot.clone() };
    (alone, RuleSet { start_limit: TaskCount::new(0), reserve_after: None, ..rules.clone() })
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn r10_every_considered_task_gets_exactly_one_decision(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let decided: BTreeSet<_> = plan.decisions.iter().map(|decision| decision.task).collect();
        let unique = plan.decisions.iter().filter(|decision| row(&snapshot, decision.task).is_some());
        prop_assert_eq!(
            unique.count(),
            decided.iter().filter(|id| row(&snapshot, **id).is_some()).count()
        );
        let open = snapshot.tasks.iter().filter(|task| {
            let taken_back = matches!(task.state, State::Waiting(_)) && is_on_lost(&snapshot, &rules, task);
            row(&snapshot, task.id).is_some() && (task.state == State::Pending || taken_back)
        });
        let undecided = open.filter(|task| !decided.contains(&task.id)).count();
        prop_assert!(undecided <= plan.unconsidered.get() as usize, "{} tasks without a decision", undecided);
    }

    #[test]
    fn r10_never_fits_means_not_even_alone_and_no_capacity_means_alone_it_starts(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        for (id, reason) in plan(&snapshot, &rules).holds() {
            let starts_alone = || {
                let (alone, rules) = alone(&snapshot, &rules, row(&snapshot, id).unwrap());
                plan(&alone, &rules).starts().count() == 1
            };
            match reason {
                Reason::NeverFits(shortfalls) => {
                    prop_assert!(shortfalls.iter().all(|shortfall| shortfall.lack.is_permanent()));
                    prop_assert!(!starts_alone(), "{} never fits, but alone it starts", id);
                }
                Reason::NoCapacity(shortfalls) => {
                    prop_assert!(shortfalls.iter().any(|shortfall| !shortfall.lack.is_permanent()));
                    let more = shortfalls.iter().any(|shortfall| {
                        let limited = matches!(
                            shortfall.lack,
                            Lack::TaskLimit { .. } | Lack::ForkLimit { .. } | Lack::Reserved { .. }
                        );
                        limited || !shortfall.lack.is_of_room()
                    });
                    // A group whose limit is reached is not asked further: it may lack more than that. And what is out of use
                    // comes back without anybody's end.
                    prop_assert!(more || starts_alone(), "{} waits for room, but alone it does not start", id);
                }
                _ => {}
            }
        }
    }
}
