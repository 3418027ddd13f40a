//! Graphs of workflow jobs.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{Convergence, Edge, EdgeKind, Graph, Node, NodeId, Outcome, Progress, TaskId, Work};

/// A graph in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct GraphBuilder {
    pub(super) row: Graph,
}

/// The graph of this workflow job.
pub fn graph(workflow: impl Into<TaskId>) -> GraphBuilder {
    GraphBuilder { row: Graph { workflow: workflow.into(), nodes: Vec::new(), edges: Vec::new() } }
}

impl GraphBuilder {
    /// Adds an untouched node of convergence `any`; of a task given as what it starts, only its work counts.
    pub fn node(self, id: impl Into<NodeId>, starts: impl Into<Work>) -> Self {
        self.with(node(id, starts))
    }

    /// Adds a node.
    pub fn with(mut self, node: NodeBuilder) -> Self {
        self.row.nodes.push(node.row);
        self
    }

    /// Adds an edge.
    pub fn edge(mut self, from: impl Into<NodeId>, to: impl Into<NodeId>, on: EdgeKind) -> Self {
        self.row.edges.push(Edge { from: from.into(), to: to.into(), on });
        self
    }
}

/// A node in the making: untouched, convergence `any`.
#[derive(Clone, Debug)]
#[must_use]
pub struct NodeBuilder {
    row: Node,
}

/// A node; of a task given as what it starts, only its work counts.
pub fn node(id: impl Into<NodeId>, starts: impl Into<Work>) -> NodeBuilder {
    untouched(id.into(), Some(Box::new(starts.into())))
}

/// A node whose template was deleted.
pub fn node_without_template(id: impl Into<NodeId>) -> NodeBuilder {
    untouched(id.into(), None)
}

fn untouched(id: NodeId, starts: Option<Box<Work>>) -> NodeBuilder {
    let row = Node { id, starts, convergence: Convergence::Any, progress: Progress::Untouched };
    NodeBuilder { row }
}

impl NodeBuilder {
    /// It runs only when every parent satisfies its edge.
    pub fn all(mut self) -> Self {
        self.row.convergence = Convergence::All;
        self
    }

    /// It has this job, whose row the snapshot should hold.
    pub fn job(mut self, task: impl Into<TaskId>) -> Self {
        self.row.progress = Progress::Job(task.into());
        self
    }

    /// It had this job, which ended.
    pub fn ended(mut self, task: impl Into<TaskId>, outcome: Outcome) -> Self {
        self.row.progress = Progress::Ended { task: task.into(), outcome };
        self
    }

    /// It was skipped in an earlier pass.
    pub fn skipped(mut self) -> Self {
        self.row.progress = Progress::Skipped;
        self
    }

    /// Its template was missing when its turn came in an earlier pass.
    pub fn template_missing(mut self) -> Self {
        self.row.progress = Progress::TemplateMissing;
        self
    }

    /// The node.
    #[must_use]
    pub fn build(self) -> Node {
        self.row
    }
}
