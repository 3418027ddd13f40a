//! The whole chain of waiting: what a held task waits for, what that waits for, and so on.
//!
//! A plan's reasons name one step each; an [`Explainer`] follows them from decision to decision. It knows the plan only: a
//! task that the pass decided nothing about (one that runs, for example) ends the chain. Building an index costs one look at
//! each decision, a question one look-up for each step; no task is visited twice.
//!
//! A chain may be as long as the queue, and a page shows many: so an explanation holds the first [`Explanation::STEPS`] steps of it,
//! the number of those that it leaves out, and where the whole chain ends. [`Explainer::with_steps`] chooses another limit.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::table::{FxHashMap, FxHashSet};
use crate::{Action, Decision, Kind, Outlook, Plan, Reason, TaskCount, TaskId, TaskRef};

/// Why a task is where it is: the chain of waiting from it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// The task that was asked about.
    pub task: TaskRef,
    /// The held tasks of the chain with their reasons, the one asked about first, as many as the explainer's limit allows;
    /// none if it is not held.
    pub steps: Vec<Step>,
    /// How many held tasks stand in the chain after these, before its end.
    #[serde(default, skip_serializing_if = "is_none_left")]
    pub left_out: TaskCount,
    /// Where the chain ends.
    pub ending: Ending,
}

impl Explanation {
    /// As many steps does one hold unless the explainer was given another limit.
    pub const STEPS: TaskCount = TaskCount::new(50);
}

fn is_none_left(count: &TaskCount) -> bool {
    *count == TaskCount::default()
}

/// A held task of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which.
    pub task: TaskId,
    /// Its kind.
    pub kind: Kind,
    /// Why it is held.
    pub reason: Reason,
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    /// At capacity: the last task of the chain waits for room, not for a task.
    Capacity,
    /// At something that time alone does not mend: the last task of the chain can never run as things stand.
    Never,
    /// At a task about which the pass decided nothing: it runs, or was dispatched, or was not considered.
    Undecided(TaskRef),
    /// At a task that is not held in this pass but starts, ends, or is otherwise dealt with.
    Decided {
        /// The task.
        task: TaskRef,
        /// What becomes of it.
        action: Box<Action>,
    },
    /// At a task that this plan creates.
    Created(TaskRef),
    /// At a task that is in the chain already. The plan of a pass names such a circle itself ([`Reason::Circle`]).
    Loop(TaskRef),
}

/// An index over a plan, for asking about many tasks.
///
/// ```
/// use scheduler_core::builder::{SnapshotBuilder, job, project_update};
/// use scheduler_core::{RuleSet, TaskId, plan};
///
/// let snapshot = SnapshotBuilder::at(1000)
///     .instance(1, "node-a", 20)
///     .group(1, "default", [1])
///     .with(job(17).project(3).groups([1]).running_on(1, 1))
///     .with(project_update(40).project(3).groups([1]))
///     .with(job(42).project(3).groups([1]).depends_on([40]))
///     .build();
/// let plan = plan(&snapshot, &RuleSet::default());
/// let explainer = plan.explainer();
///
/// let chain = explainer.explain(TaskId::new(42)).unwrap();
/// assert_eq!(chain.to_string(), "job 42 waits for project update 40, which waits for job 17 to release project 3");
/// assert!(explainer.explain(TaskId::new(17)).is_none(), "it runs, and the pass decided nothing about it");
/// ```
#[derive(Clone, Debug)]
pub struct Explainer<'plan> {
    decisions: FxHashMap<TaskId, &'plan Decision>,
    limit: TaskCount,
}

impl Plan {
    /// The chain of waiting from this task on; `None` if the pass decided nothing about it. Builds an index each time: take
    /// [`Plan::explainer`] to ask about many tasks.
    #[must_use]
    pub fn explain(&self, task: TaskId) -> Option<Explanation> {
        self.explainer().explain(task)
    }

    /// An index for asking about many tasks.
    #[must_use]
    pub fn explainer(&self) -> Explainer<'_> {
        let decisions = self.decisions.iter().map(|decision| (decision.task, decision)).collect();
        Explainer { decisions, limit: Explanation::STEPS }
    }
}

