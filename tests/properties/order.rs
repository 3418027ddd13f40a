//! R1: the order of rows never matters, and nobody is considered out of turn.

use proptest::prelude::*;
use scheduler_core::{Members, Snapshot, plan, strategies};

use crate::cases;

/// Every table in another order, the lists within rows too where they are sets.
fn rearranged(snapshot: &Snapshot, seed: u64) -> Snapshot {
    fn mix<T>(rows: &mut [T], seed: u64) {
        let mut state = seed | 1;
        for end in (1..rows.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            rows.swap(end, (state >> 33) as usize % (end + 1));
        }
    }
    let mut other = snapshot.clone();
    mix(&mut other.tasks, seed);
    mix(&mut other.projects, seed);
    mix(&mut other.inventory_sources, seed);
    mix(&mut other.instances, seed);
    mix(&mut other.groups, seed);
    mix(&mut other.graphs, seed);
    for task in &mut other.tasks {
        mix(&mut task.dependencies, seed);
    }
    for group in &mut other.groups {
        if let Members::Instances(members) = &mut group.members {
            mix(members, seed);
        }
    }
    for graph in &mut other.graphs {
        mix(&mut graph.nodes, seed);
        mix(&mut graph.edges, seed);
    }
    other
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn r1_the_order_of_rows_never_matters(
        snapshot in strategies::snapshot(), rules in strategies::rules(), seed in any::<u64>(),
    ) {
        prop_assert_eq!(plan(&rearranged(&snapshot, seed), &rules), plan(&snapshot, &rules));
    }

    #[test]
    fn r1_without_dependencies_and_workflows_the_order_is_priority_then_age_then_id(
        mut snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        snapshot.graphs.clear();
        for task in &mut snapshot.tasks {
            task.dependencies.clear();
            task.dependencies_derived = true;
        }
        let plan = plan(&snapshot, &rules);
        let considered = plan
            .decisions
            .iter()
            .filter(|decision| decision.action.start().is_some() || decision.action.hold().is_some())
            .filter_map(|decision| snapshot.tasks.iter().find(|task| task.id == decision.task));
        let order: Vec<_> =
            considered.map(|task| (std::cmp::Reverse(task.priority), task.created, task.id)).collect();
        prop_assert!(order.is_sorted(), "{:?}", order);
    }
}
