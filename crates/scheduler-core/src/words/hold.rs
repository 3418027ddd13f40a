//! Why a task does not start.

use core::fmt;

use super::{NAMED, visible};
use crate::{Disuse, Disused, Lack, Malformed, OutOfUse, Reason, Shortfall, TaskRef};

/// How a sentence about what can never run begins.
pub(crate) const NEVER: &str = "can never run as things stand: ";

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "{NEVER}{malformed}"),
            Self::Dependency { on } => write!(f, "waits for {on}, on which it depends"),
            Self::Blocked { resource, wanted, held, holder, holder_kind } => write!(
                f,
                "waits for {holder_kind} {holder} to release {resource} \
                 (held for {held}, wanted for {wanted})"
            ),
            Self::Behind { resource, wanted, older_wants, older, older_kind } => write!(
                f,
                "may not overtake the older {older_kind} {older}, which wants {resource} too \
                 (for {older_wants}, this one for {wanted})"
            ),
            Self::NoCapacity(shortfalls) => {
                f.write_str("waits for capacity: ")?;
                list(f, shortfalls)
            }
            Self::NeverFits(shortfalls) => {
                f.write_str(NEVER)?;
                if shortfalls.is_empty() { f.write_str("it has no group") } else { list(f, shortfalls) }
            }
            Self::Circle { waits, circle } => round(f, circle, waits),
        }
    }
}

/// The reason with which a wait began, which may name who has changed since: see [`Reason::at_first`].
#[derive(Clone, Copy, Debug)]
pub struct AtFirst<'r>(&'r Reason);

impl Reason {
    /// The words for a reason that was stored when a wait began: the wait goes on while what it names passes from one holder to the
    /// next ([`Reason::wait_key`]), so they say of what may have changed that it was so at first.
    #[must_use]
    pub const fn at_first(&self) -> AtFirst<'_> {
        AtFirst(self)
    }
}

impl fmt::Display for AtFirst<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::Blocked { resource, wanted, held, holder, holder_kind } => write!(
                f,
                "waits for {resource} (wanted for {wanted}), which {holder_kind} {holder} held for {held} at first"
            ),
            Reason::Behind { resource, wanted, older_wants, older, older_kind } => write!(
                f,
                "waits for {resource} (wanted for {wanted}), which the older {older_kind} {older} \
                 wanted for {older_wants} at first"
            ),
            Reason::NoCapacity(shortfalls) => {
                f.write_str("waits for capacity, at first: ")?;
                list(f, shortfalls)
            }
            Reason::Circle { waits, circle } => round(f, circle, &waits.at_first()),
            same @ (Reason::Malformed(_) | Reason::Dependency { .. } | Reason::NeverFits(_)) => {
                fmt::Display::fmt(same, f)
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, shortfalls: &[Shortfall]) -> fmt::Result {
    for (at, shortfall) in shortfalls.iter().take(NAMED).enumerate() {
        let separator = if at == 0 { "" } else { "; " };
        write!(f, "{separator}{shortfall}")?;
    }
    match shortfalls.len().saturating_sub(NAMED) {
        0 => Ok(()),
        1 => f.write_str("; and 1 group more"),
        more => write!(f, "; and {more} groups more"),
    }
}

/// "…: it waits for itself, in the circle job 1 → workflow job 2 → job 1; it waits for job 1".
fn round(f: &mut fmt::Formatter<'_>, circle: &[TaskRef], waits: &dyn fmt::Display) -> fmt::Result {
    write!(f, "{NEVER}it waits for itself, in the circle ")?;
    for task in circle.iter().take(NAMED) {
        write!(f, "{task} → ")?;
    }
    if circle.len() > NAMED {
        write!(f, "… ({} in all) → ", circle.len())?;
    }
    if let Some(first) = circle.first() {
        write!(f, "{first}")?;
    }
    write!(f, "; it {waits}")
}

/// The subject is the row: "several rows have its id".
impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateId => f.write_str("several rows have its id"),
            Self::MissingDependency { on } => {
                write!(f, "it depends on task {on}, which the snapshot does not hold")
            }
            Self::DependencyCycle { by } => {
                write!(f, "it depends on itself, by way of its dependency {by}")
            }
            Self::NoKnownGroup => {
                f.write_str("none of its instance groups is known, nor is a default group of the rule set")
            }
            Self::NoGraph => {
                f.write_str("the snapshot does not hold exactly one graph of this running workflow")
            }
            Self::GraphCycle { node } => write!(f, "its graph has a cycle through node {node}"),
            Self::GraphEdge { node } => {
                write!(f, "an edge of its graph names node {node}, which the graph does not have")
            }
            Self::GraphNode { node } => write!(
                f,
                "node {node} of its graph is there several times, or its job is missing, is the job of another \
                 node, or is the workflow itself"
            ),
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {}", self.group)?;
        if !self.name.is_empty() {
            write!(f, " \"{}\"", visible(&self.name))?;
        }
        write!(f, " {}", self.lack)
    }
}

/// The subject is the group: "has no usable instance …".
impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownGroup => f.write_str("is unknown to the snapshot"),
            Self::LargerThanLimit { needed, limit } => {
                write!(f, "never takes more than {limit}, and it needs {needed}")
            }
            Self::NoUsableInstance => f.write_str("has no instance that may run this kind of task"),
            Self::NoUsableController { needed } => {
                write!(
                    f,
                    "could take it, but no instance of the control plane has the {needed} that controlling it needs"
                )
            }
            Self::OutOfUse(out) => {
                write!(f, "has no instance in use that may run this kind of task: {out}")
            }
            Self::ControllersOutOfUse(out) => {
                write!(f, "could take it, but no instance that could control it is in use: {out}")
            }
            Self::TaskLimit { used, limit } => write!(f, "holds {used} and may hold {limit}"),
            Self::ForkLimit { needed, used, limit } => write!(
                f,
                "has {} free within its limit ({used} used, {limit} in all), and it needs {needed}",
                limit.minus(*used)
            ),
            Self::Reserved { task, kind } => {
                write!(f, "keeps what becomes free within its limits for the older {kind} {task}")
            }
            Self::Full { needed, free, total } => {
                write!(f, "has at most {free} free on one instance ({total} in all), and it needs {needed}")
            }
            Self::NoController { needed, free } => write!(
                f,
                "could take it, but the control plane has at most {free} free on one instance, and controlling it needs {needed}"
            ),
        }
    }
}

/// "\"exec-1\" is disabled, \"exec-2\" was never heard of, and 3 more".
impl fmt::Display for OutOfUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Disused { hostname, cause, .. }) in self.instances.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}\"{}\" {cause}", visible(hostname))?;
        }
        match self.others.get() {
            0 => Ok(()),
            others => write!(f, ", and {others} more"),
        }
    }
}

impl fmt::Display for Disuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("is disabled"),
            Self::NeverHeardOf => f.write_str("was never heard of"),
            Self::Lost { last_heartbeat } => write!(f, "was last heard of at {last_heartbeat}"),
        }
    }
}