impl Explainer<'_> {
    /// The same with so many steps an explanation at most; 0 for no limit.
    #[must_use]
    pub fn with_steps(self, limit: TaskCount) -> Self {
        Self { limit, ..self }
    }

    /// The decision about a task.
    #[must_use]
    pub fn decision(&self, task: TaskId) -> Option<&Decision> {
        self.decisions.get(&task).copied()
    }

    /// The chain of waiting from this task on; `None` if the pass decided nothing about it.
    #[must_use]
    pub fn explain(&self, task: TaskId) -> Option<Explanation> {
        let asked = TaskRef::Task { id: task, kind: self.decision(task)?.kind };
        let limit = if self.limit == TaskCount::default() { usize::MAX } else { self.limit.get() as usize };
        let mut steps = Vec::new();
        let mut seen = FxHashSet::default();
        let mut at = asked;
        let ending = loop {
            let Some(id) = at.task() else { break Ending::Created(at) };
            let Some(decision) = self.decision(id) else { break Ending::Undecided(at) };
            let Some(reason) = decision.action.hold() else {
                break Ending::Decided { task: at, action: Box::new(decision.action.clone()) };
            };
            if !seen.insert(id) {
                break Ending::Loop(at);
            }
            if steps.len() < limit {
                steps.push(Step { task: id, kind: decision.kind, reason: reason.clone() });
            }
            if reason.outlook() == Outlook::Never {
                break Ending::Never;
            }
            match reason.waits_for() {
                Some(next) => at = next,
                None => break Ending::Capacity,
            }
        };
        let left_out = seen.len().saturating_sub(steps.len());
        let left_out = TaskCount::new(u32::try_from(left_out).unwrap_or(u32::MAX));
        Some(Explanation { task: asked, steps, left_out, ending })
    }
}

impl Reason {
    /// The task that it names as the one to wait for, if it names one.
    #[must_use]
    pub fn waits_for(&self) -> Option<TaskRef> {
        match self {
            Self::Dependency { on } => Some(*on),
            Self::Blocked { holder, holder_kind, .. } => {
                Some(TaskRef::Task { id: *holder, kind: *holder_kind })
            }
            Self::Behind { older, older_kind, .. } => Some(TaskRef::Task { id: *older, kind: *older_kind }),
            Self::Circle { waits, .. } => waits.waits_for(),
            Self::Malformed(_) | Self::NoCapacity(_) | Self::NeverFits(_) => None,
        }
    }
}

/// One sentence: "job 42 waits for project update 40, which waits for job 17 to release project 3".
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut joint = Joint::Start;
        for step in &self.steps {
            joint.subject(f, TaskRef::Task { id: step.task, kind: step.kind })?;
            joint = clause(f, &step.reason)?;
        }
        if !is_none_left(&self.left_out) {
            write!(f, "; and so on, by way of {} more", self.left_out.get())?;
            joint = Joint::Afresh;
        }
        match &self.ending {
            Ending::Undecided(task) if !is_none_left(&self.left_out) => write!(f, ", to {task}"),
            Ending::Capacity if !is_none_left(&self.left_out) => {
                f.write_str(", to one that waits for capacity")
            }
            Ending::Never if !is_none_left(&self.left_out) => {
                f.write_str(", to one that can never run as things stand")
            }
            Ending::Capacity | Ending::Never | Ending::Undecided(_) => Ok(()),
            Ending::Decided { task, action } => {
                joint.subject(f, *task)?;
                action.fmt(f)
            }
            Ending::Created(task) => {
                joint.subject(f, *task)?;
                f.write_str("is created by this pass")
            }
            Ending::Loop(task) => {
                joint.subject(f, *task)?;
                f.write_str("is in this chain already")
            }
        }
    }
}

/// How the next clause follows.
enum Joint {
    Start,
    /// The last word was the next subject.
    Which,
    /// It was not.
    Afresh,
}

impl Joint {
    fn subject(&self, f: &mut fmt::Formatter<'_>, task: TaskRef) -> fmt::Result {
        match self {
            Self::Start => write!(f, "{task} "),
            Self::Which => f.write_str(", which "),
            Self::Afresh => write!(f, "; {task} "),
        }
    }
}

/// Writes in short what the reason says of its task.
fn clause(f: &mut fmt::Formatter<'_>, reason: &Reason) -> Result<Joint, fmt::Error> {
    match reason {
        Reason::Dependency { on } => write!(f, "waits for {on}").map(|()| Joint::Which),
        Reason::Blocked { resource, holder, holder_kind, .. } => {
            write!(f, "waits for {holder_kind} {holder} to release {resource}").map(|()| Joint::Afresh)
        }
        Reason::Behind { older, older_kind, .. } => {
            write!(f, "may not overtake {older_kind} {older}").map(|()| Joint::Which)
        }
        other => write!(f, "{other}").map(|()| Joint::Afresh),
    }
}

#[cfg(test)]
mod tests;
