//! Instances of one group and one type, by what they have left and by what they have in all.
//!
//! The fullest answer to "who has most left" is a heap whose entries may be out of date: capacity only shrinks within a
//! pass, so an entry that promises too much is corrected when it comes up. The largest idle instance is found by a cursor
//! that only moves on, because an instance that was used once in a pass stays used. Whoever remembers pools between passes
//! says where capacity grew.

use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::table::{Row, Table};
use crate::{InstanceId, NodeType};

/// A usable instance, as the ledger keeps it. Nodes stand in the order of their hostnames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) id: InstanceId,
    /// What holding tasks cost here, control included.
    pub(crate) used: u64,
    pub(crate) capacity: u32,
    /// How many holding tasks run here.
    pub(crate) running: u32,
    pub(crate) node_type: NodeType,
    /// Nothing later goes here in this pass (R6.7).
    pub(crate) reserved: bool,
}

impl Node {
    /// What is left, never below 0 (R6.1).
    pub(crate) fn remaining(&self) -> u32 {
        u32::try_from(u64::from(self.capacity).saturating_sub(self.used)).unwrap_or(0)
    }
}

/// An instance with an amount of forks, what it has left or in all. The better one is the greater: more forks, then the
/// lower hostname. One number, so that a heap of many compares fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offer(u64);

impl Offer {
    fn new(forks: u32, row: Row) -> Self {
        Self(u64::from(forks) << 32 | u64::from(!row))
    }

