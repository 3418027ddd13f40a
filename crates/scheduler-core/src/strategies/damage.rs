//! Flaws to plant in a snapshot, for R11.

use alloc::boxed::Box;
use alloc::vec::Vec;

use chrono::DateTime;
use proptest::prelude::*;
use proptest::sample::select;

use super::ties::pick;
use crate::{
    Edge, EdgeKind, Forks, Graph, GroupId, InstanceId, Members, Node, NodeId, Priority, Progress, Seconds,
    Snapshot, State, Task, TaskCount, TaskId,
};

/// A flaw, and two numbers that choose the rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Damage {
    flaw: Flaw,
    first: i64,
    second: i64,
}

#[derive(Clone, Copy, Debug)]
enum Flaw {
    DuplicateTask,
    DuplicateProject,
    DuplicateSource,
    DuplicateInstance,
    DuplicateGroup,
    DuplicateGraph,
    DuplicateNode,
    MissingDependency,
    SelfDependency,
    DependencyCycle,
    UnknownGroups,
    UnknownMember,
    NoGraph,
    GraphOfAnother,
    GraphCycle,
    EdgeToNoNode,
    JobOfNoRow,
    JobOfAnother,
    JobIsTheWorkflow,
    MistakenEnd,
    HugeTask,
    HugeCluster,
    FarMoments,
    FarNow,
    OddId,
}

const FLAWS: &[Flaw] = &[
    Flaw::DuplicateTask,
    Flaw::DuplicateTask,
    Flaw::DuplicateProject,
    Flaw::DuplicateSource,
    Flaw::DuplicateInstance,
    Flaw::DuplicateGroup,
    Flaw::DuplicateGraph,
    Flaw::DuplicateNode,
    Flaw::MissingDependency,
    Flaw::SelfDependency,
    Flaw::DependencyCycle,
    Flaw::DependencyCycle,
    Flaw::UnknownGroups,
    Flaw::UnknownMember,
    Flaw::NoGraph,
    Flaw::GraphOfAnother,
    Flaw::GraphCycle,
    Flaw::GraphCycle,
    Flaw::EdgeToNoNode,
    Flaw::EdgeToNoNode,
    Flaw::JobOfNoRow,
    Flaw::JobOfAnother,
    Flaw::JobIsTheWorkflow,
    Flaw::MistakenEnd,
    Flaw::HugeTask,
    Flaw::HugeCluster,
    Flaw::FarMoments,
    Flaw::FarNow,
    Flaw::OddId,
];

/// An id that no generated row has.
const ABSENT: i64 = 999;

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    (select(FLAWS), 0..60_i64, 0..60_i64).prop_map(|(flaw, first, second)| Damage { flaw, first, second })
}

impl Damage {
    /// Plants the flaw; a snapshot without a row to bear it stays as it is.
    pub(super) fn plant(self, snapshot: &mut Snapshot) {
        let Self { flaw, first, second } = self;
        match flaw {
            Flaw::DuplicateTask => duplicate(&mut snapshot.tasks, self, |task, other| task.id = other.id),
            Flaw::DuplicateProject => duplicate(&mut snapshot.projects, self, |row, other| row.id = other.id),
            Flaw::DuplicateSource => {
                duplicate(&mut snapshot.inventory_sources, self, |row, other| row.id = other.id);
            }
            Flaw::DuplicateInstance => {
                duplicate(&mut snapshot.instances, self, |row, other| row.id = other.id);
            }
            Flaw::DuplicateGroup => duplicate(&mut snapshot.groups, self, |row, other| row.id = other.id),
            Flaw::DuplicateGraph => {
                duplicate(&mut snapshot.graphs, self, |row, other| row.workflow = other.workflow);
            }
            Flaw::UnknownMember => {
                if let Some(Members::Instances(members)) =
                    choose(&mut snapshot.groups, first).map(|group| &mut group.members)
                {
                    members.extend([InstanceId::new(ABSENT), InstanceId::new(second % 6)]);
                }
            }
            Flaw::HugeCluster => self.plant_huge_cluster(snapshot),
            Flaw::FarNow => {
                snapshot.now = if first % 2 == 0 {
                    DateTime::<chrono::Utc>::MAX_UTC
                } else {
                    DateTime::<chrono::Utc>::MIN_UTC
                };
            }
            Flaw::MissingDependency
            | Flaw::SelfDependency
            | Flaw::DependencyCycle
            | Flaw::UnknownGroups
            | Flaw::HugeTask
            | Flaw::FarMoments
            | Flaw::OddId => self.plant_in_task(&mut snapshot.tasks),
            Flaw::NoGraph
            | Flaw::GraphOfAnother
            | Flaw::DuplicateNode
            | Flaw::GraphCycle
            | Flaw::EdgeToNoNode
            | Flaw::JobOfNoRow
            | Flaw::JobOfAnother
            | Flaw::JobIsTheWorkflow
            | Flaw::MistakenEnd => self.plant_in_graph(snapshot),
        }
    }

    fn plant_in_task(self, tasks: &mut [Task]) {
        if matches!(self.flaw, Flaw::DependencyCycle) {
            return self.plant_cycle(tasks);
        }
        let Some(task) = choose(tasks, self.first) else { return };
        match self.flaw {
            Flaw::MissingDependency => task.dependencies.push(TaskId::new(ABSENT - self.second % 3)),
            Flaw::SelfDependency => task.dependencies.push(task.id),
            Flaw::UnknownGroups => task.groups = [GroupId::new(ABSENT), GroupId::new(-1)].into(),
            Flaw::HugeTask => {
                task.impact = Forks::new(u32::MAX);
                task.priority = Priority::new(if self.second % 2 == 0 { i32::MAX } else { i32::MIN });
            }
            Flaw::FarMoments => {
                let far = if self.second % 2 == 0 {
                    DateTime::<chrono::Utc>::MIN_UTC
                } else {
                    DateTime::<chrono::Utc>::MAX_UTC
                };
                task.created = far;
                match &mut task.state {
                    State::Waiting(dispatch) => dispatch.since = far,
                    State::Finished { at, .. } => *at = Some(far),
                    State::Pending | State::Running(_) => {}
                }
            }
            Flaw::OddId => {
                task.id = TaskId::new(pick(&[i64::MIN, -1, 0, i64::MAX], self.second).copied().unwrap_or(0));
            }
            _ => {}
        }
    }

