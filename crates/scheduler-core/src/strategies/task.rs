//! Tasks of every kind, in every state.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use thin_vec::ThinVec;

use super::{Size, id, key, moments, percent};
use crate::{
    Dispatch, Forks, GroupId, InstanceId, LaunchType, Outcome, OwnKey, OwnKeyId, Placement, Priority,
    ProjectUpdateType, State, Task, TaskId, Timestamp, Work, WorkflowOf,
};

/// Some of them need escaping in JSON (R5).
const NAMES: &[&str] = &["deploy", "", "say \"hi\"", "back\\slash", "na\u{ef}ve\nline"];

/// A task with an id, groups, dependencies and a placement out of the given ranges; what they name need not exist.
pub fn task(size: Size) -> impl Strategy<Value = Task> {
    let row = (id(size.tasks), select(NAMES), moments::moment(), priority(), impact());
    let meaning = (work(size), state(size), launch_type(), groups(size), own_keys());
    let ties = (dependencies(size), percent(40), percent(8));
    (row, meaning, ties).prop_map(|(row, meaning, ties)| {
        let (id, name, created, priority, impact) = row;
        let (work, state, launch_type, groups, own_keys) = meaning;
        let (dependencies, dependencies_derived, cancel_requested) = ties;
        Task {
            id,
            name: Arc::from(name),
            created,
            priority,
            impact,
            work,
            state,
            launch_type,
            groups,
            dependencies,
            dependencies_derived,
            cancel_requested,
            own_keys,
        }
    })
}

fn priority() -> impl Strategy<Value = Priority> {
    select(&[0, 0, 0, 1, -1, 7][..]).prop_map(Priority::new)
}

/// What a task costs: mostly one to three forks, sometimes more than most instances have.
pub fn impact() -> impl Strategy<Value = Forks> {
    select(&[1_u32, 1, 1, 2, 2, 3, 4, 6, 9, 50, 0][..]).prop_map(Forks::new)
}

fn groups(size: Size) -> impl Strategy<Value = Arc<[GroupId]>> {
    let named = prop_oneof![
        24 => 1..=i64::from(size.groups.max(1)),
        1 => i64::from(size.groups) + 1..=i64::from(size.groups) + 2,
    ];
    vec(named.prop_map(GroupId::new), 0..=3).prop_map(Arc::from)
}

fn dependencies(size: Size) -> impl Strategy<Value = ThinVec<TaskId>> {
    let count = prop_oneof![
        8 => Just(0_usize),
        3 => Just(1),
        1 => 2..=3_usize,
    ];
    (count, vec(id(size.tasks), 3)).prop_map(|(count, on)| on.into_iter().take(count).collect())
}

fn own_keys() -> impl Strategy<Value = ThinVec<OwnKey>> {
    let own_key = (1..=2_i64)
        .prop_map(|key| OwnKey { resource: Arc::from(super::rules::OWN_RESOURCE), key: OwnKeyId::new(key) });
    option::weighted(0.25, own_key).prop_map(|own_key| own_key.into_iter().collect())
}

/// Any launch type; most are manual.
pub fn launch_type() -> impl Strategy<Value = LaunchType> {
    prop_oneof![
        8 => Just(LaunchType::Manual),
        2 => Just(LaunchType::Dependency),
        1 => Just(LaunchType::Sync),
        1 => select(&[
            LaunchType::Relaunch,
            LaunchType::Callback,
            LaunchType::Scheduled,
            LaunchType::Workflow,
            LaunchType::Scm,
            LaunchType::Webhook,
        ][..]),
    ]
}

/// Work of any kind, with keys out of the given ranges or without.
pub fn work(size: Size) -> impl Strategy<Value = Work> {
    prop_oneof![
        8 => job(size),
        4 => project_update(size),
        4 => inventory_update(size),
        3 => key(size.inventories).prop_map(|inventory| Work::AdHocCommand { inventory }),
        2 => Just(Work::SystemJob {}),
        5 => workflow(size),
        2 => option::weighted(0.7, expiry()).prop_map(|expires| Work::WorkflowApproval { expires }),
    ]
}

fn expiry() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        1 => Just(moments::ago(-30_000)),
        1 => moments::moment(),
    ]
}

fn job(size: Size) -> impl Strategy<Value = Work> {
    let keys = (key(size.projects), key(size.inventories), key(size.templates));
    (keys, percent(40), vec(id(size.sources), 0..=1)).prop_map(
        |((project, inventory, template), allow_simultaneous, updated): (_, _, Vec<_>)| Work::Job {
            project,
            inventory,
            template,
            allow_simultaneous,
            sources_already_updated: updated.into_iter().collect(),
        },
    )
}

fn project_update(size: Size) -> impl Strategy<Value = Work> {
    (key(size.projects), percent(15)).prop_map(|(project, private)| Work::ProjectUpdate {
        project,
        job_type: if private { ProjectUpdateType::Run } else { ProjectUpdateType::Check },
    })
}

fn inventory_update(size: Size) -> impl Strategy<Value = Work> {
    (key(size.sources), key(size.inventories), option::weighted(0.4, id(size.projects))).prop_map(
        |(source, inventory, source_project)| Work::InventoryUpdate { source, inventory, source_project },
    )
}

fn workflow(size: Size) -> impl Strategy<Value = Work> {
    let of = prop_oneof![
        3 => key(size.templates).prop_map(WorkflowOf::Template),
        1 => key(size.templates).prop_map(WorkflowOf::Slices),
    ];
    (of, percent(30)).prop_map(|(of, allow_simultaneous)| Work::WorkflowJob { of, allow_simultaneous })
}

/// Any state; half of the tasks are pending.
pub fn state(size: Size) -> impl Strategy<Value = State> {
    prop_oneof![
        10 => Just(State::Pending),
        4 => placement(size).prop_map(|placement| State::Running(Box::new(placement))),
        3 => dispatch(size).prop_map(|dispatch| State::Waiting(Box::new(dispatch))),
        3 => (outcome(), option::weighted(0.9, moments::moment()))
            .prop_map(|(outcome, at)| State::Finished { outcome, at }),
    ]
}

fn dispatch(size: Size) -> impl Strategy<Value = Dispatch> {
    (id(size.tasks), moments::moment(), placement(size)).prop_map(|(id, since, placement)| Dispatch {
        id,
        since,
        placement,
    })
}

/// A placement out of the given ranges; in some cases on an instance that is gone.
pub fn placement(size: Size) -> impl Strategy<Value = Placement> {
    let instance = || {
        prop_oneof![
            20 => id::<InstanceId>(size.instances),
            1 => Just(InstanceId::new(i64::from(size.instances) + 1)),
        ]
    };
    (
        option::weighted(0.9, id(size.groups)),
        option::weighted(0.9, instance()),
        option::weighted(0.3, instance()),
    )
        .prop_map(|(group, node, controller)| Placement { group, node, controller })
}

/// Any outcome.
pub fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Successful),
        2 => Just(Outcome::Failed),
        1 => Just(Outcome::Error),
        2 => Just(Outcome::Canceled),
    ]
}
