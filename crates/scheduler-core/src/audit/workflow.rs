//! Workflows (R7): which steps their nodes take, and how they end.
//!
//! Each graph is judged once, those of nested workflows before those that they are nested in. Linear in nodes and edges
//! but for the maps.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::circles::{components, on_circles};
use super::endings::Endings;
use super::rows::{Ends, Rows, Status};
use crate::{
    Action, Convergence, Create, Edge, EdgeKind, End, Graph, LaunchType, Malformed, MissingResource, Node,
    NodeFailure, NodeId, Origin, Outcome, Progress, SkipReason, State, Task, TaskId, Work, WorkflowOf,
};

/// A step that the rules call for.
pub(super) enum Step {
    Run(Box<Create>),
    Skip(SkipReason),
    TemplateMissing,
}

/// The steps of all workflows.
pub(super) type Steps = BTreeMap<(TaskId, NodeId), Step>;

/// What a node means to its children.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Open,
    Good,
    Bad,
    Skipped,
}

impl Judged {
    fn satisfies(self, edge: EdgeKind) -> bool {
        match edge {
            EdgeKind::Success => self == Self::Good,
            EdgeKind::Failure => self == Self::Bad,
            EdgeKind::Always => matches!(self, Self::Good | Self::Bad),
        }
    }
}

/// Advances every running workflow, innermost first, adding to the ends.
pub(super) fn advance(rows: &Rows<'_>, endings: &mut Endings) -> Steps {
    let mut named: BTreeMap<TaskId, usize> = BTreeMap::new();
    for job in rows.every_graph().flat_map(|graph| &graph.nodes).filter_map(|node| node.progress.job()) {
        let times = named.entry(job).or_default();
        *times = times.saturating_add(1);
    }
    let running: BTreeSet<TaskId> =
        rows.singles().filter(|task| is_running_workflow(task)).map(|task| task.id).collect();
    let order = components(running.iter().copied(), |workflow| {
        let nodes = rows.graphs(workflow).iter().flat_map(|graph| &graph.nodes);
        nodes.filter_map(|node| node.progress.job()).filter(|job| running.contains(job)).collect()
    });
    let mut steps = Steps::new();
    for workflow in order.into_iter().flatten().filter_map(|id| rows.sole(id)) {
        let mut judge = Judge { rows, endings, steps: &mut steps, named: &named, workflow };
        judge.judge();
    }
    steps
}

pub(super) fn is_running_workflow(task: &Task) -> bool {
    matches!((&task.work, &task.state), (Work::WorkflowJob { .. }, State::Running(_)))
}

struct Judge<'j, 'a> {
    rows: &'j Rows<'a>,
    endings: &'j mut Endings,
    steps: &'j mut Steps,
    named: &'j BTreeMap<TaskId, usize>,
    workflow: &'a Task,
}

impl Judge<'_, '_> {
    fn judge(&mut self) {
        let id = self.workflow.id;
        let graphs = self.rows.graphs(id);
        if self.endings.asked.contains_key(&id) {
            self.cancel(graphs);
            return;
        }
        let [graph] = graphs else {
            self.endings.others.insert(id, Action::Leave(Malformed::NoGraph));
            return;
        };
        match self.malformed(graph) {
            Some(malformed) => {
                self.endings.others.insert(id, Action::Leave(malformed));
            }
            None => self.advance(graph),
        }
    }

    /// R7.5: nothing runs any more; it ends with its last job.
    fn cancel(&mut self, graphs: &[&Graph]) {
        let id = self.workflow.id;
        let mut times: BTreeMap<NodeId, usize> = BTreeMap::new();
        for node in graphs.iter().flat_map(|graph| &graph.nodes) {
            let times = times.entry(node.id).or_default();
            *times = times.saturating_add(1);
        }
        let mut open = false;
        for node in graphs.iter().flat_map(|graph| &graph.nodes) {
            if node.progress == Progress::Untouched && times.get(&node.id) == Some(&1) {
                self.steps.insert((id, node.id), Step::Skip(SkipReason::WorkflowCanceled));
            }
            open |= node
                .progress
                .job()
                .is_some_and(|job| self.rows.status(job, &self.endings.ends) == Status::Unfinished);
        }
        if !open {
            self.endings.others.remove(&id);
            self.endings.ends.insert(id, End::WorkflowCanceled);
        }
    }

    /// R7.7.
    fn malformed(&self, graph: &Graph) -> Option<Malformed> {
        let ids: BTreeSet<NodeId> = graph.nodes.iter().map(|node| node.id).collect();
        let mut children: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for edge in graph.edges.iter().filter(|edge| ids.contains(&edge.to)) {
            children.entry(edge.from).or_default().push(edge.to);
        }
        let ends = graph.edges.iter().flat_map(|edge| [edge.from, edge.to]);
        let round = on_circles(ids.iter().copied(), |node| children.get(&node).cloned().unwrap_or_default());
        if let Some((&node, _)) = round.first_key_value() {
            return Some(Malformed::GraphCycle { node });
        }
        if let Some(node) = ends.filter(|node| !ids.contains(node)).min() {
            return Some(Malformed::GraphEdge { node });
        }
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<NodeId> =
            graph.nodes.iter().map(|node| node.id).filter(|&node| !seen.insert(node)).collect();
        let wrong = |node: &&Node| {
            let job = node.progress.job();
            twice.contains(&node.id)
                || matches!(node.progress, Progress::Job(job) if self.rows.all(job).is_empty())
                || job.is_some_and(|job| job == graph.workflow)
                || job.is_some_and(|job| self.named.get(&job).is_some_and(|&times| times > 1))
        };
        graph.nodes.iter().filter(wrong).map(|node| node.id).min().map(|node| Malformed::GraphNode { node })
    }

