//! Ties rows that were generated apart into one coherent snapshot.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Size, moments};
use crate::{
    Graph, GroupId, Instance, InstanceGroup, InstanceId, InventorySource, Kind, LastUpdate, LaunchType,
    Members, Node, Outcome, Placement, Progress, Project, ProjectUpdateType, Snapshot, SnapshotVersion,
    State, Task, TaskId, Work,
};

/// How much care is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// What the rules answer for is left in, such as groups that are not known.
    Loose,
    /// Everything is as a sound store would write it.
    Strict,
}

/// Rows generated apart. The order of the tasks is one that dependencies and nesting never run against.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) size: Size,
    pub(super) tasks: Vec<Task>,
    pub(super) ids: Vec<i64>,
    pub(super) projects: Vec<Project>,
    pub(super) sources: Vec<InventorySource>,
    pub(super) instances: Vec<Instance>,
    pub(super) groups: Vec<InstanceGroup>,
    pub(super) graphs: Vec<Graph>,
}

/// Ids from here on belong to tasks that the snapshot does not hold.
const FINISHED_UPDATES: i64 = 1_000;
const ENDED_JOBS: i64 = 2_000;

impl Parts {
    pub(super) fn tie(mut self, care: Care) -> Snapshot {
        self.number();
        self.tie_groups();
        for task in &mut self.tasks {
            tie_placement(task, self.size, &self.instances, &self.groups, care);
            tie_source(task, &self.sources);
            task.groups = tied_groups(&task.groups, self.size, &self.groups, care);
        }
        self.tie_dependencies();
        self.tie_last_updates(care);
        let graphs = self.tie_graphs();
        Snapshot {
            version: SnapshotVersion,
            now: moments::now(),
            tasks: self.tasks,
            projects: self.projects,
            inventory_sources: self.sources,
            instances: self.instances,
            groups: self.groups,
            graphs,
        }
    }

    fn number(&mut self) {
        for (task, id) in self.tasks.iter_mut().zip(&self.ids) {
            task.id = TaskId::new(*id);
        }
        for (project, id) in self.projects.iter_mut().zip(1..) {
            project.id = id.into();
        }
        for (source, id) in self.sources.iter_mut().zip(1..) {
            source.id = id.into();
        }
        for (instance, id) in self.instances.iter_mut().zip(1..) {
            instance.id = id.into();
        }
        for (group, id) in self.groups.iter_mut().zip(1..) {
            group.id = id.into();
        }
    }

    /// Members are instances that there are.
    fn tie_groups(&mut self) {
        for group in &mut self.groups {
            if let Members::Instances(members) = &mut group.members {
                let there = |id: &InstanceId| Some(pick(&self.instances, id.get())?.id);
                *members = members.iter().filter_map(there).collect();
                members.sort_unstable();
                members.dedup();
            }
        }
    }

    /// A dependency is on an earlier row.
    fn tie_dependencies(&mut self) {
        let ids: Vec<_> = self.tasks.iter().map(|task| task.id).collect();
        for (position, task) in self.tasks.iter_mut().enumerate() {
            let earlier = ids.get(..position).unwrap_or_default();
            let mut tied: Vec<_> =
                task.dependencies.iter().filter_map(|on| pick(earlier, on.get())).copied().collect();
            tied.sort_unstable();
            tied.dedup();
            task.dependencies = tied.into_iter().collect();
        }
    }

    /// A last update is a finished row of an update of the same thing, or a task that the snapshot does not hold.
    fn tie_last_updates(&mut self, care: Care) {
        for project in &mut self.projects {
            let id = project.id;
            let is_of = |task: &Task| match task.work {
                Work::ProjectUpdate { project, job_type: ProjectUpdateType::Check } => project == Some(id),
                _ => false,
            };
            tie_last_update(&mut project.last_update, &self.tasks, is_of, care);
        }
        for update_of in &mut self.sources {
            let id = update_of.id;
            let is_of =
                |task: &Task| matches!(task.work, Work::InventoryUpdate { source, .. } if source == Some(id));
            tie_last_update(&mut update_of.last_update, &self.tasks, is_of, care);
        }
    }

    /// Every running workflow job gets a graph, whose nodes' jobs are later rows that no other node has.
    fn tie_graphs(&mut self) -> Vec<Graph> {
        let running: Vec<_> = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| task.kind() == Kind::WorkflowJob && matches!(task.state, State::Running(_)))
            .map(|(position, task)| (position, task.id))
            .collect();
        let mut taken = BTreeSet::new();
        let shapes: Vec<_> = self.graphs.drain(..).collect();
        running
            .into_iter()
            .zip(shapes.into_iter().cycle())
            .map(|((position, workflow), mut graph)| {
                graph.workflow = workflow;
                for node in &mut graph.nodes {
                    tie_node(node, self.tasks.get_mut(position + 1..).unwrap_or_default(), &mut taken);
                }
                graph
            })
            .collect()
    }
}

