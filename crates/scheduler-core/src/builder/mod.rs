//! Snapshots that are pleasant to write by hand: **for tests and first looks, not for a control plane's own rows.**
//!
//! A loop of one's own fills in the fields of the model instead ([`Task::new`]): it has a value for each, and here what it forgot would
//! be made up.
//!
//! Every row is a value made by a free function of this module ([`job`], [`instance`], [`project`], [`graph`], …) and refined by
//! methods; [`SnapshotBuilder::with`] takes them all, and finished rows of the model too. Integers stand for ids, and seconds
//! after [`EPOCH`] for moments.
//!
//! What is not said is chosen so that things work: instances were heard of at `now`, a waiting task was dispatched at `now`, a finished
//! one ended at `now`, and a task was created as many seconds after [`EPOCH`] as its id says, so that ids give the order of R1.
//!
//! The builder checks nothing: it can write every malformed snapshot, because tests need those. Ask
//! [`Snapshot::validate`](crate::Snapshot::validate). It never panics; a moment outside the calendar becomes its nearest end.
//!
//! ```
//! use scheduler_core::builder::{SnapshotBuilder, graph, job, project, workflow_job};
//! use scheduler_core::{EdgeKind, RuleSet, plan};
//!
//! let snapshot = SnapshotBuilder::at(1000)
//!     .instance(1, "node-a", 100)
//!     .instance(2, "node-b", 50)
//!     .group(1, "default", [1, 2])
//!     .with(project(3).update_on_launch(60))
//!     .with(job(17).project(3).impact(5).groups([1]).running_on(1, 1))
//!     .with(job(42).project(3).inventory(5).template(7).impact(5).groups([1]))
//!     .with(workflow_job(50).template(8).running())
//!     .with(graph(50).node(1, job(0).project(3).inventory(5)).node(2, job(0)).edge(1, 2, EdgeKind::Success))
//!     .build();
//! assert_eq!(snapshot.tasks.len(), 3);
//! let decided = plan(&snapshot, &RuleSet::default());
//! ```

mod graph;
mod place;
mod resource;
mod task;

use alloc::vec::Vec;

use chrono::TimeDelta;

use crate::{
    Forks, Graph, GroupId, Instance, InstanceGroup, InstanceId, InventorySource, Project, Sharing, Snapshot,
    Task, Timestamp,
};

pub use graph::{GraphBuilder, NodeBuilder, graph, node, node_without_template};
pub use place::{GroupBuilder, InstanceBuilder, container, control, execution, group, hop, instance};
pub use resource::{ProjectBuilder, SourceBuilder, project, source};
pub use task::{
    AdHocCommand, Approval, InventoryUpdate, Job, ProjectUpdate, SlicedWorkflow, SystemJob, TaskBuilder,
    Workflow, ad_hoc_command, inventory_update, job, project_update, sliced_workflow_job, system_job,
    workflow_approval, workflow_job,
};

/// The moment from which the builder counts seconds: 2020-01-01T00:00:00Z.
pub const EPOCH: Timestamp = match Timestamp::from_timestamp(1_577_836_800, 0) {
    Some(moment) => moment,
    None => Timestamp::UNIX_EPOCH,
};

/// A moment, as seconds after [`EPOCH`] or as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl From<i64> for Moment {
    fn from(seconds: i64) -> Self {
        let end = if seconds < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
        let after = TimeDelta::try_seconds(seconds).and_then(|delta| EPOCH.checked_add_signed(delta));
        Self(after.unwrap_or(end))
    }
}

