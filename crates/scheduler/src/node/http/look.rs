//! What is to be seen of a control plane at a moment: counts, groups, nodes, and the first tasks of each table.
//!
//! Reasons are those that passes stored, so that a look reads neither the whole queue nor plans anything. It costs the store a
//! count of the unfinished tasks and the first [`MOST`] of two lists, whose sorting is what it takes longest for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use control_plane::definition::Definitions;
use control_plane::ports::{NodeView, Statistics, Store, StoreError, TaskFilter, TaskStatus, TaskView};
use scheduler_core::words::visible;
use scheduler_core::{
    Forks, GroupId, Kind, NodeType, Placement, Priority, Seconds, TaskCount, TaskId, Timestamp,
};
use serde::Serialize;

use crate::decisions::{Tone, holds};
use crate::standing::Standing;
use crate::words::Names;

/// How many pending and how many holding tasks are shown. The counts are always whole.
const MOST: usize = 500;

/// How many of the tasks that ended last.
const FINISHED: usize = 50;

/// The longest sentence that is shown, so that a look stays small whatever names and paths are in it.
const LONGEST: usize = 500;

/// The names of places that the last look came by, for whoever shows a single task. Shared by clones.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<Arc<Known>>>);

#[derive(Debug, Default)]
struct Known {
    nodes: Vec<NodeView>,
    groups: BTreeMap<GroupId, String>,
}

impl Places {
    fn known(&self) -> Arc<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, nodes: Vec<NodeView>, groups: BTreeMap<GroupId, String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known { nodes, groups });
    }

    /// A task with what is known of its place; a group or instance that no look has come by stays a number.
    pub(super) fn row(&self, task: &TaskView) -> Row {
        let known = self.known();
        row(task, &Names::default().with_nodes(&known.nodes).with_groups(&known.groups))
    }
}

/// What `GET /api/look` says, beside the time of the look.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    /// How many tasks have each status that is not an end.
    counts: BTreeMap<TaskStatus, u64>,
    /// How many tasks are held by each reason, by its token.
    holds: BTreeMap<String, u64>,
    /// Messages that are written and not sent yet.
    outbox: Outbox,
    groups: Vec<Group>,
    nodes: Vec<Node>,
    /// In the order of R1.
    pending: Rows,
    /// Waiting to be taken up, or running.
    holding: Rows,
    /// Those that ended last, latest first.
    finished: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Outbox {
    messages: u64,
    oldest: Option<Timestamp>,
}

/// The first of so many.
#[derive(Debug, Serialize)]
struct Rows {
    total: u64,
    tasks: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    /// What its enabled instances have together.
    capacity: Forks,
    /// What the tasks that came by it cost.
    used: Forks,
    container: bool,
    /// 0 for no limit.
    max_forks: Forks,
    /// 0 for no limit.
    max_concurrent_jobs: TaskCount,
}

#[derive(Debug, Serialize)]
struct Node {
    hostname: String,
    node_type: NodeType,
    capacity: Forks,
    used: Forks,
    state: &'static str,
    last_heartbeat: Option<Timestamp>,
    version: String,
}

/// A task in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    id: TaskId,
    name: String,
    kind: Kind,
    status: TaskStatus,
    priority: Priority,
    impact: Forks,
    created: Timestamp,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    /// Where it runs or ran, in words; empty for nowhere.
    place: String,
    workflow: Option<TaskId>,
    cancel_requested: bool,
    /// Whether it waits for a person's word.
    answerable: bool,
    /// Why it was held when a pass last looked at it; `null` when none has looked yet, or when it is not pending.
    hold: Option<Hold>,
    /// Why it ended so; empty when the status says it all.
    explanation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Hold {
    /// The stable name of the reason.
    token: &'static str,
    sentence: String,
    since: Timestamp,
    /// Whether it can never run as things stand.
    never: bool,
}

/// What people define, as far as a look needs it: it changes seldom and is not worth reading each time.
#[derive(Clone, Debug, Default)]
pub(super) struct Defined {
    grace: Option<Seconds>,
    groups: BTreeMap<String, (bool, Forks, TaskCount)>,
}

