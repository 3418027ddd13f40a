//! The planner: a plan that is kept up to date, change by change.
//!
//! [`plan`] reads everything, decides everything and forgets everything. A [`Planner`] owns the snapshot and the rules, takes
//! [`Change`]s, and decides again only what they can have touched. It is a cache of the pass and nothing else: at every moment
//! [`Planner::plan`] is what `plan(planner.snapshot(), planner.rules())` would say, bit for bit, and it can be thrown away and
//! made anew from its snapshot without anybody noticing.
//!
//! # How
//!
//! Between passes ends only give, and within a pass starts only take. So each held task is parked at one thing that keeps it:
//! a key of a resource that somebody holds (R2) or keeps a place at (R3), a dependency (R5), a question to the ledger of capacity
//! that was answered with no (R6). A change frees some of these; who is parked there is woken and judged in the order of R1,
//! and wakes the next one unless it takes what it was woken for. Nobody else is looked at. Reasons are not stored: they are told
//! from where a task is parked when somebody asks.
//!
//! # What a full pass decides
//!
//! Running workflows, requests to cancel, overdue dispatches, lost instances with tasks, failed dependencies, updates on launch
//! that are still to be derived, `reserve_after`, and a start limit that is reached: while the snapshot holds any of these, each
//! plan is made by a full pass. What is remembered is kept up to date meanwhile, so that the plan after the last of them
//! costs what changed again. [`Planner::effort`] tells how often which of the two happened.
//!
//! Rows with a duplicate id, a rule set that is swapped, an earlier clock, and groups that come or go make the planner forget what it
//! remembers, and read everything once more.
//!
//! # Cost
//!
//! A change costs a few look-ups and searches for each claim of its task; a step the same for each task that is woken. Beside the
//! snapshot a task costs about a hundred bytes.

mod apply;
mod cells;
mod change;
mod dirt;
mod judge;
mod launching;
mod line;
mod memory;
mod odd;
mod room;
mod rows;
mod seats;
mod sweep;
mod tables;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use smallvec::SmallVec;

pub use change::{Change, Refused};
use memory::Memory;
use seats::Slot;
use tables::Tables;

use crate::pass::order::Rank;
use crate::table::FxHashSet;
use crate::{Action, Decision, Derived, Kind, Plan, Reason, RuleSet, Snapshot, State, Task, TaskId, plan};

/// A plan that is kept up to date, change by change.
#[derive(Debug)]
pub struct Planner {
    snapshot: Snapshot,
    rules: RuleSet,
    /// Nothing while rows have duplicate ids, or after something changed that touches everything.
    known: Option<Known>,
    /// The plan of a full pass over this very state, where one was made.
    whole: Option<Whole>,
    /// What was decided since the last change, unless a step told it.
    news: Vec<Decision>,
    /// The tasks about which something was decided between the last step and the last change.
    earlier: Vec<TaskId>,
    told: Told,
    effort: Effort,
}

/// Everything that is remembered beside the rows.
#[derive(Debug)]
struct Known {
    tables: Tables,
    memory: Memory,
}

/// The plan of a full pass.
#[derive(Debug)]
struct Whole {
    plan: Plan,
    /// Whether a step told it.
    told: bool,
}

/// What the last step was told from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// There was none, or it counts no longer.
    Nothing,
    /// From a full pass.
    Whole,
    /// From what is remembered.
    Memory,
}

/// What changed in the plan since the last step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Whether this is the whole plan: what earlier steps told counts no longer.
    pub anew: bool,
    /// The part of the plan that changed, in the order of a pass: decisions about tasks that were put, that start now or start
    /// elsewhere, that are held now, or are held for something else ([`Reason::wait_key`]) than was told before; the
    /// dependencies that were derived. `more` is that of the whole plan.
    ///
    /// A task that is kept by several things is parked at one of them; that another of them comes, or is the first to be named,
    /// is no change. Every reason told is that of the plan; [`Planner::reason`] tells it at any time.
    pub plan: Plan,
}

/// How much a planner has done since it was made: what a test or a metric wants to see stay small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// How many pending tasks were judged.
    pub judged: u64,
    /// How often what changed was followed through the tasks that it can touch.
    pub sweeps: u64,
    /// How often a full pass made the plan.
    pub passes: u64,
    /// How often everything was read to be remembered.
    pub rebuilds: u64,
}

