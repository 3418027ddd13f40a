//! The rows that passes see, and the bars that stay: what a database holds in production.
//!
//! A task has a bar from its launch on, for ever, and a row as long as passes must know of it: while it is unfinished, and while
//! an unfinished task depends on it. Rows are kept from pass to pass and changed in place; taking one out costs a swap with
//! the last, since the order of rows never matters (R1).

use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{GroupId, InstanceId, Outcome, Placement, State, Task, TaskId, ThinVec};

use crate::timeline::{Bar, PictureKey, ReasonId, Wait, WaitReason};
use crate::workload::{Template, TemplateKey};
use crate::{Moment, Timeline};

/// A task, by its position among the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BarId(u32);

/// Where what is known of a task's behaviour stands.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Among the workload's launches.
    Launch(u32),
    /// Among the workload's standing tasks.
    Standing(u32),
    /// A pass created it: this template, if one is known.
    Created(Option<Arc<Template>>),
}

/// What the engine keeps of a task besides its bar.
#[derive(Clone, Debug)]
struct Kept {
    /// Its row, or [`NO_ROW`].
    row: u32,
    source: Source,
}

const NO_ROW: u32 = u32::MAX;

/// A placement as the key of a map.
type Seat = (Option<GroupId>, Option<InstanceId>, Option<InstanceId>);

/// Rows and bars.
#[derive(Debug, Default)]
pub(super) struct Store {
    timeline: Timeline,
    kept: Vec<Kept>,
    index: FxHashMap<TaskId, BarId>,
    reasons: FxHashMap<PictureKey, ReasonId>,
    /// The bar of each row, beside the rows.
    bars_of_rows: Vec<BarId>,
    /// How many unfinished tasks that have not started depend on a task.
    awaited: FxHashMap<TaskId, u32>,
    /// One copy of each placement; the first is nowhere.
    nowhere: Arc<Placement>,
    placements: FxHashMap<Seat, Arc<Placement>>,
}

impl Store {
    /// With room for so many tasks.
    pub(super) fn with_capacity(tasks: usize) -> Self {
        let mut store = Self::default();
        store.timeline.bars.reserve_exact(tasks);
        store.kept.reserve_exact(tasks);
        store.index.reserve(tasks);
        store
    }

    /// Gives a task a bar and a row.
    pub(super) fn enter(
        &mut self,
        rows: &mut Vec<Task>,
        task: Task,
        launched: Moment,
        source: Source,
    ) -> BarId {
        let id = BarId(position(self.timeline.bars.len()));
        grow_gently(&mut self.timeline.bars);
        grow_gently(&mut self.kept);
        let nowhere = Arc::clone(&self.nowhere);
        self.timeline.bars.push(Bar {
            task: task.id,
            name: Arc::clone(&task.name),
            kind: task.kind(),
            template: TemplateKey::of(&task.work),
            launch_type: task.launch_type,
            priority: task.priority,
            impact: task.cost(),
            workflow: None,
            dependencies: task.dependencies.clone(),
            launched,
            considered: None,
            started: None,
            finished: None,
            placement: nowhere,
            outcome: None,
            end: None,
            waits: ThinVec::new(),
        });
        self.kept.push(Kept { row: NO_ROW, source });
        self.index.insert(task.id, id);
        if !task.state.is_holding() && task.state.is_unfinished() {
            for &on in &task.dependencies {
                self.await_task(on);
            }
        }
        self.put(rows, id, task);
        id
    }

    /// The shared copy of a placement.
    pub(super) fn shared(&mut self, placement: Placement) -> Arc<Placement> {
        let seat = (placement.group, placement.node, placement.controller);
        Arc::clone(self.placements.entry(seat).or_insert_with(|| Arc::new(placement)))
    }

    /// Makes room for so many rows that come at once.
    pub(super) fn expect(&mut self, rows: &mut Vec<Task>, count: usize) {
        rows.reserve_exact(count);
        self.bars_of_rows.reserve_exact(count);
    }

    /// Puts a row of a known task among the rows.
    pub(super) fn put(&mut self, rows: &mut Vec<Task>, id: BarId, task: Task) {
        if let Some(kept) = self.kept.get_mut(id.0 as usize) {
            kept.row = position(rows.len());
        }
        rows.push(task);
        self.bars_of_rows.push(id);
    }

    /// Takes a row out.
    pub(super) fn take(&mut self, rows: &mut Vec<Task>, id: BarId) -> Option<Task> {
        let row = self.row(id)?;
        let task = rows.swap_remove(row);
        self.bars_of_rows.swap_remove(row);
        if let Some(kept) = self.kept.get_mut(id.0 as usize) {
            kept.row = NO_ROW;
        }
        if let Some(moved) = self.bars_of_rows.get(row).copied()
            && let Some(kept) = self.kept.get_mut(moved.0 as usize)
        {
            kept.row = position(row);
        }
        Some(task)
    }

