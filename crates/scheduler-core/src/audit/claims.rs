//! Claims and places (R2, R3), evaluated straight from the rule set's table.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::rows::Rows;
use crate::{
    Claimant, Kind, LaunchType, Mode, OwnResource, ProjectUpdateType, Reason, Resource, ResourceKey, RuleSet,
    Simultaneous, Task, TaskId, Work, WorkflowOf,
};

/// The claims of a task in the order of the table.
pub(super) fn claims<'r>(rules: &'r RuleSet, task: &Task) -> Vec<(&'r Resource, ResourceKey, Mode)> {
    let run = matches!(task.work, Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. });
    if run || task.launch_type == LaunchType::Sync {
        return Vec::new();
    }
    let by = Claimant::of(&task.work);
    let together = match task.work {
        Work::Job { allow_simultaneous, .. } | Work::WorkflowJob { allow_simultaneous, .. } => {
            allow_simultaneous
        }
        _ => false,
    };
    let rows = rules.claims.iter().filter(|row| Some(row.by) == by);
    let mut found = Vec::new();
    for row in rows {
        let mode = match (together, row.simultaneous) {
            (false, _) | (true, Simultaneous::Same) => row.mode,
            (true, Simultaneous::As(mode)) => mode,
            (true, Simultaneous::Nothing) => continue,
        };
        if let Resource::Own(name) = &row.resource {
            for own in task.own_keys.iter().filter(|own| own.resource == *name) {
                let key = OwnResource { resource: own.resource.clone(), key: own.key };
                found.push((&row.resource, ResourceKey::Own(Arc::new(key)), own.mode.unwrap_or(mode)));
            }
        } else if let Some(key) = key(task, &row.resource) {
            found.push((&row.resource, key, mode));
        }
    }
    found
}

fn key(task: &Task, resource: &Resource) -> Option<ResourceKey> {
    match resource {
        Resource::Project => match task.work {
            Work::Job { project, .. } | Work::ProjectUpdate { project, .. } => {
                project.map(ResourceKey::Project)
            }
            _ => None,
        },
        Resource::Inventory => match task.work {
            Work::Job { inventory, .. }
            | Work::InventoryUpdate { inventory, .. }
            | Work::AdHocCommand { inventory } => inventory.map(ResourceKey::Inventory),
            _ => None,
        },
        Resource::InventorySource => match task.work {
            Work::InventoryUpdate { source, .. } => source.map(ResourceKey::InventorySource),
            _ => None,
        },
        Resource::JobTemplate => match task.work {
            Work::Job { template, .. } | Work::WorkflowJob { of: WorkflowOf::Slices(template), .. } => {
                template.map(ResourceKey::JobTemplate)
            }
            _ => None,
        },
        Resource::WorkflowTemplate => match task.work {
            Work::WorkflowJob { of: WorkflowOf::Template(template), .. } => {
                template.map(ResourceKey::WorkflowTemplate)
            }
            _ => None,
        },
        Resource::SystemJobSlot => Some(ResourceKey::SystemJobSlot),
        // A task may have several of these, each with a mode.
        Resource::Own(_) => None,
    }
}

/// Who holds what, and who waits for it in what place.
pub(super) struct Claims<'c, 'a> {
    rows: &'c Rows<'a>,
    held: BTreeMap<(ResourceKey, Mode), BTreeSet<(TaskId, Kind)>>,
    held_by_workflows: BTreeMap<(ResourceKey, Mode), BTreeSet<TaskId>>,
    /// The held tasks that keep one by their rank in the order of R1, each with what workflows keep it from.
    places: BTreeMap<(ResourceKey, Mode), BTreeMap<usize, Place>>,
    /// The oldest place of those that are kept from the same: the others bind nobody whom it does not.
    oldest: BTreeMap<(ResourceKey, Mode, KeptFrom), usize>,
}

/// Keys with the modes in which workflows hold them that a task is kept from.
type KeptFrom = Arc<[(ResourceKey, Mode)]>;

#[derive(Clone)]
struct Place {
    task: TaskId,
    kind: Kind,
    kept_from: KeptFrom,
}

