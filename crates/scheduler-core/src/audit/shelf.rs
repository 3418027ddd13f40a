//! The instances of one group and one type, kept in order, so that an audit need not look at each.

use alloc::collections::BTreeSet;
use core::cmp::Reverse;

/// A usable instance with what it has and what it bears.
#[derive(Clone, Copy)]
pub(super) struct Account {
    pub(super) id: crate::InstanceId,
    pub(super) node_type: crate::NodeType,
    pub(super) capacity: u64,
    pub(super) used: u64,
    pub(super) running: u64,
    pub(super) reserved: bool,
}

impl Account {
    pub(super) fn left(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}

/// An amount of forks and the instance that has it, by its place in the order of hostnames: of two the greater is the better.
pub(super) type Best = (u64, Reverse<usize>);

/// What is asked of many instances at once.
#[derive(Default)]
pub(super) struct Shelf {
    /// What each has left, save those that are reserved.
    left: BTreeSet<Best>,
    /// The capacity of those that are idle, likewise.
    idle: BTreeSet<Best>,
    /// Their number, their capacity in all, and that of the largest; reserved ones included.
    pub(super) count: usize,
    pub(super) total: u64,
    pub(super) largest: u64,
}

impl Shelf {
    /// A further member.
    pub(super) fn add(&mut self, at: usize, account: &Account) {
        self.count = self.count.saturating_add(1);
        self.total = self.total.saturating_add(account.capacity);
        self.largest = self.largest.max(account.capacity);
        self.put(at, account);
    }

    /// Strikes a member out before it changes.
    pub(super) fn take(&mut self, at: usize, account: &Account) {
        self.left.remove(&(account.left(), Reverse(at)));
        self.idle.remove(&(account.capacity, Reverse(at)));
    }

    /// Enters a member after it changed.
    pub(super) fn put(&mut self, at: usize, account: &Account) {
        if account.reserved {
            return;
        }
        self.left.insert((account.left(), Reverse(at)));
        if account.running == 0 {
            self.idle.insert((account.capacity, Reverse(at)));
        }
    }

    /// The member that has most left.
    pub(super) fn most_left(&self) -> Option<Best> {
        self.left.last().copied()
    }

    /// The member that has most left, save one.
    pub(super) fn most_left_but(&self, but: Option<usize>) -> Option<Best> {
        self.left.iter().rev().find(|(_, Reverse(at))| Some(*at) != but).copied()
    }

    /// The largest idle member.
    pub(super) fn largest_idle(&self) -> Option<Best> {
        self.idle.last().copied()
    }
}
