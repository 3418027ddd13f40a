//! What tasks claim, counted: whether a task could be blocked at all (R2), told without a pass.
//!
//! It reads the same table as the pass, the rule set's, and says "it could" whenever the pass could hold a task for a claim.

use rustc_hash::FxHashMap;
use scheduler_core::{
    Claimant, LaunchType, Mode, OwnKey, ProjectUpdateType, Resource, ResourceKey, RuleSet, Simultaneous,
    Task, Work, WorkflowOf,
};

/// A resource, and how it is claimed.
pub(super) type Claimed = (ResourceKey, Mode);

/// How often each resource is claimed in each mode.
#[derive(Debug, Default)]
pub(super) struct Counts(FxHashMap<ResourceKey, [u32; Mode::ALL.len()]>);

impl Counts {
    pub(super) fn add(&mut self, claims: &[Claimed]) {
        for (resource, mode) in claims {
            let counts = self.0.entry(resource.clone()).or_default();
            if let Some(count) = counts.get_mut(*mode as usize) {
                *count = count.saturating_add(1);
            }
        }
    }

    pub(super) fn remove(&mut self, claims: &[Claimed]) {
        for (resource, mode) in claims {
            let Some(counts) = self.0.get_mut(resource) else { continue };
            if let Some(count) = counts.get_mut(*mode as usize) {
                *count = count.saturating_sub(1);
            }
            if counts.iter().all(|&count| count == 0) {
                self.0.remove(resource);
            }
        }
    }

    pub(super) fn count(&self, resource: &ResourceKey, mode: Mode) -> u32 {
        self.0.get(resource).and_then(|counts| counts.get(mode as usize)).copied().unwrap_or(0)
    }
}

/// What a task claims by the rules' table.
pub(super) fn claims(rules: &RuleSet, task: &Task) -> Vec<Claimed> {
    let private = matches!(task.work, Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. })
        || task.launch_type == LaunchType::Sync;
    let Some(claimant) = Claimant::of(&task.work).filter(|_| !private) else { return Vec::new() };
    let simultaneous = match task.work {
        Work::Job { allow_simultaneous, .. } | Work::WorkflowJob { allow_simultaneous, .. } => {
            allow_simultaneous
        }
        _ => false,
    };
    let mut claimed = Vec::new();
    for row in rules.claims.iter().filter(|row| row.by == claimant) {
        let mode = match row.simultaneous {
            _ if !simultaneous => Some(row.mode),
            Simultaneous::Same => Some(row.mode),
            Simultaneous::As(mode) => Some(mode),
            Simultaneous::Nothing => None,
        };
        let Some(mode) = mode else { continue };
        match &row.resource {
            Resource::Own(name) => {
                let own = task.own_keys.iter().find(|key| key.resource == *name);
                claimed.extend(own.map(|key| (ResourceKey::Own(OwnKey::clone(key).into()), mode)));
            }
            resource => claimed.extend(key(&task.work, resource).map(|key| (key, mode))),
        }
    }
    claimed
}

fn key(work: &Work, resource: &Resource) -> Option<ResourceKey> {
    match (resource, work) {
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
        (Resource::JobTemplate, Work::WorkflowJob { of: WorkflowOf::Slices(id), .. }) => {
            id.map(ResourceKey::JobTemplate)
        }
        (Resource::WorkflowTemplate, Work::WorkflowJob { of: WorkflowOf::Template(id), .. }) => {
            id.map(ResourceKey::WorkflowTemplate)
        }
        (Resource::SystemJobSlot, _) => Some(ResourceKey::SystemJobSlot),
        _ => None,
    }
}
