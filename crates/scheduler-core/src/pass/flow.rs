//! The state of one graph within a pass: which nodes are settled, how, and whose turn has come (R7.1, R7.2).
//!
//! Costs a sort of the edges and one visit to each node and edge, however many of them meet in one node.

use alloc::vec::Vec;

use super::board::Board;
use super::standing::Standing;
use crate::table::{FxHashMap, Row, Table, position};
use crate::{Convergence, EdgeKind, Graph, Node, NodeId, NodeStep, Outcome, Progress, SkipReason};

/// How a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// Its job goes on, is new, or its turn has not come.
    No,
    Skipped,
    Successful,
    /// Its job failed, could not run or was canceled, or its template is missing.
    Failed,
}

impl Settled {
    /// Whether a parent that stands so satisfies one of these edges (R7.1).
    fn satisfies(self, edges: Edges) -> bool {
        match self {
            Self::Successful => edges.has(EdgeKind::Success) || edges.has(EdgeKind::Always),
            Self::Failed => edges.has(EdgeKind::Failure) || edges.has(EdgeKind::Always),
            Self::No | Self::Skipped => false,
        }
    }
}

impl From<Outcome> for Settled {
    fn from(outcome: Outcome) -> Self {
        if outcome == Outcome::Successful { Self::Successful } else { Self::Failed }
    }
}

/// The edges between one pair of nodes: a set of kinds.
#[derive(Clone, Copy)]
struct Edges(u8);

impl Edges {
    const fn one(kind: EdgeKind) -> Self {
        Self(1 << (kind as u8))
    }

    const fn has(self, kind: EdgeKind) -> bool {
        self.0 & Self::one(kind).0 != 0
    }
}

/// A parent of a node, with the edges from it.
#[derive(Clone, Copy)]
struct Parent {
    of: Row,
    row: Row,
    edges: Edges,
}

/// One graph, settled as far as this pass can see.
pub(crate) struct Flow<'a> {
    nodes: &'a [Node],
    settled: Table<Settled>,
    /// The parents of each node, one node's after the other's, each parent once.
    parents: Vec<Parent>,
    /// Where each node's begin, and at last where they all end.
    first: Vec<u32>,
    /// Whether the node has a failure or an always child.
    handles_failure: Table<bool>,
    /// What becomes of nodes in this pass; `None` for one that runs.
    pub(crate) steps: Vec<(&'a Node, Option<NodeStep>)>,
}

impl<'a> Flow<'a> {
    /// Settles a sound graph, parents before children.
    pub(crate) fn settle(board: &Board<'_>, graph: &'a Graph) -> Self {
        let mut flow = Self {
            nodes: &graph.nodes,
            settled: Table(vec![Settled::No; graph.nodes.len()]),
            parents: Vec::new(),
            first: Vec::new(),
            handles_failure: Table(vec![false; graph.nodes.len()]),
            steps: Vec::new(),
        };
        flow.join(graph);
        let mut children: Table<Vec<Row>> = Table(vec![Vec::new(); graph.nodes.len()]);
        for parent in &flow.parents {
            children[parent.row].push(parent.of);
        }
        let parents_of = |row| position(flow.parents_of(row).len());
        let mut left: Table<u32> = Table(flow.settled.rows().map(parents_of).collect());
        let mut ready: Vec<Row> = left.rows().filter(|&row| left[row] == 0).collect();
        while let Some(row) = ready.pop() {
            flow.visit(board, row);
            for &child in &children[row] {
                left[child] = left[child].saturating_sub(1);
                if left[child] == 0 {
                    ready.push(child);
                }
            }
        }
        flow
    }

