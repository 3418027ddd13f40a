//! Instances of one group and one type, by what they have left and by what they have in all.
//!
//! The fullest answer to "who has most left" is a heap whose entries may be out of date: capacity only shrinks within a
//! pass, so an entry that promises too much is corrected when it comes up. The largest idle instance is found by a cursor
//! that only moves on, because an instance that was used once in a pass stays used.

use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::table::{Row, Table};
use crate::{InstanceId, NodeType};

/// A usable instance, as the ledger keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) id: InstanceId,
    pub(crate) node_type: NodeType,
    /// Its place in the order of hostnames.
    pub(crate) rank: u32,
    pub(crate) capacity: u32,
    /// What holding tasks cost here, control included.
    pub(crate) used: u64,
    /// How many holding tasks run here.
    pub(crate) running: u64,
    /// Nothing later goes here in this pass (R6.7).
    pub(crate) reserved: bool,
}

impl Node {
    /// What is left, never below 0 (R6.1).
    pub(crate) fn remaining(&self) -> u32 {
        u32::try_from(u64::from(self.capacity).saturating_sub(self.used)).unwrap_or(0)
    }
}

/// What a task that is taken back does not count against its own replacement (R8.2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiver {
    pub(crate) node: Option<(Row, u64)>,
    pub(crate) controller: Option<(Row, u64)>,
    pub(crate) group: Option<(Row, u64)>,
}

impl Waiver {
    /// A node as the replaced task sees it.
    pub(crate) fn view(&self, nodes: &Table<Node>, row: Row) -> Node {
        let mut node = nodes[row];
        if let Some((_, cost)) = self.node.filter(|&(own, _)| own == row) {
            node.used = node.used.saturating_sub(cost);
            node.running = node.running.saturating_sub(1);
        }
        if let Some((_, cost)) = self.controller.filter(|&(own, _)| own == row) {
            node.used = node.used.saturating_sub(cost);
        }
        node
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        self.node.into_iter().chain(self.controller).map(|(row, _)| row)
    }
}

/// The usable instances of one group and one type.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    heap: BinaryHeap<(u32, Reverse<u32>, Row)>,
    by_capacity: Vec<Row>,
    cursor: usize,
    pub(crate) total: u64,
    pub(crate) largest: u32,
}

impl Pool {
    pub(crate) fn gather(nodes: &Table<Node>, mut members: Vec<Row>) -> Self {
        members.sort_unstable_by_key(|&row| (Reverse(nodes[row].capacity), nodes[row].rank));
        let heap =
            members.iter().map(|&row| (nodes[row].remaining(), Reverse(nodes[row].rank), row)).collect();
        let total = members.iter().map(|&row| u64::from(nodes[row].capacity)).sum();
        let largest = members.first().map_or(0, |&row| nodes[row].capacity);
        Self { heap, by_capacity: members, cursor: 0, total, largest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_capacity.is_empty()
    }

    /// The instance that has most left and is not reserved.
    fn top(&mut self, nodes: &Table<Node>) -> Option<Row> {
        loop {
            let mut entry = self.heap.peek_mut()?;
            let node = &nodes[entry.2];
            if node.reserved {
                PeekMut::pop(entry);
            } else if node.remaining() < entry.0 {
                entry.0 = node.remaining();
            } else {
                return Some(entry.2);
            }
        }
    }

    /// The same as the replaced task sees it: with most left, then the lowest hostname.
    pub(crate) fn fullest_left(&mut self, nodes: &Table<Node>, waiver: &Waiver) -> Option<(Node, Row)> {
        let own = self.own(nodes, waiver);
        let top = self.top(nodes);
        let views = own.into_iter().chain(top).map(|row| (waiver.view(nodes, row), row));
        views.max_by_key(|(node, _)| (node.remaining(), Reverse(node.rank)))
    }

    /// The largest idle instance that is not reserved: no holding task runs on it (R6.2).
    pub(crate) fn largest_idle(&mut self, nodes: &Table<Node>, waiver: &Waiver) -> Option<(Node, Row)> {
        let own = self.own(nodes, waiver);
        while let Some(&row) = self.by_capacity.get(self.cursor)
            && (nodes[row].running > 0 || nodes[row].reserved)
        {
            self.cursor = self.cursor.saturating_add(1);
        }
        let next = self.by_capacity.get(self.cursor).copied();
        let views = own.into_iter().chain(next).map(|row| (waiver.view(nodes, row), row));
        let idle = views.filter(|(node, _)| node.running == 0);
        idle.max_by_key(|(node, _)| (node.capacity, Reverse(node.rank)))
    }

    /// The members that the replaced task sees with other eyes than the rest.
    fn own(&self, nodes: &Table<Node>, waiver: &Waiver) -> Vec<Row> {
        let member = |row: &Row| {
            let place = (Reverse(nodes[*row].capacity), nodes[*row].rank);
            let found = self
                .by_capacity
                .binary_search_by_key(&place, |&other| (Reverse(nodes[other].capacity), nodes[other].rank));
            found.is_ok() && !nodes[*row].reserved
        };
        waiver.rows().filter(member).collect()
    }
}
