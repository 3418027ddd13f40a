//! What is to be seen of a control plane at a moment: counts, groups, nodes, and the first tasks of each list with their reasons.
//!
//! One shape, composed of a store by [`source`], or of a simulation by `top`. `status`, `top` and the page render it and add nothing to
//! it; its JSON is that of `status --json` and of `GET /api/overview`. Names and sentences in it are bounded and fit to be shown, so
//! that it stays small whatever tasks are called.

mod liveness;
pub(crate) mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use control_plane::ports::TaskStatus;
use scheduler_core::{
    Action, Decision, Forks, Kind, NodeType, Outlook, Placement, Priority, Reason, TaskCount, TaskId,
    Timestamp,
};
use serde::Serialize;

use crate::decisions::{Described, Tone, describe};
use crate::words::Names;
pub(crate) use liveness::Liveness;

/// Of everything that is answered in JSON about a control plane. It changes when a field changes its meaning or goes; new fields leave
/// it as it is.
pub(crate) const VERSION: u32 = 1;

/// The longest sentence that is shown.
const LONGEST: usize = 500;

/// Everything that is shown of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Overview {
    /// The moment, by the store's clock.
    #[serde(skip)]
    pub(crate) now: Timestamp,
    pub(crate) counts: Counts,
    /// How many tasks are held by each reason, by its token, as passes stored them.
    pub(crate) holds: BTreeMap<String, u64>,
    /// Messages that are written and not sent yet.
    pub(crate) outbox: Outbox,
    pub(crate) groups: Vec<Group>,
    pub(crate) nodes: Vec<Node>,
    /// In the order of R1.
    pub(crate) pending: Rows,
    /// Waiting to be taken up, or running: in the order of their starts.
    pub(crate) holding: Rows,
    /// Those that ended last, latest first.
    pub(crate) finished: Vec<Row>,
}

/// How many tasks there are, those that are not listed included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) pending: u64,
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    /// Ended; `None` where nobody counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Outbox {
    pub(crate) messages: u64,
    /// When the oldest was written.
    pub(crate) oldest: Option<Timestamp>,
}

/// The first of so many.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Rows {
    pub(crate) total: u64,
    pub(crate) tasks: Vec<Row>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// What its enabled instances have together.
    pub(crate) capacity: Forks,
    /// What the tasks that came by it cost.
    pub(crate) used: Forks,
    pub(crate) container: bool,
    /// 0 for no limit.
    pub(crate) max_forks: Forks,
    /// 0 for no limit.
    pub(crate) max_concurrent_jobs: TaskCount,
    /// What may be used of it; `null` of a container platform without a limit.
    pub(crate) limit: Option<Forks>,
    /// How many tasks came by it, where somebody counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tasks: Option<TaskCount>,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Node {
    pub(crate) hostname: String,
    pub(crate) node_type: NodeType,
    pub(crate) capacity: Forks,
    pub(crate) used: Forks,
    pub(crate) state: Liveness,
    /// When it was last heard of, where heartbeats are real.
    pub(crate) last_heartbeat: Option<Timestamp>,
    /// Empty when it never joined.
    pub(crate) version: String,
}

/// A task in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) id: TaskId,
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) status: TaskStatus,
    pub(crate) priority: Priority,
    pub(crate) impact: Forks,
    pub(crate) created: Timestamp,
    pub(crate) started: Option<Timestamp>,
    pub(crate) finished: Option<Timestamp>,
    /// Where it runs or ran, in words, or that it waits for a person's; empty for nowhere.
    pub(crate) place: Arc<str>,
    pub(crate) workflow: Option<TaskId>,
    pub(crate) cancel_requested: bool,
    /// Whether it waits for a person's word.
    pub(crate) answerable: bool,
    /// Why it is held: as a pass last stored it, or by the decision below; `null` when neither holds it.
    pub(crate) hold: Option<Hold>,
    /// What a pass would decide now, where one was made for the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Decided>,
    /// Why it ended so; empty when the status says it all.
    pub(crate) explanation: Arc<str>,
}

/// Why a task waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Hold {
    /// The stable name of the reason.
    pub(crate) token: &'static str,
    /// For people; the subject is the task.
    pub(crate) sentence: Arc<str>,
    /// Since when this is the reason; `null` when no pass has stored it yet.
    pub(crate) since: Option<Timestamp>,
    /// Whether it can never run as things stand.
    pub(crate) never: bool,
}

impl Hold {
    /// By a reason in these words, which are shown as they are.
    pub(crate) fn new(reason: &Reason, sentence: impl Into<Arc<str>>, since: Option<Timestamp>) -> Self {
        let never = reason.outlook() == Outlook::Never;
        Self { token: reason.token(), sentence: sentence.into(), since, never }
    }
}

/// A decision, for programs and in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Decided {
    pub(crate) action: Action,
    /// What becomes of the task, in a word.
    pub(crate) word: &'static str,
    /// Where or why.
    pub(crate) sentence: String,
    #[serde(skip)]
    pub(crate) tone: Tone,
}

impl Decided {
    fn of(decision: &Decision, names: &Names<'_>) -> Self {
        let Described { word, sentence, tone, .. } = describe(decision, names);
        Self { action: decision.action.clone(), word, sentence, tone }
    }
}

/// Where a task is, in words.
pub(crate) fn place(kind: Kind, status: TaskStatus, placement: &Placement, names: &Names<'_>) -> Arc<str> {
    let somewhere = placement.node.is_some() || placement.group.is_some();
    match kind {
        Kind::WorkflowApproval if status == TaskStatus::Running => "waits for a person's word".into(),
        _ if kind.needs_place() && somewhere && status != TaskStatus::Pending => {
            names.placement(placement).into()
        }
        _ => Arc::default(),
    }
}

/// An overview as a document of its own.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    now: Timestamp,
    #[serde(flatten)]
    overview: &'a Overview,
}

impl Overview {
    /// As JSON, with its version and its moment.
    pub(crate) fn document(&self) -> impl Serialize {
        Document { version: VERSION, now: self.now, overview: self }
    }

    /// How many tasks can never run as things stand.
    pub(crate) fn never(&self) -> u64 {
        self.holds.iter().filter(|(token, _)| is_never(token)).map(|(_, held)| held).sum()
    }

    /// Every task that is listed.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.pending.tasks.iter().chain(&self.holding.tasks).chain(&self.finished)
    }
}

/// Whether held tasks with this token wait in vain.
fn is_never(token: &str) -> bool {
    debug_assert!(Reason::TOKENS.contains(&token));
    !matches!(token, "waiting_for_dependency" | "resource_held" | "behind_older_task" | "no_capacity")
}
