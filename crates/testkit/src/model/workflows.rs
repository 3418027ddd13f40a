//! R7 and R8: reaping, cancel and the advance of workflows.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use scheduler_core::{
    Action, Convergence, Create, CreateId, EdgeKind, End, Graph, Kind, LaunchType, Malformed,
    MissingResource, Node, NodeDecision, NodeFailure, NodeId, NodeStep, Origin, Outcome, Progress,
    SkipReason, State, Task, TaskId, Then, Work, WorkflowOf,
};

use super::{Model, only, sorted};

/// Where things stand.
impl<'a> Model<'a> {
    pub(super) fn is_running_workflow(&self, row: &Task) -> bool {
        row.kind() == Kind::WorkflowJob && matches!(row.state, State::Running(_))
    }

    /// The graphs; several of one workflow count as none (choice 1).
    fn graphs(&self) -> Vec<&'a Graph> {
        let all = &self.snapshot.graphs;
        all.iter()
            .filter(|graph| only(all.iter().filter(|other| other.workflow == graph.workflow)).is_some())
            .collect()
    }

    pub(super) fn graph(&self, workflow: TaskId) -> Option<&'a Graph> {
        self.graphs().into_iter().find(|graph| graph.workflow == workflow)
    }

    /// The workflow whose node has this task as its job: of several the smallest id (choice 9).
    pub(super) fn workflow_of(&self, task: TaskId) -> Option<TaskId> {
        let graphs = self.graphs().into_iter();
        let naming = graphs.filter(|graph| graph.nodes.iter().any(|node| node.progress.job() == Some(task)));
        naming.map(|graph| graph.workflow).min()
    }

    /// The workflow of a task and those above it, the nearest first, each once.
    pub(super) fn ancestors(&self, task: TaskId) -> Vec<TaskId> {
        let mut above = Vec::new();
        let mut next = self.workflow_of(task);
        while let Some(workflow) = next.filter(|next| !above.contains(next)) {
            above.push(workflow);
            next = self.workflow_of(workflow);
        }
        above
    }

    /// R8.3: the request to cancel that reaches a task: its own, else that which its workflow has, or is reached by.
    pub(super) fn asked(&self, task: &Task) -> Option<End> {
        if task.cancel_requested {
            return Some(End::CancelRequested);
        }
        // What is finished passes nothing on to its own jobs, and neither does what is no workflow job (choice 9).
        let above = self.ancestors(task.id);
        let rows = above.iter().map_while(|&workflow| self.row(workflow));
        let mut passing = rows
            .take_while(|workflow| workflow.state.is_unfinished() && workflow.kind() == Kind::WorkflowJob);
        let reached = passing.any(|workflow| workflow.cancel_requested);
        let workflow = *above.first().filter(|_| reached)?;
        Some(End::CanceledWithWorkflow { workflow })
    }
}

/// R8, and R7.6.
impl<'a> Model<'a> {
    /// R8.1 and R8.2: what is lost, and what was not taken up.
    pub(super) fn reap(&mut self) {
        for task in self.unfinished_rows() {
            match &task.state {
                State::Running(_) => {
                    if let Some(lost) = self.loss(task) {
                        self.decide(task, Action::End(lost));
                    }
                }
                State::Waiting(dispatch) => {
                    let overdue = self.rules.dispatch_grace.elapsed_since(dispatch.since, self.snapshot.now);
                    if overdue
                        && task.kind().needs_place()
                        && !self.is_taken_back(task)
                        && self.asked(task).is_none()
                    {
                        self.decide(task, Action::Redispatch(dispatch.id));
                    }
                }
                _ => {}
            }
        }
    }

    /// R8.3. A nested workflow that ends at once is not told as well: see [`Self::cancel_workflow`].
    pub(super) fn cancel(&mut self) {
        for task in self.unfinished_rows() {
            let Some(end) = self.asked(task) else { continue };
            // Nobody has an approval, or a workflow job that waits, who could be told.
            let waits = task.kind() == Kind::WorkflowJob && matches!(task.state, State::Waiting(_));
            if self.is_pending(task) || task.kind() == Kind::WorkflowApproval || waits {
                self.act(task, Then::End(end));
            } else if let End::CanceledWithWorkflow { workflow } = end {
                self.decide(task, Action::RequestCancel { workflow });
            }
        }
    }

    /// R7.6.
    pub(super) fn expire_approvals(&mut self) {
        for task in self.unfinished_rows() {
            if let Work::WorkflowApproval { expires: Some(expires) } = task.work
                && expires < self.snapshot.now
            {
                self.decide(task, Action::End(End::ApprovalExpired { expires }));
            }
        }
    }
}

/// R7.
impl<'a> Model<'a> {
    /// R7: innermost first.
    pub(super) fn advance_workflows(&mut self) {
        let mut workflows = self.unfinished_rows();
        workflows.retain(|row| self.is_running_workflow(row));
        workflows.sort_by_key(|row| (Reverse(self.ancestors(row.id).len()), row.id));
        for workflow in workflows {
            let graph = self.graph(workflow.id);
            if self.asked(workflow).is_some() {
                self.cancel_workflow(workflow, graph);
                continue;
            }
            match self.well_formed(workflow, graph) {
                Ok(graph) => self.advance(workflow, graph),
                Err(malformed) => self.decide(workflow, Action::Leave(malformed)),
            }
        }
    }

