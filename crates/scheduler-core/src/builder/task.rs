//! Tasks of the seven kinds. A builder knows its kind, so that only a job can be given a template.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::marker::PhantomData;

use thin_vec::ThinVec;

use crate::{
    Dispatch, DispatchId, Forks, GroupId, InstanceId, InventoryId, InventorySourceId, JobTemplateId,
    LaunchType, Mode, Outcome, OwnKey, OwnKeyId, Placement, Priority, ProjectId, ProjectUpdateType, State,
    Task, TaskId, Timestamp, Work, WorkflowOf, WorkflowTemplateId,
};

use super::{Moment, Row, SnapshotBuilder, moment};

/// A task in the making: pending, launched by hand, of priority 0, in the rule set's default groups. `K` is its kind.
#[derive(Clone, Debug)]
#[must_use]
pub struct TaskBuilder<K> {
    task: Task,
    /// The moment in its state was not said: it is that of the snapshot.
    state_at_now: bool,
    kind: PhantomData<K>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
    )*};
}

kinds! {
    /// Marks the builder of a job.
    Job
    /// Marks the builder of a project update.
    ProjectUpdate
    /// Marks the builder of an inventory update.
    InventoryUpdate
    /// Marks the builder of an ad hoc command.
    AdHocCommand
    /// Marks the builder of a system job.
    SystemJob
    /// Marks the builder of a workflow job of a workflow template.
    Workflow
    /// Marks the builder of a workflow job of a job template cut into slices.
    SlicedWorkflow
    /// Marks the builder of a workflow approval.
    Approval
}

fn pending<K>(id: impl Into<TaskId>, work: Work) -> TaskBuilder<K> {
    let id = id.into();
    TaskBuilder { task: Task::new(id, moment(id.get()), work), state_at_now: false, kind: PhantomData }
}

/// A job of impact 1 that uses nothing.
pub fn job(id: impl Into<TaskId>) -> TaskBuilder<Job> {
    let work = Work::Job {
        project: None,
        inventory: None,
        template: None,
        allow_simultaneous: false,
        sources_already_updated: ThinVec::new(),
    };
    pending(id, work)
}

/// A project update of no project.
pub fn project_update(id: impl Into<TaskId>) -> TaskBuilder<ProjectUpdate> {
    let work = Work::ProjectUpdate { project: None, job_type: ProjectUpdateType::Check };
    pending(id, work)
}

/// An inventory update of no source.
pub fn inventory_update(id: impl Into<TaskId>) -> TaskBuilder<InventoryUpdate> {
    let work = Work::InventoryUpdate { source: None, inventory: None, source_project: None };
    pending(id, work)
}

/// An ad hoc command of impact 1 on no inventory.
pub fn ad_hoc_command(id: impl Into<TaskId>) -> TaskBuilder<AdHocCommand> {
    pending(id, Work::AdHocCommand { inventory: None })
}

/// A system job.
pub fn system_job(id: impl Into<TaskId>) -> TaskBuilder<SystemJob> {
    pending(id, Work::SystemJob {})
}

/// A workflow job of no template.
pub fn workflow_job(id: impl Into<TaskId>) -> TaskBuilder<Workflow> {
    let work = Work::WorkflowJob { of: WorkflowOf::Template(None), allow_simultaneous: false };
    pending(id, work)
}

/// A workflow job of the slices of no job template.
pub fn sliced_workflow_job(id: impl Into<TaskId>) -> TaskBuilder<SlicedWorkflow> {
    let work = Work::WorkflowJob { of: WorkflowOf::Slices(None), allow_simultaneous: false };
    pending(id, work)
}

/// A workflow approval that does not expire.
pub fn workflow_approval(id: impl Into<TaskId>) -> TaskBuilder<Approval> {
    pending(id, Work::WorkflowApproval { expires: None })
}

