//! A live control plane as a source: its store is asked once in a while, by a task on a runtime of its own, so that no slow
//! server holds up a key.
//!
//! The reasons are those that passes stored, which costs no reading of a whole queue; a chain is that of a pass made for the
//! question and then forgotten. When the store is lost the last view stays, with the time and the reason, until the store answers
//! again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use control_plane::ports::{
    CancelAnswer, Clock as _, NodeView, Statistics, Store, SystemClock, TaskFilter, TaskStatus, TaskView,
};
use scheduler_core::{GroupId, InstanceId, Reason, Seconds, TaskCount, TaskId, Timestamp};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::source::{Request, Source, Update};
use super::state::Said;
use super::view::{Chain, Counts, GroupRow, NodeRow, Stale, TaskRow, View, Why};
use crate::failure::Failure;
use crate::standing::Standing;
use crate::top::args::TopArgs;
use crate::{demo, explain, open};

/// A store that has not answered by then is lost: its server may be frozen, or the network cut.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Names of groups and the grace of heartbeats change seldom.
const NAMES_EVERY: Duration = Duration::from_secs(30);

/// So many of the tasks that ended last are listed.
const ENDED: usize = 200;

/// A store that is asked once in a while.
pub(super) struct Live {
    requests: UnboundedSender<Request>,
    updates: Receiver<Update>,
    runtime: Option<Runtime>,
}

impl Live {
    /// Asks once, so that a wrong URL is said before there is a screen, and goes on asking.
    pub(super) fn open(wanted: &TopArgs) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
        let (store, about) = if wanted.demo {
            (runtime.block_on(demo::embedded())?, "the demonstration, in memory".to_owned())
        } else {
            let schema = &wanted.database.database_schema;
            (open::store(&wanted.database)?, format!("schema {schema}"))
        };
        let (requests, asked) = unbounded_channel();
        let (send, updates) = channel();
        let mut watcher = Watcher::new(store, about, wanted.limit, send);
        let first = runtime.block_on(watcher.look())?;
        watcher.show(first);
        runtime.spawn(watcher.go_on(asked, wanted.every));
        Ok(Self { requests, updates, runtime: Some(runtime) })
    }
}

impl Source for Live {
    fn updates(&mut self, _: Instant) -> Result<Vec<Update>, Failure> {
        let mut updates = Vec::new();
        loop {
            match self.updates.try_recv() {
                Ok(update) => updates.push(update),
                Err(TryRecvError::Empty) => return Ok(updates),
                Err(TryRecvError::Disconnected) => {
                    return Err(Failure::new("the part that asks the store ended by a defect".to_owned())
                        .remedy("please report it; `scheduler status` asks the store another way"));
                }
            }
        }
    }

