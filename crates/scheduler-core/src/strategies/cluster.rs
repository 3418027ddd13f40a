//! Instances and instance groups.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Size, id, moments, percent};
use crate::{Forks, Instance, InstanceGroup, InstanceId, Members, NodeType, TaskCount, Timestamp};

/// Few names, so that ties are decided by them and by the id alike.
const HOSTNAMES: &[&str] = &["a", "b", "c"];

/// An instance: of any node type, mostly with a fresh heartbeat, sometimes disabled, without capacity, or lost.
pub fn instance(size: Size) -> impl Strategy<Value = Instance> {
    let able = (capacity(), percent(12), heartbeat());
    (id(size.instances), select(HOSTNAMES), node_type(), able).prop_map(
        |(id, hostname, node_type, (capacity, disabled, last_heartbeat))| Instance {
            id,
            hostname: String::from(hostname),
            node_type,
            capacity,
            enabled: !disabled,
            last_heartbeat,
        },
    )
}

fn node_type() -> impl Strategy<Value = NodeType> {
    prop_oneof![
        5 => Just(NodeType::Hybrid),
        3 => Just(NodeType::Execution),
        3 => Just(NodeType::Control),
        1 => Just(NodeType::Hop),
    ]
}

fn capacity() -> impl Strategy<Value = Forks> {
    select(&[5_u32, 6, 1, 2, 3, 4, 8, 12, 30, 0][..]).prop_map(Forks::new)
}

fn heartbeat() -> impl Strategy<Value = Option<Timestamp>> {
    prop_oneof![
        8 => Just(Some(moments::now())),
        3 => option::weighted(0.9, moments::moment()),
    ]
}

/// A group: a set of instances, often shared with other groups and sometimes empty, or a container group; with or
/// without limits.
pub fn group(size: Size) -> impl Strategy<Value = InstanceGroup> {
    (id(size.groups), members(size), limit(&[1, 2, 3]), limit(&[1, 2, 4, 6, 10])).prop_map(
        |(id, members, jobs, forks): (crate::GroupId, _, _, _)| InstanceGroup {
            id,
            name: ["group-", &id.to_string()].concat(),
            members,
            max_concurrent_jobs: TaskCount::new(jobs),
            max_forks: Forks::new(forks),
        },
    )
}

fn members(size: Size) -> impl Strategy<Value = Members> {
    let instances = vec(id::<InstanceId>(size.instances), 0..=4).prop_map(|mut members: Vec<_>| {
        members.sort_unstable();
        members.dedup();
        Members::Instances(members)
    });
    prop_oneof![
        6 => instances,
        1 => Just(Members::Container),
    ]
}

fn limit(limits: &'static [u32]) -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => Just(0),
        1 => select(limits),
    ]
}
