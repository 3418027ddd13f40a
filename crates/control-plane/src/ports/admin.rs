//! The store as people and programs ask it: launch, cancel, answer, define, look. No loop of a node calls any of it.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use scheduler_core::{
    Forks, GroupId, InstanceId, Kind, LaunchType, NodeType, Outcome, OwnKey, Priority, Reason, State, TaskId,
    Timestamp, UnknownToken,
};
use serde::{Deserialize, Serialize};

use super::{HistoryFilter, Output, PastTask, StoreError, TraceContext};
use crate::definition::{Applied, DefinitionKind, Definitions, Run, too_large};

/// Everything that people ask of a store. Each call is one transaction that wakes the schedulers if it changes something.
#[async_trait]
pub trait Admin: fmt::Debug + Send + Sync {
    /// Launches these, all or none: `pending` rows, filled in from what is defined. The ids stand in the order of the launches.
    async fn launch(&self, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError>;

    /// As [`launch`](Admin::launch), all or none, for so many that somebody watches: `taken` hears of how many the store has taken so
    /// far. None of them is launched before all are.
    async fn launch_many(
        &self,
        launches: &[Launch],
        taken: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<Vec<TaskId>, StoreError> {
        let ids = self.launch(launches).await?;
        taken(launches.len());
        Ok(ids)
    }

    /// Asks to cancel these (R8.3): a waiting task is canceled at once, since nobody runs it; a running one's worker is told; the
    /// rest is for the next pass. The answers stand in the order of the questions.
    async fn cancel(&self, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError>;

    /// Approves or denies a running approval.
    async fn answer(&self, approval: TaskId, answer: Answer) -> Result<Answered, StoreError>;

    /// Creates or changes what is named here, all or nothing; what is not named stays as it is.
    async fn define(&self, definitions: &Definitions) -> Result<Applied, StoreError>;

    /// Everything that is defined.
    async fn definitions(&self) -> Result<Definitions, StoreError>;

    /// Removes one definition; whether it was there. Refused while another definition needs it.
    async fn remove(&self, kind: DefinitionKind, name: &str) -> Result<bool, StoreError>;

    /// One task.
    async fn task(&self, id: TaskId) -> Result<Option<TaskView>, StoreError>;

    /// What a task printed, if it has ended and printed anything.
    async fn output(&self, id: TaskId) -> Result<Option<Output>, StoreError>;

    /// Tasks, unfinished ones in the order of R1 without inheritance, finished ones latest first.
    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskView>, StoreError>;

    /// Tasks that were there within a span of time, in the order in which they were launched, with what each waited for. A page
    /// is as of one moment; tasks that are launched between two pages come last.
    async fn history(&self, filter: &HistoryFilter) -> Result<Vec<PastTask>, StoreError>;

    /// The instances, by hostname.
    async fn nodes(&self) -> Result<Vec<NodeView>, StoreError>;
}

/// Something to launch.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// What.
    pub of: Launchable,
    /// Its priority; `None` for that of its definition.
    pub priority: Option<Priority>,
    /// Laid over the payload of the definition's [`Run`], key by key, for each of its jobs when it is cut into slices; `None` for
    /// none. A workflow, which runs nothing itself, takes none.
    pub payload: Option<serde_json::Value>,
    /// Tasks that must be successful first (R5).
    pub dependencies: Vec<TaskId>,
    /// Keys for the resources of a user's own rules, beside those of its definition (R2). They are the new task's: what becomes
    /// a workflow job holds them while its jobs run, and these do not claim them.
    pub own_keys: Vec<OwnKey>,
    /// Why.
    pub launch_type: LaunchType,
    /// The trace that it belongs to: its dispatches carry it on.
    pub trace: Option<TraceContext>,
}

impl Launch {
    /// A launch by a person, of what is defined, as it is defined.
    #[must_use]
    pub const fn of(of: Launchable) -> Self {
        Self {
            of,
            priority: None,
            payload: None,
            dependencies: Vec::new(),
            own_keys: Vec::new(),
            launch_type: LaunchType::Manual,
            trace: None,
        }
    }

    /// How many keys of own resources a launch may give.
    pub const MOST_OWN_KEYS: usize = 100;

    /// Refuses payloads and keys above the limits, before anything is sent anywhere.
    pub fn check(launches: &[Self]) -> Result<(), StoreError> {
        for launch in launches {
            if launch.own_keys.len() > Self::MOST_OWN_KEYS {
                let (count, most) = (launch.own_keys.len(), Self::MOST_OWN_KEYS);
                return Err(StoreError::Refused(format!(
                    "a launch has {count} keys of own resources, and may have {most}"
                )));
            }
            if launch.own_keys.iter().any(|own| own.resource.is_empty() || own.resource.contains('\0')) {
                return Err(StoreError::Refused(
                    "a key names no resource; name it as in the rule set's claims".to_owned(),
                ));
            }
            let own = match &launch.of {
                Launchable::AdHocCommand { run, .. } => Some(&run.payload),
                _ => None,
            };
            if let Some(message) = own.into_iter().chain(&launch.payload).find_map(too_large) {
                return Err(StoreError::Refused(message));
            }
        }
        Ok(())
    }
}

/// What can be launched: definitions by their names, and ad hoc commands.
#[derive(Clone, Debug, PartialEq)]
pub enum Launchable {
    /// A job of a template; the workflow job of its slices if it has several.
    JobTemplate(String),
    /// An update of a project.
    Project(String),
    /// An update of an inventory source.
    InventorySource(String),
    /// A system job.
    SystemJob(String),
    /// A workflow job of a workflow template.
    Workflow(String),
    /// One command on an inventory.
    AdHocCommand {
        /// The inventory.
        inventory: String,
        /// What to run.
        run: Run,
        /// The names of the groups that it may run in, in order of preference; empty for the default groups.
        groups: Vec<String>,
        /// How many hosts it works on at once, for its impact (R6.6).
        forks: Option<u32>,
    },
}

/// The answer to one request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// Asked; the pass or the worker does the rest.
    Requested,
    /// It was waiting, and is canceled.
    Canceled,
    /// It had ended before.
    AlreadyFinished,
    /// There is no such task.
    Unknown,
}

/// A person's word on an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on: the approval is successful.
    Approve,
    /// Do not: the approval fails.
    Deny,
}