    /// R7.1 to R7.4.
    fn advance(&mut self, graph: &Graph) {
        let id = self.workflow.id;
        let nodes: BTreeMap<NodeId, &Node> = graph.nodes.iter().map(|node| (node.id, node)).collect();
        let mut into: BTreeMap<NodeId, Vec<Edge>> = BTreeMap::new();
        for edge in &graph.edges {
            into.entry(edge.to).or_default().push(*edge);
        }
        let parents_first = components(nodes.keys().copied(), |node| {
            into.get(&node).into_iter().flatten().map(|edge| edge.from).collect()
        });
        let mut judged: BTreeMap<NodeId, Judged> = BTreeMap::new();
        for node in parents_first.into_iter().flatten().filter_map(|node| nodes.get(&node).copied()) {
            let edges = into.get(&node.id).map_or(&[][..], Vec::as_slice);
            let verdict = match progress(self.rows, &self.endings.ends, node) {
                Some(verdict) => verdict,
                None => self.turn(node, edges, &judged),
            };
            judged.insert(node.id, verdict);
        }
        if judged.values().any(|verdict| *verdict == Judged::Open) {
            return;
        }
        let caught: BTreeSet<NodeId> =
            graph.edges.iter().filter(|edge| edge.on != EdgeKind::Success).map(|edge| edge.from).collect();
        let bad = judged.iter().filter(|(_, verdict)| **verdict == Judged::Bad).map(|(&node, _)| node);
        let end = match bad.filter(|node| !caught.contains(node)).min() {
            Some(node) => End::WorkflowFailed { node },
            None => End::WorkflowSuccessful,
        };
        self.endings.others.remove(&id);
        self.endings.ends.insert(id, end);
    }

    /// What becomes of a node that was neither run nor skipped yet.
    fn turn(&mut self, node: &Node, edges: &[Edge], judged: &BTreeMap<NodeId, Judged>) -> Judged {
        let mut parents: BTreeMap<NodeId, (Judged, bool)> = BTreeMap::new();
        for edge in edges {
            let verdict = judged.get(&edge.from).copied().unwrap_or(Judged::Open);
            let (_, met) = parents.entry(edge.from).or_insert((verdict, false));
            *met |= verdict.satisfies(edge.on);
        }
        let settled = parents.values().all(|(verdict, _)| *verdict != Judged::Open);
        let unmet = parents.iter().find(|(_, (verdict, met))| *verdict != Judged::Open && !met);
        let step = match node.convergence {
            Convergence::All => match unmet {
                Some((&parent, _)) => Step::Skip(SkipReason::ParentUnsatisfied { parent }),
                None if settled => self.run(node),
                None => return Judged::Open,
            },
            Convergence::Any if !settled => return Judged::Open,
            Convergence::Any if parents.is_empty() || parents.values().any(|(_, met)| *met) => self.run(node),
            Convergence::Any => Step::Skip(SkipReason::NoPathIn),
        };
        let verdict = match step {
            Step::Run(_) => Judged::Open,
            Step::Skip(_) => Judged::Skipped,
            Step::TemplateMissing => Judged::Bad,
        };
        self.steps.insert((self.workflow.id, node.id), step);
        verdict
    }

    fn run(&self, node: &Node) -> Step {
        let Some(work) = node.starts.as_deref() else { return Step::TemplateMissing };
        Step::Run(Box::new(Create {
            origin: Origin::Node { workflow: self.workflow.id, node: node.id },
            work: work.clone(),
            launch_type: LaunchType::Workflow,
            priority: self.workflow.priority,
            created: None,
            dependencies: Vec::new(),
            dependencies_derived: false,
            failed: self.failure(work),
        }))
    }

    /// R7.3: a workflow among its own ancestors, or work that lacks what it works with.
    fn failure(&self, work: &Work) -> Option<NodeFailure> {
        let missing = |resource| Some(NodeFailure::MissingResource { resource });
        match work {
            Work::Job { project: None, .. } | Work::ProjectUpdate { project: None, .. } => {
                missing(MissingResource::Project)
            }
            Work::Job { inventory: None, .. }
            | Work::AdHocCommand { inventory: None }
            | Work::InventoryUpdate { inventory: None, .. } => missing(MissingResource::Inventory),
            Work::WorkflowJob { of: WorkflowOf::Template(Some(template)), .. } => {
                let above = self.rows.ancestors(self.workflow.id);
                let mut above = core::iter::once(self.workflow.id).chain(above);
                let ancestor = above.find(|&id| {
                    self.rows.sole(id).is_some_and(|task| {
                        matches!(task.work, Work::WorkflowJob { of: WorkflowOf::Template(Some(of)), .. } if of == *template)
                    })
                })?;
                Some(NodeFailure::Recursion { template: *template, ancestor })
            }
            _ => None,
        }
    }
}

/// What a node means to its children by what it has come to already; `None` when its turn is still to come.
fn progress(rows: &Rows<'_>, ends: &Ends, node: &Node) -> Option<Judged> {
    let ended = |outcome| if outcome == Outcome::Successful { Judged::Good } else { Judged::Bad };
    Some(match node.progress {
        Progress::Untouched => return None,
        Progress::Skipped => Judged::Skipped,
        Progress::TemplateMissing => Judged::Bad,
        Progress::Job(task) => match rows.status(task, ends) {
            Status::Finished(outcome) => ended(outcome),
            Status::Unfinished | Status::Absent => Judged::Open,
        },
        Progress::Ended { task, outcome } => match rows.status(task, ends) {
            Status::Finished(outcome) => ended(outcome),
            Status::Unfinished => Judged::Open,
            Status::Absent => ended(outcome),
        },
    })
}
