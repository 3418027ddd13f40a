//! What an audit finds: which rule a plan breaks, about what, and how.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;

use serde::Serialize;

use crate::{Action, Create, CreateId, Derived, Kind, NodeId, NodeStep, Place, TaskCount, TaskId, Then};

/// One statement of a plan, or one that it lacks, that the rules do not bear out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule, by its number: "R6.2".
    pub rule: &'static str,
    /// What it is about.
    pub about: About,
    /// What is wrong.
    pub fault: Fault,
}

/// What a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A task of the snapshot, or a decision about one that it lacks.
    Task(TaskId),
    /// A node of a running workflow.
    Node {
        /// The workflow job.
        workflow: TaskId,
        /// The node.
        node: NodeId,
    },
    /// A task that the plan creates.
    Create(CreateId),
    /// The plan as a whole.
    Plan,
}

/// What is wrong with a statement of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// A decision differs from what the rules say; `None` stands for no decision.
    Decision {
        /// What the rules say.
        expected: Option<Box<Action>>,
        /// What the plan says.
        found: Option<Box<Action>>,
    },
    /// A second decision about one task, a second step of one node, or a second derivation for one task.
    Twice,
    /// A statement that stands after one that belongs behind it.
    OutOfOrder,
    /// A decision that names another kind than its task's.
    WrongKind {
        /// What the task is.
        expected: Kind,
        /// What the decision says.
        found: Kind,
    },
    /// A named circle that is none, or that does not begin with its smallest id.
    NotACircle,
    /// A node's step differs; `None` stands for no step.
    Step {
        /// What the rules say; a `Run` names the creation that the plan has for the node, if it has one.
        expected: Option<NodeStep>,
        /// What the plan says.
        found: Option<NodeStep>,
    },
    /// A created task differs; `None` stands for no such creation.
    Creation {
        /// What the rules say.
        expected: Option<Box<Create>>,
        /// What the plan says.
        found: Option<Box<Create>>,
    },
    /// A derivation differs; `None` stands for none.
    Derivation {
        /// What the rules say.
        expected: Option<Derived>,
        /// What the plan says.
        found: Option<Derived>,
    },
    /// The word on whether another pass should follow at once is wrong.
    More {
        /// What the rules say.
        expected: bool,
    },
    /// The number of pending tasks that were not considered is wrong.
    Unconsidered {
        /// What the rules say.
        expected: TaskCount,
        /// What the plan says.
        found: TaskCount,
    },
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => write!(f, "task {task}"),
            Self::Node { workflow, node } => write!(f, "node {node} of workflow job {workflow}"),
            Self::Create(create) => write!(f, "created task {create}"),
            Self::Plan => f.write_str("the plan"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.about, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision { expected, found } => {
                let said = found.as_deref().map(Said);
                let right = expected.as_deref().map(Said);
                match (&said, &right) {
                    // Two reasons may differ in what no sentence tells.
                    (Some(said), Some(right)) if said.to_string() == right.to_string() => {
                        write!(f, "the plan says {:?}; the rules say {:?}", said.0, right.0)
                    }
                    _ => differs(f, "decision", right.as_ref(), said.as_ref()),
                }
            }
            Self::Twice => f.write_str("the plan speaks of it twice"),
            Self::OutOfOrder => {
                f.write_str("the plan decides on it too late: something that follows it stands before it")
            }
            Self::WrongKind { expected, found } => {
                write!(f, "the plan calls it a {found}; it is a {expected}")
            }
            Self::NotACircle => f.write_str("the circle that the plan names is none"),
            Self::Step { expected, found } => {
                differs(f, "step", expected.as_ref().map(Raw).as_ref(), found.as_ref().map(Raw).as_ref())
            }
            Self::Creation { expected, found } => {
                differs(f, "creation", expected.as_ref().map(Raw).as_ref(), found.as_ref().map(Raw).as_ref())
            }
            Self::Derivation { expected, found } => differs(
                f,
                "derivation",
                expected.as_ref().map(Raw).as_ref(),
                found.as_ref().map(Raw).as_ref(),
            ),
            Self::More { expected: true } => {
                f.write_str("another pass should follow at once, and the plan does not say so")
            }
            Self::More { expected: false } => {
                f.write_str("the plan asks for another pass at once without a cause")
            }
            Self::Unconsidered { expected, found } => {
                write!(f, "the plan says that it left {found} unconsidered; it left {expected}")
            }
        }
    }
}

fn differs<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    expected: Option<&T>,
    found: Option<&T>,
) -> fmt::Result {
    match (expected, found) {
        (Some(expected), Some(found)) => write!(f, "the plan says {found}; the rules say {expected}"),
        (Some(expected), None) => write!(f, "the plan has no {what}; the rules say {expected}"),
        (None, Some(found)) => write!(f, "the plan says {found}; the rules call for no {what}"),
        (None, None) => write!(f, "the {what} is wrong"),
    }
}

/// Data that has no sentence of its own.
struct Raw<T>(T);

impl<T: fmt::Debug> fmt::Display for Raw<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// An action in words.
struct Said<'a>(&'a Action);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Start(place) => start(f, place),
            Action::Hold(reason) => write!(f, "hold: it {reason}"),
            Action::End(end) => write!(f, "end as {}: {end}", end.outcome()),
            Action::TakeBack(back) => {
                write!(f, "take back from dispatch {}, then ", back.replaces)?;
                match &back.then {
                    Then::Start(place) => start(f, place),
                    Then::Hold(reason) => write!(f, "hold: it {reason}"),
                    Then::End(end) => write!(f, "end as {}: {end}", end.outcome()),
                }
            }
            Action::Redispatch(dispatch) => write!(f, "dispatch again, replacing dispatch {dispatch}"),
            Action::RequestCancel { workflow } => write!(f, "request its cancel for workflow job {workflow}"),
            Action::Leave(malformed) => write!(f, "leave it as it is: {malformed}"),
        }
    }
}

fn start(f: &mut fmt::Formatter<'_>, place: &Place) -> fmt::Result {
    let controller = match place {
        Place::Nowhere => return f.write_str("start without a place"),
        Place::Container { group, controller } => {
            write!(f, "start in container group {group}")?;
            controller
        }
        Place::Instance { group, node, controller } => {
            write!(f, "start on instance {node} of group {group}")?;
            controller
        }
    };
    match controller {
        Some(controller) => write!(f, ", controlled by instance {controller}"),
        None => Ok(()),
    }
}
