//! R2 and R3: who may not start, because of whom.

use std::ptr;

use scheduler_core::{
    Claim, Claimant, Kind, LaunchType, Mode, OwnResource, ProjectUpdateType, Reason, Resource, ResourceKey,
    Simultaneous, Task, Work, WorkflowOf,
};

use super::Model;

/// One claim of one task: a row of the table with its key.
pub(super) struct Claimed<'a> {
    resource: &'a Resource,
    key: ResourceKey,
    mode: Mode,
}

impl<'a> Model<'a> {
    /// R2: what a task claims, in the order of the table's rows.
    pub(super) fn claims(&self, task: &Task) -> Vec<Claimed<'a>> {
        let private = matches!(task.work, Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. });
        if private || task.launch_type == LaunchType::Sync {
            return Vec::new();
        }
        let claimant = Claimant::of(&task.work);
        let rows = self.rules.claims.iter().filter(|row| Some(row.by) == claimant);
        rows.flat_map(|row| {
            let resource = &row.resource;
            let keys = mode(row, &task.work).map_or_else(Vec::new, |mode| keys(resource, task, mode));
            keys.into_iter().map(move |(key, mode)| Claimed { resource, key, mode })
        })
        .collect()
    }

    /// R2: whether the matrix of the pending claim's resource forbids it under the held one.
    fn forbids(&self, pending: &Claimed<'_>, held: &Claimed<'_>) -> bool {
        pending.key == held.key
            && self
                .rules
                .matrix(pending.resource)
                .is_some_and(|matrix| matrix.forbids(pending.mode, held.mode))
    }

    /// R2: whether what one task holds keeps another from starting.
    pub(super) fn holds_back(&self, holder: &Task, task: &Task) -> bool {
        let held = self.claims(holder);
        self.claims(task).iter().any(|wanted| held.iter().any(|held| self.forbids(wanted, held)))
    }

    /// R2 and choice 3: the first row in conflict, then the first held mode, then the smallest holder. A lost dispatch
    /// does not count against its own replacement (R8.2).
    pub(super) fn blocked(&self, task: &Task) -> Option<Reason> {
        let holding = self.snapshot.tasks.iter().filter(|row| row.state.is_holding() && !ptr::eq(*row, task));
        let holding: Vec<_> = holding.chain(self.started.iter().map(|(row, _)| *row)).collect();
        self.claims(task).iter().find_map(|wanted| {
            let held = holding.iter().flat_map(|holder| {
                let claims = self.claims(holder).into_iter();
                claims
                    .filter(|held| self.forbids(wanted, held))
                    .map(|held| (held.mode, holder.id, holder.kind()))
            });
            let (held, holder, holder_kind) = held.min()?;
            Some(Reason::Blocked {
                resource: wanted.key.clone(),
                wanted: wanted.mode,
                held,
                holder,
                holder_kind,
            })
        })
    }

    /// R3: a later task may not start if holding its claims would block an older task that keeps its place.
    pub(super) fn behind(&self, task: &Task) -> Option<Reason> {
        self.claims(task).iter().find_map(|held| {
            let mut older = self.places.iter().filter(|older| !self.is_waited_for_above(task, older));
            // Of several modes in which it claims the resource the first, as for those that are held.
            let (older, wants) = older.find_map(|older| {
                let claims = self.claims(older).into_iter();
                let bound = claims.filter(|wants| self.forbids(wants, held)).map(|wants| wants.mode);
                Some((older, bound.min()?))
            })?;
            Some(Reason::Behind {
                resource: held.key.clone(),
                wanted: held.mode,
                older_wants: wants,
                older: older.id,
                older_kind: older.kind(),
            })
        })
    }

    /// R3: whether the task's own workflow, or one above it, blocks the older task: nobody waits behind somebody who
    /// waits for them. A workflow blocks by what it holds, as in R2: it may have started in this pass, and of several rows
    /// with its id each one counts.
    fn is_waited_for_above(&self, task: &Task, older: &Task) -> bool {
        let wants = self.claims(older);
        let above = self.ancestors(task.id);
        let holding = self.snapshot.tasks.iter().filter(|row| row.state.is_holding());
        let holding = holding.chain(self.started.iter().map(|(row, _)| *row));
        let workflows = holding.filter(|row| row.kind() == Kind::WorkflowJob && row.id != older.id);
        workflows.filter(|row| above.contains(&row.id)).any(|workflow| {
            let held = self.claims(workflow);
            wants.iter().any(|wanted| held.iter().any(|held| self.forbids(wanted, held)))
        })
    }
}

/// How a row of the table is claimed; `None` for not at all.
fn mode(row: &Claim, work: &Work) -> Option<Mode> {
    let simultaneous = match work {
        Work::Job { allow_simultaneous, .. } | Work::WorkflowJob { allow_simultaneous, .. } => {
            *allow_simultaneous
        }
        _ => false,
    };
    match row.simultaneous {
        Simultaneous::As(mode) if simultaneous => Some(mode),
        Simultaneous::Nothing if simultaneous => None,
        _ => Some(row.mode),
    }
}

/// Every key of a resource that a task names, with the mode of the row, or of the key where it has one.
fn keys(resource: &Resource, task: &Task, mode: Mode) -> Vec<(ResourceKey, Mode)> {
    let Resource::Own(name) = resource else {
        return key(resource, task).map(|key| (key, mode)).into_iter().collect();
    };
    let own = task.own_keys.iter().filter(|own| own.resource == *name);
    own.map(|own| {
        let key = OwnResource { resource: own.resource.clone(), key: own.key };
        (ResourceKey::Own(key.into()), own.mode.unwrap_or(mode))
    })
    .collect()
}

/// The key of a resource that is no user's own; a null key is no claim.
fn key(resource: &Resource, task: &Task) -> Option<ResourceKey> {
    match (resource, &task.work) {
        (Resource::Project, Work::Job { project, .. } | Work::ProjectUpdate { project, .. }) => {
            project.map(ResourceKey::Project)
        }
        (
            Resource::Inventory,
            Work::Job { inventory, .. }
            | Work::InventoryUpdate { inventory, .. }
            | Work::AdHocCommand { inventory },
        ) => inventory.map(ResourceKey::Inventory),
        (Resource::InventorySource, Work::InventoryUpdate { source, .. }) => {
            source.map(ResourceKey::InventorySource)
        }
        (Resource::JobTemplate, Work::Job { template, .. }) => template.map(ResourceKey::JobTemplate),
        (Resource::JobTemplate, Work::WorkflowJob { of: WorkflowOf::Slices(template), .. }) => {
            template.map(ResourceKey::JobTemplate)
        }
        (Resource::WorkflowTemplate, Work::WorkflowJob { of: WorkflowOf::Template(template), .. }) => {
            template.map(ResourceKey::WorkflowTemplate)
        }
        (Resource::SystemJobSlot, _) => Some(ResourceKey::SystemJobSlot),
        _ => None,
    }
}
