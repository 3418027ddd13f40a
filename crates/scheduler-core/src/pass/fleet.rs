//! The instances: which can be used (R6.1), and which are out of use for now (R10).

use alloc::vec::Vec;

use super::pool::Node;
use crate::table::{FxHashMap, Row, Table, position};
use crate::{Disused, Forks, Instance, InstanceCount, InstanceId, NodeType, OutOfUse};

/// What an instance of a group would be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    /// To run jobs, ad hoc commands and inventory updates (R6.4).
    Jobs,
    /// To run project updates and system jobs.
    Control,
    /// To control what runs in the group.
    Controller,
}

/// The instances of a snapshot, in the order of their hostnames.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) nodes: Table<Node>,
    pub(crate) rows: FxHashMap<InstanceId, Row>,
    away: Away,
}

/// Those that could be used, were they not disabled or lost.
#[derive(Debug)]
struct Away {
    instances: Table<Idle>,
    rows: FxHashMap<InstanceId, Row>,
    /// What was told of groups; many tasks ask the same.
    told: FxHashMap<(Row, Purpose), Option<OutOfUse>>,
}

/// What is kept of an instance that is out of use.
#[derive(Debug)]
struct Idle {
    disused: Disused,
    node_type: NodeType,
    capacity: Forks,
}

impl Idle {
    fn of(instance: &Instance) -> Self {
        Self { disused: Disused::of(instance), node_type: instance.node_type, capacity: instance.capacity }
    }
}

impl Fleet {
    pub(crate) fn survey<'s>(
        instances: impl Iterator<Item = &'s Instance>,
        is_lost: impl Fn(&Instance) -> bool,
    ) -> Self {
        let (mut usable, mut away) = (Vec::new(), Vec::new());
        for instance in instances {
            if instance.capacity.get() == 0 || instance.node_type == NodeType::Hop {
                continue;
            }
            let in_use = instance.enabled && !is_lost(instance);
            if in_use { &mut usable } else { &mut away }.push(instance);
        }
        for instances in [&mut usable, &mut away] {
            instances.sort_unstable_by_key(|instance| (instance.hostname.as_str(), instance.id));
        }
        let rows = |of: &[&Instance]| (0..).zip(of).map(|(row, instance)| (instance.id, row)).collect();
        let nodes = usable.iter().map(|instance| Node {
            id: instance.id,
            used: 0,
            capacity: instance.capacity.get(),
            running: 0,
            node_type: instance.node_type,
            reserved: false,
        });
        Self {
            nodes: Table(nodes.collect()),
            rows: rows(&usable),
            away: Away {
                rows: rows(&away),
                instances: Table(away.into_iter().map(Idle::of).collect()),
                told: FxHashMap::default(),
            },
        }
    }

    /// The usable ones of some instances, each once.
    pub(crate) fn usable(&self, instances: &[InstanceId]) -> Vec<Row> {
        members(&self.rows, instances)
    }

    /// The ones of some instances that are out of use, each once.
    pub(crate) fn away(&self, instances: &[InstanceId]) -> Vec<Row> {
        if self.away.rows.is_empty() { Vec::new() } else { members(&self.away.rows, instances) }
    }

    /// What is out of use of a group, of which these are away, that would run a kind of task; `None` for nothing.
    pub(crate) fn runners(&mut self, group: Row, away: &[Row], control: bool) -> Option<OutOfUse> {
        let (purpose, typed) = match control {
            true => (Purpose::Control, NodeType::Control),
            false => (Purpose::Jobs, NodeType::Execution),
        };
        self.away.tell(group, purpose, |instances| {
            let right = |at: &Row| {
                matches!(instances[*at].node_type, NodeType::Hybrid) || instances[*at].node_type == typed
            };
            away.iter().copied().filter(right).collect()
        })
    }

    /// What is out of use that would control what runs in a group: its own hybrids, which control themselves, and of the
    /// control plane what bears this impact.
    pub(crate) fn controllers(
        &mut self,
        group: Row,
        away: &[Row],
        plane: &[Row],
        impact: u32,
    ) -> Option<OutOfUse> {
        self.away.tell(group, Purpose::Controller, |instances| {
            let own = away.iter().filter(|&&at| instances[at].node_type == NodeType::Hybrid);
            let able = |at: &&Row| {
                let instance = &instances[**at];
                matches!(instance.node_type, NodeType::Control | NodeType::Hybrid)
                    && instance.capacity.get() >= impact
            };
            own.chain(plane.iter().filter(able)).copied().collect()
        })
    }
}

impl Away {
    /// What is told of a group for a purpose; `find` gives the rows, and is asked once.
    fn tell(
        &mut self,
        group: Row,
        purpose: Purpose,
        find: impl FnOnce(&Table<Idle>) -> Vec<Row>,
    ) -> Option<OutOfUse> {
        let Self { instances, told, .. } = self;
        told.entry((group, purpose)).or_insert_with(|| tell(instances, find(instances))).clone()
    }
}

fn members(rows: &FxHashMap<InstanceId, Row>, instances: &[InstanceId]) -> Vec<Row> {
    let mut members: Vec<Row> = instances.iter().filter_map(|id| rows.get(id).copied()).collect();
    members.sort_unstable();
    members.dedup();
    members
}

fn tell(instances: &Table<Idle>, mut rows: Vec<Row>) -> Option<OutOfUse> {
    rows.sort_unstable();
    rows.dedup();
    let named = rows.iter().take(OutOfUse::NAMED).map(|&row| instances[row].disused.clone());
    let others = InstanceCount::new(position(rows.len().saturating_sub(OutOfUse::NAMED)));
    (!rows.is_empty()).then(|| OutOfUse { instances: named.collect(), others })
}