impl Planner {
    /// A planner for this state. Costs nothing until something is asked.
    #[must_use]
    pub fn new(snapshot: Snapshot, rules: RuleSet) -> Self {
        Self {
            snapshot,
            rules,
            known: None,
            whole: None,
            news: Vec::new(),
            earlier: Vec::new(),
            told: Told::Nothing,
            effort: Effort::default(),
        }
    }

    /// The state that the plan is for.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The state, when the planner is not needed any more.
    #[must_use]
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// The rules that the plan is by.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// How much was done until now.
    #[must_use]
    pub const fn effort(&self) -> Effort {
        self.effort
    }

    /// The row of a task; of several with this id the first.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        match &self.known {
            Some(known) => {
                known.memory.seats.find(id).and_then(|slot| known.memory.task(slot, &self.snapshot))
            }
            None => self.snapshot.tasks.iter().find(|task| task.id == id),
        }
    }

    /// What changed in the plan since the last step; the first step tells the whole plan.
    pub fn step(&mut self) -> News {
        let complete = self.settle();
        let told = core::mem::replace(&mut self.told, Told::Whole);
        if let Some(whole) = &mut self.whole {
            self.news.clear();
            self.earlier.clear();
            if core::mem::replace(&mut whole.told, true) {
                return News { anew: false, plan: Plan { more: whole.plan.more, ..Plan::default() } };
            }
            return News { anew: true, plan: whole.plan.clone() };
        }
        self.told = Told::Memory;
        let (last, earlier) = (core::mem::take(&mut self.news), core::mem::take(&mut self.earlier));
        let anew = complete || told != Told::Memory;
        let Some(known) = &mut self.known else { return News::default() };
        let new = core::mem::take(&mut known.memory.newly_underived);
        if anew && !complete {
            return News { anew, plan: self.plan() };
        }
        let decisions = known.news(last, earlier, &self.snapshot);
        let derived = known.derived(if anew { &known.memory.underived } else { &new }, &self.snapshot);
        News { anew, plan: known.plan(decisions, derived, &self.snapshot) }
    }

    /// The whole plan, as a pass makes it; costs about what a pass does.
    pub fn plan(&mut self) -> Plan {
        let complete = self.settle();
        if complete {
            // The next step must tell everything, though not from what was swept now.
            self.told = Told::Nothing;
        }
        match (&self.whole, &mut self.known) {
            (Some(whole), _) => whole.plan.clone(),
            (None, Some(known)) => {
                let decisions = known.memory.decisions(&self.snapshot);
                let derived = known.derived(&known.memory.underived, &self.snapshot);
                known.plan(decisions, derived, &self.snapshot)
            }
            (None, None) => Plan::default(),
        }
    }

    /// Why a task is held by the plan; `None` when it is not held.
    pub fn reason(&mut self, task: TaskId) -> Option<Reason> {
        if self.settle() {
            self.told = Told::Nothing;
        }
        if let Some(whole) = &self.whole {
            return whole.plan.decision(task)?.action.hold().cloned();
        }
        let memory = &mut self.known.as_mut()?.memory;
        let slot = memory.seats.find(task)?;
        memory.task(slot, &self.snapshot).filter(|task| task.state == State::Pending)?;
        memory.decision(slot, &self.snapshot)?.err()
    }

    /// Brings the plan up to date: by a sweep if what is remembered suffices, else by a full pass. Whether the news are the whole
    /// plan.
    fn settle(&mut self) -> bool {
        if self.whole.is_some() {
            return false;
        }
        let built = self.known.is_none();
        if built {
            self.news.clear();
            self.earlier.clear();
            self.known = Known::of(&self.snapshot, &self.rules);
            self.effort.rebuilds = self.effort.rebuilds.saturating_add(u64::from(self.known.is_some()));
            self.told = Told::Nothing;
        }
        let sufficient = match &mut self.known {
            Some(known) => {
                known.reopen(&self.snapshot, &self.rules);
                known.is_sufficient(&self.snapshot, &self.rules)
            }
            None => false,
        };
        if !sufficient || !self.sweep() {
            self.effort.passes = self.effort.passes.saturating_add(1);
            self.whole = Some(Whole { plan: plan(&self.snapshot, &self.rules), told: false });
            return false;
        }
        built
    }

    /// Follows what changed; whether the start limit left room for it.
    fn sweep(&mut self) -> bool {
        let Some(known) = &mut self.known else { return false };
        if !known.memory.dirt.is_empty() {
            let swept = sweep::sweep(&mut known.memory, &self.snapshot);
            self.effort.sweeps = self.effort.sweeps.saturating_add(1);
            self.effort.judged = self.effort.judged.saturating_add(swept.judged);
            self.news = swept.decisions;
        }
        let limit = self.rules.start_limit.get() as usize;
        limit == 0 || known.memory.starts.len() < limit
    }
}

