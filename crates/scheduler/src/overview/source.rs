//! Overviews of a store.
//!
//! One costs the store a count of the unfinished tasks and the first of each list, whose sorting is what it takes longest for; what
//! people define is read once in a while. The reasons are those that passes stored, so that neither a whole queue is read nor
//! anything planned; [`Source::take_decided`] does both, for whoever asks once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use control_plane::definition::{Definitions, GroupDefinition};
use control_plane::ports::{
    NodeView, Reading, Statistics, Store, StoreError, StoredHold, TaskFilter, TaskStatus, TaskView,
};
use scheduler_core::words::visible;
use scheduler_core::{Explainer, Forks, GroupId, Kind, Placement, Plan, Seconds, TaskCount};
use tokio::time::Instant;

use super::{Counts, Decided, Group, Hold, LONGEST, Liveness, Node, Outbox, Overview, Row, Rows, place};
use crate::words::Names;

/// How long what people define counts.
const DEFINED_FOR: Duration = Duration::from_secs(30);

/// How many tasks are listed. The counts are always whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of those that wait, and of those that run.
    pub(crate) unfinished: usize,
    /// Of those that ended last.
    pub(crate) finished: usize,
}

/// A store, and what of it need not be asked each time.
pub(crate) struct Source {
    store: Arc<dyn Store>,
    limits: Limits,
    defined: tokio::sync::Mutex<Option<(Instant, Arc<Defined>)>>,
    places: Mutex<Arc<Places>>,
}

/// The names of places that the last overview came by.
#[derive(Debug, Default)]
struct Places {
    nodes: Vec<NodeView>,
    groups: BTreeMap<GroupId, String>,
}

impl Places {
    fn names(&self) -> Names<'_> {
        Names::of_places(
            self.nodes.iter().map(|node| (node.id, node.hostname.as_str())),
            self.groups.iter().map(|(&id, name)| (id, name.as_str())),
        )
    }
}

/// What people define, as far as an overview needs it.
#[derive(Debug)]
struct Defined {
    grace: Seconds,
    groups: BTreeMap<String, (bool, Forks, TaskCount)>,
}

impl Defined {
    fn of(Definitions { rules, groups, .. }: Definitions) -> Self {
        let limits = |group: GroupDefinition| {
            (group.name, (group.container, group.max_forks, group.max_concurrent_jobs))
        };
        Self {
            grace: rules.unwrap_or_default().heartbeat_grace(),
            groups: groups.into_iter().map(limits).collect(),
        }
    }
}

/// What a pass that was made for the question decides.
struct Asked<'a> {
    plan: Explainer<'a>,
    names: Names<'a>,
}

impl Source {
    /// At this store.
    pub(crate) fn new(store: Arc<dyn Store>, limits: Limits) -> Self {
        Self { store, limits, defined: tokio::sync::Mutex::default(), places: Mutex::default() }
    }

    /// What is to be seen now, with the reasons that passes stored.
    pub(crate) async fn take(&self) -> Result<Overview, StoreError> {
        self.compose(None).await
    }

    /// The same with the decisions of a pass that is made for the question and then forgotten, so that they are exact.
    pub(crate) async fn take_decided(&self) -> Result<Overview, StoreError> {
        let Reading { snapshot, rules, .. } = self.store.read().await?;
        let plan: Plan = scheduler_core::plan(&snapshot, &rules);
        let asked = Asked { plan: plan.explainer(), names: Names::of(&snapshot) };
        self.compose(Some(&asked)).await
    }

