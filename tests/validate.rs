//! The door and the generators agree about what can be followed.

use proptest::prelude::*;
use scheduler_core::{Action, Malformed, Reason, plan, strategies};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn r11_what_is_well_formed_is_accepted(snapshot in strategies::well_formed()) {
        prop_assert!(snapshot.validate().is_ok(), "{}", snapshot.validate().unwrap_err());
    }

    /// A pending task that the pass calls malformed is an error of the snapshot. Two things only the rule set knows: a want
    /// of default groups, and which waiting tasks are taken back and so judged like pending ones.
    #[test]
    fn r11_what_a_pass_calls_malformed_is_refused(snapshot in strategies::snapshot(), rules in strategies::rules()) {
        let plan = plan(&snapshot, &rules);
        let taken_back =
            plan.decisions.iter().any(|decision| matches!(decision.action, Action::TakeBack(_)));
        prop_assume!(!taken_back);
        let malformed = plan.holds().find(|(_, reason)| match reason {
            Reason::Malformed(malformed) => *malformed != Malformed::NoKnownGroup,
            _ => false,
        });
        prop_assert!(malformed.is_none() || snapshot.validate().is_err(), "accepted: {malformed:?}");
    }
}
