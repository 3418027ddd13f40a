//! The table of the rule set (R2), compiled: for each claimant a short list of (resource, mode), for each resource and mode
//! the set of modes that forbid it, and under which key a task claims.
//!
//! Knows nothing of who holds what. Compiling costs one look at each row of the table and each cell of the matrices;
//! reading the claims of a task costs a few steps a claim.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::table::{Row, Table, position};
use crate::{
    Claim, Claimant, LaunchType, Mode, OwnResource, ProjectUpdateType, Resource, ResourceKey, RuleSet,
    Simultaneous, Task, Work, WorkflowOf,
};

/// A claim of a task: the position of its resource among the compiled ones, the key, the mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) resource: Row,
    pub(crate) key: i64,
    pub(crate) mode: Mode,
}

/// A row of the table, compiled.
#[derive(Clone, Copy, Debug)]
struct Compiled {
    resource: Row,
    mode: Option<Mode>,
}

/// A resource, compiled: the sets of modes as bits.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) resource: Resource,
    /// For each pending mode, the held modes that forbid it.
    pub(crate) forbidding: [u8; 6],
    /// For each held mode, the pending modes that it forbids.
    pub(crate) forbidden: [u8; 6],
}

/// For each claimant, without and with `allow_simultaneous`, its claims in the order of the table's rows.
#[derive(Debug)]
pub(crate) struct ClaimTable {
    claims: [[Vec<Compiled>; 2]; 7],
    pub(crate) kept: Table<Kept>,
}

pub(crate) fn bit(mode: Mode) -> u8 {
    1 << (mode as u8)
}

/// The modes of a set, in the order of [`Mode`].
pub(crate) fn modes(set: u8) -> impl Iterator<Item = Mode> {
    Mode::ALL.into_iter().filter(move |&mode| set & bit(mode) != 0)
}

#[expect(clippy::indexing_slicing, reason = "the array has an entry for each of the six modes")]
pub(crate) fn at<T: Copy>(entries: &[T; 6], mode: Mode) -> T {
    entries[mode as usize]
}

#[expect(clippy::indexing_slicing, reason = "the array has an entry for each of the six modes")]
pub(crate) fn at_mut<T>(entries: &mut [T; 6], mode: Mode) -> &mut T {
    &mut entries[mode as usize]
}

impl ClaimTable {
    pub(crate) fn compile(rules: &RuleSet) -> Self {
        let mut kept: Table<Kept> = Table(Vec::new());
        let claims = Claimant::ALL.map(|by| {
            let rows = rules.claims.iter().filter(|claim| claim.by == by);
            let (mut alone, mut together) = (Vec::new(), Vec::new());
            for claim in rows {
                let known = kept.0.iter().position(|kept| kept.resource == claim.resource);
                let resource = known.map_or_else(|| kept.push(keep(rules, &claim.resource)), position);
                alone.push(Compiled { resource, mode: Some(claim.mode) });
                together.push(Compiled { resource, mode: with_simultaneous(claim) });
            }
            [alone, together]
        });
        Self { claims, kept }
    }

    /// The claims of a task, in the order of the table's rows.
    #[expect(clippy::indexing_slicing, reason = "the table has an entry for each claimant, twice")]
    pub(crate) fn wanted<'t>(&'t self, task: &'t Task) -> impl Iterator<Item = Wanted> + use<'t> {
        let rows = claimant(task)
            .map_or(&[][..], |by| &self.claims[by as usize][usize::from(is_simultaneous(&task.work))]);
        rows.iter().filter_map(|claim| Some((claim.resource, claim.mode?))).flat_map(|(resource, mode)| {
            let keys = keys(task, &self.kept[resource].resource, mode);
            keys.map(move |(key, mode)| Wanted { resource, key, mode })
        })
    }
}

fn keep(rules: &RuleSet, resource: &Resource) -> Kept {
    let (mut forbidding, mut forbidden) = ([0; 6], [0; 6]);
    for &(pending, held) in rules.matrix(resource).into_iter().flat_map(|matrix| &matrix.forbidden) {
        *at_mut(&mut forbidding, pending) |= bit(held);
        *at_mut(&mut forbidden, held) |= bit(pending);
    }
    Kept { resource: resource.clone(), forbidding, forbidden }
}

