//! Tasks of every kind, in every state.

use alloc::boxed::Box;
use alloc::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use thin_vec::ThinVec;

use super::own::Own;
use super::{Size, id, moments, percent};
use crate::{
    Dispatch, Forks, GroupId, InstanceId, LaunchType, Outcome, Placement, Priority, State, Task, TaskId,
};

/// Some of them need escaping in JSON (R5).
const NAMES: &[&str] = &["deploy", "", "say \"hi\"", "back\\slash", "na\u{ef}ve\nline"];

/// A task with an id, groups, dependencies and a placement out of the given ranges; what they name need not exist.
pub fn task(size: Size) -> impl Strategy<Value = Task> {
    task_with(size, &Own::usual(size))
}

/// A task as [`task()`] makes them, of a kind and with keys for these own resources.
pub(super) fn task_with(size: Size, own: &Own) -> impl Strategy<Value = Task> + use<> {
    let row = (id(size.tasks), select(NAMES), moments::moment(), priority(), impact());
    let meaning = (own.work(), state(size), launch_type(), groups(size), own.keys());
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