/// What a kind uses, by the fields of its work.
macro_rules! keys {
    ($($builder:ident of $work:ident: { $($(#[$doc:meta])* $field:ident: $id:ty)* })*) => {$(
        impl TaskBuilder<$builder> {$(
            $(#[$doc])*
            pub fn $field(mut self, id: impl Into<$id>) -> Self {
                if let Work::$work { $field, .. } = &mut self.task.work {
                    *$field = Some(id.into());
                }
                self
            }
        )*}
    )*};
}

keys! {
    Job of Job: {
        /// The project it uses.
        project: ProjectId
        /// The inventory it uses.
        inventory: InventoryId
        /// The template it was launched from.
        template: JobTemplateId
    }
    ProjectUpdate of ProjectUpdate: {
        /// The project it refreshes.
        project: ProjectId
    }
    InventoryUpdate of InventoryUpdate: {
        /// The source it refreshes.
        source: InventorySourceId
        /// The inventory that the source belongs to.
        inventory: InventoryId
        /// The project that the source reads from.
        source_project: ProjectId
    }
    AdHocCommand of AdHocCommand: {
        /// The inventory it runs on.
        inventory: InventoryId
    }
}

impl TaskBuilder<Job> {
    /// Its launch says that these sources were already updated (R4.1).
    pub fn sources_already_updated<I: Into<InventorySourceId>>(
        mut self,
        sources: impl IntoIterator<Item = I>,
    ) -> Self {
        if let Work::Job { sources_already_updated, .. } = &mut self.task.work {
            sources_already_updated.extend(sources.into_iter().map(Into::into));
        }
        self
    }
}

impl TaskBuilder<ProjectUpdate> {
    /// It is of job type `run`: a job's private copy.
    pub fn run_type(mut self) -> Self {
        if let Work::ProjectUpdate { job_type, .. } = &mut self.task.work {
            *job_type = ProjectUpdateType::Run;
        }
        self
    }
}

impl TaskBuilder<Workflow> {
    /// The workflow template it was launched from.
    pub fn template(mut self, id: impl Into<WorkflowTemplateId>) -> Self {
        if let Work::WorkflowJob { of, .. } = &mut self.task.work {
            *of = WorkflowOf::Template(Some(id.into()));
        }
        self
    }
}

impl TaskBuilder<SlicedWorkflow> {
    /// The job template whose job was cut into slices.
    pub fn template(mut self, id: impl Into<JobTemplateId>) -> Self {
        if let Work::WorkflowJob { of, .. } = &mut self.task.work {
            *of = WorkflowOf::Slices(Some(id.into()));
        }
        self
    }
}

macro_rules! simultaneous {
    ($($builder:ident of $work:ident)*) => {$(
        impl TaskBuilder<$builder> {
            /// Several of its template may run at once.
            pub fn allow_simultaneous(mut self) -> Self {
                if let Work::$work { allow_simultaneous, .. } = &mut self.task.work {
                    *allow_simultaneous = true;
                }
                self
            }
        }
    )*};
}

simultaneous!(Job of Job Workflow of WorkflowJob SlicedWorkflow of WorkflowJob);

impl TaskBuilder<Approval> {
    /// When it fails by itself (R7.6).
    pub fn expires(mut self, at: impl Into<Moment>) -> Self {
        self.task.work = Work::WorkflowApproval { expires: Some(at.into().0) };
        self
    }
}

impl<K> TaskBuilder<K> {
    /// What people call it.
    pub fn name(mut self, name: &str) -> Self {
        self.task.name = Arc::from(name);
        self
    }

    /// When it was launched.
    pub fn created(mut self, at: impl Into<Moment>) -> Self {
        self.task.created = at.into().0;
        self
    }

    /// The first criterion of R1.
    pub fn priority(mut self, priority: impl Into<Priority>) -> Self {
        self.task.priority = priority.into();
        self
    }

    /// What it costs, in forks.
    pub fn impact(mut self, forks: impl Into<Forks>) -> Self {
        self.task.impact = forks.into();
        self
    }

    /// Why it was launched.
    pub fn launch_type(mut self, launch_type: LaunchType) -> Self {
        self.task.launch_type = launch_type;
        self
    }

    /// The groups it may run in, in order of preference.
    pub fn groups<I: Into<GroupId>>(mut self, groups: impl IntoIterator<Item = I>) -> Self {
        self.task.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Adds tasks that must be successful before it may start.
    pub fn depends_on<I: Into<TaskId>>(mut self, tasks: impl IntoIterator<Item = I>) -> Self {
        self.task.dependencies.extend(tasks.into_iter().map(Into::into));
        self
    }

    /// Its update-on-launch dependencies were derived in an earlier pass (R4).
    pub fn dependencies_derived(mut self) -> Self {
        self.task.dependencies_derived = true;
        self
    }

    /// Somebody asked to cancel it (R8.3).
    pub fn cancel_requested(mut self) -> Self {
        self.task.cancel_requested = true;
        self
    }

    /// Adds a key of a resource of a user's own rule.
    pub fn own_key(mut self, resource: &str, key: impl Into<OwnKeyId>) -> Self {
        self.task.own_keys.push(OwnKey::new(resource, key));
        self
    }

    /// Adds a key of a resource of a user's own rule, claimed in this mode instead of the row's.
    pub fn own_key_in(mut self, mode: Mode, resource: &str, key: impl Into<OwnKeyId>) -> Self {
        self.task.own_keys.push(OwnKey::new(resource, key).in_mode(mode));
        self
    }

    /// It runs on this instance, by this group.
    pub fn running_on(self, group: impl Into<GroupId>, node: impl Into<InstanceId>) -> Self {
        self.running_at(Placement { group: Some(group.into()), node: Some(node.into()), controller: None })
    }

    /// It runs in this container group.
    pub fn running_in(self, group: impl Into<GroupId>) -> Self {
        self.running_at(Placement { group: Some(group.into()), ..Placement::default() })
    }

    /// It runs nowhere, as workflow jobs and approvals do.
    pub fn running(self) -> Self {
        self.running_at(Placement::default())
    }

    /// It runs at this place.
    pub fn running_at(self, placement: Placement) -> Self {
        self.state(State::Running(Box::new(placement)))
    }

    /// It waits on this instance, by this group; its dispatch has the number of the task and was written at `now`.
    pub fn waiting_on(self, group: impl Into<GroupId>, node: impl Into<InstanceId>) -> Self {
        self.waiting_at(Placement { group: Some(group.into()), node: Some(node.into()), controller: None })
    }

    /// It waits in this container group; its dispatch has the number of the task and was written at `now`.
    pub fn waiting_in(self, group: impl Into<GroupId>) -> Self {
        self.waiting_at(Placement { group: Some(group.into()), ..Placement::default() })
    }

    /// It waits at this place; its dispatch has the number of the task and was written at `now`.
    pub fn waiting_at(self, placement: Placement) -> Self {
        let id = DispatchId::new(self.task.id.get());
        let mut waiting =
            self.state(State::Waiting(Box::new(Dispatch { id, since: super::EPOCH, placement })));
        waiting.state_at_now = true;
        waiting
    }

    /// The dispatch that a waiting task waits for, and when that was written. No other task has one.
    pub fn dispatched(mut self, id: impl Into<DispatchId>, since: impl Into<Moment>) -> Self {
        if let State::Waiting(dispatch) = &mut self.task.state {
            dispatch.id = id.into();
            dispatch.since = since.into().0;
            self.state_at_now = false;
        }
        self
    }

    /// The instance that controls a waiting or running task. No other task has one.
    pub fn controlled_by(mut self, controller: impl Into<InstanceId>) -> Self {
        match &mut self.task.state {
            State::Waiting(dispatch) => dispatch.placement.controller = Some(controller.into()),
            State::Running(placement) => placement.controller = Some(controller.into()),
            State::Pending | State::Finished { .. } => {}
        }
        self
    }

    /// It ended so, at `now`.
    pub fn finished(self, outcome: Outcome) -> Self {
        let mut finished = self.state(State::Finished { outcome, at: None });
        finished.state_at_now = true;
        finished
    }

    /// It ended so, at this moment.
    pub fn finished_at(self, outcome: Outcome, at: impl Into<Moment>) -> Self {
        self.state(State::Finished { outcome, at: Some(at.into().0) })
    }

    /// It has come so far.
    pub fn state(mut self, state: State) -> Self {
        self.task.state = state;
        self.state_at_now = false;
        self
    }

    /// The row, in a snapshot of this moment.
    #[must_use]
    pub fn build(mut self, now: Timestamp) -> Task {
        if self.state_at_now {
            match &mut self.task.state {
                State::Waiting(dispatch) => dispatch.since = now,
                State::Finished { at, .. } => *at = Some(now),
                State::Pending | State::Running(_) => {}
            }
        }
        self.task
    }
}

/// What it is, without the rest of the row: for the node of a graph.
impl<K> From<TaskBuilder<K>> for Work {
    fn from(builder: TaskBuilder<K>) -> Self {
        builder.task.work
    }
}

impl<K> Row for TaskBuilder<K> {
    fn add_to(self, builder: &mut SnapshotBuilder) {
        self.build(builder.snapshot.now).add_to(builder);
    }
}
