//! Problems of tasks.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::table::{Row, position};
use crate::{Forks, Snapshot, State, Task};

use super::cycle::{cycles, named};
use super::{Findings, Known, Severity, Spot};

pub(super) fn check(snapshot: &Snapshot, known: &Known, found: &mut Findings) {
    found.duplicates("tasks", snapshot.tasks.iter().map(|task| task.id.get()));
    let capacity: u64 = snapshot.instances.iter().map(|instance| u64::from(instance.capacity.get())).sum();
    for (position, task) in snapshot.tasks.iter().enumerate() {
        let spot = Spot::row("tasks", position, task.id.get());
        dependencies(spot, task, known, found);
        groups(spot, task, known, found);
        placement(spot, task, known, found);
        moments(spot, task, snapshot, found);
        own_keys(spot, task, found);
        let pending = matches!(task.state, State::Pending);
        if pending && !snapshot.instances.is_empty() && u64::from(task.cost().get()) > capacity {
            let all = Forks::new(u32::try_from(capacity).unwrap_or(u32::MAX));
            let what = format!("it needs {}, and all instances together have {all}", task.cost());
            let remedy =
                "check its impact; it can run only alone on an idle instance, or in a container group";
            found.warning(spot, "larger_than_everything", what, remedy);
        }
    }
    dependency_cycles(snapshot, known, found);
}

fn dependencies(spot: Spot, task: &Task, known: &Known, found: &mut Findings) {
    let pending = matches!(task.state, State::Pending);
    for &on in &task.dependencies {
        if on == task.id {
            let severity = if pending { Severity::Error } else { Severity::Warning };
            let remedy = "remove its own id from its dependencies";
            found.add(severity, spot, "self_dependency", "it depends on itself".into(), remedy);
        } else if pending && !known.tasks.contains_key(&on) {
            let what = format!("it depends on task {on}, which the snapshot does not hold");
            let remedy = "load the finished tasks that pending ones depend on, or remove the dependency";
            found.error(spot, "missing_dependency", what, remedy);
        }
    }
}

fn groups(spot: Spot, task: &Task, known: &Known, found: &mut Findings) {
    if !task.state.is_unfinished() || task.groups.is_empty() {
        return;
    }
    if !task.kind().needs_place() {
        let what = format!("it names instance groups, and a {} runs in none", task.kind());
        found.warning(spot, "groups_without_use", what, "remove the groups");
        return;
    }
    let unknown = task.groups.iter().filter(|&group| !known.groups.contains(group));
    let mut count = 0;
    for group in unknown {
        count += 1;
        let what = format!("it names instance group {group}, which the snapshot does not hold");
        let remedy = "load the group, or remove it from the task";
        found.warning(spot, "unknown_group", what, remedy);
    }
    // A control plane, which only the rule set knows, has the place for control tasks.
    if count == task.groups.len() && matches!(task.state, State::Pending) && !task.kind().is_control() {
        let what = "none of the instance groups that it names is in the snapshot".into();
        found.error(
            spot,
            "no_known_group",
            what,
            "name a group that is there, or none for the default groups",
        );
    }
}

fn placement(spot: Spot, task: &Task, known: &Known, found: &mut Findings) {
    let Some(place) = task.state.placement() else { return };
    for (what, instance) in [("runs on", place.node), ("is controlled by", place.controller)] {
        if let Some(instance) = instance.filter(|instance| !known.instances.contains(instance)) {
            let what = format!("it {what} instance {instance}, which the snapshot does not hold");
            let remedy = "load the instance; a pass takes it for gone and ends the task or takes it back";
            found.warning(spot, "placed_on_unknown_instance", what, remedy);
        }
    }
    if let Some(group) = place.group.filter(|group| !known.groups.contains(group)) {
        let what = format!("it came by instance group {group}, which the snapshot does not hold");
        found.warning(
            spot,
            "placed_by_unknown_group",
            what,
            "load the group; its limits count for nobody now",
        );
    }
    let nowhere = place.node.is_none() && place.controller.is_none() && place.group.is_none();
    if !task.kind().needs_place() && !nowhere {
        let what = format!("it has a place, and a {} needs none", task.kind());
        found.warning(spot, "place_without_use", what, "remove the place");
    }
}

fn moments(spot: Spot, task: &Task, snapshot: &Snapshot, found: &mut Findings) {
    found.future(spot, "`created`", Some(task.created), snapshot.now);
    match &task.state {
        State::Waiting(dispatch) => {
            found.future(spot, "dispatch's `since`", Some(dispatch.since), snapshot.now);
        }
        State::Finished { at, .. } => found.future(spot, "end", *at, snapshot.now),
        State::Pending | State::Running(_) => {}
    }
}

fn own_keys(spot: Spot, task: &Task, found: &mut Findings) {
    let mut named = BTreeSet::new();
    for key in &task.own_keys {
        if !named.insert(key) {
            let what =
                format!("its key {} for its own resource {:?} stands there twice", key.key, key.resource);
            found.warning(spot, "own_key_twice", what, "remove the copy");
        }
        if key.resource.is_empty() {
            let what = format!("its own key {} names no resource", key.key);
            let remedy = "name the resource as in the rule set's claims";
            found.error(spot, "unnamed_own_key", what, remedy);
        }
    }
}

/// Cycles among pending tasks of more than one member.
fn dependency_cycles(snapshot: &Snapshot, known: &Known, found: &mut Findings) {
    let task = |row: Row| snapshot.tasks.get(row as usize);
    let linked = |task: &Task| matches!(task.state, State::Pending) && !task.dependencies.is_empty();
    let roots: Vec<Row> =
        (0..).zip(&snapshot.tasks).filter(|(_, task)| linked(task)).map(|(row, _): (Row, _)| row).collect();
    let edges = |row: Row, next: &mut Vec<Row>| {
        let Some(task) = task(row).filter(|task| linked(task)) else { return };
        let on = task.dependencies.iter().filter(|&&on| on != task.id);
        next.extend(on.filter_map(|on| known.tasks.get(on)).map(|&at| position(at)));
    };
    for cycle in cycles(&roots, snapshot.tasks.len(), edges) {
        let members: Vec<&Task> = cycle.iter().filter_map(|&row| task(row)).collect();
        let (Some(first), Some(&row)) = (members.first(), cycle.first()) else { continue };
        let what = format!("tasks depend on each other: {}", named(members.iter().map(|task| task.id)));
        let spot = Spot::row("tasks", row as usize, first.id.get());
        found.error(spot, "dependency_cycle", what, "remove one of these dependencies");
    }
}
