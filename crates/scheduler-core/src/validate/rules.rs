//! Problems of rule sets.

use crate::table::FxHashSet;
use crate::{
    Claim, Claimant, GroupId, Matrix, Mode, OwnKey, Resource, RuleSet, Seconds, Simultaneous, Snapshot,
};

use super::{Findings, Spot};

pub(super) fn check(rules: &RuleSet, found: &mut Findings) {
    claims(rules, found);
    matrices(rules, found);
    let mut named: FxHashSet<GroupId> = FxHashSet::default();
    for (position, group) in rules.default_groups.iter().enumerate() {
        if !named.insert(*group) {
            let spot = Spot::row("default_groups", position, group.get());
            found.warning(spot, "default_group_twice", "it is named before".into(), "name it once");
        }
    }
    for (field, grace) in
        [("heartbeat_grace", rules.heartbeat_grace), ("dispatch_grace", rules.dispatch_grace)]
    {
        if grace == Seconds::new(0) {
            let spot = Spot { table: field, position: None, id: None };
            let what = "it is 0 s, so that everything is late at once".into();
            found.warning(spot, "no_grace", what, "allow some seconds");
        }
    }
}

fn claims(rules: &RuleSet, found: &mut Findings) {
    for (position, claim) in rules.claims.iter().enumerate() {
        let spot = Spot { table: "claims", position: Some(position), id: None };
        let (by, resource) = (claim.by, &claim.resource);
        unnamed(spot, resource, found);
        beside_earlier(rules, spot, position, claim, found);
        if !carries(by, resource) {
            let what = format!("a {by} has no {resource} to claim");
            found.warning(spot, "claim_without_key", what, "remove the row, or claim a resource of your own");
        }
        let Some(matrix) = rules.matrix(resource) else {
            let what =
                format!("{by} claims {resource}, which has no matrix, so that the claim blocks nobody");
            found.error(
                spot,
                "claim_without_matrix",
                what,
                "add a matrix for the resource, or remove the row",
            );
            continue;
        };
        let other = match claim.simultaneous {
            Simultaneous::As(mode) => Some(mode),
            Simultaneous::Same | Simultaneous::Nothing => None,
        };
        for mode in [Some(claim.mode), other].into_iter().flatten() {
            if !names(matrix, mode) {
                let what = format!("{by} claims {resource} for {mode}, of which the matrix says nothing");
                found.warning(spot, "mode_without_cell", what, "add a cell, or claim in another mode");
            }
        }
    }
}

/// What a row says beside the earlier ones of the same claimant and resource. A task claims by each of them, so that a row
/// which is meant to be an exception to another is none.
fn beside_earlier(rules: &RuleSet, spot: Spot, position: usize, claim: &Claim, found: &mut Findings) {
    let (by, resource, mode) = (claim.by, &claim.resource, claim.mode);
    let earlier = rules.claims.iter().take(position);
    let same = |other: &&Claim| other.by == by && other.resource == *resource;
    if earlier.clone().any(|other| other == claim) {
        let what = format!("{by} claims {resource} for {mode} in an earlier row already");
        found.error(spot, "duplicate_claim", what, "remove the copy");
    } else if earlier.clone().filter(same).any(|other| other.mode == mode) {
        let what = format!(
            "{by} claims {resource} for {mode} in an earlier row already, which says something else of `simultaneous`"
        );
        found.error(spot, "contradicting_claims", what, "remove one of the rows: a task claims by both");
    } else if let Some(other) = earlier.filter(same).find(|other| {
        let matrix = rules.matrix(resource);
        matrix.is_some_and(|matrix| covers(matrix, other, claim) || covers(matrix, claim, other))
    }) {
        let what = format!(
            "{by} claims {resource} for {mode} here and for {} in an earlier row, of which one forbids all that the other does",
            other.mode
        );
        let remedy =
            "remove one of the rows: a task claims by both; a key of its own may choose its mode by itself";
        found.error(spot, "covered_claim", what, remedy);
    }
}

/// Whether whoever claims by the first row gains and loses nothing by the second. A mode that no cell names is a problem of
/// its own.
fn covers(matrix: &Matrix, first: &Claim, second: &Claim) -> bool {
    let conflicts = |mode: Mode| {
        let cells = matrix.forbidden.iter();
        let under = cells.clone().filter(move |cell| cell.0 == mode).map(|cell| (true, cell.1));
        under.chain(cells.filter(move |cell| cell.1 == mode).map(|cell| (false, cell.0)))
    };
    let mode = |claim: &Claim, simultaneous| match claim.simultaneous {
        Simultaneous::As(mode) if simultaneous => Some(mode),
        Simultaneous::Nothing if simultaneous => None,
        _ => Some(claim.mode),
    };
    [false, true].into_iter().all(|simultaneous| {
        match (mode(first, simultaneous), mode(second, simultaneous)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(first), Some(second)) => {
                names(matrix, second)
                    && conflicts(second).all(|met| conflicts(first).any(|other| other == met))
            }
        }
    })
}

