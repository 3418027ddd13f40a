//! The pending tasks, one after the other (R9, R10): the ledger and the claims are replayed as the plan says, and each
//! decision is judged by what came before it.
//!
//! A wrong decision is reported where it stands; what follows is judged as if it were right to have happened.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::capacity::Ledger;
use super::claims::Claims;
use super::launch::Links;
use super::rows::{Ends, Rows, Status};
use super::violation::{About, Fault, Violation};
use crate::{
    Action, Decision, Kind, Lack, Malformed, Place, Reason, Shortfall, State, TakeBack, Task, TaskCount,
    TaskId, TaskRef, Then,
};

/// What came before the pending tasks.
pub(super) struct Before<'b, 'a> {
    pub(super) rows: &'b Rows<'a>,
    pub(super) ends: &'b Ends,
    pub(super) malformed: &'b BTreeMap<TaskId, Malformed>,
    pub(super) links: &'b Links,
}

impl Before<'_, '_> {
    /// Whether claims are the first thing that a pending task could be held by (R9).
    pub(super) fn is_sound(&self, task: &Task) -> bool {
        !self.malformed.contains_key(&task.id) && self.awaited(task).is_none()
    }

    /// R5.
    fn awaited(&self, task: &Task) -> Option<TaskRef> {
        let rows = self.rows;
        let links = self.links.get(&task.id).map_or(&[][..], Vec::as_slice);
        let known = links.iter().filter_map(|link| link.task()).chain(task.dependencies.iter().copied());
        let unfinished = known.filter(|&id| rows.status(id, self.ends) == Status::Unfinished).min();
        if let Some(id) = unfinished {
            let kind = rows.all(id).iter().map(|task| task.kind()).min()?;
            return Some(TaskRef::Task { id, kind });
        }
        links.iter().copied().filter(|link| link.task().is_none()).min()
    }
}

/// What the replay leaves to be checked.
#[derive(Default)]
pub(super) struct Replayed {
    /// Why tasks that the plan holds are held, with the circle that the plan names.
    pub(super) held: BTreeMap<TaskId, (Reason, Action)>,
    pub(super) started_workflow: bool,
    pub(super) unconsidered: TaskCount,
}

struct Replay<'r, 'b, 'a> {
    before: &'r Before<'b, 'a>,
    claims: Claims<'b, 'a>,
    ledger: Ledger<'b, 'a>,
    starts: u32,
    considered: usize,
    replayed: Replayed,
    out: &'r mut Vec<Violation>,
}

/// Checks the decisions on the tasks of `order`; `said` are the plan's decisions on them, in the plan's order.
pub(super) fn replay(
    before: &Before<'_, '_>,
    order: &[&Task],
    said: &[&Decision],
    out: &mut Vec<Violation>,
) -> Replayed {
    let rows = before.rows;
    let mut replay = Replay {
        before,
        claims: Claims::new(rows),
        ledger: Ledger::new(rows),
        starts: 0,
        considered: 0,
        replayed: Replayed::default(),
        out,
    };
    // Rows with one id are told apart by their turn.
    let mut ranks: BTreeMap<TaskId, VecDeque<usize>> = BTreeMap::new();
    for (rank, task) in order.iter().enumerate() {
        ranks.entry(task.id).or_default().push_back(rank);
    }
    let turns: Vec<(Option<usize>, &Decision)> =
        said.iter().map(|found| (ranks.get_mut(&found.task).and_then(VecDeque::pop_front), *found)).collect();
    let mut spoken = vec![false; order.len()];
    for rank in turns.iter().filter_map(|(rank, _)| *rank) {
        if let Some(spoken) = spoken.get_mut(rank) {
            *spoken = true;
        }
    }
    let mut next = 0;
    for (rank, found) in turns {
        let Some((rank, task)) = rank.and_then(|rank| Some((rank, *order.get(rank)?))) else {
            replay.report("R10", found.task, Fault::Twice);
            continue;
        };
        let late = rank < next;
        while next < rank {
            replay.silent(next, order, &spoken);
            next = next.saturating_add(1);
        }
        next = next.max(rank.saturating_add(1));
        if late {
            replay.report("R1", task.id, Fault::OutOfOrder);
        }
        replay.decision(rank, task, found);
    }
    for rank in next..order.len() {
        replay.silent(rank, order, &spoken);
    }
    let left = order.len().saturating_sub(replay.considered);
    replay.replayed.unconsidered = TaskCount::new(u32::try_from(left).unwrap_or(u32::MAX));
    replay.replayed
}

