//! Pending tasks that a pass need not see, because it could not start them.
//!
//! A pass costs time for every row, and behind a full cluster a long queue would be looked at again on every event. Plain jobs
//! and commands (no dependencies, no workflow, considered once already) wait here in lines: those of one line have the same
//! claims, groups and impact, so that once a pass holds one it holds all behind it. A line sends to the pass:
//!
//! 1. nobody, when no group has room for one more of its impact ([`Room::bound`]) and none of it could become blocked;
//! 2. the first, when it is certainly blocked (R2): its place (R3) binds others as the whole line's would;
//! 3. as many as could start, when none of it could become blocked; two when only its own tasks could block it, since the
//!    first to start blocks the others, and the first blocked one's place binds as theirs would;
//! 4. everybody otherwise.
//!
//! So every pass starts exactly the tasks that it would start if it saw all of them; a property test holds this against
//! passes over everything. With `reserve_after` each line sends as many more as there are instances, since a task that
//! waits long may reserve one (R6.7).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{
    Forks, GroupId, InventoryId, JobTemplateId, LaunchType, Mode, Priority, ProjectId, ResourceKey, RuleSet,
    Task, TaskId, Timestamp, Work,
};

use super::claims::{Claimed, Counts, claims};
use super::room::Room;

/// What makes tasks stand in one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LineKey {
    job: bool,
    project: Option<ProjectId>,
    inventory: Option<InventoryId>,
    template: Option<JobTemplateId>,
    allow_simultaneous: bool,
    sync: bool,
    groups: Arc<[GroupId]>,
    impact: Forks,
}

/// The order of R1 within a line.
type Turn = (Reverse<Priority>, Timestamp, TaskId);

#[derive(Debug)]
struct Line {
    claims: Vec<Claimed>,
    tasks: BTreeMap<Turn, Task>,
}

/// The tasks that wait out of sight.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: BTreeMap<LineKey, Line>,
    length: usize,
}

/// Whether a line's tasks could be blocked (R2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocking {
    Impossible,
    ByOwnLine,
    Possible,
    Certain,
}

/// Who claims what, at the moment.
pub(super) struct Claiming<'a> {
    /// Every unfinished task.
    pub(super) all: &'a Counts,
    /// Those that hold.
    pub(super) held: &'a Counts,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Whether a task may wait here.
    pub(super) fn admits(task: &Task) -> bool {
        let plain = match &task.work {
            Work::Job { sources_already_updated, .. } => {
                task.dependencies_derived && sources_already_updated.is_empty()
            }
            Work::AdHocCommand { .. } => true,
            _ => false,
        };
        plain && task.dependencies.is_empty() && task.own_keys.is_empty() && !task.cancel_requested
    }

    /// Takes a task in.
    pub(super) fn park(&mut self, rules: &RuleSet, task: Task) {
        let Some(key) = line_key(&task) else { return };
        let line = self
            .lines
            .entry(key)
            .or_insert_with(|| Line { claims: claims(rules, &task), tasks: BTreeMap::new() });
        line.tasks.insert(turn(&task), task);
        self.length = self.length.saturating_add(1);
    }

    /// Takes a task out, given a copy of it.
    pub(super) fn take(&mut self, like: &Task) -> Option<Task> {
        let key = line_key(like)?;
        let line = self.lines.get_mut(&key)?;
        let task = line.tasks.remove(&turn(like))?;
        if line.tasks.is_empty() {
            self.lines.remove(&key);
        }
        self.length = self.length.saturating_sub(1);
        Some(task)
    }

    /// Takes everybody out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Task> + use<> {
        self.length = 0;
        std::mem::take(&mut self.lines).into_values().flat_map(|line| line.tasks.into_values())
    }

    /// Takes out whom the next pass must see, and says whether one of them could start.
    pub(super) fn call(
        &mut self,
        rules: &RuleSet,
        room: &Room,
        claiming: &Claiming<'_>,
        out: &mut Vec<Task>,
    ) -> bool {
        let mut startable = false;
        let reserving = if rules.reserve_after.is_some() { room.instances() } else { 0 };
        for (key, line) in &mut self.lines {
            let room = room.bound(&key.groups, key.impact);
            let blocking = line.blocking(rules, claiming);
            startable |= room > 0 && blocking != Blocking::Certain;
            let places = rules.chronological;
            let wanted = match blocking {
                Blocking::Impossible => room,
                Blocking::ByOwnLine if room == 0 => 0,
                Blocking::ByOwnLine => 2,
                Blocking::Possible if room == 0 && !places => 0,
                Blocking::Possible => usize::MAX,
                Blocking::Certain => usize::from(places),
            };
            for _ in 0..wanted.saturating_add(reserving).min(line.tasks.len()) {
                out.extend(line.tasks.pop_first().map(|(_, task)| task));
            }
        }
        self.lines.retain(|_, line| !line.tasks.is_empty());
        self.length = self.length.saturating_sub(out.len());
        startable
    }
}

impl Line {
    fn blocking(&self, rules: &RuleSet, claiming: &Claiming<'_>) -> Blocking {
        let mut blocking = Blocking::Impossible;
        let own = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        for (resource, mode) in &self.claims {
            let forbidden = matrix(rules, resource).filter(|(pending, _)| pending == mode);
            for (_, other) in forbidden {
                if claiming.held.count(resource, other) > 0 {
                    return Blocking::Certain;
                }
                let all = claiming.all.count(resource, other);
                let among_own = self.claims.contains(&(resource.clone(), other));
                let strangers = if among_own { all.saturating_sub(own) } else { all };
                if strangers > 0 {
                    blocking = Blocking::Possible;
                } else if among_own && own > 1 && blocking == Blocking::Impossible {
                    blocking = Blocking::ByOwnLine;
                }
            }
        }
        blocking
    }
}

/// The pairs of modes that may not be held together (R2).
fn matrix<'r>(rules: &'r RuleSet, resource: &ResourceKey) -> impl Iterator<Item = (Mode, Mode)> + use<'r> {
    use scheduler_core::Resource;
    let resource = match resource {
        ResourceKey::Project(_) => Resource::Project,
        ResourceKey::Inventory(_) => Resource::Inventory,
        ResourceKey::InventorySource(_) => Resource::InventorySource,
        ResourceKey::JobTemplate(_) => Resource::JobTemplate,
        ResourceKey::WorkflowTemplate(_) => Resource::WorkflowTemplate,
        ResourceKey::SystemJobSlot => Resource::SystemJobSlot,
        ResourceKey::Own(own) => Resource::Own(Arc::clone(&own.resource)),
    };
    rules.matrix(&resource).into_iter().flat_map(|matrix| matrix.forbidden.iter().copied())
}

fn turn(task: &Task) -> Turn {
    (Reverse(task.priority), task.created, task.id)
}

fn line_key(task: &Task) -> Option<LineKey> {
    let (job, project, inventory, template, allow_simultaneous) = match &task.work {
        Work::Job { project, inventory, template, allow_simultaneous, .. } => {
            (true, *project, *inventory, *template, *allow_simultaneous)
        }
        Work::AdHocCommand { inventory } => (false, None, *inventory, None, false),
        _ => return None,
    };
    Some(LineKey {
        job,
        project,
        inventory,
        template,
        allow_simultaneous,
        sync: task.launch_type == LaunchType::Sync,
        groups: Arc::clone(&task.groups),
        impact: task.impact,
    })
}
