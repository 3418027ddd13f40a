//! Why a task ends, fails to be created, or is skipped.

use core::fmt;

use crate::{End, Kind, Loss, MissingResource, NodeFailure, Role, SkipReason, TaskId};

/// A sentence of its own: the explanation that a store keeps with the row.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstanceLost { instance, role, loss } => {
                let what = match role {
                    Role::Node => "runs it",
                    Role::Controller => "controls it",
                };
                write!(f, "instance {instance}, which {what}, ")?;
                match loss {
                    Loss::Gone => f.write_str("is gone"),
                    Loss::Silent { last_heartbeat: Some(at) } => write!(f, "was last heard of at {at}"),
                    Loss::Silent { last_heartbeat: None } => f.write_str("was never heard of"),
                }
            }
            Self::DependencyFailed { on, kind, name } => previous_task(f, "Failed", *on, *kind, name),
            Self::DependencyCanceled { on, kind, name } => previous_task(f, "Canceled", *on, *kind, name),
            Self::CancelRequested => f.write_str("it was asked to cancel"),
            Self::CanceledWithWorkflow { workflow } => {
                write!(f, "its workflow job {workflow} was asked to cancel")
            }
            Self::ApprovalExpired { expires } => {
                write!(f, "nobody approved it before it expired at {expires}")
            }
            Self::WorkflowSuccessful => {
                f.write_str("all its nodes are done and no failure was left unhandled")
            }
            Self::WorkflowFailed { node } => {
                write!(f, "its node {node} failed and has neither a failure nor an always child")
            }
            Self::WorkflowCanceled => {
                f.write_str("it was asked to cancel, and none of its jobs is unfinished")
            }
        }
    }
}

/// AWX's text, as valid JSON (R5): AWX itself leaves the name as it is, quotes and all.
fn previous_task(f: &mut fmt::Formatter<'_>, how: &str, on: TaskId, kind: Kind, name: &str) -> fmt::Result {
    write!(f, "Previous Task {how}: {{\"job_type\": \"{}\", \"job_name\": \"", kind.token())?;
    for character in name.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => write!(f, "{other}")?,
        }
    }
    write!(f, "\", \"job_id\": \"{on}\"}}")
}

impl fmt::Display for NodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recursion { template, ancestor } => write!(
                f,
                "it would start workflow template {template} again, which workflow job {ancestor} above it runs already"
            ),
            Self::MissingResource { resource } => write!(f, "it lacks its {resource}"),
        }
    }
}

impl fmt::Display for MissingResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Project => "project",
            Self::Inventory => "inventory",
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPathIn => f.write_str("no parent satisfies its edge, and all are settled"),
            Self::ParentUnsatisfied { parent } => {
                write!(f, "it needs every parent, and node {parent} does not satisfy its edge")
            }
            Self::WorkflowCanceled => f.write_str("its workflow was asked to cancel"),
        }
    }
}