    fn ask(&mut self, request: Request) {
        // That nobody listens any more is the next update's to say.
        let _sent = self.requests.send(request);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// What asks the store.
struct Watcher {
    store: Arc<dyn Store>,
    about: String,
    limit: usize,
    updates: Sender<Update>,
    names: Names,
    watched: Option<TaskId>,
    paused: bool,
    last: View,
    lost: Option<(Instant, Timestamp)>,
}

/// What a task's row leaves out.
#[derive(Default)]
struct Names {
    groups: HashMap<GroupId, Arc<str>>,
    limits: HashMap<String, TaskCount>,
    grace: Option<Seconds>,
    read: Option<Instant>,
}

impl Watcher {
    fn new(store: Arc<dyn Store>, about: String, limit: usize, updates: Sender<Update>) -> Self {
        Self {
            store,
            about,
            limit,
            updates,
            names: Names::default(),
            watched: None,
            paused: false,
            last: View::default(),
            lost: None,
        }
    }

    /// Until nobody asks any more.
    async fn go_on(mut self, mut asked: UnboundedReceiver<Request>, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => self.obey(request).await,
                    None => return,
                },
                _ = ticks.tick() => if !self.paused {
                    self.refresh().await;
                },
            }
        }
    }

    async fn obey(&mut self, request: Request) {
        match request {
            Request::Watch(task) => {
                self.watched = task;
                self.follow().await;
            }
            Request::Cancel(task) => self.cancel(task).await,
            Request::Pause(paused) => {
                self.paused = paused;
                if !paused {
                    self.refresh().await;
                }
            }
            Request::Faster | Request::Slower | Request::Back | Request::Ahead => {}
        }
    }

    /// The chain alone, on what is on the screen: that stays as it is while the screen stands still.
    async fn follow(&mut self) {
        let chain = match answered(self.chain()).await {
            Ok(chain) => chain,
            Err(failure) => self.watched.map(|task| Chain { task, lines: vec![failure.to_string()] }),
        };
        let view = View { chain, ..self.last.clone() };
        self.show(view);
    }

    async fn cancel(&mut self, task: TaskId) {
        let answer = answered(async { Ok(self.store.cancel(&[task]).await?) }).await;
        let (text, bad) = match answer.map(|answers| answers.first().copied()) {
            Ok(Some(CancelAnswer::Requested)) => (format!("task {task} is asked to cancel"), false),
            Ok(Some(CancelAnswer::Canceled)) => {
                (format!("task {task} is canceled; nobody had taken it up yet"), false)
            }
            Ok(Some(CancelAnswer::AlreadyFinished)) => (format!("task {task} had ended before"), true),
            Ok(Some(CancelAnswer::Unknown) | None) => (format!("there is no task {task}"), true),
            Err(failure) => (format!("task {task} is not canceled: {failure}"), true),
        };
        // Nobody is left to hear of it once the screen was left.
        let _sent = self.updates.send(Update::Said(Said { text, bad }));
        if !self.paused {
            self.refresh().await;
        }
    }

    /// A new view; or the last one, with how long it has been the last.
    async fn refresh(&mut self) {
        let view = match answered(self.look()).await {
            Ok(view) => {
                self.lost = None;
                view
            }
            Err(failure) => {
                let (since, at) = *self.lost.get_or_insert_with(|| (Instant::now(), SystemClock.now()));
                let stale = Stale { since: at, seconds: since.elapsed().as_secs(), why: failure.to_string() };
                View { stale: Some(stale), ..self.last.clone() }
            }
        };
        self.show(view);
    }

    fn show(&mut self, view: View) {
        self.last = view.clone();
        // Nobody is left to see it once the screen was left.
        let _sent = self.updates.send(Update::View(Box::new(view)));
    }

    async fn look(&mut self) -> Result<View, Failure> {
        let tasks = |statuses: &[TaskStatus], limit| TaskFilter { statuses: statuses.to_vec(), limit };
        let pending = self.store.tasks(&tasks(&[TaskStatus::Pending], self.limit)).await?;
        let holding = tasks(&[TaskStatus::Running, TaskStatus::Waiting], self.limit);
        let mut holding = self.store.tasks(&holding).await?;
        let ended = TaskStatus::ALL.into_iter().filter(|status| status.is_finished()).collect();
        let ended = self.store.tasks(&TaskFilter { statuses: ended, limit: ENDED }).await?;
        let nodes = self.store.nodes().await?;
        let statistics = self.store.statistics().await?;
        self.read_names(pending.iter().chain(&holding).chain(&ended)).await?;
        holding.sort_by_key(|task| (task.started.is_none(), task.started, task.id));
        let hosts: HashMap<InstanceId, Arc<str>> =
            nodes.iter().map(|node| (node.id, node.hostname.as_str().into())).collect();
        let row = |task: TaskView| self.names.row(task, &hosts);
        let (groups, used) = (self.groups(&statistics), &statistics.tasks);
        let count = |status: TaskStatus| used.get(&status).copied().unwrap_or_default();
        let never = statistics.holds.iter().filter(|(token, _)| is_never(token)).map(|(_, held)| held).sum();
        let counts = Counts {
            pending: count(TaskStatus::Pending),
            never,
            waiting: count(TaskStatus::Waiting),
            running: count(TaskStatus::Running),
            ended: None,
            outbox: statistics.outbox,
        };
        Ok(View {
            about: self.about.clone(),
            now: statistics.now,
            stale: None,
            played: None,
            counts,
            queue: pending.into_iter().map(row).collect(),
            running: holding.into_iter().map(row).collect(),
            ended: ended.into_iter().map(row).collect(),
            groups,
            nodes: nodes.into_iter().map(|node| self.names.node(node, statistics.now)).collect(),
            chain: self.chain().await?,
        })
    }

    /// What tasks came by and may use; asked seldom, and when a group shows up that nobody knows.
    async fn read_names<'t>(&mut self, mut tasks: impl Iterator<Item = &'t TaskView>) -> Result<(), Failure> {
        let old = self.names.read.is_none_or(|read| read.elapsed() >= NAMES_EVERY);
        let unknown =
            |task: &TaskView| task.group.is_some_and(|group| !self.names.groups.contains_key(&group));
        if old || tasks.any(unknown) {
            let reading = self.store.read().await?;
            let groups = &reading.snapshot.groups;
            self.names = Names {
                groups: groups.iter().map(|row| (row.id, row.name.as_str().into())).collect(),
                limits: groups.iter().map(|row| (row.name.clone(), row.max_concurrent_jobs)).collect(),
                grace: Some(reading.rules.heartbeat_grace),
                read: Some(Instant::now()),
            };
        }
        Ok(())
    }

    fn groups(&self, statistics: &Statistics) -> Vec<GroupRow> {
        let row = |(name, &(capacity, used)): (&String, &(_, _))| GroupRow {
            name: name.clone(),
            used,
            // What has no instances is a container platform.
            capacity: Some(capacity).filter(|&capacity| capacity > scheduler_core::Forks::ZERO),
            tasks: None,
            most_tasks: self.names.limits.get(name).copied().unwrap_or_default(),
        };
        statistics.groups.iter().map(row).collect()
    }

    /// The chain that is followed, by a pass made for it.
    async fn chain(&self) -> Result<Option<Chain>, Failure> {
        let Some(task) = self.watched else { return Ok(None) };
        let reading = self.store.read().await?;
        let lines = if reading.snapshot.tasks.iter().any(|row| row.id == task) {
            let plan = scheduler_core::plan(&reading.snapshot, &reading.rules);
            explain::lines(&reading.snapshot, &reading.rules, &plan, task)
        } else {
            match self.store.task(task).await? {
                Some(row) => vec![anstream::adapter::strip_str(&explain::ended(&row)).to_string()],
                None => vec![format!("there is no task {task}")],
            }
        };
        Ok(Some(Chain { task, lines }))
    }
}

