//! The pass.

use crate::{Plan, RuleSet, Snapshot};

/// Decides.
#[must_use]
pub fn plan(_snapshot: &Snapshot, _rules: &RuleSet) -> Plan {
    Plan::default()
}
