//! Which workflow each node's job belongs to (R3, R7, R8.3).

use alloc::vec::Vec;

use crate::table::{FxHashMap, FxHashSet, Row, position};
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
        let mut met = FxHashSet::default();
        let mut next = self.parent(job);
        while let Some(workflow) = next.filter(|&workflow| met.insert(workflow)) {
            above.push(workflow);
            next = self.parent(workflow);
        }
        above
    }
}

/// How many workflow jobs are above each job, found once for each, however many jobs have them above.
#[derive(Debug, Default)]
pub(crate) struct Depths {
    /// How many a job and those above it are together.
    reach: FxHashMap<TaskId, u32>,
}

impl Depths {
    /// The number of [`Tree::ancestors`] of a job.
    pub(crate) fn of(&mut self, tree: &Tree, job: TaskId) -> u32 {
        tree.parent(job).map_or(0, |workflow| self.reach(tree, workflow))
    }

    fn reach(&mut self, tree: &Tree, job: TaskId) -> u32 {
        let mut path: Vec<TaskId> = Vec::new();
        let mut on_path: FxHashMap<TaskId, usize> = FxHashMap::default();
        let mut next = Some(job);
        let mut above = 0;
        while let Some(at) = next {
            if let Some(&known) = self.reach.get(&at) {
                above = known;
                break;
            }
            if let Some(&from) = on_path.get(&at) {
                // Workflows that are above each other are above each of them, itself included.
                let round = path.split_off(from);
                above = position(round.len());
                self.reach.extend(round.into_iter().map(|member| (member, above)));
                break;
            }
            on_path.insert(at, path.len());
            path.push(at);
            next = tree.parent(at);
        }
        for member in path.into_iter().rev() {
            above = above.saturating_add(1);
            self.reach.insert(member, above);
        }
        self.reach.get(&job).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r7_depths_are_what_a_walk_over_the_ancestors_would_count() {
        // 1 above 2 above 3; 7, 8 and 9 above each other; 7 above 6 above 5; 4 above itself; 20 by itself.
        let above = [(2, 1), (3, 2), (8, 7), (9, 8), (7, 9), (6, 7), (5, 6), (4, 4), (30, 3)];
        let mut tree = Tree::default();
        tree.parents.extend(above.map(|(job, workflow)| (TaskId::new(job), TaskId::new(workflow))));
        let mut depths = Depths::default();
        for job in [3, 30, 5, 7, 9, 6, 4, 1, 20, 2, 8].map(TaskId::new) {
            assert_eq!(depths.of(&tree, job) as usize, tree.ancestors(job).len(), "job {job}");
        }
    }
}