/// Whether a task's claims count at all (R2).
fn claimant(task: &Task) -> Option<Claimant> {
    let run = matches!(task.work, Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. });
    if run || task.launch_type == LaunchType::Sync { None } else { Claimant::of(&task.work) }
}

const fn is_simultaneous(work: &Work) -> bool {
    matches!(
        work,
        Work::Job { allow_simultaneous: true, .. } | Work::WorkflowJob { allow_simultaneous: true, .. }
    )
}

/// The keys under which a task claims a resource, each with its mode: the row's, unless a key of the user's own has another.
/// Those stand in the order in which the task lists them.
fn keys<'t>(task: &'t Task, resource: &'t Resource, mode: Mode) -> impl Iterator<Item = (i64, Mode)> + 't {
    let own = if let Resource::Own(_) = resource { &task.own_keys[..] } else { &[] };
    let own = own.iter().filter(move |own| matches!(resource, Resource::Own(name) if own.resource == *name));
    let own = own.map(move |own| (own.key.get(), own.mode.unwrap_or(mode)));
    key(task, resource).map(|key| (key, mode)).into_iter().chain(own)
}

/// The one key under which a task claims a resource of those that every table knows; `None` for no claim.
fn key(task: &Task, resource: &Resource) -> Option<i64> {
    match (resource, &task.work) {
        (Resource::Project, Work::Job { project, .. } | Work::ProjectUpdate { project, .. }) => {
            project.map(crate::ProjectId::get)
        }
        (
            Resource::Inventory,
            Work::Job { inventory, .. }
            | Work::InventoryUpdate { inventory, .. }
            | Work::AdHocCommand { inventory },
        ) => inventory.map(crate::InventoryId::get),
        (Resource::InventorySource, Work::InventoryUpdate { source, .. }) => {
            source.map(crate::InventorySourceId::get)
        }
        (
            Resource::JobTemplate,
            Work::Job { template, .. } | Work::WorkflowJob { of: WorkflowOf::Slices(template), .. },
        ) => template.map(crate::JobTemplateId::get),
        (Resource::WorkflowTemplate, Work::WorkflowJob { of: WorkflowOf::Template(template), .. }) => {
            template.map(crate::WorkflowTemplateId::get)
        }
        (Resource::SystemJobSlot, _) => Some(0),
        _ => None,
    }
}

/// The claims of a task, straight from the table: for questions that are asked rarely.
pub(crate) fn claims_of<'r>(
    rules: &'r RuleSet,
    task: &'r Task,
) -> impl Iterator<Item = (&'r Resource, i64, Mode)> {
    let by = claimant(task);
    let simultaneous = is_simultaneous(&task.work);
    rules.claims.iter().filter(move |claim| Some(claim.by) == by).flat_map(move |claim| {
        let mode = if simultaneous { with_simultaneous(claim) } else { Some(claim.mode) };
        let claimed = mode.into_iter().flat_map(|mode| keys(task, &claim.resource, mode));
        claimed.map(|(key, mode)| (&claim.resource, key, mode))
    })
}

fn with_simultaneous(claim: &Claim) -> Option<Mode> {
    match claim.simultaneous {
        Simultaneous::Same => Some(claim.mode),
        Simultaneous::As(mode) => Some(mode),
        Simultaneous::Nothing => None,
    }
}

impl Resource {
    /// This resource under a key.
    pub(crate) fn keyed(&self, key: i64) -> ResourceKey {
        match self {
            Self::Project => ResourceKey::Project(key.into()),
            Self::Inventory => ResourceKey::Inventory(key.into()),
            Self::InventorySource => ResourceKey::InventorySource(key.into()),
            Self::JobTemplate => ResourceKey::JobTemplate(key.into()),
            Self::WorkflowTemplate => ResourceKey::WorkflowTemplate(key.into()),
            Self::SystemJobSlot => ResourceKey::SystemJobSlot,
            Self::Own(name) => {
                ResourceKey::Own(Arc::new(OwnResource { resource: Arc::clone(name), key: key.into() }))
            }
        }
    }
}

impl RuleSet {
    /// What a task claims by the table, each resource with its key and the mode (R2); nothing for updates that are private to a job.
    pub fn claims_of<'r>(
        &'r self,
        task: &'r Task,
    ) -> impl Iterator<Item = (&'r Resource, ResourceKey, Mode)> {
        claims_of(self, task).map(|(resource, key, mode)| (resource, resource.keyed(key), mode))
    }
}
