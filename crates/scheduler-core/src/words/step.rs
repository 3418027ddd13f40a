//! What a pass does with tasks and nodes.

use core::fmt;

use crate::{Action, Create, Derived, End, NodeDecision, NodeStep, Origin, Place, Then};

/// The subject is the task: "starts on instance 1 of group 1".
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(place) => write!(f, "starts {place}"),
            Self::Hold(reason) => reason.fmt(f),
            Self::End(end) => ends(f, end),
            Self::TakeBack(back) => {
                write!(f, "is taken back (dispatch {} is void) and ", back.replaces)?;
                match &back.then {
                    Then::Start(place) => write!(f, "starts {place}"),
                    Then::Hold(reason) => reason.fmt(f),
                    Then::End(end) => ends(f, end),
                }
            }
            Self::Redispatch(dispatch) => {
                write!(f, "is dispatched again where it is: nobody took dispatch {dispatch} up in time")
            }
            Self::RequestCancel { workflow } => {
                write!(f, "is told to cancel: its workflow job {workflow} was asked to")
            }
            Self::Leave(malformed) => write!(f, "is left as it is: {malformed}"),
        }
    }
}

fn ends(f: &mut fmt::Formatter<'_>, end: &End) -> fmt::Result {
    write!(f, "ends {}: {end}", end.outcome())
}

/// "on instance 1 of group 1, controlled by instance 2".
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let controller = match self {
            Self::Nowhere => return f.write_str("at once, without a place"),
            Self::Container { group, controller } => {
                write!(f, "in container group {group}")?;
                controller
            }
            Self::Instance { group, node, controller } => {
                write!(f, "on instance {node} of group {group}")?;
                controller
            }
        };
        controller.map_or(Ok(()), |controller| write!(f, ", controlled by instance {controller}"))
    }
}

impl fmt::Display for NodeDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} of workflow job {} ", self.node, self.workflow)?;
        match &self.step {
            NodeStep::Run(create) => write!(f, "runs as {create}"),
            NodeStep::Skip(reason) => write!(f, "is skipped: {reason}"),
            NodeStep::TemplateMissing => f.write_str("fails: its template is missing"),
        }
    }
}

/// The subject is what asks for it; the name that the plan gives the new task is its position, which it does not know.
impl fmt::Display for Create {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "new {} for ", self.work.kind())?;
        match self.origin {
            Origin::Dependency { of } => write!(f, "{of}, which needs it before it may start")?,
            Origin::Node { workflow, node } => write!(f, "node {node} of workflow job {workflow}")?,
        }
        match &self.failed {
            Some(failure) => write!(f, ", created as failed: {failure}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} ", self.task)?;
        if self.links.is_empty() {
            return f.write_str("needs no other update");
        }
        for (at, link) in self.links.iter().enumerate() {
            let before = if at == 0 { "depends on " } else { " and on " };
            write!(f, "{before}{link}")?;
        }
        Ok(())
    }
}