async fn answered<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(ANSWER_WITHIN, work).await.unwrap_or_else(|_| {
        Err(Failure::new(format!("the store does not answer within {} s", ANSWER_WITHIN.as_secs())))
    })
}

/// Whether held tasks with this token wait in vain.
fn is_never(token: &str) -> bool {
    debug_assert!(Reason::TOKENS.contains(&token));
    !matches!(token, "waiting_for_dependency" | "resource_held" | "behind_older_task" | "no_capacity")
}

impl Names {
    fn row(&self, task: TaskView, hosts: &HashMap<InstanceId, Arc<str>>) -> TaskRow {
        TaskRow {
            id: task.id,
            name: task.name.into(),
            kind: task.kind,
            status: task.status,
            priority: task.priority,
            cost: task.impact,
            launched: task.created,
            started: task.started,
            finished: task.finished,
            node: task.node.and_then(|node| hosts.get(&node).cloned()),
            group: task.group.and_then(|group| self.groups.get(&group).cloned()),
            why: task
                .hold
                .filter(|_| task.status == TaskStatus::Pending)
                .map(|hold| Why::of(&hold.reason, &hold.reason.at_first(), hold.since)),
            cancel_requested: task.cancel_requested,
            note: task.explanation.into(),
        }
    }

    fn node(&self, node: NodeView, now: Timestamp) -> NodeRow {
        let state = Standing::of(&node, self.grace, now);
        NodeRow {
            name: node.hostname,
            node_type: node.node_type,
            used: node.used,
            capacity: node.capacity,
            state,
            heard: node.last_heartbeat,
            version: node.version,
        }
    }
}