/// What became of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It counts.
    Recorded,
    /// The task is no approval that waits for a word: pending still, ended before, or of another kind.
    NotWaiting,
    /// There is no such task.
    Unknown,
}

/// How far a task has come, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Launched; not started yet.
    Pending,
    /// Given a place and a dispatch.
    Waiting,
    /// Taken up.
    Running,
    /// Ended well.
    Successful,
    /// Ended otherwise.
    Failed,
    /// Could not run.
    Error,
    /// Was canceled.
    Canceled,
}

impl TaskStatus {
    /// Every status, in the order of a task's life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Waiting,
        Self::Running,
        Self::Successful,
        Self::Failed,
        Self::Error,
        Self::Canceled,
    ];

    /// The stable name.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Canceled => "canceled",
        }
    }

    /// The status of a task in this state.
    #[must_use]
    pub const fn of(state: &State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Waiting(_) => Self::Waiting,
            State::Running(_) => Self::Running,
            State::Finished { outcome: Outcome::Successful, .. } => Self::Successful,
            State::Finished { outcome: Outcome::Failed, .. } => Self::Failed,
            State::Finished { outcome: Outcome::Error, .. } => Self::Error,
            State::Finished { outcome: Outcome::Canceled, .. } => Self::Canceled,
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Successful | Self::Failed | Self::Error | Self::Canceled)
    }
}

impl FromStr for TaskStatus {
    type Err = UnknownToken;

    fn from_str(token: &str) -> Result<Self, UnknownToken> {
        let known = &["pending", "waiting", "running", "successful", "failed", "error", "canceled"];
        let found = Self::ALL.into_iter().find(|status| status.token() == token);
        found.ok_or_else(|| UnknownToken::new("status of a task", known))
    }
}

/// Which tasks to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only these statuses; empty for all that are unfinished.
    pub statuses: Vec<TaskStatus>,
    /// At most so many.
    pub limit: usize,
}

impl Default for TaskFilter {
    fn default() -> Self {
        Self { statuses: Vec::new(), limit: 1000 }
    }
}

/// A task, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// The task.
    pub id: TaskId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How far it has come.
    pub status: TaskStatus,
    /// Why it was launched.
    pub launch_type: LaunchType,
    /// Its priority.
    pub priority: Priority,
    /// What it costs.
    pub impact: Forks,
    /// When it was launched.
    pub created: Timestamp,
    /// When it was taken up.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// The group it came by.
    pub group: Option<GroupId>,
    /// Where it runs or ran.
    pub node: Option<InstanceId>,
    /// What controls it.
    pub controller: Option<InstanceId>,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// Why it ended so; empty when the status says it all.
    pub explanation: String,
    /// The workflow job whose node it is the job of.
    pub workflow: Option<TaskId>,
    /// Why it was held when it was last looked at.
    pub hold: Option<StoredHold>,
    /// Its keys for resources of the user's own.
    pub own_keys: Vec<OwnKey>,
}

/// The reason of a held task as a pass stored it; refreshed when what it waits for changes ([`Reason::wait_key`]), not with each
/// pass, so that it may name a holder that has passed the resource on: [`Reason::at_first`] has words for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHold {
    /// Why, when the wait began.
    pub reason: Reason,
    /// Since when the task has waited for this.
    pub since: Timestamp,
}

impl StoredHold {
    /// Whether the task still waits for what this says, so that nothing need be written.
    #[must_use]
    pub fn still_says(&self, reason: &Reason) -> bool {
        self.reason.wait_key() == reason.wait_key()
    }
}

/// An instance, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// The instance.
    pub id: InstanceId,
    /// Its name.
    pub hostname: String,
    /// What it may do.
    pub node_type: NodeType,
    /// What it has.
    pub capacity: Forks,
    /// What holding tasks cost it.
    pub used: Forks,
    /// Whether it may get new tasks, as people define it.
    pub enabled: bool,
    /// Whether its node takes tasks in its present life: one without the role does not, and one that drains does not any more. Passes
    /// go by both this and what people define.
    pub takes_work: bool,
    /// When it was last heard of.
    pub last_heartbeat: Option<Timestamp>,
    /// The version of its program; empty when it never joined.
    pub version: String,
}