    /// A ring of one to four tasks, pending ones first.
    fn plant_cycle(self, tasks: &mut [Task]) {
        let mut ring: Vec<_> = (0..tasks.len()).collect();
        ring.sort_by_key(|&position| tasks.get(position).is_none_or(|task| task.state != State::Pending));
        ring.truncate(1 + usize::try_from(self.first % 4).unwrap_or(0));
        let ids: Vec<_> = ring.iter().filter_map(|&position| Some(tasks.get(position)?.id)).collect();
        for (&position, &next) in ring.iter().zip(ids.iter().cycle().skip(1)) {
            if let Some(task) = tasks.get_mut(position) {
                task.dependencies.push(next);
            }
        }
    }

    fn plant_in_graph(self, snapshot: &mut Snapshot) {
        let jobs: Vec<_> =
            snapshot.graphs.iter().flat_map(|graph| &graph.nodes).filter_map(|n| n.progress.job()).collect();
        let ids: Vec<_> = snapshot.tasks.iter().map(|task| task.id).collect();
        if matches!(self.flaw, Flaw::NoGraph) {
            snapshot.graphs.truncate(usize::try_from(self.first % 2).unwrap_or(0));
            return;
        }
        let Some(graph) = choose(&mut snapshot.graphs, self.first) else { return };
        match self.flaw {
            Flaw::GraphOfAnother => {
                graph.workflow = pick(&ids, self.second).copied().unwrap_or(TaskId::new(ABSENT));
            }
            Flaw::DuplicateNode => duplicate(&mut graph.nodes, self, |node, other| node.id = other.id),
            Flaw::GraphCycle => add_cycle(graph, self.second),
            Flaw::EdgeToNoNode => {
                let (from, to) = (NodeId::new(1), NodeId::new(ABSENT - self.second % 2));
                let (from, to) = if self.second % 3 == 0 { (to, from) } else { (from, to) };
                graph.edges.push(Edge { from, to, on: EdgeKind::Always });
            }
            Flaw::JobOfNoRow => set_progress(graph, self.second, Progress::Job(TaskId::new(ABSENT))),
            Flaw::JobOfAnother => {
                let job = pick(&jobs, self.first).or(pick(&ids, self.first)).copied();
                set_progress(graph, self.second, Progress::Job(job.unwrap_or(TaskId::new(ABSENT))));
            }
            Flaw::JobIsTheWorkflow => set_progress(graph, self.second, Progress::Job(graph.workflow)),
            Flaw::MistakenEnd => {
                let task = pick(&ids, self.first).copied().unwrap_or(TaskId::new(ABSENT));
                set_progress(
                    graph,
                    self.second,
                    Progress::Ended { task, outcome: crate::Outcome::Successful },
                );
            }
            _ => {}
        }
    }

    fn plant_huge_cluster(self, snapshot: &mut Snapshot) {
        for instance in &mut snapshot.instances {
            instance.capacity = Forks::new(u32::MAX);
            instance.last_heartbeat = instance.last_heartbeat.map(|_| DateTime::<chrono::Utc>::MIN_UTC);
        }
        for group in &mut snapshot.groups {
            (group.max_forks, group.max_concurrent_jobs) = (Forks::new(u32::MAX), TaskCount::new(u32::MAX));
        }
        for project in &mut snapshot.projects {
            project.cache_timeout = Seconds::new(u32::MAX);
        }
        for task in &mut snapshot.tasks {
            task.impact = Forks::new(u32::MAX - u32::from(task.cancel_requested));
        }
    }
}

/// The row that a number chooses.
fn choose<T>(rows: &mut [T], number: i64) -> Option<&mut T> {
    let position = usize::try_from(number).ok()?.checked_rem(rows.len())?;
    rows.get_mut(position)
}

/// Adds a row that is like the second one and has the id of the first; the two may be the same.
fn duplicate<T: Clone>(rows: &mut Vec<T>, by: Damage, take_id: impl Fn(&mut T, &T)) {
    let (Some(of), Some(like)) = (pick(rows, by.first).cloned(), pick(rows, by.second).cloned()) else {
        return;
    };
    let mut row = like;
    take_id(&mut row, &of);
    rows.push(row);
}

/// Closes a cycle from the last node that an edge leads to, or of a node with itself.
fn add_cycle(graph: &mut Graph, number: i64) {
    let edge = pick(&graph.edges, number).copied();
    let node = pick(&graph.nodes, number).map(|node| node.id);
    let closing = match (edge, node) {
        (Some(edge), _) => Edge { from: edge.to, to: edge.from, on: edge.on },
        (None, Some(node)) => Edge { from: node, to: node, on: EdgeKind::Success },
        (None, None) => return,
    };
    graph.edges.push(closing);
}

/// Gives one node, made if there is none, this progress.
fn set_progress(graph: &mut Graph, number: i64, progress: Progress) {
    match choose(&mut graph.nodes, number) {
        Some(node) => node.progress = progress,
        None => graph.nodes.push(Node {
            id: NodeId::new(1),
            starts: Some(Box::new(crate::Work::SystemJob {})),
            convergence: crate::Convergence::Any,
            progress,
        }),
    }
}