    /// R7.5, and choice 9 for malformed graphs.
    fn cancel_workflow(&mut self, workflow: &'a Task, graph: Option<&'a Graph>) {
        let nodes: Vec<&Node> = graph.into_iter().flat_map(|graph| &graph.nodes).collect();
        let untouched = nodes.iter().filter(|node| node.progress == Progress::Untouched);
        let own = untouched.filter(|node| only(nodes.iter().filter(|other| other.id == node.id)).is_some());
        for node in sorted(own.map(|node| node.id)) {
            self.step(workflow, node, NodeStep::Skip(SkipReason::WorkflowCanceled));
        }
        let mut jobs = nodes.iter().filter_map(|node| node.progress.job());
        if !jobs.any(|job| self.is_unfinished(job)) {
            // It ends instead of being told that it should: a task gets one decision.
            self.plan.decisions.retain(|decision| decision.task != workflow.id);
            self.decide(workflow, Action::End(End::WorkflowCanceled));
        }
    }

    /// R7.7.
    fn well_formed(&self, workflow: &Task, graph: Option<&'a Graph>) -> Result<&'a Graph, Malformed> {
        let graph = graph.ok_or(Malformed::NoGraph)?;
        let ids = sorted(graph.nodes.iter().map(|node| node.id));
        if let Some(&node) = ids.iter().find(|&&node| below(graph, node).contains(&node)) {
            return Err(Malformed::GraphCycle { node });
        }
        let ends = sorted(graph.edges.iter().flat_map(|edge| [edge.from, edge.to]));
        if let Some(&node) = ends.iter().find(|end| !ids.contains(end)) {
            return Err(Malformed::GraphEdge { node });
        }
        let bad = graph.nodes.iter().filter(|node| self.is_malformed_node(workflow, graph, node));
        match bad.map(|node| node.id).min() {
            Some(node) => Err(Malformed::GraphNode { node }),
            None => Ok(graph),
        }
    }

    /// R7.7 and choice 9: an id or a job that is not the node's own, or a job that is not there.
    fn is_malformed_node(&self, workflow: &Task, graph: &Graph, node: &Node) -> bool {
        let twice = only(graph.nodes.iter().filter(|other| other.id == node.id)).is_none();
        let missing = matches!(node.progress, Progress::Job(job) if self.rows(job).next().is_none());
        let graphs = self.graphs().into_iter();
        let not_its_own = node.progress.job().is_some_and(|job| {
            let named = graphs.flat_map(|graph| &graph.nodes).filter(|node| node.progress.job() == Some(job));
            job == workflow.id || only(named).is_none()
        });
        twice || missing || not_its_own
    }

    /// R7.1 to R7.4 for one workflow.
    fn advance(&mut self, workflow: &'a Task, graph: &'a Graph) {
        let mut standing: BTreeMap<NodeId, Standing> = BTreeMap::new();
        let mut steps: BTreeMap<NodeId, NodeStep> = BTreeMap::new();
        // A node is judged after all of its parents, so that skips follow through the graph.
        while let Some(node) = graph.nodes.iter().find(|node| {
            let parents = parents(graph, node.id);
            !standing.contains_key(&node.id) && parents.iter().all(|parent| standing.contains_key(parent))
        }) {
            let (stands, step) = self.judge(graph, node, &standing);
            standing.insert(node.id, stands);
            steps.extend(step.map(|step| (node.id, step)));
        }
        for (node, step) in steps {
            let step = if step == RUN { NodeStep::Run(self.spawn(workflow, graph, node)) } else { step };
            self.step(workflow, node, step);
        }
        if let Some(end) = workflow_end(graph, &standing) {
            self.decide(workflow, Action::End(end));
        }
    }

    /// R7.1, R7.2: how a node stands, and what becomes of it.
    fn judge(
        &self,
        graph: &Graph,
        node: &Node,
        standing: &BTreeMap<NodeId, Standing>,
    ) -> (Standing, Option<NodeStep>) {
        match node.progress {
            Progress::Untouched => {}
            Progress::Skipped => return (Standing::Skipped, None),
            Progress::TemplateMissing => return (Standing::Failed, None),
            Progress::Job(job) => return (self.job_standing(job, None), None),
            Progress::Ended { task, outcome } => return (self.job_standing(task, Some(outcome)), None),
        }
        let parents = parents(graph, node.id);
        let is = |parent: &NodeId, wanted: Standing| standing.get(parent) == Some(&wanted);
        let unsettled = parents.iter().any(|parent| is(parent, Standing::Open));
        let satisfies = |parent: &NodeId| {
            let edges = graph.edges.iter().filter(|edge| (edge.from, edge.to) == (*parent, node.id));
            edges.into_iter().any(|edge| match edge.on {
                EdgeKind::Success => is(parent, Standing::Successful),
                EdgeKind::Failure => is(parent, Standing::Failed),
                EdgeKind::Always => is(parent, Standing::Successful) || is(parent, Standing::Failed),
            })
        };
        let barred = parents.iter().find(|parent| !is(parent, Standing::Open) && !satisfies(parent));
        let skip = |reason| (Standing::Skipped, Some(NodeStep::Skip(reason)));
        match (node.convergence, barred) {
            (Convergence::All, Some(&parent)) => return skip(SkipReason::ParentUnsatisfied { parent }),
            _ if unsettled => return (Standing::Open, None),
            (Convergence::Any, Some(_)) if !parents.iter().any(satisfies) => {
                return skip(SkipReason::NoPathIn);
            }
            _ => {}
        }
        match node.starts {
            Some(_) => (Standing::Open, Some(RUN)),
            None => (Standing::Failed, Some(NodeStep::TemplateMissing)),
        }
    }

    /// R7.1 and choice 9: by its row, if it has one.
    fn job_standing(&self, job: TaskId, recorded: Option<Outcome>) -> Standing {
        match self.outcome(job).or(recorded.filter(|_| self.rows(job).next().is_none())) {
            None => Standing::Open,
            Some(Outcome::Successful) => Standing::Successful,
            Some(Outcome::Failed | Outcome::Error | Outcome::Canceled) => Standing::Failed,
        }
    }

    /// R7.3.
    fn spawn(&mut self, workflow: &Task, graph: &Graph, node: NodeId) -> CreateId {
        let work = graph.nodes.iter().find(|other| other.id == node).and_then(|node| node.starts.as_deref());
        let work = work.cloned().unwrap_or(Work::SystemJob {});
        let failed = self.recursion(workflow, &work).or(missing_resource(&work));
        self.create(Create {
            origin: Origin::Node { workflow: workflow.id, node },
            work,
            launch_type: LaunchType::Workflow,
            priority: workflow.priority,
            created: None,
            dependencies: Vec::new(),
            dependencies_derived: false,
            failed,
        })
    }

    /// R7.3: a workflow already among the node's ancestors.
    fn recursion(&self, workflow: &Task, work: &Work) -> Option<NodeFailure> {
        let Work::WorkflowJob { of: WorkflowOf::Template(Some(template)), .. } = *work else { return None };
        let of = WorkflowOf::Template(Some(template));
        let own = [workflow.id].into_iter().chain(self.ancestors(workflow.id));
        let ancestor = own
            .filter_map(|above| self.row(above))
            .find(|above| matches!(above.work, Work::WorkflowJob { of: above, .. } if above == of))?;
        Some(NodeFailure::Recursion { template, ancestor: ancestor.id })
    }

    pub(super) fn create(&mut self, create: Create) -> CreateId {
        let id = CreateId::new(u32::try_from(self.plan.creates.len()).unwrap_or(u32::MAX));
        self.plan.creates.push(create);
        id
    }

    fn step(&mut self, workflow: &Task, node: NodeId, step: NodeStep) {
        self.plan.nodes.push(NodeDecision { workflow: workflow.id, node, step });
    }
}

/// How a node stands in this pass (R7.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not settled.
    Open,
    Successful,
    /// Its job failed, or its template was missing.
    Failed,
    Skipped,
}