impl<'c, 'a> Claims<'c, 'a> {
    /// Every holding row holds its claims.
    pub(super) fn new(rows: &'c Rows<'a>) -> Self {
        let mut claims = Self {
            rows,
            held: BTreeMap::new(),
            held_by_workflows: BTreeMap::new(),
            places: BTreeMap::new(),
            oldest: BTreeMap::new(),
        };
        for task in rows.snapshot.tasks.iter().filter(|task| task.state.is_holding()) {
            claims.hold(task);
        }
        claims
    }

    pub(super) fn hold(&mut self, task: &Task) {
        for (_, key, mode) in claims(self.rows.rules, task) {
            if task.kind() == Kind::WorkflowJob {
                self.held_by_workflows.entry((key.clone(), mode)).or_default().insert(task.id);
            }
            self.held.entry((key, mode)).or_default().insert((task.id, task.kind()));
        }
    }

    fn forbids(&self, resource: &Resource, pending: Mode, held: Mode) -> bool {
        self.rows.rules.matrix(resource).is_some_and(|matrix| matrix.forbidden.contains(&(pending, held)))
    }

    /// R2.
    pub(super) fn blocked(&self, task: &Task) -> Option<Reason> {
        for (name, resource, wanted) in claims(self.rows.rules, task) {
            for held in Mode::ALL.into_iter().filter(|&held| self.forbids(name, wanted, held)) {
                let mut holders = self.held.get(&(resource.clone(), held)).into_iter().flatten();
                if let Some(&(holder, holder_kind)) = holders.find(|(holder, _)| *holder != task.id) {
                    return Some(Reason::Blocked { resource, wanted, held, holder, holder_kind });
                }
            }
        }
        None
    }

    /// What of a task's claims workflow jobs keep it from.
    fn kept_from(&self, task: &Task) -> KeptFrom {
        let mut found = BTreeSet::new();
        for (name, resource, wanted) in claims(self.rows.rules, task) {
            let forbidding = Mode::ALL.into_iter().filter(|&held| self.forbids(name, wanted, held));
            let keys = forbidding.map(|held| (resource.clone(), held));
            found.extend(keys.filter(|key| self.held_by_workflows.contains_key(key)));
        }
        found.into_iter().collect()
    }

    /// R3: a held task keeps its place.
    pub(super) fn keep_place(&mut self, task: &Task, rank: usize) {
        let place = Place { task: task.id, kind: task.kind(), kept_from: self.kept_from(task) };
        for (_, key, mode) in claims(self.rows.rules, task) {
            let oldest = self.oldest.entry((key.clone(), mode, place.kept_from.clone())).or_insert(rank);
            let places = self.places.entry((key, mode)).or_default();
            if *oldest > rank {
                places.remove(oldest);
                *oldest = rank;
            }
            if *oldest == rank {
                places.insert(rank, place.clone());
            }
        }
    }

    /// Whether one of these workflows holds what the task of a place is kept from.
    fn exempts(&self, place: &Place, workflows: &[TaskId]) -> bool {
        let holders = place.kept_from.iter().filter_map(|key| self.held_by_workflows.get(key));
        holders.into_iter().any(|holders| workflows.iter().any(|workflow| holders.contains(workflow)))
    }

    /// R3: the older blocked task that this one may not overtake.
    pub(super) fn behind(&self, task: &Task) -> Option<Reason> {
        if self.places.is_empty() {
            return None;
        }
        let above = self.rows.ancestors(task.id);
        for (name, resource, wanted) in claims(self.rows.rules, task) {
            let bound = Mode::ALL.into_iter().filter(|&older| self.forbids(name, older, wanted));
            let first = bound.filter_map(|mode| {
                let places = self.places.get(&(resource.clone(), mode))?;
                let mut binding = places.iter().filter(|(_, place)| !self.exempts(place, &above));
                binding.next().map(|(rank, place)| (*rank, mode, place))
            });
            if let Some((_, older_wants, place)) = first.min_by_key(|(rank, mode, _)| (*rank, *mode)) {
                let (older, older_kind) = (place.task, place.kind);
                return Some(Reason::Behind { resource, wanted, older_wants, older, older_kind });
            }
        }
        None
    }
}
