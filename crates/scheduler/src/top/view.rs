//! What the screen shows, whatever it comes from: plain values of one moment.
//!
//! A source makes a view a few times a second; texts that many rows share are shared. It knows nothing of terminals, of what is
//! selected, sorted or filtered.

use std::fmt;
use std::sync::Arc;

use control_plane::ports::TaskStatus;
use scheduler_core::{Forks, Kind, NodeType, Outlook, Priority, Reason, TaskCount, TaskId, Timestamp};

use crate::standing::Standing;

/// Everything that is shown of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    /// What it is about, in a few words.
    pub(super) about: String,
    /// The moment, by the source's own clock.
    pub(super) now: Timestamp,
    /// Since when nothing new was heard, and why.
    pub(super) stale: Option<Stale>,
    /// Of a simulation, how far it has been played.
    pub(super) played: Option<Played>,
    pub(super) counts: Counts,
    /// Pending tasks, in the order in which passes consider them.
    pub(super) queue: Vec<TaskRow>,
    /// Waiting and running tasks.
    pub(super) running: Vec<TaskRow>,
    /// Tasks that ended, latest first.
    pub(super) ended: Vec<TaskRow>,
    pub(super) groups: Vec<GroupRow>,
    pub(super) nodes: Vec<NodeRow>,
    /// The chain that was asked for.
    pub(super) chain: Option<Chain>,
}

/// A source that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stale {
    /// Since when, by this machine's clock.
    pub(super) since: Timestamp,
    /// For how many seconds.
    pub(super) seconds: u64,
    /// Why; never a secret.
    pub(super) why: String,
}

/// How far a simulation has been played.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Played {
    /// The time since its beginning, and all of it, in words.
    pub(super) at: String,
    pub(super) length: String,
    /// The share, from 0 to 1.
    pub(super) share: f64,
    /// How many seconds go by in one.
    pub(super) speed: f64,
    pub(super) paused: bool,
    /// Being run once more, after a cancel.
    pub(super) rerunning: bool,
}

/// How many there are, those that are not listed included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pending: u64,
    /// Pending, and can never run as things stand.
    pub(super) never: u64,
    pub(super) waiting: u64,
    pub(super) running: u64,
    /// Ended; `None` where nobody counts them.
    pub(super) ended: Option<u64>,
    /// Messages that are not sent yet.
    pub(super) outbox: u64,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskRow {
    pub(super) id: TaskId,
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) status: TaskStatus,
    pub(super) priority: Priority,
    pub(super) cost: Forks,
    pub(super) launched: Timestamp,
    pub(super) started: Option<Timestamp>,
    pub(super) finished: Option<Timestamp>,
    /// Where it runs or ran: the instance, and the group it came by.
    pub(super) node: Option<Arc<str>>,
    pub(super) group: Option<Arc<str>>,
    pub(super) why: Option<Why>,
    pub(super) cancel_requested: bool,
    /// Why it ended so, where the status does not say it all.
    pub(super) note: Arc<str>,
}

/// Why a task waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    /// The stable name for machines.
    pub(super) token: &'static str,
    /// For people; the subject is the task.
    pub(super) sentence: Arc<str>,
    /// Since when this is the reason.
    pub(super) since: Timestamp,
    /// Whether time alone cannot help.
    pub(super) never: bool,
}

impl Why {
    /// Of a reason, in these words, since this moment.
    pub(super) fn of(reason: &Reason, words: &dyn fmt::Display, since: Timestamp) -> Self {
        Self {
            token: reason.token(),
            sentence: words.to_string().into(),
            since,
            never: reason.outlook() == Outlook::Never,
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupRow {
    pub(super) name: String,
    pub(super) used: Forks,
    /// What its usable instances have together; `None` without a limit.
    pub(super) capacity: Option<Forks>,
    /// How many tasks hold a place by it, where that is known.
    pub(super) tasks: Option<TaskCount>,
    /// How many may; 0 for no limit.
    pub(super) most_tasks: TaskCount,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeRow {
    pub(super) name: String,
    pub(super) node_type: NodeType,
    pub(super) used: Forks,
    pub(super) capacity: Forks,
    pub(super) state: Standing,
    /// When it was last heard of, where heartbeats are real.
    pub(super) heard: Option<Timestamp>,
    /// Empty when it never joined.
    pub(super) version: String,
}

/// The chain of waiting of one task, in the words of `scheduler explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) task: TaskId,
    pub(super) lines: Vec<String>,
}

impl View {
    /// A task that is listed.
    pub(super) fn task(&self, id: TaskId) -> Option<&TaskRow> {
        self.queue.iter().chain(&self.running).chain(&self.ended).find(|row| row.id == id)
    }

    /// What is used of all instances, and what there is.
    pub(super) fn capacity(&self) -> (Forks, Forks) {
        self.nodes
            .iter()
            .filter(|node| node.state == Standing::InUse)
            .fold((Forks::ZERO, Forks::ZERO), |(used, all), node| {
                (used.plus(node.used), all.plus(node.capacity))
            })
    }
}
