//! A group, as the ledger keeps it: its limits, and its instances in pools (R6.2, R6.4).
//!
//! Knows which of its pools may run a task and what each needs, and nothing of other groups or of the control plane.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::pool::{Node, Pool};
use crate::table::{Row, Table};
use crate::{Forks, InstanceGroup, Kind, Lack, Members, NodeType, TaskCount, TaskId};

/// A group, as the ledger keeps it.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    pub(crate) container: bool,
    pub(crate) max_tasks: u32,
    pub(crate) max_forks: u32,
    pub(crate) used_tasks: u64,
    pub(crate) used_forks: u64,
    /// For whom the room within its limits is reserved: nothing later comes by it in this pass (R6.7).
    pub(crate) reserved_for: Option<(TaskId, Kind)>,
    pub(crate) hybrid: Pool,
    pub(crate) execution: Pool,
    pub(crate) control: Pool,
    /// Its members that are out of use, by their rows among those (R10).
    pub(crate) away: Vec<Row>,
}

/// What a task asks of the ledger.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    pub(crate) impact: u32,
    /// Runs on control and hybrid nodes instead of execution and hybrid ones (R6.4).
    pub(crate) control: bool,
    /// What a node that also controls the task pays besides.
    pub(crate) own_control: u32,
    /// What a separate controller pays; `None` when none is needed.
    pub(crate) controller: Option<u32>,
}

impl Group {
    /// A group of which nothing is used yet, and whose pools are still empty.
    pub(crate) fn open(group: &InstanceGroup) -> Self {
        Self {
            name: Arc::from(group.name.as_str()),
            container: matches!(group.members, Members::Container),
            max_tasks: group.max_concurrent_jobs.get(),
            max_forks: group.max_forks.get(),
            used_tasks: 0,
            used_forks: 0,
            reserved_for: None,
            hybrid: Pool::default(),
            execution: Pool::default(),
            control: Pool::default(),
            away: Vec::new(),
        }
    }

    /// Fills the pools with these instances, each listed once, as they stand now.
    pub(crate) fn gather(&mut self, nodes: &Table<Node>, members: &[Row]) {
        let of = |node_type| {
            let rows = members.iter().copied().filter(|&row| nodes[row].node_type == node_type);
            Pool::gather(nodes, &rows.collect::<Vec<Row>>())
        };
        self.hybrid = of(NodeType::Hybrid);
        self.execution = of(NodeType::Execution);
        self.control = of(NodeType::Control);
    }

    /// Lets the pools know that one of their instances has more left than before.
    pub(crate) fn renew(&mut self, nodes: &Table<Node>, row: Row) {
        match nodes[row].node_type {
            NodeType::Hybrid => self.hybrid.renew(nodes, row),
            NodeType::Execution => self.execution.renew(nodes, row),
            NodeType::Control => self.control.renew(nodes, row),
            NodeType::Hop => {}
        }
    }

    /// The pools that may run a task, what each needs, and whether a separate controller (R6.4).
    pub(crate) fn roles(&mut self, need: Need) -> [(&mut Pool, u64, bool); 2] {
        let both = u64::from(need.impact).saturating_add(u64::from(need.own_control));
        let hybrid = (&mut self.hybrid, both, false);
        if need.control {
            [hybrid, (&mut self.control, both, false)]
        } else {
            [hybrid, (&mut self.execution, u64::from(need.impact), need.controller.is_some())]
        }
    }

    /// Its limits (R6.2): allowed while used and this are at most the limit; `own` is what does not count. Reserved room is
    /// no room (R6.7).
    pub(crate) fn limits(&self, need: Need, own: Option<u64>) -> Result<(), Lack> {
        if let Some((task, kind)) = self.reserved_for {
            return Err(Lack::Reserved { task, kind });
        }
        let tasks = self.used_tasks.saturating_sub(u64::from(own.is_some()));
        let forks = self.used_forks.saturating_sub(own.unwrap_or(0));
        let (needed, limit) = (Forks::new(need.impact), Forks::new(self.max_forks));
        if self.max_tasks > 0 && tasks >= u64::from(self.max_tasks) {
            let used = TaskCount::new(u32::try_from(tasks).unwrap_or(u32::MAX));
            return Err(Lack::TaskLimit { used, limit: TaskCount::new(self.max_tasks) });
        }
        if self.max_forks > 0 && forks.saturating_add(u64::from(need.impact)) > u64::from(self.max_forks) {
            let used = Forks::new(u32::try_from(forks).unwrap_or(u32::MAX));
            return Err(Lack::ForkLimit { needed, used, limit });
        }
        Ok(())
    }
}
