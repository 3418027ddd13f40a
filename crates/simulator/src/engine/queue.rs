//! Pending tasks that a pass need not see, because it could not start them.
//!
//! A pass costs time for every row, and behind a full cluster a long queue would be looked at again on every event. Plain jobs
//! and commands (no dependencies, no workflow, considered once already) wait here in lines: those of one line have the same
//! claims, groups and impact, so that once a pass holds one it holds all behind it. A line sends to the pass:
//!
//! 1. nobody, when no group has room for one more of its impact ([`Room::bound`]) and none of it could become blocked;
//! 2. the first, when it is certainly blocked (R2): its place (R3) binds others as the whole line's would, and it lends the most
//!    where workflows may block it (R1);
//! 3. as many as could start, when none of it could become blocked, counted together with the lines that ask for the same room
//!    unless a place could bind it (R3); two when only its own tasks could block it, since the
//!    first to start blocks the others, and the first blocked one's place binds as theirs would;
//! 4. everybody otherwise.
//!
//! So every pass starts exactly the tasks that it would start if it saw all of them; a property test holds this against
//! passes over everything. With `reserve_after` (R6.7) everybody is sent: who reserves an instance depends on how long each has
//! waited, which is not the order of a line.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{
    Claim, Claimant, Forks, GroupId, InventoryId, JobTemplateId, LaunchType, Priority, ProjectId, RuleSet,
    Simultaneous, Task, TaskId, Timestamp, Work,
};

use super::claims::{Blocking, Claimed, Claims};
use super::room::Room;
use super::store::BarId;

/// What makes tasks stand in one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LineKey {
    job: bool,
    project: Option<ProjectId>,
    inventory: Option<InventoryId>,
    template: Option<JobTemplateId>,
    allow_simultaneous: bool,
    sync: bool,
    question: Question,
}

/// What a task asks of the groups' room (R6): tasks that ask the same get the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    groups: Arc<[GroupId]>,
    impact: Forks,
}

/// The order of R1 within a line.
type Turn = (Reverse<Priority>, Timestamp, TaskId);

#[derive(Debug)]
struct Line {
    question: Question,
    claimed: Vec<Claimed>,
    tasks: BTreeMap<Turn, BarId>,
}

