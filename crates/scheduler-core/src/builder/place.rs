//! Instances and instance groups.

use crate::{Forks, GroupId, Instance, InstanceGroup, InstanceId, Members, NodeType, TaskCount, Timestamp};

use super::{Moment, Row, SnapshotBuilder};

/// An instance in the making: enabled, and heard of at `now`.
#[derive(Clone, Debug)]
#[must_use]
pub struct InstanceBuilder {
    row: Instance,
    heartbeat: Heartbeat,
}

#[derive(Clone, Copy, Debug)]
enum Heartbeat {
    Now,
    At(Timestamp),
    Never,
}

/// A hybrid instance.
pub fn instance(id: impl Into<InstanceId>, hostname: &str, capacity: impl Into<Forks>) -> InstanceBuilder {
    let row = Instance {
        id: id.into(),
        hostname: hostname.into(),
        node_type: NodeType::Hybrid,
        capacity: capacity.into(),
        enabled: true,
        last_heartbeat: None,
    };
    InstanceBuilder { row, heartbeat: Heartbeat::Now }
}

/// An execution node.
pub fn execution(id: impl Into<InstanceId>, hostname: &str, capacity: impl Into<Forks>) -> InstanceBuilder {
    instance(id, hostname, capacity).node_type(NodeType::Execution)
}

/// A control node.
pub fn control(id: impl Into<InstanceId>, hostname: &str, capacity: impl Into<Forks>) -> InstanceBuilder {
    instance(id, hostname, capacity).node_type(NodeType::Control)
}

/// A hop node: no capacity of its own.
pub fn hop(id: impl Into<InstanceId>, hostname: &str) -> InstanceBuilder {
    instance(id, hostname, 0).node_type(NodeType::Hop)
}

impl InstanceBuilder {
    /// Sets what it may do.
    pub fn node_type(mut self, node_type: NodeType) -> Self {
        self.row.node_type = node_type;
        self
    }

    /// Takes it out of use: it gets no new tasks.
    pub fn disabled(mut self) -> Self {
        self.row.enabled = false;
        self
    }

    /// It was last heard of at this moment.
    pub fn heartbeat(mut self, at: impl Into<Moment>) -> Self {
        self.heartbeat = Heartbeat::At(at.into().0);
        self
    }

    /// It was never heard of, and is lost (R8.1).
    pub fn never_heard_of(mut self) -> Self {
        self.heartbeat = Heartbeat::Never;
        self
    }

    /// The row, in a snapshot of this moment.
    #[must_use]
    pub fn build(self, now: Timestamp) -> Instance {
        let last_heartbeat = match self.heartbeat {
            Heartbeat::Now => Some(now),
            Heartbeat::At(moment) => Some(moment),
            Heartbeat::Never => None,
        };
        Instance { last_heartbeat, ..self.row }
    }
}

impl Row for InstanceBuilder {
    fn add_to(self, builder: &mut SnapshotBuilder) {
        self.build(builder.snapshot.now).add_to(builder);
    }
}

/// An instance group in the making: no limits.
#[derive(Clone, Debug)]
#[must_use]
pub struct GroupBuilder {
    pub(super) row: InstanceGroup,
}

/// A group of these instances.
pub fn group<I: Into<InstanceId>>(
    id: impl Into<GroupId>,
    name: &str,
    members: impl IntoIterator<Item = I>,
) -> GroupBuilder {
    let members = Members::Instances(members.into_iter().map(Into::into).collect());
    limitless(id.into(), name, members)
}

/// A container group.
pub fn container(id: impl Into<GroupId>, name: &str) -> GroupBuilder {
    limitless(id.into(), name, Members::Container)
}

fn limitless(id: GroupId, name: &str, members: Members) -> GroupBuilder {
    let row = InstanceGroup {
        id,
        name: name.into(),
        members,
        max_concurrent_jobs: TaskCount::default(),
        max_forks: Forks::ZERO,
    };
    GroupBuilder { row }
}

impl GroupBuilder {
    /// Limits how many tasks hold a place by this group; 0 for no limit.
    pub fn max_concurrent_jobs(mut self, limit: impl Into<TaskCount>) -> Self {
        self.row.max_concurrent_jobs = limit.into();
        self
    }

    /// Limits how many forks they have together; 0 for no limit.
    pub fn max_forks(mut self, limit: impl Into<Forks>) -> Self {
        self.row.max_forks = limit.into();
        self
    }
}