impl Known {
    /// The news of the last sweep with what is to be said now about tasks that earlier ones decided about, in the order of R1;
    /// of tasks that are still pending.
    fn news(&mut self, last: Vec<Decision>, mut earlier: Vec<TaskId>, snapshot: &Snapshot) -> Vec<Decision> {
        let memory = &mut self.memory;
        let pending = |memory: &Memory, task: TaskId| {
            let slot = memory.seats.find(task)?;
            let row = memory.task(slot, snapshot).filter(|row| row.state == State::Pending)?;
            Some((slot, row.kind()))
        };
        if earlier.is_empty() {
            return last.into_iter().filter(|decision| pending(memory, decision.task).is_some()).collect();
        }
        let again: FxHashSet<TaskId> = last.iter().map(|decision| decision.task).collect();
        earlier.sort_unstable();
        earlier.dedup();
        let mut news: Vec<(Rank, Decision)> = Vec::new();
        for task in earlier.into_iter().filter(|task| !again.contains(task)) {
            let Some((slot, kind)) = pending(memory, task) else { continue };
            let Some(verdict) = memory.decision(slot, snapshot) else { continue };
            let action = verdict.map_or_else(Action::Hold, Action::Start);
            news.push((memory.seats.rank(slot), Decision { task, kind, action }));
        }
        for decision in last {
            news.extend(pending(memory, decision.task).map(|(slot, _)| (memory.seats.rank(slot), decision)));
        }
        news.sort_by_key(|(rank, _)| *rank);
        news.into_iter().map(|(_, decision)| decision).collect()
    }

    fn of(snapshot: &Snapshot, rules: &RuleSet) -> Option<Self> {
        Some(Self { tables: Tables::of(snapshot)?, memory: Memory::of(snapshot, rules)? })
    }

    /// Opens the ledger anew if something that it rests on has changed.
    fn reopen(&mut self, snapshot: &Snapshot, rules: &RuleSet) {
        let memory = &mut self.memory;
        if !memory.room.is_outdated(snapshot.now) {
            return;
        }
        let starts = memory.starts.values().filter_map(|&(slot, place)| {
            let task = snapshot.tasks.get(memory.seats.seat(slot).row as usize)?;
            task.kind().needs_place().then_some((task, place))
        });
        memory.room.open(snapshot, rules, starts);
        (memory.dirt.all_rooms, memory.dirt.starts) = (true, true);
    }

    /// Whether what is remembered suffices for the plan; the start limit aside.
    fn is_sufficient(&self, snapshot: &Snapshot, rules: &RuleSet) -> bool {
        snapshot.graphs.is_empty()
            && rules.reserve_after.is_none()
            && !self.memory.odd.any(snapshot.now)
            && !self.memory.room.is_anybody_stranded()
            && !self.memory.is_anything_to_derive()
    }

    /// The plan of these decisions.
    fn plan(&self, decisions: Vec<Decision>, derived: Vec<Derived>, snapshot: &Snapshot) -> Plan {
        let mut starts = self.memory.starts.values();
        let more = starts.any(|&(slot, _)| {
            self.memory.task(slot, snapshot).is_some_and(|task| task.kind() == Kind::WorkflowJob)
        });
        Plan { decisions, derived, more, ..Plan::default() }
    }

    /// The tasks of which nothing is to be derived, and which a pass notes as derived (R4): nothing updates on launch.
    fn derived(&self, of: &BTreeSet<(Rank, Slot)>, snapshot: &Snapshot) -> Vec<Derived> {
        let memory = &self.memory;
        let sound = of.iter().filter_map(|&(_, slot)| {
            let task = memory.task(slot, snapshot)?;
            (!memory.room.is_groupless(task.kind(), memory.seats.seat(slot).class)).then_some(task.id)
        });
        sound.map(|task| Derived { task, links: SmallVec::new() }).collect()
    }
}
