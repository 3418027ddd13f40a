//! Problems of instances, groups, projects and inventory sources.

use crate::table::FxHashSet;
use crate::words::visible;
use crate::{Forks, InstanceId, LastUpdate, Members, NodeType, Snapshot, Timestamp};

use super::{Findings, Known, Spot};

pub(super) fn check(snapshot: &Snapshot, known: &Known, found: &mut Findings) {
    found.duplicates("projects", snapshot.projects.iter().map(|row| row.id.get()));
    found.duplicates("inventory_sources", snapshot.inventory_sources.iter().map(|row| row.id.get()));
    found.duplicates("instances", snapshot.instances.iter().map(|row| row.id.get()));
    found.duplicates("groups", snapshot.groups.iter().map(|row| row.id.get()));
    instances(snapshot, found);
    groups(snapshot, known, found);
    for (position, row) in snapshot.projects.iter().enumerate() {
        updated(Spot::row("projects", position, row.id.get()), row.last_update, snapshot.now, found);
    }
    for (position, row) in snapshot.inventory_sources.iter().enumerate() {
        updated(Spot::row("inventory_sources", position, row.id.get()), row.last_update, snapshot.now, found);
    }
}

fn updated(spot: Spot, last: Option<LastUpdate>, now: Timestamp, found: &mut Findings) {
    found.future(spot, "last update", last.and_then(|last| last.at), now);
}

fn instances(snapshot: &Snapshot, found: &mut Findings) {
    let mut grouped: FxHashSet<InstanceId> = FxHashSet::default();
    for group in &snapshot.groups {
        if let Members::Instances(members) = &group.members {
            grouped.extend(members);
        }
    }
    for (position, row) in snapshot.instances.iter().enumerate() {
        let spot = Spot::row("instances", position, row.id.get());
        found.future(spot, "last heartbeat", row.last_heartbeat, snapshot.now);
        if row.node_type == NodeType::Hop {
            continue;
        }
        if row.capacity == Forks::ZERO {
            let what = "its capacity is 0, so that it gets no task".into();
            found.warning(spot, "no_capacity", what, "set its capacity, or disable it");
        }
        if !grouped.contains(&row.id) {
            let what = "it is in no instance group, so that no task can come to it".into();
            found.warning(spot, "in_no_group", what, "add it to a group");
        }
    }
}

fn groups(snapshot: &Snapshot, known: &Known, found: &mut Findings) {
    for (position, row) in snapshot.groups.iter().enumerate() {
        let spot = Spot::row("groups", position, row.id.get());
        let Members::Instances(members) = &row.members else { continue };
        if members.is_empty() {
            let what = format!("group \"{}\" has no instance, so that it takes no task", visible(&row.name));
            found.warning(spot, "empty_group", what, "add an instance, or make it a container group");
        }
        for member in members.iter().filter(|&member| !known.instances.contains(member)) {
            let what = format!(
                "group \"{}\" names instance {member}, which the snapshot does not hold",
                visible(&row.name)
            );
            found.error(spot, "unknown_member", what, "load the instance, or remove it from the group");
        }
    }
}