impl Defined {
    /// Reads it.
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let Definitions { rules, groups, .. } = store.definitions().await?;
        let limits = |group: control_plane::definition::GroupDefinition| {
            (group.name, (group.container, group.max_forks, group.max_concurrent_jobs))
        };
        Ok(Self {
            grace: Some(rules.and_then(|rules| rules.heartbeat_grace).unwrap_or(usual_grace())),
            groups: groups.into_iter().map(limits).collect(),
        })
    }
}

/// Of both rule sets, for whoever defines none.
fn usual_grace() -> Seconds {
    scheduler_core::RuleSet::tower_2018().heartbeat_grace
}

/// Looks.
pub(super) async fn take(
    store: &dyn Store,
    defined: &Defined,
    places: &Places,
) -> Result<(Timestamp, Look), StoreError> {
    use TaskStatus::{Canceled, Error, Failed, Pending, Running, Successful, Waiting};
    let first = |statuses: &[TaskStatus], limit| TaskFilter { statuses: statuses.to_vec(), limit };
    let pending = store.tasks(&first(&[Pending], MOST)).await?;
    let holding = store.tasks(&first(&[Waiting, Running], MOST)).await?;
    let finished = store.tasks(&first(&[Successful, Failed, Error, Canceled], FINISHED)).await?;
    let nodes = store.nodes().await?;
    let statistics = store.statistics().await?;
    let names = Names::default().with_nodes(&nodes).with_groups(&statistics.group_names);
    let rows = |tasks: &[TaskView]| tasks.iter().map(|task| row(task, &names)).collect::<Vec<_>>();
    let count = |status| statistics.tasks.get(&status).copied().unwrap_or_default();
    let look = Look {
        pending: Rows { total: count(Pending), tasks: rows(&pending) },
        holding: Rows { total: count(Waiting).saturating_add(count(Running)), tasks: rows(&holding) },
        finished: rows(&finished),
        counts: [Pending, Waiting, Running].map(|status| (status, count(status))).into(),
        groups: groups(&statistics, defined),
        nodes: nodes.iter().map(|node| member(node, defined, statistics.now)).collect(),
        outbox: Outbox { messages: statistics.outbox, oldest: statistics.outbox_oldest },
        holds: statistics.holds.clone(),
    };
    places.learn(nodes, statistics.group_names);
    Ok((statistics.now, look))
}

fn row(task: &TaskView, names: &Names<'_>) -> Row {
    let placement = Placement { group: task.group, node: task.node, controller: task.controller };
    let has_place = task.kind.needs_place() && (placement.node.is_some() || placement.group.is_some());
    let running_approval = task.kind == Kind::WorkflowApproval && task.status == TaskStatus::Running;
    let hold = task.hold.as_ref().filter(|_| task.status == TaskStatus::Pending);
    Row {
        id: task.id,
        name: visible(&task.name).to_string(),
        kind: task.kind,
        status: task.status,
        priority: task.priority,
        impact: task.impact,
        created: task.created,
        started: task.started,
        finished: task.finished,
        place: if has_place { names.placement(&placement) } else { String::new() },
        workflow: task.workflow,
        cancel_requested: task.cancel_requested,
        answerable: running_approval && !task.cancel_requested,
        hold: hold.map(|hold| {
            let described = holds(&hold.reason, hold.reason.at_first().to_string());
            Hold {
                token: hold.reason.token(),
                sentence: visible(&described.sentence).within(LONGEST).to_string(),
                since: hold.since,
                never: described.tone == Tone::Bad,
            }
        }),
        explanation: visible(&task.explanation).within(LONGEST).to_string(),
    }
}

fn groups(statistics: &Statistics, defined: &Defined) -> Vec<Group> {
    let group = |(name, &(capacity, used)): (&String, &(Forks, Forks))| {
        let (container, max_forks, max_concurrent_jobs) =
            defined.groups.get(name).copied().unwrap_or_default();
        Group { name: visible(name).to_string(), capacity, used, container, max_forks, max_concurrent_jobs }
    };
    statistics.groups.iter().map(group).collect()
}

fn member(node: &NodeView, defined: &Defined, now: Timestamp) -> Node {
    Node {
        hostname: visible(&node.hostname).to_string(),
        node_type: node.node_type,
        capacity: node.capacity,
        used: node.used,
        state: Standing::of(node, defined.grace, now).word(),
        last_heartbeat: node.last_heartbeat,
        version: visible(&node.version).to_string(),
    }
}