/// The tasks that wait out of sight.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// In the order in which they first formed; many are empty at times.
    lines: Vec<Line>,
    numbers: FxHashMap<LineKey, usize>,
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
        let question = key.question.clone();
        let number = *self.numbers.entry(key).or_insert_with(|| {
            let mut claimed = Vec::new();
            claims.of(rules, task, &mut claimed);
            self.lines.push(Line { question, claimed, tasks: BTreeMap::new() });
            self.lines.len() - 1
        });
        if let Some(line) = self.lines.get_mut(number) {
            line.tasks.insert(turn(task), id);
            self.length = self.length.saturating_add(1);
        }
    }

    /// Takes a task out; says whether it was here.
    pub(super) fn take(&mut self, task: &Task, id: BarId) -> bool {
        let Some(key) = line_key(task) else { return false };
        let Some(line) = self.numbers.get(&key).and_then(|&number| self.lines.get_mut(number)) else {
            return false;
        };
        let here = line.tasks.get(&turn(task)) == Some(&id);
        if here {
            line.tasks.remove(&turn(task));
            self.length = self.length.saturating_sub(1);
        }
        here
    }

    /// Takes everybody out.
    pub(super) fn drain(&mut self, out: &mut Vec<BarId>) {
        self.length = 0;
        for line in &mut self.lines {
            out.extend(std::mem::take(&mut line.tasks).into_values());
        }
    }

    /// Takes out whom the next pass must see, and says whether one of them could start.
    pub(super) fn call(
        &mut self,
        rules: &RuleSet,
        room: &Room,
        claims: &Claims,
        out: &mut Vec<BarId>,
    ) -> bool {
        if rules.reserve_after.is_some() {
            self.drain(out);
            return true;
        }
        let mut startable = false;
        let places = rules.chronological || may_lend(rules);
        let mut answers: Vec<Answer> = Vec::new();
        for (number, line) in self.lines.iter_mut().enumerate().filter(|(_, line)| !line.tasks.is_empty()) {
            let answer = answer(&mut answers, &line.question, room);
            let room = answer.room;
            if room == 0 && !places {
                continue;
            }
            let blocking = claims.blocking(&line.claimed, line.tasks.len());
            startable |= room > 0 && blocking != Blocking::Certain;
            let wanted = match blocking {
                Blocking::Impossible if !places || !claims.can_be_behind(&line.claimed) => {
                    answer.lines.push(number);
                    continue;
                }
                Blocking::Impossible => room,
                Blocking::ByOwnLine if room == 0 => 0,
                Blocking::ByOwnLine => 2,
                Blocking::Possible if room == 0 && !places => 0,
                Blocking::Possible => usize::MAX,
                Blocking::Certain => usize::from(places),
            };
            for _ in 0..wanted.min(line.tasks.len()) {
                out.extend(line.tasks.pop_first().map(|(_, id)| id));
            }
        }
        for answer in answers {
            self.call_oldest(&answer.lines, answer.room, out);
        }
        self.length = self.length.saturating_sub(out.len());
        startable
    }

    /// Takes so many out of lines that ask the same, the first in the order of R1.
    fn call_oldest(&mut self, lines: &[usize], wanted: usize, out: &mut Vec<BarId>) {
        let first = |lines: &[Line], number: usize| {
            let (turn, _) = lines.get(number)?.tasks.first_key_value()?;
            Some(Reverse((*turn, number)))
        };
        let mut heads: BinaryHeap<_> = if wanted == 0 {
            BinaryHeap::new()
        } else {
            lines.iter().filter_map(|&number| first(&self.lines, number)).collect()
        };
        for _ in 0..wanted {
            let Some(Reverse((_, number))) = heads.pop() else { break };
            if let Some(line) = self.lines.get_mut(number) {
                out.extend(line.tasks.pop_first().map(|(_, id)| id));
            }
            heads.extend(first(&self.lines, number));
        }
    }
}

/// Whether the table lets a workflow job block a job or a command, so that these lend their priority (R1).
fn may_lend(rules: &RuleSet) -> bool {
    let modes = |claim: &Claim| match claim.simultaneous {
        Simultaneous::As(mode) => [claim.mode, mode],
        Simultaneous::Same | Simultaneous::Nothing => [claim.mode; 2],
    };
    let of = |by: [Claimant; 2]| rules.claims.iter().filter(move |claim| by.contains(&claim.by));
    of([Claimant::WorkflowJob, Claimant::SlicedWorkflowJob]).any(|held| {
        let matrix = rules.matrix(&held.resource);
        of([Claimant::Job, Claimant::AdHocCommand]).filter(|wanted| wanted.resource == held.resource).any(
            |wanted| {
                let forbids = |wanted| {
                    modes(held).iter().any(|&held| matrix.is_some_and(|of| of.forbids(wanted, held)))
                };
                modes(wanted).iter().any(|&wanted| forbids(wanted))
            },
        )
    })
}

/// How many more tasks that ask the same could start, and the lines of them that nothing else keeps from it.
struct Answer {
    question: Question,
    room: usize,
    lines: Vec<usize>,
}

/// The answer to a question, asked once in a pass. Few questions are different.
fn answer<'a>(answers: &'a mut Vec<Answer>, question: &Question, room: &Room) -> &'a mut Answer {
    let known = answers.iter().position(|answer| {
        let (one, other) = (&answer.question, question);
        one.impact == other.impact && (Arc::ptr_eq(&one.groups, &other.groups) || one.groups == other.groups)
    });
    let at = known.unwrap_or_else(|| {
        let room = room.bound(&question.groups, question.impact);
        answers.push(Answer { question: question.clone(), room, lines: Vec::new() });
        answers.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the answer was there, or was pushed just now")]
    &mut answers[at]
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
        question: Question { groups: Arc::clone(&task.groups), impact: task.impact },
    })
}
