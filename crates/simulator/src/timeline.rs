//! The timeline: what happened to each task, as plain values for tables, pages and programs.
//!
//! A wait names its reason by its position in [`Timeline::reasons`], where each distinct one stands once: thousands of tasks wait
//! for the same few things. Two reasons are one here when they name the same things; the numbers in a sentence about
//! capacity are those of the first pass that gave it.

use std::sync::Arc;

use scheduler_core::{
    Disuse, Forks, Kind, Lack, LaunchType, OutOfUse, Outcome, Outlook, Placement, Priority, Reason,
    ResourceKey, TaskId, TaskRef,
};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use thin_vec::ThinVec;

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
pub struct WaitReason(pub Reason);

impl WaitReason {
    /// The tasks that it names: a dependency, a holder, an older task, a circle.
    #[must_use]
    pub fn blockers(&self) -> Vec<TaskId> {
        match &self.0 {
            Reason::Dependency { on } => on.task().into_iter().collect(),
            Reason::Blocked { holder, .. } => vec![*holder],
            Reason::Behind { older, .. } => vec![*older],
            Reason::Circle { circle, .. } => circle.iter().filter_map(|task| task.task()).collect(),
            Reason::Malformed(_) | Reason::NoCapacity(_) | Reason::NeverFits(_) => Vec::new(),
        }
    }

    /// What makes it the same as another: reasons of one key name the same things, numbers aside.
    #[must_use]
    pub fn key(&self) -> Box<[i64]> {
        key(&self.0)
    }

    /// Whether time alone cannot help.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.0.outlook() == Outlook::Never
    }
}

impl Serialize for WaitReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("WaitReason", 4)?;
        fields.serialize_field("token", self.0.token())?;
        fields.serialize_field("sentence", &self.0.to_string())?;
        fields.serialize_field("never", &self.is_never())?;
        fields.serialize_field("blockers", &self.blockers())?;
        fields.end()
    }
}

/// Whether two reasons name the same things, numbers aside.
pub(crate) fn is_same(a: &Reason, b: &Reason) -> bool {
    match (a, b) {
        (Reason::Blocked { resource: r, holder: h, .. }, Reason::Blocked { resource: s, holder: i, .. }) => {
            h == i && r == s
        }
        (Reason::Behind { resource: r, older: o, .. }, Reason::Behind { resource: s, older: p, .. }) => {
            o == p && r == s
        }
        (Reason::NoCapacity(x), Reason::NoCapacity(y)) | (Reason::NeverFits(x), Reason::NeverFits(y)) => {
            Arc::ptr_eq(x, y)
                || (x.len() == y.len()
                    && x.iter()
                        .zip(y.iter())
                        .all(|(x, y)| x.group == y.group && x.lack.is_same_wait(&y.lack)))
        }
        _ => a == b,
    }
}

/// What of a reason makes it the same as another, as numbers.
pub(crate) fn key(reason: &Reason) -> Box<[i64]> {
    let mut key = Vec::with_capacity(4);
    match reason {
        Reason::Malformed(malformed) => {
            key.push(0);
            key.extend(malformed.to_string().bytes().map(i64::from));
        }
        Reason::Dependency { on } => key.extend([1, number(*on)]),
        Reason::Blocked { resource, holder, .. } => {
            key.extend([2, holder.get()]);
            resource_key(resource, &mut key);
        }
        Reason::Behind { resource, older, .. } => {
            key.extend([3, older.get()]);
            resource_key(resource, &mut key);
        }
        Reason::NoCapacity(lacks) | Reason::NeverFits(lacks) => {
            key.push(if matches!(reason, Reason::NoCapacity(_)) { 4 } else { 5 });
            for shortfall in lacks.iter() {
                key.push(shortfall.group.get());
                lack(&shortfall.lack, &mut key);
            }
        }
        Reason::Circle { circle, .. } => {
            key.push(6);
            key.extend(circle.iter().map(|&task| number(task)));
        }
    }
    key.into()
}

fn number(task: TaskRef) -> i64 {
    match task {
        TaskRef::Task { id, .. } => id.get(),
        TaskRef::New { id, .. } => i64::try_from(id.position()).map_or(i64::MIN, |position| -1 - position),
    }
}

fn lack(lack: &Lack, key: &mut Vec<i64>) {
    let number = match lack {
        Lack::UnknownGroup => 0,
        Lack::LargerThanLimit { .. } => 1,
        Lack::NoUsableInstance => 2,
        Lack::NoUsableController { .. } => 3,
        Lack::TaskLimit { .. } => 4,
        Lack::ForkLimit { .. } => 5,
        Lack::Full { .. } => 6,
        Lack::NoController { .. } => 7,
        Lack::Reserved { task, .. } => {
            key.push(task.get());
            8
        }
        Lack::OutOfUse(out) => {
            out_of_use(out, key);
            9
        }
        Lack::ControllersOutOfUse(out) => {
            out_of_use(out, key);
            10
        }
    };
    key.push(number);
}

fn out_of_use(out: &OutOfUse, key: &mut Vec<i64>) {
    for out in out.instances.iter() {
        let cause = match out.cause {
            Disuse::Disabled => -2,
            Disuse::NeverHeardOf => -1,
            Disuse::Lost { last_heartbeat } => last_heartbeat.timestamp(),
        };
        key.extend([out.instance.get(), cause]);
    }
    key.push(out.others.get().into());
}

fn resource_key(resource: &ResourceKey, key: &mut Vec<i64>) {
    match resource {
        ResourceKey::Project(id) => key.extend([0, id.get()]),
        ResourceKey::Inventory(id) => key.extend([1, id.get()]),
        ResourceKey::InventorySource(id) => key.extend([2, id.get()]),
        ResourceKey::JobTemplate(id) => key.extend([3, id.get()]),
        ResourceKey::WorkflowTemplate(id) => key.extend([4, id.get()]),
        ResourceKey::SystemJobSlot => key.push(5),
        ResourceKey::Own(own) => {
            key.extend([6, own.key.get()]);
            key.extend(own.resource.bytes().map(i64::from));
        }
    }
}
