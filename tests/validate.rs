//! The door and the generators agree about what can be followed.

use proptest::prelude::*;
use scheduler_core::{Malformed, Reason, plan, strategies};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn r11_what_is_well_formed_is_accepted(snapshot in strategies::well_formed()) {
        prop_assert!(snapshot.validate().is_ok(), "{}", snapshot.validate().unwrap_err());
    }

    /// A task that the pass calls malformed is an error of the snapshot, a want of default groups aside: those are the
    /// rule set's.
    #[test]
    fn r11_what_a_pass_calls_malformed_is_refused(snapshot in strategies::snapshot(), rules in strategies::rules()) {
        let plan = plan(&snapshot, &rules);
        let malformed = plan.holds().find(|(_, reason)| match reason {
            Reason::Malformed(malformed) => *malformed != Malformed::NoKnownGroup,
            _ => false,
        });
        prop_assert!(malformed.is_none() || snapshot.validate().is_err(), "accepted: {malformed:?}");
    }
}