    /// The position of a task's row.
    pub(super) fn row(&self, id: BarId) -> Option<usize> {
        self.kept.get(id.0 as usize).filter(|kept| kept.row != NO_ROW).map(|kept| kept.row as usize)
    }

    /// The task of a row.
    pub(super) fn bar_of_row(&self, row: usize) -> Option<BarId> {
        self.bars_of_rows.get(row).copied()
    }

    pub(super) fn find(&self, task: TaskId) -> Option<BarId> {
        self.index.get(&task).copied()
    }

    pub(super) fn bar(&self, id: BarId) -> Option<&Bar> {
        self.timeline.bars.get(id.0 as usize)
    }

    pub(super) fn bar_mut(&mut self, id: BarId) -> Option<&mut Bar> {
        self.timeline.bars.get_mut(id.0 as usize)
    }

    pub(super) fn source(&self, id: BarId) -> Option<&Source> {
        self.kept.get(id.0 as usize).map(|kept| &kept.source)
    }

    /// How many bars there are.
    pub(super) fn len(&self) -> usize {
        self.timeline.bars.len()
    }

    /// Every bar so far.
    pub(super) fn bars(&self) -> impl Iterator<Item = (BarId, &Bar)> {
        (0..).map(BarId).zip(&self.timeline.bars)
    }

    /// One more task waits for this one.
    pub(super) fn await_task(&mut self, on: TaskId) {
        let count = self.awaited.entry(on).or_insert(0);
        *count = count.saturating_add(1);
    }

    /// A task waits for its dependencies no more: those that ended and that nobody else waits for lose their rows.
    pub(super) fn release(&mut self, rows: &mut Vec<Task>, dependencies: &[TaskId]) {
        for on in dependencies {
            let Some(count) = self.awaited.get_mut(on) else { continue };
            *count = count.saturating_sub(1);
            if *count > 0 {
                continue;
            }
            self.awaited.remove(on);
            if let Some(id) = self.find(*on)
                && self.bar(id).is_some_and(|bar| bar.finished.is_some())
            {
                self.take(rows, id);
            }
        }
    }

    pub(super) fn is_awaited(&self, task: TaskId) -> bool {
        self.awaited.contains_key(&task)
    }

    /// Ends a bar. Its row stays, as finished, as long as somebody waits for it.
    pub(super) fn finish(&mut self, rows: &mut Vec<Task>, id: BarId, outcome: Outcome, end: Ended) {
        let Some(bar) = self.bar_mut(id) else { return };
        (bar.finished, bar.outcome) = (Some(end.at), Some(outcome));
        if let Some(wait) = bar.waits.last_mut().filter(|_| bar.started.is_none()) {
            wait.to = end.at;
        }
        let task = bar.task;
        if !self.is_awaited(task) {
            self.take(rows, id);
        } else if let Some(row) = self.row(id).and_then(|row| rows.get_mut(row)) {
            row.state = State::Finished { outcome, at: Some(end.on_calendar) };
        }
    }

    /// Notes that a pass held a task, and why.
    pub(super) fn hold(&mut self, id: BarId, reason: &scheduler_core::Reason, now: Moment) {
        let Some(bar) = self.timeline.bars.get_mut(id.0 as usize) else { return };
        bar.considered.get_or_insert(now);
        let reason = match self.reasons.entry(PictureKey::of(reason)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let id = ReasonId::new(position(self.timeline.reasons.len()));
                self.timeline.reasons.push(WaitReason::Throughout(reason.clone()));
                *new.insert(id)
            }
        };
        if let Some(wait) = bar.waits.last_mut() {
            wait.to = now;
            if wait.reason == reason {
                return;
            }
        }
        let from = if bar.waits.is_empty() { bar.launched.max(Moment::START).min(now) } else { now };
        if bar.waits.is_empty() {
            // Most tasks wait once or never: room for four would be most of what they cost.
            bar.waits.reserve_exact(1);
        }
        bar.waits.push(Wait { reason, from, to: now });
    }

    /// Lets the waits that go on last until now.
    pub(super) fn close(&mut self, now: Moment) {
        for bar in self.timeline.bars.iter_mut().filter(|bar| bar.started.is_none() && bar.finished.is_none())
        {
            if let Some(wait) = bar.waits.last_mut() {
                wait.to = now;
            }
        }
    }

    /// What happened.
    pub(super) fn into_timeline(self) -> Timeline {
        self.timeline
    }
}

/// The moment at which a task ended, twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) at: Moment,
    pub(super) on_calendar: scheduler_core::Timestamp,
}

/// A position as rows and bars are counted; more than four thousand million of them fit into no memory.
fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Makes room for more by an eighth instead of twice as much: a million bars are large.
fn grow_gently<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 64);
    }
}
