//! What a fuzzer checks of any bytes: that nobody can make the core panic, and that no plan breaks a rule.
//!
//! The bytes are read as the JSON of a snapshot. Both shipped rule sets plan it, valid or not: [`Snapshot::validate`] only
//! reports. The fuzz target in `fuzz/` and an ordinary test call this one function.

use scheduler_core::{RuleSet, Snapshot, audit, plan};

/// How far some bytes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// They are no snapshot.
    Refused,
    /// They are a snapshot that `validate` has something against, and were planned all the same.
    Flawed,
    /// They are a valid snapshot, and were planned.
    Valid,
}

/// JSON → validate → plan → audit, with both rule sets.
///
/// # Panics
///
/// When the audit finds a violation, when the same snapshot gives two plans, or when a plan does not survive JSON: each is a
/// bug of the core.
pub fn fuzz_one(bytes: &[u8]) -> Reach {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(bytes) else {
        return Reach::Refused;
    };
    let valid = snapshot.validate().is_ok();
    for rules in [RuleSet::tower_2018(), RuleSet::awx_2024()] {
        let decided = plan(&snapshot, &rules);
        let violations = audit(&snapshot, &rules, &decided);
        assert!(violations.is_empty(), "{}: {violations:#?}", rules.name);
        assert_eq!(decided, plan(&snapshot, &rules), "{}: two passes differ", rules.name);
        let read_back = serde_json::to_vec(&decided).ok().and_then(|json| serde_json::from_slice(&json).ok());
        assert_eq!(read_back.as_ref(), Some(&decided), "{}: the plan's JSON is another plan", rules.name);
    }
    if valid { Reach::Valid } else { Reach::Flawed }
}