/// Stands for the new task until it has its place among the creations.
const RUN: NodeStep = NodeStep::Run(CreateId::new(u32::MAX));

/// R7.4: how the workflow ends, if it does.
fn workflow_end(graph: &Graph, standing: &BTreeMap<NodeId, Standing>) -> Option<End> {
    if standing.values().any(|stands| *stands == Standing::Open) {
        return None;
    }
    let unhandled = standing.iter().find(|(node, stands)| {
        let caught = graph
            .edges
            .iter()
            .any(|edge| edge.from == **node && matches!(edge.on, EdgeKind::Failure | EdgeKind::Always));
        **stands == Standing::Failed && !caught
    });
    Some(unhandled.map_or(End::WorkflowSuccessful, |(&node, _)| End::WorkflowFailed { node }))
}

/// R7.3: what a node's job lacks, the project first.
fn missing_resource(work: &Work) -> Option<NodeFailure> {
    let resource = match work {
        Work::Job { project: None, .. } | Work::ProjectUpdate { project: None, .. } => {
            MissingResource::Project
        }
        Work::Job { inventory: None, .. }
        | Work::AdHocCommand { inventory: None }
        | Work::InventoryUpdate { inventory: None, .. } => MissingResource::Inventory,
        _ => return None,
    };
    Some(NodeFailure::MissingResource { resource })
}

fn parents(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    sorted(graph.edges.iter().filter(|edge| edge.to == node).map(|edge| edge.from))
}

/// Every node that can be reached from this one, by edges between nodes that exist.
fn below(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    let exists = |id| graph.nodes.iter().any(|node| node.id == id);
    let mut reached = Vec::new();
    let mut next = vec![node];
    while let Some(from) = next.pop() {
        for edge in graph.edges.iter().filter(|edge| edge.from == from && exists(edge.to)) {
            if !reached.contains(&edge.to) {
                reached.push(edge.to);
                next.push(edge.to);
            }
        }
    }
    reached
}
