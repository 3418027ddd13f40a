//! Rule sets.

use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Size, id, moments, percent};
use crate::{
    Claim, Claimant, ControlPlane, Forks, GroupId, Matrix, Mode, Resource, RuleSet, Seconds, Simultaneous,
    TaskCount,
};

/// The resource of the user's own for which generated tasks carry keys.
pub(super) const OWN_RESOURCE: &str = "licence";

/// A rule set for a snapshot of the default size.
pub fn rules() -> impl Strategy<Value = RuleSet> {
    rules_of(Size::default())
}

/// A rule set: one of the two presets, with or without a control plane, default groups, a start limit, reservations, and a
/// row of the user's own (jobs need the licence that they carry a key for alone).
pub fn rules_of(size: Size) -> impl Strategy<Value = RuleSet> {
    let table = (any::<bool>(), percent(10), percent(25));
    let cluster = (default_groups(size), option::weighted(0.4, control_plane(size)));
    let graces = (grace(120), grace(60));
    let limits = (start_limit(), option::weighted(0.35, moments::length()));
    (table, cluster, graces, limits).prop_map(|(table, cluster, graces, limits)| {
        let (modern, turned, own) = table;
        let mut rules = if modern { RuleSet::awx_2024() } else { RuleSet::tower_2018() };
        // R3 is a field of its own: it goes with either table.
        rules.chronological ^= turned;
        if own {
            add_own_row(&mut rules);
        }
        (rules.default_groups, rules.control_plane) = cluster;
        (rules.heartbeat_grace, rules.dispatch_grace) = graces;
        (rules.start_limit, rules.reserve_after) = limits;
        rules
    })
}

fn add_own_row(rules: &mut RuleSet) {
    let resource = Resource::Own(Arc::from(OWN_RESOURCE));
    for by in [Claimant::Job, Claimant::WorkflowJob] {
        rules.claims.push(Claim {
            by,
            resource: resource.clone(),
            mode: Mode::Exclusive,
            simultaneous: Simultaneous::As(Mode::Shared),
        });
    }
    rules.matrices.push(Matrix {
        resource,
        forbidden: vec![
            (Mode::Exclusive, Mode::Exclusive),
            (Mode::Exclusive, Mode::Shared),
            (Mode::Shared, Mode::Exclusive),
        ],
    });
}

fn default_groups(size: Size) -> impl Strategy<Value = Vec<GroupId>> {
    prop_oneof![
        8 => vec(id(size.groups), 1..=3),
        1 => Just(Vec::new()),
    ]
}

fn control_plane(size: Size) -> impl Strategy<Value = ControlPlane> {
    (id(size.groups), select(&[1_u32, 1, 2, 0, 4][..]))
        .prop_map(|(group, impact)| ControlPlane { group, impact: Forks::new(impact) })
}

fn grace(usual: u32) -> impl Strategy<Value = Seconds> {
    prop_oneof![
        3 => Just(Seconds::new(usual)),
        1 => moments::length(),
    ]
}

fn start_limit() -> impl Strategy<Value = TaskCount> {
    select(&[0, 0, 0, 0, 1, 2, 3, 5][..]).prop_map(TaskCount::new)
}
