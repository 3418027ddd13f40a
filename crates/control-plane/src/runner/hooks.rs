//! What follows the end of a task: functions that are told once its report is written.
//!
//! A hook may be missed, never run twice: not when the node dies between report and hook, and not when the
//! connection breaks so that nobody knows whether the report counted. What must not be missed belongs in the task.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use scheduler_core::{DispatchId, Kind, Outcome, TaskId};

use super::Boxed;
use crate::definition::HandlerName;

/// How a task ended, as hooks are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The task.
    pub task: TaskId,
    /// The dispatch under which it ran.
    pub dispatch: DispatchId,
    /// Its kind.
    pub kind: Kind,
    /// Who ran it.
    pub handler: HandlerName,
    /// How it ended.
    pub outcome: Outcome,
    /// Why; empty when the outcome says it all.
    pub explanation: String,
}

/// A function that is told of ends.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn(Ending) -> Boxed<()> + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").finish_non_exhaustive()
    }
}

impl Hook {
    pub(super) fn new<F, R>(hook: F) -> Self
    where
        F: Fn(Ending) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |ending| Box::pin(hook(ending))))
    }

    /// Tells it.
    pub(crate) async fn call(&self, ending: Ending) {
        (self.0)(ending).await;
    }
}

/// The hooks of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Hooks {
    pub(super) success: Vec<Hook>,
    pub(super) failure: Vec<Hook>,
}

impl Hooks {
    pub(super) fn of(&self, outcome: Outcome) -> &[Hook] {
        if outcome == Outcome::Successful { &self.success } else { &self.failure }
    }
}
