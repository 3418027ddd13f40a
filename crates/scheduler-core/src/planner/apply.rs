//! How a planner takes a change: the row goes into the snapshot, and what is remembered follows.

use alloc::vec::Vec;

use super::change::{Change, Refused};
use super::launching::Launching;
use super::tables::{Index, Keyed};
use super::{Known, Planner};
use crate::{Instance, InstanceGroup, RuleSet, Snapshot, Task, TaskId, Timestamp};

impl Planner {
    /// Takes a change. The plan follows when it is asked for: several changes before one step cost less than a step each.
    ///
    /// # Errors
    ///
    /// When something is said to be gone that was not there; then nothing has changed.
    pub fn apply(&mut self, change: Change) -> Result<(), Refused> {
        let Self { snapshot, rules, known, .. } = self;
        match change {
            Change::Clock(now) => self.set_clock(now),
            Change::Rules(new) => {
                *rules = *new;
                *known = None;
            }
            Change::Task(task) => put_task(snapshot, known, rules, task),
            Change::TaskGone(id) => {
                take_task(snapshot, known, rules, id).then_some(()).ok_or(Refused::Task(id))?;
            }
            Change::Project(row) => {
                let index = known.as_mut().map(|known| &mut known.tables.projects);
                let old = put(&mut snapshot.projects, index, row.clone());
                launching(known, snapshot, |launching| launching.project(old.as_ref(), Some(&row)));
            }
            Change::ProjectGone(id) => {
                let index = known.as_mut().map(|known| &mut known.tables.projects);
                let old = take(&mut snapshot.projects, index, id).ok_or(Refused::Project(id))?;
                launching(known, snapshot, |launching| launching.project(Some(&old), None));
            }
            Change::Source(row) => {
                let index = known.as_mut().map(|known| &mut known.tables.sources);
                let old = put(&mut snapshot.inventory_sources, index, row.clone());
                launching(known, snapshot, |launching| launching.source(old.as_ref(), Some(&row)));
            }
            Change::SourceGone(id) => {
                let index = known.as_mut().map(|known| &mut known.tables.sources);
                let old = take(&mut snapshot.inventory_sources, index, id).ok_or(Refused::Source(id))?;
                launching(known, snapshot, |launching| launching.source(Some(&old), None));
            }
            Change::Instance(row) => put_instance(snapshot, known, rules, row),
            Change::InstanceGone(id) => {
                let index = known.as_mut().map(|known| &mut known.tables.instances);
                take(&mut snapshot.instances, index, id).ok_or(Refused::Instance(id))?;
                outdate(known);
            }
            Change::Group(row) => put_group(snapshot, known, row),
            Change::GroupGone(id) => {
                let index = known.as_mut().map(|known| &mut known.tables.groups);
                take(&mut snapshot.groups, index, id).ok_or(Refused::Group(id))?;
                *known = None;
            }
            Change::Graph(row) => {
                let index = known.as_mut().map(|known| &mut known.tables.graphs);
                put(&mut snapshot.graphs, index, row);
            }
            Change::GraphGone(id) => {
                let index = known.as_mut().map(|known| &mut known.tables.graphs);
                take(&mut snapshot.graphs, index, id).ok_or(Refused::Graph(id))?;
            }
        }
        self.whole = None;
        // What was decided and not told yet may have to be told in other words now.
        self.earlier.extend(self.news.drain(..).map(|decision| decision.task));
        Ok(())
    }

    /// What time has done already it does not undo: an earlier clock makes everything be read anew.
    fn set_clock(&mut self, now: Timestamp) {
        if now < self.snapshot.now {
            self.known = None;
        }
        self.snapshot.now = now;
    }
}

/// Puts a row in the place of all with its id; the one that it replaces.
fn put<T: Keyed>(rows: &mut Vec<T>, index: Option<&mut Index<T::Id>>, row: T) -> Option<T> {
    match index {
        Some(index) => index.put(rows, row),
        None => {
            rows.retain(|other| other.id() != row.id());
            rows.push(row);
            None
        }
    }
}

/// Takes out all rows with an id; one of them.
fn take<T: Keyed>(rows: &mut Vec<T>, index: Option<&mut Index<T::Id>>, id: T::Id) -> Option<T> {
    match index {
        Some(index) => index.remove(rows, id),
        None => {
            let at = rows.iter().position(|row| row.id() == id)?;
            let row = rows.remove(at);
            rows.retain(|other| other.id() != id);
            Some(row)
        }
    }
}

fn put_task(snapshot: &mut Snapshot, known: &mut Option<Known>, rules: &RuleSet, task: Task) {
    match known {
        Some(known) => known.memory.put(task, snapshot, rules),
        None => {
            snapshot.tasks.retain(|other| other.id != task.id);
            snapshot.tasks.push(task);
        }
    }
}

/// Takes out all rows of a task; whether there was one.
fn take_task(snapshot: &mut Snapshot, known: &mut Option<Known>, rules: &RuleSet, id: TaskId) -> bool {
    match known {
        Some(known) => known.memory.remove(id, snapshot, rules),
        None => {
            let before = snapshot.tasks.len();
            snapshot.tasks.retain(|task| task.id != id);
            snapshot.tasks.len() < before
        }
    }
}

fn put_instance(snapshot: &mut Snapshot, known: &mut Option<Known>, rules: &RuleSet, row: Instance) {
    let index = known.as_mut().map(|known| &mut known.tables.instances);
    let new = row.clone();
    let old: Option<Instance> = put(&mut snapshot.instances, index, row);
    if let Some(known) = known {
        known.memory.room.note_instance(old.as_ref(), &new, rules, snapshot.now);
    }
}

/// Groups are numbered as they stand: one that is new, like one that goes, touches every class.
fn put_group(snapshot: &mut Snapshot, known: &mut Option<Known>, row: InstanceGroup) {
    let index = known.as_mut().map(|known| &mut known.tables.groups);
    match put(&mut snapshot.groups, index, row) {
        Some(_) => outdate(known),
        None => *known = None,
    }
}

fn outdate(known: &mut Option<Known>) {
    if let Some(known) = known {
        known.memory.room.outdate();
    }
}

fn launching(known: &mut Option<Known>, snapshot: &Snapshot, change: impl FnOnce(&mut Launching) -> bool) {
    if let Some(known) = known {
        known.memory.note_launching(snapshot, change);
    }
}