    /// A task with what is known of its place; a group or instance that no overview has come by stays a number.
    pub(crate) fn row(&self, task: &TaskView) -> Row {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner).clone();
        row(task, None, &places.names())
    }

    async fn compose(&self, asked: Option<&Asked<'_>>) -> Result<Overview, StoreError> {
        use TaskStatus::{Canceled, Error, Failed, Pending, Running, Successful, Waiting};
        let Limits { unfinished, finished } = self.limits;
        let defined = self.defined().await?;
        let pending = self.first(&[Pending], unfinished).await?;
        let mut holding = self.first(&[Waiting, Running], unfinished).await?;
        let finished = self.first(&[Successful, Failed, Error, Canceled], finished).await?;
        let nodes = self.store.nodes().await?;
        let statistics = self.store.statistics().await?;
        holding.sort_by_key(|task| (task.started.is_none(), task.started, task.id));
        let count = |status| statistics.tasks.get(&status).copied().unwrap_or_default();
        let (groups, now) = (groups(&statistics, &defined), statistics.now);
        let counts =
            Counts { pending: count(Pending), waiting: count(Waiting), running: count(Running), ended: None };
        let places = Arc::new(Places { nodes, groups: statistics.group_names });
        let names = places.names();
        let rows = |tasks: &[TaskView]| tasks.iter().map(|task| row(task, asked, &names)).collect();
        let overview = Overview {
            now,
            counts,
            holds: statistics.holds,
            outbox: Outbox { messages: statistics.outbox, oldest: statistics.outbox_oldest },
            groups,
            nodes: places.nodes.iter().map(|node| member(node, &defined, now)).collect(),
            pending: Rows { total: counts.pending, tasks: rows(&pending) },
            holding: Rows { total: counts.waiting.saturating_add(counts.running), tasks: rows(&holding) },
            finished: rows(&finished),
        };
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places.clone();
        Ok(overview)
    }

    async fn first(&self, statuses: &[TaskStatus], limit: usize) -> Result<Vec<TaskView>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.store.tasks(&TaskFilter { statuses: statuses.to_vec(), limit }).await
    }

    /// It changes seldom and is not worth reading each time.
    async fn defined(&self) -> Result<Arc<Defined>, StoreError> {
        let mut known = self.defined.lock().await;
        if let Some((at, defined)) = &*known
            && at.elapsed() < DEFINED_FOR
        {
            return Ok(defined.clone());
        }
        let defined = Arc::new(Defined::of(self.store.definitions().await?));
        *known = Some((Instant::now(), defined.clone()));
        Ok(defined)
    }
}

fn row(task: &TaskView, asked: Option<&Asked<'_>>, names: &Names<'_>) -> Row {
    let placement = Placement { group: task.group, node: task.node, controller: task.controller };
    let running_approval = task.kind == Kind::WorkflowApproval && task.status == TaskStatus::Running;
    let is_pending = task.status == TaskStatus::Pending;
    let stored = task.hold.as_ref().filter(|_| is_pending);
    let decision =
        asked.filter(|_| is_pending).and_then(|asked| Some((asked, asked.plan.decision(task.id)?)));
    let hold = match asked {
        Some(_) => decision.and_then(|(_, decision)| decision.action.hold()).map(|reason| {
            // Since when: known only of the wait that a pass stored.
            let since = stored.filter(|hold| hold.still_says(reason)).map(|hold| hold.since);
            Hold::new(reason, sentence(&reason.to_string()), since)
        }),
        None => stored.map(|StoredHold { reason, since }| {
            Hold::new(reason, sentence(&reason.at_first().to_string()), Some(*since))
        }),
    };
    Row {
        id: task.id,
        name: visible(&task.name).to_string().into(),
        kind: task.kind,
        status: task.status,
        priority: task.priority,
        impact: task.impact,
        created: task.created,
        started: task.started,
        finished: task.finished,
        place: place(task.kind, task.status, &placement, names),
        workflow: task.workflow,
        cancel_requested: task.cancel_requested,
        answerable: running_approval && !task.cancel_requested,
        hold,
        decision: decision.map(|(asked, decision)| Decided::of(decision, &asked.names)),
        explanation: sentence(&task.explanation),
    }
}

fn sentence(text: &str) -> Arc<str> {
    visible(text).within(LONGEST).to_string().into()
}

fn groups(statistics: &Statistics, defined: &Defined) -> Vec<Group> {
    let group = |(name, &(capacity, used)): (&String, &(Forks, Forks))| {
        let (container, max_forks, max_concurrent_jobs) =
            defined.groups.get(name).copied().unwrap_or_default();
        let own = Some(max_forks).filter(|&most| most > Forks::ZERO);
        let limit = [Some(capacity).filter(|_| !container), own].into_iter().flatten().min();
        let name = visible(name).to_string();
        Group { name, capacity, used, container, max_forks, max_concurrent_jobs, limit, tasks: None }
    };
    statistics.groups.iter().map(group).collect()
}

fn member(node: &NodeView, defined: &Defined, now: scheduler_core::Timestamp) -> Node {
    Node {
        hostname: visible(&node.hostname).to_string(),
        node_type: node.node_type,
        capacity: node.capacity,
        used: node.used,
        state: Liveness::of(node, defined.grace, now),
        last_heartbeat: node.last_heartbeat,
        version: visible(&node.version).to_string(),
    }
}