/// Whether a cell of the matrix is about this mode.
fn names(matrix: &Matrix, mode: Mode) -> bool {
    matrix.forbidden.iter().any(|&(pending, held)| mode == pending || mode == held)
}

fn matrices(rules: &RuleSet, found: &mut Findings) {
    for (position, matrix) in rules.matrices.iter().enumerate() {
        let spot = Spot { table: "matrices", position: Some(position), id: None };
        let resource = &matrix.resource;
        unnamed(spot, resource, found);
        if rules.matrices.iter().take(position).any(|earlier| earlier.resource == *resource) {
            let what = format!("an earlier matrix is for {resource} already, and that one counts");
            found.error(spot, "duplicate_matrix", what, "put all cells of a resource into one matrix");
        }
        if !rules.claims.iter().any(|claim| claim.resource == *resource) {
            let what = format!("nobody claims {resource}");
            found.warning(spot, "matrix_without_claim", what, "add a claim, or remove the matrix");
        }
        for (at, cell) in matrix.forbidden.iter().enumerate() {
            if matrix.forbidden.iter().take(at).any(|earlier| earlier == cell) {
                let (pending, held): (Mode, Mode) = *cell;
                let what = format!("the cell of {pending} under {held} stands there twice");
                found.warning(spot, "duplicate_cell", what, "remove the copy");
            }
        }
    }
}

fn unnamed(spot: Spot, resource: &Resource, found: &mut Findings) {
    if matches!(resource, Resource::Own(name) if name.is_empty()) {
        let what = "its own resource has no name".into();
        found.error(spot, "unnamed_resource", what, "name it as the tasks' own keys do");
    }
}

/// Whether such tasks can have a key for such a resource.
const fn carries(by: Claimant, resource: &Resource) -> bool {
    match resource {
        Resource::Own(_) | Resource::SystemJobSlot => true,
        Resource::Project => {
            matches!(by, Claimant::Job | Claimant::ProjectUpdate)
        }
        Resource::Inventory => {
            matches!(by, Claimant::Job | Claimant::InventoryUpdate | Claimant::AdHocCommand)
        }
        Resource::InventorySource => matches!(by, Claimant::InventoryUpdate),
        Resource::JobTemplate => matches!(by, Claimant::Job | Claimant::SlicedWorkflowJob),
        Resource::WorkflowTemplate => matches!(by, Claimant::WorkflowJob),
    }
}

pub(super) fn check_with(rules: &RuleSet, snapshot: &Snapshot, found: &mut Findings) {
    let known: FxHashSet<GroupId> = snapshot.groups.iter().map(|group| group.id).collect();
    for (position, group) in rules.default_groups.iter().enumerate() {
        if !known.contains(group) {
            let spot = Spot::row("default_groups", position, group.get());
            let what = "the snapshot does not hold this instance group".into();
            found.warning(spot, "unknown_default_group", what, "load the group, or remove it from the rules");
        }
    }
    if let Some(plane) = rules.control_plane.filter(|plane| !known.contains(&plane.group)) {
        let spot = Spot { table: "control_plane", position: None, id: Some(plane.group.get()) };
        let what = "the snapshot does not hold this instance group, so that nothing can start".into();
        found.error(spot, "unknown_control_plane", what, "load the group, or configure another");
    }
    for (position, task) in snapshot.tasks.iter().enumerate().filter(|(_, task)| task.state.is_unfinished()) {
        for own in &task.own_keys {
            own_key(rules, Spot::row("tasks", position, task.id.get()), own, found);
        }
    }
}

/// A key by which nobody is kept from anything.
fn own_key(rules: &RuleSet, spot: Spot, own: &OwnKey, found: &mut Findings) {
    let resource = Resource::Own(own.resource.clone());
    if !rules.claims.iter().any(|claim| claim.resource == resource) {
        let what = format!("it has a key for {resource}, which no row of the rules claims");
        found.warning(spot, "own_key_without_claim", what, "add a row, or correct the resource's name");
    } else if let (Some(mode), Some(matrix)) = (own.mode, rules.matrix(&resource))
        && !names(matrix, mode)
    {
        let what = format!("it claims {resource} {} for {mode}, of which the matrix says nothing", own.key);
        found.warning(spot, "own_key_mode_without_cell", what, "add a cell, or claim in another mode");
    }
}
