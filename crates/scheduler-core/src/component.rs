//! Strongly connected components of a graph of rows.
//!
//! Linear in nodes and edges; a node's edges are asked for once.

use alloc::vec::Vec;

use crate::table::{Row, Table};

/// The components of more than one node, and the nodes with an edge to themselves; Tarjan's algorithm without recursion,
/// over nodes below `size`.
pub(crate) fn components(roots: &[Row], size: usize, edges: impl Fn(Row, &mut Vec<Row>)) -> Vec<Vec<Row>> {
    if roots.is_empty() {
        return Vec::new();
    }
    let mut search = Search {
        low: Table(vec![UNSEEN; size]),
        seen: 0,
        stack: Vec::new(),
        path: Vec::new(),
        pending: Vec::new(),
        found: Vec::new(),
    };
    for &root in roots {
        if search.low[root] == UNSEEN {
            search.from(root, &edges);
        }
    }
    search.found
}

/// No number yet.
const UNSEEN: u32 = 0;
/// In a component that is complete.
const DONE: u32 = u32::MAX;

struct Search {
    /// The lowest number that a node reaches on the stack.
    low: Table<u32>,
    seen: u32,
    stack: Vec<Row>,
    path: Vec<Step>,
    /// The targets still to be entered, of all steps of the path, one after the other.
    pending: Vec<Row>,
    found: Vec<Vec<Row>>,
}

struct Step {
    row: Row,
    index: u32,
    /// Where the step's targets begin among the pending ones.
    from: usize,
    to_itself: bool,
}

impl Search {
    fn from(&mut self, root: Row, edges: &impl Fn(Row, &mut Vec<Row>)) {
        self.enter(root, edges);
        while let Some(&Step { row, index, from, to_itself }) = self.path.last() {
            if self.pending.len() > from {
                let Some(target) = self.pending.pop() else { break };
                match self.low[target] {
                    UNSEEN => self.enter(target, edges),
                    DONE => {}
                    low => self.low[row] = self.low[row].min(low),
                }
                continue;
            }
            self.path.pop();
            let low = self.low[row];
            if let Some(above) = self.path.last() {
                let above = above.row;
                self.low[above] = self.low[above].min(low);
            }
            if low == index {
                self.complete(row, to_itself);
            }
        }
    }

    fn enter(&mut self, row: Row, edges: &impl Fn(Row, &mut Vec<Row>)) {
        self.seen = self.seen.saturating_add(1);
        self.low[row] = self.seen;
        self.stack.push(row);
        let from = self.pending.len();
        edges(row, &mut self.pending);
        let to_itself = self.pending.iter().skip(from).any(|&to| to == row);
        self.path.push(Step { row, index: self.seen, from, to_itself });
    }

    fn complete(&mut self, row: Row, to_itself: bool) {
        let from = self.stack.iter().rposition(|&other| other == row).unwrap_or(0);
        let component = self.stack.split_off(from);
        for &member in &component {
            self.low[member] = DONE;
        }
        if component.len() > 1 || to_itself {
            self.found.push(component);
        }
    }
}