/// Groups that there are; with less care also some that there are not.
fn tied_groups(named: &[GroupId], size: Size, groups: &[InstanceGroup], care: Care) -> Arc<[GroupId]> {
    let strange = |id: &GroupId| id.get() > i64::from(size.groups);
    named
        .iter()
        .filter_map(|id| {
            if strange(id) {
                Some(*id).filter(|_| care == Care::Loose)
            } else {
                Some(pick(groups, id.get())?.id)
            }
        })
        .collect()
}

/// The member of a list that a number chooses, if there is any.
pub(super) fn pick<T>(list: &[T], number: i64) -> Option<&T> {
    list.get(usize::try_from(number).ok()?.checked_rem(list.len())?)
}

/// What needs no place has none; what came by a group is on a member of it, or on an instance that is gone.
fn tie_placement(task: &mut Task, size: Size, instances: &[Instance], groups: &[InstanceGroup], care: Care) {
    let needs_place = task.kind().needs_place();
    match &mut task.state {
        State::Waiting(dispatch) if needs_place => {
            dispatch.placement = tied_placement(dispatch.placement, size, instances, groups);
        }
        State::Running(placement) if needs_place => {
            **placement = tied_placement(**placement, size, instances, groups);
        }
        State::Running(placement) => **placement = Placement::default(),
        // Workflow jobs and approvals are never dispatched.
        State::Waiting(_) if care == Care::Strict => task.state = State::Running(Box::default()),
        State::Waiting(dispatch) => dispatch.placement = Placement::default(),
        State::Pending | State::Finished { .. } => {}
    }
}

fn tied_placement(
    placement: Placement,
    size: Size,
    instances: &[Instance],
    groups: &[InstanceGroup],
) -> Placement {
    let gone = |id: InstanceId| id.get() > i64::from(size.instances);
    let anywhere = |id: InstanceId| {
        if gone(id) { id } else { pick(instances, id.get()).map_or(id, |instance| instance.id) }
    };
    let group = placement.group.and_then(|id| pick(groups, id.get()));
    let node = match group.map(|group| &group.members) {
        Some(Members::Container) => None,
        Some(Members::Instances(members)) => placement
            .node
            .map(|id| pick(members, id.get()).filter(|_| !gone(id)).copied().unwrap_or_else(|| anywhere(id))),
        None => placement.node.map(anywhere),
    };
    Placement { group: group.map(|group| group.id), node, controller: placement.controller.map(anywhere) }
}

/// An inventory update is of its source's inventory and project.
fn tie_source(task: &mut Task, sources: &[InventorySource]) {
    if let Work::InventoryUpdate { source: Some(id), inventory, source_project } = &mut task.work
        && let Some(source) = sources.iter().find(|source| source.id == *id)
    {
        *inventory = Some(source.inventory);
        *source_project = source.source_project;
    }
}

fn tie_last_update(last: &mut Option<LastUpdate>, tasks: &[Task], is_of: impl Fn(&Task) -> bool, care: Care) {
    let Some(last) = last else { return };
    let rows: Vec<_> = tasks
        .iter()
        .filter(|task| !task.state.is_unfinished() && task.launch_type != LaunchType::Sync && is_of(task))
        .collect();
    match pick(&rows, last.task.get()) {
        Some(row) => {
            last.task = row.id;
            if let (Care::Strict, State::Finished { outcome, at }) = (care, &row.state) {
                (last.outcome, last.at) = (*outcome, *at);
            }
        }
        None => last.task = TaskId::new(FINISHED_UPDATES + last.task.get()),
    }
}

/// A node's job is one of the later rows; there being none left, one that ended and is not held any more.
fn tie_node(node: &mut Node, later: &mut [Task], taken: &mut BTreeSet<TaskId>) {
    match node.progress {
        Progress::Job(number) => {
            let free: Vec<_> = later.iter().map(|task| task.id).filter(|id| !taken.contains(id)).collect();
            let job = pick(&free, number.get()).and_then(|id| later.iter_mut().find(|task| task.id == *id));
            match job {
                Some(job) => {
                    job.launch_type = LaunchType::Workflow;
                    node.progress = Progress::Job(job.id);
                    node.starts = Some(Box::new(job.work.clone()));
                    taken.insert(job.id);
                }
                None => node.progress = ended(Outcome::Failed, taken),
            }
        }
        Progress::Ended { outcome, .. } => node.progress = ended(outcome, taken),
        Progress::TemplateMissing => node.starts = None,
        Progress::Untouched | Progress::Skipped => {}
    }
}

fn ended(outcome: Outcome, taken: &mut BTreeSet<TaskId>) -> Progress {
    let task = TaskId::new(ENDED_JOBS + i64::try_from(taken.len()).unwrap_or(i64::MAX / 2));
    taken.insert(task);
    Progress::Ended { task, outcome }
}
