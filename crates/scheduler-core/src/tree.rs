//! Which workflow each node's job belongs to (R3, R7, R8.3).

use alloc::vec::Vec;

use crate::table::{FxHashMap, Row, position};
use crate::{Graph, TaskId};

/// Parents and graphs of workflow jobs. Growing it costs one scan of the nodes.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    parents: FxHashMap<TaskId, TaskId>,
    /// How many nodes name the job.
    shared: FxHashMap<TaskId, u32>,
    graphs: FxHashMap<TaskId, Vec<Row>>,
}

impl Tree {
    pub(crate) fn grow(graphs: &[Graph]) -> Self {
        let mut tree = Self::default();
        for (at, graph) in graphs.iter().enumerate() {
            tree.graphs.entry(graph.workflow).or_default().push(position(at));
        }
        // Several graphs of one workflow count as none.
        tree.graphs.retain(|_, graphs| graphs.len() == 1);
        for graph in graphs.iter().filter(|graph| tree.graphs.contains_key(&graph.workflow)) {
            for job in graph.nodes.iter().filter_map(|node| node.progress.job()) {
                let parent = tree.parents.entry(job).or_insert(graph.workflow);
                *parent = (*parent).min(graph.workflow);
                let names = tree.shared.entry(job).or_default();
                *names = names.saturating_add(1);
            }
        }
        tree
    }

    /// The workflow job whose node has this job.
    pub(crate) fn parent(&self, job: TaskId) -> Option<TaskId> {
        if self.parents.is_empty() { None } else { self.parents.get(&job).copied() }
    }

    /// Whether several nodes name this job.
    pub(crate) fn is_shared(&self, job: TaskId) -> bool {
        self.shared.get(&job).is_some_and(|&names| names > 1)
    }

    /// The graphs of a workflow job.
    pub(crate) fn graphs(&self, workflow: TaskId) -> &[Row] {
        self.graphs.get(&workflow).map_or(&[], Vec::as_slice)
    }

    /// The workflow jobs above a job, the nearest first; each once.
    pub(crate) fn ancestors(&self, job: TaskId) -> Vec<TaskId> {
        let mut above = Vec::new();
        let mut next = self.parent(job);
        while let Some(workflow) = next.filter(|workflow| !above.contains(workflow)) {
            above.push(workflow);
            next = self.parent(workflow);
        }
        above
    }
}
