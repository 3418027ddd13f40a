//! Instances that are out of use, by the groups that would have them (R10).
//!
//! Told once for each group, however many tasks ask.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::rows::Rows;
use crate::{Disuse, Disused, GroupId, Instance, InstanceCount, Members, NodeType, OutOfUse};

/// What is out of use of one group.
#[derive(Clone, Default)]
pub(super) struct Absent {
    /// What would run jobs, ad hoc commands and inventory updates.
    pub(super) jobs: Option<OutOfUse>,
    /// What would run project updates and system jobs.
    pub(super) control: Option<OutOfUse>,
    /// What would control a job: the group's own hybrids, and the controllers of the control plane that are large enough.
    pub(super) controllers: Option<OutOfUse>,
}

/// What is out of use of every known group; those without an entry of their own are like `others`.
pub(super) struct Disuses {
    groups: BTreeMap<GroupId, Absent>,
    others: Absent,
}

impl Disuses {
    pub(super) fn new(rows: &Rows<'_>) -> Self {
        let away: BTreeMap<_, &Instance> = rows
            .instances
            .iter()
            .filter_map(|(id, row)| Some((*id, (*row)?)))
            .filter(|(id, row)| {
                let idle = !row.enabled || rows.loss(*id).is_some();
                idle && row.capacity.get() > 0 && row.node_type != NodeType::Hop
            })
            .collect();
        let members = |group: GroupId| match rows.group(group).map(|group| &group.members) {
            Some(Members::Instances(ids)) => {
                let ids: BTreeSet<_> = ids.iter().collect();
                ids.into_iter().filter_map(|id| away.get(id).copied()).collect()
            }
            _ => Vec::new(),
        };
        let plane = rows.rules.control_plane;
        let able = |row: &&Instance| {
            matches!(row.node_type, NodeType::Control | NodeType::Hybrid)
                && plane.is_some_and(|plane| row.capacity >= plane.impact)
        };
        let plane: Vec<&Instance> =
            plane.map(|plane| members(plane.group)).unwrap_or_default().into_iter().filter(able).collect();
        let mut groups = BTreeMap::new();
        for group in &rows.snapshot.groups {
            let members = members(group.id);
            if members.is_empty() {
                continue;
            }
            let of = |types: [NodeType; 2]| {
                members.iter().copied().filter(move |row| types.contains(&row.node_type))
            };
            let own = of([NodeType::Hybrid; 2]).chain(plane.iter().copied());
            let absent = Absent {
                jobs: tell(of([NodeType::Hybrid, NodeType::Execution])),
                control: tell(of([NodeType::Hybrid, NodeType::Control])),
                controllers: tell(own),
            };
            groups.insert(group.id, absent);
        }
        Self { groups, others: Absent { controllers: tell(plane.into_iter()), ..Absent::default() } }
    }

    pub(super) fn of(&self, group: GroupId) -> &Absent {
        self.groups.get(&group).unwrap_or(&self.others)
    }
}

fn tell<'a>(rows: impl Iterator<Item = &'a Instance>) -> Option<OutOfUse> {
    let rows: BTreeMap<_, &Instance> = rows.map(|row| ((row.hostname.as_str(), row.id), row)).collect();
    let named = rows.values().take(OutOfUse::NAMED).map(|row| Disused {
        instance: row.id,
        hostname: Arc::from(row.hostname.as_str()),
        cause: match row.last_heartbeat {
            _ if !row.enabled => Disuse::Disabled,
            Some(last_heartbeat) => Disuse::Lost { last_heartbeat },
            None => Disuse::NeverHeardOf,
        },
    });
    let others = u32::try_from(rows.len().saturating_sub(OutOfUse::NAMED)).unwrap_or(u32::MAX);
    (!rows.is_empty()).then(|| OutOfUse { instances: named.collect(), others: InstanceCount::new(others) })
}