    /// Joins the edges between one pair, and keeps them by the node that they lead to.
    fn join(&mut self, graph: &Graph) {
        let rows: FxHashMap<NodeId, Row> = graph.nodes.iter().map(|node| node.id).zip(0..).collect();
        self.parents.reserve_exact(graph.edges.len());
        for edge in &graph.edges {
            let (Some(&row), Some(&of)) = (rows.get(&edge.from), rows.get(&edge.to)) else { continue };
            self.handles_failure[row] |= matches!(edge.on, EdgeKind::Failure | EdgeKind::Always);
            self.parents.push(Parent { of, row, edges: Edges::one(edge.on) });
        }
        self.parents.sort_unstable_by_key(|parent| (parent.of, parent.row));
        self.parents.dedup_by(|next, kept| {
            let same = (next.of, next.row) == (kept.of, kept.row);
            kept.edges.0 |= if same { next.edges.0 } else { 0 };
            same
        });
        self.first.reserve_exact(self.nodes.len().saturating_add(1));
        for (at, parent) in (0..).zip(&self.parents) {
            // The nodes up to this one begin here; those between two children have no parents.
            self.first.resize((parent.of as usize).saturating_add(1).max(self.first.len()), at);
        }
        self.first.resize(self.nodes.len().saturating_add(1), position(self.parents.len()));
    }

    fn parents_of(&self, row: Row) -> &[Parent] {
        let at = row as usize;
        let Some(&[first, end]) = self.first.get(at..at.saturating_add(2)) else { return &[] };
        self.parents.get(first as usize..end as usize).unwrap_or_default()
    }

    fn node(&self, row: Row) -> Option<&'a Node> {
        self.nodes.get(row as usize)
    }

    fn visit(&mut self, board: &Board<'_>, row: Row) {
        let Some(node) = self.node(row) else { return };
        self.settled[row] = match node.progress {
            Progress::Skipped => Settled::Skipped,
            Progress::TemplateMissing => Settled::Failed,
            Progress::Job(job) => by_row(board, job).unwrap_or(Settled::No),
            Progress::Ended { task, outcome } => by_row(board, task).unwrap_or_else(|| outcome.into()),
            Progress::Untouched => match self.turn(row) {
                Turn::NotYet => Settled::No,
                Turn::Skip(reason) => {
                    self.steps.push((node, Some(NodeStep::Skip(reason))));
                    Settled::Skipped
                }
                Turn::Run if node.starts.is_none() => {
                    self.steps.push((node, Some(NodeStep::TemplateMissing)));
                    Settled::Failed
                }
                Turn::Run => {
                    self.steps.push((node, None));
                    Settled::No
                }
            },
        };
    }

    /// Whether the turn of an untouched node has come (R7.2).
    fn turn(&self, row: Row) -> Turn {
        let parents = self.parents_of(row);
        let stands = |parent: &Parent| self.settled[parent.row];
        let satisfied = |parent: &Parent| stands(parent).satisfies(parent.edges);
        let all_settled = parents.iter().all(|parent| stands(parent) != Settled::No);
        match self.node(row).map(|node| node.convergence) {
            Some(Convergence::All) => {
                let unsatisfied =
                    parents.iter().filter(|parent| stands(parent) != Settled::No && !satisfied(parent));
                let first = unsatisfied.filter_map(|parent| Some(self.node(parent.row)?.id)).min();
                match first {
                    Some(parent) => Turn::Skip(SkipReason::ParentUnsatisfied { parent }),
                    None if all_settled => Turn::Run,
                    None => Turn::NotYet,
                }
            }
            _ if !all_settled => Turn::NotYet,
            _ if parents.is_empty() || parents.iter().any(satisfied) => Turn::Run,
            _ => Turn::Skip(SkipReason::NoPathIn),
        }
    }

    /// Whether every node is skipped, failed for want of a template, or has a finished job (R7.4).
    pub(crate) fn has_ended(&self) -> bool {
        self.settled.0.iter().all(|&settled| settled != Settled::No)
    }

    /// The smallest node that failed and has neither a failure nor an always child (R7.4).
    pub(crate) fn unhandled_failure(&self) -> Option<NodeId> {
        let failed = self.settled.rows().filter(|&row| self.settled[row] == Settled::Failed);
        failed.filter(|&row| !self.handles_failure[row]).filter_map(|row| Some(self.node(row)?.id)).min()
    }
}

enum Turn {
    NotYet,
    Run,
    Skip(SkipReason),
}

/// How a job's row or rows judge its node.
fn by_row(board: &Board<'_>, job: crate::TaskId) -> Option<Settled> {
    board.joint_standing(job).map(|standing| match standing {
        Standing::Finished(outcome) => outcome.into(),
        _ => Settled::No,
    })
}
