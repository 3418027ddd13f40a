//! R9: limits, and passes that follow one another.

use proptest::prelude::*;
use scheduler_core::{TaskCount, plan, strategies};

use crate::apply::apply;
use crate::cases;

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn r9_a_pass_starts_no_more_than_its_limit(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let (starts, limit) = (plan.starts().count(), rules.start_limit.get() as usize);
        prop_assert!(limit == 0 || starts <= limit);
        prop_assert!(plan.unconsidered == TaskCount::new(0) || (starts == limit && plan.more));
        prop_assert!(plan.creates.is_empty() || plan.more);
    }

    #[test]
    fn r9_without_more_the_next_pass_changes_nothing(
        snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        let first = plan(&snapshot, &rules);
        if !first.more {
            let next = plan(&apply(&snapshot, &first).expect("a plan fits its snapshot"), &rules);
            prop_assert!(next.is_idle() && !next.more, "first {:#?}\nnext {:#?}", first, next);
        }
    }

    #[test]
    fn r9_passes_come_to_rest_when_nothing_else_happens(
        mut snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        for _ in 0..60 {
            let plan = plan(&snapshot, &rules);
            if plan.is_idle() {
                prop_assert!(!plan.more);
                return Ok(());
            }
            snapshot = apply(&snapshot, &plan).expect("a plan fits its snapshot");
        }
        prop_assert!(false, "still busy after 60 passes");
    }
}