    pub(crate) const fn forks(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the row is the lower half")]
    pub(crate) const fn row(self) -> Row {
        !(self.0 as u32)
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
    fn view(&self, nodes: &Table<Node>, row: Row) -> Node {
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

    /// What of a group's use is the replaced task's own.
    pub(crate) fn group_cost(&self, row: Row) -> Option<u64> {
        self.group.filter(|&(own, _)| own == row).map(|(_, cost)| cost)
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        self.node.into_iter().chain(self.controller).map(|(row, _)| row)
    }
}

/// The usable instances of one group and one type.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// What each has left, or had when it came up last.
    heap: BinaryHeap<Offer>,
    /// What each has in all, the best first.
    by_capacity: Vec<Offer>,
    cursor: usize,
    pub(crate) total: u64,
    pub(crate) largest: u32,
}

impl Pool {
    pub(crate) fn gather(nodes: &Table<Node>, members: &[Row]) -> Self {
        let mut by_capacity: Vec<Offer> =
            members.iter().map(|&row| Offer::new(nodes[row].capacity, row)).collect();
        by_capacity.sort_unstable_by_key(|&offer| Reverse(offer));
        let heap = members.iter().map(|&row| Offer::new(nodes[row].remaining(), row)).collect();
        let total = by_capacity.iter().map(|offer| u64::from(offer.forks())).sum();
        let largest = by_capacity.first().map_or(0, |offer| offer.forks());
        Self { heap, by_capacity, cursor: 0, total, largest }
    }

    /// Corrects what is remembered of an instance that has more left than before. Its other entries promise too little, and
    /// come up after the new one.
    pub(crate) fn renew(&mut self, nodes: &Table<Node>, row: Row) {
        let whole = Reverse(Offer::new(nodes[row].capacity, row));
        let Ok(at) = self.by_capacity.binary_search_by_key(&whole, |&other| Reverse(other)) else { return };
        if self.heap.len() > self.by_capacity.len().saturating_mul(2) {
            let rows = self.by_capacity.iter().map(|offer| offer.row());
            self.heap = rows.map(|row| Offer::new(nodes[row].remaining(), row)).collect();
        } else {
            self.heap.push(Offer::new(nodes[row].remaining(), row));
        }
        if nodes[row].running == 0 {
            self.cursor = self.cursor.min(at);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_capacity.is_empty()
    }

    /// The instances that have so much in all.
    pub(crate) fn of_capacity(&self, least: u32) -> impl Iterator<Item = Row> {
        self.by_capacity.iter().take_while(move |offer| offer.forks() >= least).map(|offer| offer.row())
    }

    /// The instance that has most left and is not reserved.
    fn top(&mut self, nodes: &Table<Node>) -> Option<Offer> {
        loop {
            let mut entry = self.heap.peek_mut()?;
            let node = &nodes[entry.row()];
            if node.reserved {
                PeekMut::pop(entry);
            } else if node.remaining() < entry.forks() {
                *entry = Offer::new(node.remaining(), entry.row());
            } else {
                return Some(*entry);
            }
        }
    }

    /// What has most left, as the replaced task sees it.
    pub(crate) fn fullest_left(&mut self, nodes: &Table<Node>, waiver: &Waiver) -> Option<Offer> {
        let own = self.own(nodes, waiver).map(|(row, node)| Offer::new(node.remaining(), row)).max();
        own.max(self.top(nodes))
    }

    /// What has most left save one instance, as the replaced task sees it.
    pub(crate) fn fullest_left_but(
        &mut self,
        nodes: &Table<Node>,
        waiver: &Waiver,
        but: Option<Row>,
    ) -> Option<Offer> {
        let aside = self.top(nodes).filter(|top| Some(top.row()) == but);
        if aside.is_some() {
            self.heap.pop();
        }
        let own = self.own(nodes, waiver).filter(|&(row, _)| Some(row) != but);
        let own = own.map(|(row, node)| Offer::new(node.remaining(), row)).max();
        let best = own.max(self.top(nodes));
        self.heap.extend(aside);
        best
    }

    /// The largest idle instance that is not reserved: no holding task runs on it (R6.2).
    pub(crate) fn largest_idle(&mut self, nodes: &Table<Node>, waiver: &Waiver) -> Option<Offer> {
        while let Some(offer) = self.by_capacity.get(self.cursor)
            && (nodes[offer.row()].running > 0 || nodes[offer.row()].reserved)
        {
            self.cursor = self.cursor.saturating_add(1);
        }
        let idle = self.own(nodes, waiver).filter(|(_, node)| node.running == 0);
        let own = idle.map(|(row, node)| Offer::new(node.capacity, row)).max();
        own.max(self.by_capacity.get(self.cursor).copied())
    }

    /// The members that the replaced task sees with other eyes than the rest, as it sees them.
    fn own(&self, nodes: &Table<Node>, waiver: &Waiver) -> impl Iterator<Item = (Row, Node)> {
        let member = |row: &Row| {
            let offer = Reverse(Offer::new(nodes[*row].capacity, *row));
            let found = self.by_capacity.binary_search_by_key(&offer, |&other| Reverse(other));
            found.is_ok() && !nodes[*row].reserved
        };
        waiver.rows().filter(member).map(|row| (row, waiver.view(nodes, row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_an_instance_that_has_more_left_again_is_found_again() {
        let node = |id: i64| Node {
            id: id.into(),
            used: 0,
            capacity: 10,
            running: 0,
            node_type: NodeType::Hybrid,
            reserved: false,
        };
        let mut nodes = Table(vec![node(1), node(2)]);
        let mut pool = Pool::gather(&nodes, &[0, 1]);
        let all = Waiver::default();
        for _ in 0..100 {
            for row in [0, 1] {
                assert_eq!(pool.largest_idle(&nodes, &all).map(Offer::row), Some(row));
                (nodes[row].used, nodes[row].running) = (8, 1);
            }
            assert_eq!(
                pool.fullest_left(&nodes, &all).map(|offer| (offer.forks(), offer.row())),
                Some((2, 0))
            );
            assert_eq!(pool.largest_idle(&nodes, &all), None);
            for row in [1, 0] {
                (nodes[row].used, nodes[row].running) = (0, 0);
                pool.renew(&nodes, row);
                assert_eq!(
                    pool.fullest_left(&nodes, &all).map(|offer| (offer.forks(), offer.row())),
                    Some((10, row))
                );
                assert_eq!(pool.largest_idle(&nodes, &all).map(Offer::row), Some(row));
            }
            assert!(pool.heap.len() <= 6, "what is out of date is forgotten");
        }
    }
}
