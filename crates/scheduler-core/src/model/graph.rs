//! The graph of a workflow job (R7): nodes, edges, and how far each node has come.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::token::{token_of, tokens};
use crate::{NodeId, Outcome, TaskId, Work};

/// The graph that a workflow job runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The workflow job.
    pub workflow: TaskId,
    /// Its nodes, in any order.
    pub nodes: Vec<Node>,
    /// Its edges, in any order.
    #[serde(default)]
    pub edges: Vec<Edge>,
}

/// One node of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its identity within the graph.
    pub id: NodeId,
    /// What it starts; `null` when its template was deleted (R7.2). An approval's `expires` is the store's to fill in.
    pub starts: Option<Box<Work>>,
    /// How its parents come together (R7.2).
    #[serde(default)]
    pub convergence: Convergence,
    /// How far it has come.
    #[serde(default)]
    pub progress: Progress,
}

tokens! {
    /// How the parents of a node come together (R7.2).
    #[derive(Default)]
    enum Convergence: "convergence" {
        /// Runs when all parents are settled and one satisfies its edge.
        #[default]
        Any = "any",
        /// Runs when every parent satisfies its edge.
        All = "all",
    }
}

/// How far a node has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Progress {
    /// Neither run nor skipped yet.
    #[default]
    Untouched,
    /// Skipped in an earlier pass.
    Skipped,
    /// Its turn came in an earlier pass, and its template was missing.
    TemplateMissing,
    /// It has a job, whose row the snapshot holds.
    Job(TaskId),
    /// It had a job that ended; the snapshot need not hold its row.
    Ended {
        /// The job.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
    },
}

token_of!(
    Progress:
    Untouched = "untouched",
    Skipped = "skipped",
    TemplateMissing = "template_missing",
    Job = "job",
    Ended = "ended",
);

impl Progress {
    /// The node's job, if it has one.
    #[must_use]
    pub const fn job(self) -> Option<TaskId> {
        match self {
            Self::Job(task) | Self::Ended { task, .. } => Some(task),
            Self::Untouched | Self::Skipped | Self::TemplateMissing => None,
        }
    }
}

/// An edge from a parent to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The parent.
    pub from: NodeId,
    /// The child.
    pub to: NodeId,
    /// What satisfies it (R7.1).
    pub on: EdgeKind,
}

tokens! {
    /// What satisfies an edge (R7.1).
    enum EdgeKind: "kind of edge" {
        /// A parent that was successful.
        Success = "success",
        /// A parent that failed, could not run, or was canceled.
        Failure = "failure",
        /// A parent that ended, however.
        Always = "always",
    }
}
