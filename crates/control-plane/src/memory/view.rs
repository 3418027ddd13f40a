//! The state as people and metrics see it. Each look costs a scan of the unfinished tasks; finished ones are looked at from the
//! last one back, only as far as the limit reaches.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use scheduler_core::{Forks, GroupId, InstanceId, Placement, State as TaskState, Timestamp};

use super::row::Row;
use super::state::State;
use crate::ports::{HistoryFilter, NodeView, PastTask, Statistics, TaskFilter, TaskStatus, TaskView};

/// Unfinished tasks in the order of R1, then finished ones, latest first.
pub(super) fn tasks(state: &State, filter: &TaskFilter) -> Vec<TaskView> {
    let all_unfinished = filter.statuses.is_empty();
    let wanted = |row: &&Row| filter.statuses.contains(&row.status());
    let mut unfinished: Vec<&Row> =
        state.unfinished.values().filter(|row| all_unfinished || wanted(row)).collect();
    unfinished.sort_by_key(|row| (Reverse(row.task.priority), row.task.created, row.task.id));
    let asks_finished = filter.statuses.iter().any(|status| status.is_finished());
    let finished = state.latest().filter(wanted).take(if asks_finished { filter.limit } else { 0 });
    unfinished.into_iter().chain(finished).take(filter.limit).map(Row::view).collect()
}

/// A page of the past.
pub(super) fn history(state: &State, filter: &HistoryFilter) -> Vec<PastTask> {
    let rows = state.all_after(filter.after);
    let rows = rows.filter(|row| filter.covers(row.task.created, row.finished()));
    rows.take(filter.limit).map(Row::past).collect()
}

/// What holding tasks cost each instance (R6.1), and what they cost each group that they came by.
fn used(state: &State) -> (BTreeMap<InstanceId, Forks>, BTreeMap<GroupId, Forks>) {
    let control = state.catalogue.rule_set.control_plane.map_or(Forks::ZERO, |plane| plane.impact);
    let mut instances: BTreeMap<InstanceId, Forks> = BTreeMap::new();
    let mut groups: BTreeMap<GroupId, Forks> = BTreeMap::new();
    for row in state.unfinished.values() {
        let Some(&Placement { group, node, controller }) = row.task.state.placement() else { continue };
        let cost = row.task.cost();
        for (instance, cost) in [(node, cost), (controller, control)] {
            if let Some(instance) = instance {
                let used = instances.entry(instance).or_default();
                *used = used.plus(cost);
            }
        }
        if let Some(group) = group {
            let used = groups.entry(group).or_default();
            *used = used.plus(cost);
        }
    }
    (instances, groups)
}

/// The instances, by hostname.
pub(super) fn nodes(state: &State) -> Vec<NodeView> {
    let (used, _) = used(state);
    let mut nodes: Vec<NodeView> = state
        .catalogue
        .instances
        .iter()
        .map(|entry| {
            let member = state.members.get(&entry.id);
            NodeView {
                id: entry.id,
                hostname: entry.definition.hostname.clone(),
                node_type: entry.definition.node_type,
                capacity: entry.definition.capacity,
                used: used.get(&entry.id).copied().unwrap_or_default(),
                enabled: entry.definition.enabled,
                takes_work: member.is_none_or(|member| member.takes_work),
                last_heartbeat: member.and_then(|member| member.last_heartbeat),
                version: member.map(|member| member.version.clone()).unwrap_or_default(),
            }
        })
        .collect();
    nodes.sort_by(|one, other| one.hostname.cmp(&other.hostname));
    nodes
}

/// Counts for metrics.
pub(super) fn statistics(state: &State, now: Timestamp) -> Statistics {
    let unfinished = TaskStatus::ALL.into_iter().filter(|status| !status.is_finished());
    let mut tasks: BTreeMap<TaskStatus, u64> = unfinished.map(|status| (status, 0)).collect();
    let mut holds: BTreeMap<String, u64> = BTreeMap::new();
    for row in state.unfinished.values() {
        count(tasks.entry(row.status()).or_default());
        if let (TaskState::Pending, Some(hold)) = (&row.task.state, &row.hold) {
            count(holds.entry(hold.reason.token().into()).or_default());
        }
    }
    let (_, used) = used(state);
    let group = |entry: &super::table::Entry<GroupId, crate::definition::GroupDefinition>| {
        let instances = entry.definition.instances.iter();
        let enabled = instances
            .filter_map(|name| state.catalogue.instances.named(name))
            .filter(|instance| instance.definition.enabled);
        let capacity = enabled.fold(Forks::ZERO, |sum, instance| sum.plus(instance.definition.capacity));
        (entry.definition.name.clone(), (capacity, used.get(&entry.id).copied().unwrap_or_default()))
    };
    Statistics {
        tasks,
        holds,
        outbox: u64::try_from(state.outbox.len()).unwrap_or(u64::MAX),
        outbox_oldest: state.outbox.oldest(),
        groups: state.catalogue.groups.iter().map(group).collect(),
        group_names: state
            .catalogue
            .groups
            .iter()
            .map(|entry| (entry.id, entry.definition.name.clone()))
            .collect(),
        now,
    }
}

fn count(number: &mut u64) {
    *number = number.saturating_add(1);
}