impl From<Timestamp> for Moment {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

/// So many seconds after [`EPOCH`].
#[must_use]
pub fn moment(seconds: i64) -> Timestamp {
    Moment::from(seconds).0
}

/// A snapshot in the making. See the [module](self).
#[derive(Debug)]
#[must_use]
pub struct SnapshotBuilder {
    snapshot: Snapshot,
    sharing: Sharing,
}

/// What [`SnapshotBuilder::with`] takes: the builders of this module, rows of the model, and arrays and lists of them.
pub trait Row {
    /// Adds it to the snapshot.
    fn add_to(self, builder: &mut SnapshotBuilder);
}

impl SnapshotBuilder {
    /// An empty snapshot of this moment.
    pub fn at(now: impl Into<Moment>) -> Self {
        let snapshot = Snapshot { now: now.into().0, ..Snapshot::default() };
        Self { snapshot, sharing: Sharing::default() }
    }

    /// Adds a row, or several.
    pub fn with(mut self, row: impl Row) -> Self {
        row.add_to(&mut self);
        self
    }

    /// Adds rows of one type.
    pub fn with_all<R: Row>(mut self, rows: impl IntoIterator<Item = R>) -> Self {
        for row in rows {
            row.add_to(&mut self);
        }
        self
    }

    /// Adds a hybrid instance; short for `with(instance(…))`.
    pub fn instance(self, id: impl Into<InstanceId>, hostname: &str, capacity: impl Into<Forks>) -> Self {
        self.with(instance(id, hostname, capacity))
    }

    /// Adds an execution node; short for `with(execution(…))`.
    pub fn execution(self, id: impl Into<InstanceId>, hostname: &str, capacity: impl Into<Forks>) -> Self {
        self.with(execution(id, hostname, capacity))
    }

    /// Adds a control node; short for `with(control(…))`.
    pub fn control(self, id: impl Into<InstanceId>, hostname: &str, capacity: impl Into<Forks>) -> Self {
        self.with(control(id, hostname, capacity))
    }

    /// Adds a hop node; short for `with(hop(…))`.
    pub fn hop(self, id: impl Into<InstanceId>, hostname: &str) -> Self {
        self.with(hop(id, hostname))
    }

    /// Adds a group of instances without limits; short for `with(group(…))`.
    pub fn group<I: Into<InstanceId>>(
        self,
        id: impl Into<GroupId>,
        name: &str,
        members: impl IntoIterator<Item = I>,
    ) -> Self {
        self.with(group(id, name, members))
    }

    /// Adds a container group without limits; short for `with(container(…))`.
    pub fn container(self, id: impl Into<GroupId>, name: &str) -> Self {
        self.with(container(id, name))
    }

    /// The snapshot.
    #[must_use]
    pub fn build(self) -> Snapshot {
        self.snapshot
    }
}

impl Row for Task {
    fn add_to(mut self, builder: &mut SnapshotBuilder) {
        self.name = builder.sharing.name(&self.name);
        self.groups = builder.sharing.groups(&self.groups);
        builder.snapshot.tasks.push(self);
    }
}

macro_rules! rows {
    ($($row:ident in $table:ident $(by $builder:ident)?),+ $(,)?) => {$(
        impl Row for $row {
            fn add_to(self, builder: &mut SnapshotBuilder) {
                builder.snapshot.$table.push(self);
            }
        }

        $(
            impl $builder {
                /// The row.
                #[must_use]
                pub fn build(self) -> $row {
                    self.row
                }
            }

            impl Row for $builder {
                fn add_to(self, builder: &mut SnapshotBuilder) {
                    self.row.add_to(builder);
                }
            }
        )?
    )+};
}

rows! {
    Instance in instances,
    InstanceGroup in groups by GroupBuilder,
    Project in projects by ProjectBuilder,
    InventorySource in inventory_sources by SourceBuilder,
    Graph in graphs by GraphBuilder,
}

impl<R: Row> Row for Vec<R> {
    fn add_to(self, builder: &mut SnapshotBuilder) {
        for row in self {
            row.add_to(builder);
        }
    }
}

impl<R: Row, const N: usize> Row for [R; N] {
    fn add_to(self, builder: &mut SnapshotBuilder) {
        for row in self {
            row.add_to(builder);
        }
    }
}

#[cfg(test)]
mod tests;
