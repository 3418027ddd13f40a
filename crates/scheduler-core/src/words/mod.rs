//! The one place that turns decisions and reasons into words (R10).
//!
//! Every `Display` of a reason is a clause whose subject is the task: "waits for job 17 to release project 3". [`Decision`]
//! puts the subject before it. Sentences name ids and kinds; those about capacity say what was needed, free and in all. What
//! can never run as things stand says so in these words, and nothing else does. Tokens are for machines and stay as they are;
//! sentences may be improved. No sentence is longer than a page: of many members the first few are named, the rest counted.
//! Names that others gave stand in them as [`visible`] shows them.

mod end;
mod hold;
mod step;
mod visible;

use core::fmt;

use crate::{Decision, ResourceKey, TaskRef};
pub use hold::AtFirst;
pub use visible::{Visible, is_hidden, visible, write_code};

/// As many members of a circle, of a cycle or of a list of groups are named; the rest are counted.
pub(crate) const NAMED: usize = 12;

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task { id, kind } => write!(f, "{kind} {id}"),
            Self::New { id, kind } => write!(f, "{kind} {id}"),
        }
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(id) => write!(f, "project {id}"),
            Self::Inventory(id) => write!(f, "inventory {id}"),
            Self::InventorySource(id) => write!(f, "inventory source {id}"),
            Self::JobTemplate(id) => write!(f, "job template {id}"),
            Self::WorkflowTemplate(id) => write!(f, "workflow template {id}"),
            Self::SystemJobSlot => f.write_str("the system-job slot"),
            Self::Own(key) => write!(f, "{} {}", visible(&key.resource), key.key),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.task, self.action)
    }
}

#[cfg(test)]
mod tests;
