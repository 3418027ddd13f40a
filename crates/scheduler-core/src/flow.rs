//! The state of one graph within a pass: which nodes are settled, how, and whose turn has come (R7.1, R7.2).

use alloc::vec::Vec;

use crate::board::{Board, Standing};
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
    fn satisfies(self, edge: EdgeKind) -> bool {
        match self {
            Self::Successful => matches!(edge, EdgeKind::Success | EdgeKind::Always),
            Self::Failed => matches!(edge, EdgeKind::Failure | EdgeKind::Always),
            Self::No | Self::Skipped => false,
        }
    }
}

impl From<Outcome> for Settled {
    fn from(outcome: Outcome) -> Self {
        if outcome == Outcome::Successful { Self::Successful } else { Self::Failed }
    }
}

/// One graph, settled as far as this pass can see.
pub(crate) struct Flow<'a> {
    nodes: &'a [Node],
    settled: Table<Settled>,
    /// For each node its parents, with the edges from each.
    parents: Table<Vec<(Row, Vec<EdgeKind>)>>,
    /// Whether the node has a failure or an always child.
    handles_failure: Table<bool>,
    /// What becomes of nodes in this pass; `None` for one that runs.
    pub(crate) steps: Vec<(&'a Node, Option<NodeStep>)>,
}

impl<'a> Flow<'a> {
    /// Settles a sound graph, parents before children.
    pub(crate) fn settle(board: &Board<'_>, graph: &'a Graph) -> Self {
        let rows: FxHashMap<NodeId, Row> = graph.nodes.iter().map(|node| node.id).zip(0..).collect();
        let mut flow = Self {
            nodes: &graph.nodes,
            settled: Table(vec![Settled::No; graph.nodes.len()]),
            parents: Table(vec![Vec::new(); graph.nodes.len()]),
            handles_failure: Table(vec![false; graph.nodes.len()]),
            steps: Vec::new(),
        };
        let mut children: Table<Vec<Row>> = Table(vec![Vec::new(); graph.nodes.len()]);
        for edge in &graph.edges {
            let (Some(&from), Some(&to)) = (rows.get(&edge.from), rows.get(&edge.to)) else { continue };
            flow.handles_failure[from] |= matches!(edge.on, EdgeKind::Failure | EdgeKind::Always);
            let parents = &mut flow.parents[to];
            match parents.iter_mut().find(|(parent, _)| *parent == from) {
                Some((_, edges)) => edges.push(edge.on),
                None => {
                    parents.push((from, vec![edge.on]));
                    children[from].push(to);
                }
            }
        }
        let mut left: Table<u32> =
            Table(flow.parents.0.iter().map(|parents| position(parents.len())).collect());
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
        let parents = &self.parents[row];
        let satisfied = |(parent, edges): &(Row, Vec<EdgeKind>)| {
            edges.iter().any(|&edge| self.settled[*parent].satisfies(edge))
        };
        let all_settled = parents.iter().all(|&(parent, _)| self.settled[parent] != Settled::No);
        match self.node(row).map(|node| node.convergence) {
            Some(Convergence::All) => {
                let unsatisfied =
                    parents.iter().filter(|edge| self.settled[edge.0] != Settled::No && !satisfied(edge));
                let first = unsatisfied.filter_map(|&(parent, _)| Some(self.node(parent)?.id)).min();
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
