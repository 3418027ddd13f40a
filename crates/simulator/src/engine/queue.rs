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
    Forks, GroupId, InventoryId, JobTemplateId, LaunchType, Priority, ProjectId, RuleSet, Task, TaskId,
    Timestamp, Work,
};

use super::claims::{Blocking, Claimed, Claims};
use super::room::Room;
use super::store::BarId;

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
    claimed: Vec<Claimed>,
    tasks: BTreeMap<Turn, BarId>,
}

/// The tasks that wait out of sight.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: BTreeMap<LineKey, Line>,
    length: usize,
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
    pub(super) fn park(&mut self, rules: &RuleSet, claims: &mut Claims, task: &Task, id: BarId) {
        let Some(key) = line_key(task) else { return };
        let line = self.lines.entry(key).or_insert_with(|| {
            let mut claimed = Vec::new();
            claims.of(rules, task, &mut claimed);
            Line { claimed, tasks: BTreeMap::new() }
        });
        line.tasks.insert(turn(task), id);
        self.length = self.length.saturating_add(1);
    }

    /// Takes a task out; says whether it was here.
    pub(super) fn take(&mut self, task: &Task, id: BarId) -> bool {
        let Some(key) = line_key(task) else { return false };
        let Some(line) = self.lines.get_mut(&key) else { return false };
        if line.tasks.remove(&turn(task)) != Some(id) {
            return false;
        }
        if line.tasks.is_empty() {
            self.lines.remove(&key);
        }
        self.length = self.length.saturating_sub(1);
        true
    }

    /// Takes everybody out.
    pub(super) fn drain(&mut self, out: &mut Vec<BarId>) {
        self.length = 0;
        out.extend(std::mem::take(&mut self.lines).into_values().flat_map(|line| line.tasks.into_values()));
    }

    /// Takes out whom the next pass must see, and says whether one of them could start.
    pub(super) fn call(
        &mut self,
        rules: &RuleSet,
        room: &Room,
        claims: &Claims,
        out: &mut Vec<BarId>,
    ) -> bool {
        let mut startable = false;
        let reserving = if rules.reserve_after.is_some() { room.instances() } else { 0 };
        let places = rules.chronological;
        // Few questions about room are different: lines share groups and impact.
        let mut answers: Vec<(Arc<[GroupId]>, Forks, usize)> = Vec::new();
        for (key, line) in &mut self.lines {
            let known = answers.iter().find(|(groups, impact, _)| {
                *impact == key.impact && (Arc::ptr_eq(groups, &key.groups) || *groups == key.groups)
            });
            let room = known.map_or_else(|| room.bound(&key.groups, key.impact), |(_, _, room)| *room);
            if known.is_none() {
                answers.push((Arc::clone(&key.groups), key.impact, room));
            }
            if room == 0 && !places && reserving == 0 {
                continue;
            }
            let blocking = claims.blocking(&line.claimed, line.tasks.len());
            startable |= room > 0 && blocking != Blocking::Certain;
            let wanted = match blocking {
                Blocking::Impossible => room,
                Blocking::ByOwnLine if room == 0 => 0,
                Blocking::ByOwnLine => 2,
                Blocking::Possible if room == 0 && !places => 0,
                Blocking::Possible => usize::MAX,
                Blocking::Certain => usize::from(places),
            };
            for _ in 0..wanted.saturating_add(reserving).min(line.tasks.len()) {
                out.extend(line.tasks.pop_first().map(|(_, id)| id));
            }
        }
        self.lines.retain(|_, line| !line.tasks.is_empty());
        self.length = self.length.saturating_sub(out.len());
        startable
    }
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
