//! Keys for a user's own resources, and tasks of the kinds that claim these.

use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use thin_vec::ThinVec;

use super::Size;
use super::rules::OWN_RESOURCE;
use super::work::{work, work_of};
use crate::{Claimant, Mode, OwnKey, Resource, RuleSet, Work};

/// What generated tasks have to do with own resources.
pub(super) struct Own {
    work: BoxedStrategy<Work>,
    keys: BoxedStrategy<ThinVec<OwnKey>>,
}

impl Own {
    /// Tasks of every kind, some of them with keys for the resource of [`super::rules`].
    pub(super) fn usual(size: Size) -> Self {
        let modes = [Mode::Exclusive, Mode::Shared].into();
        let keys = option::weighted(0.25, keys([(Arc::from(OWN_RESOURCE), modes)].into(), 1..=2));
        Self { work: work(size).boxed(), keys: keys.prop_map(Option::unwrap_or_default).boxed() }
    }

    /// Most tasks of a kind that claims own resources of these rules, with keys for them in the modes that the matrices name.
    pub(super) fn of(rules: &RuleSet, size: Size) -> Self {
        let own = rules.claims.iter().filter(|claim| matches!(claim.resource, Resource::Own(_)));
        let claimants: Vec<Claimant> = own.map(|claim| claim.by).collect();
        let mut resources: Vec<(Arc<str>, Vec<Mode>)> = Vec::new();
        for claim in &rules.claims {
            if let Resource::Own(name) = &claim.resource
                && !resources.iter().any(|(known, _)| known == name)
            {
                let cells = rules.matrix(&claim.resource).into_iter().flat_map(|matrix| &matrix.forbidden);
                let mut modes: Vec<Mode> = cells.flat_map(|&(pending, held)| [pending, held]).collect();
                modes.sort_unstable();
                modes.dedup();
                resources.push((Arc::clone(name), modes));
            }
        }
        if resources.is_empty() {
            return Self { work: work(size).boxed(), keys: Just(ThinVec::new()).boxed() };
        }
        let claiming = select(claimants).prop_flat_map(move |by| work_of(by, size));
        Self {
            work: prop_oneof![6 => claiming, 1 => work(size)].boxed(),
            keys: option::weighted(0.9, keys(resources, 1..=2)).prop_map(Option::unwrap_or_default).boxed(),
        }
    }

    pub(super) fn work(&self) -> BoxedStrategy<Work> {
        self.work.clone()
    }

    pub(super) fn keys(&self) -> BoxedStrategy<ThinVec<OwnKey>> {
        self.keys.clone()
    }
}

/// So many keys, few of which have a mode of their own.
fn keys(
    resources: Vec<(Arc<str>, Vec<Mode>)>,
    count: core::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = ThinVec<OwnKey>> {
    let key = select(resources).prop_flat_map(|(resource, modes)| {
        let mode =
            if modes.is_empty() { Just(None).boxed() } else { option::weighted(0.2, select(modes)).boxed() };
        (1..=2_i64, mode)
            .prop_map(move |(key, mode)| OwnKey { mode, ..OwnKey::new(Arc::clone(&resource), key) })
    });
    vec(key, count).prop_map(|keys| keys.into_iter().collect())
}
