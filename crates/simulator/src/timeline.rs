//! The timeline: what happened to each task, as plain values for tables, pages and programs.
//!
//! A wait names its reason by its position in [`Timeline::reasons`], where each distinct one stands once: thousands of tasks wait
//! for the same few things. Two reasons are one here when they are one wait and name the same holder ([`PictureKey`]); the numbers in a
//! sentence about capacity are those of the first pass that gave it.

use std::fmt;
use std::sync::Arc;

use scheduler_core::{
    Forks, Kind, LaunchType, Outcome, Outlook, Placement, Priority, Reason, TaskId, TaskRef, ThinVec, WaitKey,
};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Moment, Span, TemplateKey};

/// What happened to every task.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// A bar for each task, in the order in which they came.
    pub bars: Vec<Bar>,
    /// What tasks waited for, by number.
    pub reasons: Vec<WaitReason>,
}

impl Timeline {
    /// What a wait was for.
    #[must_use]
    pub fn reason(&self, wait: &Wait) -> Option<&WaitReason> {
        self.reasons.get(wait.reason.0 as usize)
    }
}

/// What happened to one task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// Which.
    pub task: TaskId,
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// What it was launched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateKey>,
    /// Why it was launched.
    pub launch_type: LaunchType,
    /// Its priority.
    pub priority: Priority,
    /// What it costs where it runs.
    pub impact: Forks,
    /// The workflow job whose node has it as its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<TaskId>,
    /// What it depends on, links that passes derived included.
    #[serde(skip_serializing_if = "ThinVec::is_empty")]
    pub dependencies: ThinVec<TaskId>,
    /// When it was launched.
    pub launched: Moment,
    /// When a pass considered it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub considered: Option<Moment>,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Moment>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<Moment>,
    /// Where it ran: its group, its instance and its controller. Shared by those that ran at one place.
    pub placement: Arc<Placement>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why a pass ended it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Arc<EndNote>>,
    /// What it waited for, one after the other.
    #[serde(skip_serializing_if = "ThinVec::is_empty")]
    pub waits: ThinVec<Wait>,
}

impl Bar {
    /// How long it waited: from its launch to its start, if it started.
    #[must_use]
    pub fn waited(&self) -> Option<Span> {
        self.started.map(|started| started.since(self.launched))
    }

    /// How long it ran, if it started and ended.
    #[must_use]
    pub fn ran(&self) -> Option<Span> {
        Some(self.finished?.since(self.started?))
    }
}

/// Why a pass ended a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndNote {
    /// The stable name for machines.
    pub token: &'static str,
    /// For people; the subject is the task.
    pub sentence: String,
}

/// A stretch of waiting for one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// For what.
    pub reason: ReasonId,
    /// From when.
    pub from: Moment,
    /// Until when; for a wait that never ended, the end of the simulation.
    pub to: Moment,
}

/// A position in [`Timeline::reasons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ReasonId(u32);

impl ReasonId {
    /// The reason at this position.
    #[must_use]
    pub const fn new(position: u32) -> Self {
        Self(position)
    }

    /// The position.
    #[must_use]
    pub const fn position(self) -> usize {
        self.0 as usize
    }
}

/// What a task waited for. As JSON: `token`, `sentence`, `never` and the ids of the `blockers`.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitReason {
    /// So from the first to the last moment, numbers aside.
    Throughout(Reason),
    /// So when the wait began. It went on while what it was for passed from holder to holder: a store keeps no row for each.
    AtFirst(Reason),
}

/// What makes reasons one for a picture: [`Reason::wait_key`], and who is named, since a picture shows each holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureKey(WaitKey, &'static str, Option<TaskRef>);

impl PictureKey {
    /// The key of a reason.
    #[must_use]
    pub fn of(reason: &Reason) -> Self {
        Self(reason.wait_key(), reason.token(), reason.waits_for())
    }
}

impl WaitReason {
    /// The reason as data.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Throughout(reason) | Self::AtFirst(reason) => reason,
        }
    }

    /// The tasks that it names: a dependency, a holder, an older task, a circle.
    #[must_use]
    pub fn blockers(&self) -> Vec<TaskId> {
        match self.reason() {
            Reason::Circle { circle, .. } => circle.iter().filter_map(|task| task.task()).collect(),
            other => other.waits_for().and_then(|task| task.task()).into_iter().collect(),
        }
    }

    /// Whether time alone cannot help.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.reason().outlook() == Outlook::Never
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throughout(reason) => write!(f, "{reason}"),
            Self::AtFirst(reason) => write!(f, "{}", reason.at_first()),
        }
    }
}

impl Serialize for WaitReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("WaitReason", 4)?;
        fields.serialize_field("token", self.reason().token())?;
        fields.serialize_field("sentence", &self.to_string())?;
        fields.serialize_field("never", &self.is_never())?;
        fields.serialize_field("blockers", &self.blockers())?;
        fields.end()
    }
}