impl Replay<'_, '_, '_> {
    fn report(&mut self, rule: &'static str, task: TaskId, fault: Fault) {
        self.out.push(Violation { rule, about: About::Task(task), fault });
    }

    fn is_over(&self) -> bool {
        let limit = self.before.rows.rules.start_limit.get();
        limit > 0 && self.starts >= limit
    }

    /// A task on which the plan has no decision, if it has none.
    fn silent(&mut self, rank: usize, order: &[&Task], spoken: &[bool]) {
        let Some(task) = order.get(rank).filter(|_| spoken.get(rank) == Some(&false)) else { return };
        if self.is_over() {
            return;
        }
        self.considered = self.considered.saturating_add(1);
        let verdict = self.verdict(task);
        let expected = action(self.before.rows, task, verdict.clone());
        self.report(
            "R10",
            task.id,
            Fault::Decision { expected: Some(Box::new(expected.clone())), found: None },
        );
        self.proceed(rank, task, &verdict, &expected);
    }

    fn decision(&mut self, rank: usize, task: &Task, found: &Decision) {
        if found.kind != task.kind() {
            self.report("R10", task.id, Fault::WrongKind { expected: task.kind(), found: found.kind });
        }
        if self.is_over() {
            self.report(
                "R9",
                task.id,
                Fault::Decision { expected: None, found: Some(Box::new(found.action.clone())) },
            );
            return;
        }
        self.considered = self.considered.saturating_add(1);
        let verdict = self.verdict(task);
        let expected = action(self.before.rows, task, verdict.clone());
        if without_circle(&found.action) != expected {
            let rule = rule(&verdict, &found.action);
            let fault = Fault::Decision {
                expected: Some(Box::new(expected)),
                found: Some(Box::new(found.action.clone())),
            };
            self.report(rule, task.id, fault);
        }
        self.proceed(rank, task, &verdict, &found.action);
    }

    /// What the rules say at this point: the first "no" counts (R9).
    fn verdict(&mut self, task: &Task) -> Result<Place, Reason> {
        if let Some(malformed) = self.before.malformed.get(&task.id) {
            return Err(Reason::Malformed(malformed.clone()));
        }
        if let Some(on) = self.before.awaited(task) {
            return Err(Reason::Dependency { on });
        }
        if let Some(reason) = self.claims.blocked(task).or_else(|| self.claims.behind(task)) {
            return Err(reason);
        }
        if task.kind().needs_place() { self.ledger.judge(task) } else { Ok(Place::Nowhere) }
    }

    /// Lets happen what the plan says.
    fn proceed(&mut self, rank: usize, task: &Task, verdict: &Result<Place, Reason>, said: &Action) {
        if let Some(place) = said.start() {
            self.starts = self.starts.saturating_add(1);
            self.replayed.started_workflow |= task.kind() == Kind::WorkflowJob;
            self.claims.hold(task);
            self.ledger.book(task, &(*place).into(), true);
            return;
        }
        let Err(reason) = verdict else { return };
        let rules = self.before.rows.rules;
        match reason {
            Reason::Blocked { .. } if rules.chronological => self.claims.keep_place(task, rank),
            Reason::NoCapacity(lacks) if self.before.rows.is_overdue(task) && waits_for_room(lacks) => {
                self.ledger.reserve(task, lacks);
                self.claims.keep_place(task, rank);
            }
            _ => {}
        }
        if said.hold().is_some() && self.before.rows.sole(task.id).is_some() {
            self.replayed.held.insert(task.id, (reason.clone(), said.clone()));
        }
    }
}

/// Whether what lacks is room in some group, and not only instances in use.
fn waits_for_room(lacks: &[Shortfall]) -> bool {
    lacks.iter().any(|shortfall| {
        matches!(
            shortfall.lack,
            Lack::TaskLimit { .. }
                | Lack::ForkLimit { .. }
                | Lack::Reserved { .. }
                | Lack::Full { .. }
                | Lack::NoController { .. }
        )
    })
}

/// A verdict as the action that a plan should have.
pub(super) fn action(rows: &Rows<'_>, task: &Task, verdict: Result<Place, Reason>) -> Action {
    match (&task.state, rows.is_taken_back(task)) {
        (State::Waiting(dispatch), true) => {
            let then = verdict.map_or_else(Then::Hold, Then::Start);
            Action::TakeBack(Box::new(TakeBack { replaces: dispatch.id, then }))
        }
        _ => verdict.map_or_else(Action::Hold, Action::Start),
    }
}

/// The same action with the reason that a circle is made of; circles are checked on their own.
fn without_circle(action: &Action) -> Action {
    let plain = |reason: &Reason| match reason {
        Reason::Circle { waits, .. } => (**waits).clone(),
        other => other.clone(),
    };
    match action {
        Action::Hold(reason) => Action::Hold(plain(reason)),
        Action::TakeBack(back) => match &back.then {
            Then::Hold(reason) => Action::TakeBack(Box::new(TakeBack {
                replaces: back.replaces,
                then: Then::Hold(plain(reason)),
            })),
            Then::Start(_) | Then::End(_) => action.clone(),
        },
        other => other.clone(),
    }
}

/// The rule that a wrong decision breaks: that of the true reason, else that of the alleged one.
fn rule(verdict: &Result<Place, Reason>, found: &Action) -> &'static str {
    match (verdict, found.hold()) {
        (Err(reason), _) | (Ok(_), Some(reason)) => rule_of(reason),
        (Ok(_), None) if found.start().is_some() => "R6",
        (Ok(_), None) => "R10",
    }
}

fn rule_of(reason: &Reason) -> &'static str {
    match reason {
        Reason::Malformed(_) => "R11",
        Reason::Dependency { .. } => "R5",
        Reason::Blocked { .. } => "R2",
        Reason::Behind { .. } => "R3",
        Reason::NoCapacity(_) | Reason::NeverFits(_) => "R6",
        Reason::Circle { .. } => "R10",
    }
}
