//! A small cluster on a store, and the steps that tests take in it: launch, pass, relay, claim, report.

use std::sync::Arc;
use std::time::Duration;

use control_plane::definition::Definitions;
use control_plane::ports::{
    Assignment, Claimed, Claims, Commit, Committed, Dispatch, Ended, Joining, Launch, Launchable, Membership,
    Pass, Queue, Reading, Report, Reported, Store, StoreError, TaskStatus, TaskView, Verdict,
};
use scheduler_core::{DispatchId, Forks, NodeType, Outcome, Plan, Task, TaskId, audit, plan};
use serde_json::{Value, json};

/// A store with two nodes that have joined.
pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    /// `node-a`, of 20 forks.
    pub(super) a: Membership,
    /// `node-b`, of 10 forks.
    pub(super) b: Membership,
}

/// Definitions as a file would have them.
pub(super) fn definitions(json: Value) -> Definitions {
    serde_json::from_value(json).expect("the definitions of a test can be read")
}

fn run() -> Value {
    json!({ "handler": "work" })
}

/// The cluster of most tests.
pub(super) fn cluster() -> Definitions {
    definitions(json!({
        "rules": { "default_groups": ["default"] },
        "instance": [
            { "hostname": "node-a", "capacity": 20 },
            { "hostname": "node-b", "capacity": 10 },
        ],
        "group": [
            { "name": "default", "instances": ["node-a", "node-b"] },
            { "name": "only-b", "instances": ["node-b"] },
            { "name": "cloud", "container": true, "max_concurrent_jobs": 100 },
        ],
        "project": [
            { "name": "shop", "run": run() },
            { "name": "fresh", "update_on_launch": true, "cache_timeout": 3600, "groups": ["only-b"], "run": run() },
        ],
        "inventory": [
            { "name": "web", "hosts": 3 },
            { "name": "cloud-hosts", "hosts": 50 },
        ],
        "inventory-source": [
            { "name": "cloud", "inventory": "cloud-hosts", "update_on_launch": true, "cache_timeout": 3600,
              "source_project": "fresh", "run": run() },
        ],
        "template": [
            { "name": "deploy", "project": "shop", "inventory": "web", "allow_simultaneous": true, "impact": 2,
              "run": { "handler": "deploy", "payload": { "colour": "blue", "size": 1 } } },
            { "name": "alone", "project": "shop", "inventory": "web", "impact": 2, "priority": 3, "run": run() },
            { "name": "on-b", "project": "shop", "inventory": "web", "allow_simultaneous": true, "impact": 2,
              "groups": ["only-b"], "run": run() },
            { "name": "pod", "inventory": "web", "allow_simultaneous": true, "groups": ["cloud"], "run": run() },
            { "name": "build", "project": "fresh", "inventory": "web", "allow_simultaneous": true, "run": run() },
            { "name": "survey", "project": "shop", "inventory": "cloud-hosts", "allow_simultaneous": true,
              "run": run() },
            { "name": "sliced", "project": "shop", "inventory": "web", "slices": 3, "priority": 4,
              "run": { "handler": "work", "payload": { "part": "whole" } } },
        ],
        "system-job": [{ "name": "clean", "run": run() }],
        "workflow": [
            { "name": "release", "priority": 2, "node": [
                { "name": "first", "starts": { "template": "deploy" }, "on_success": ["second"], "on_failure": ["rescue"] },
                { "name": "second", "starts": { "template": "deploy" } },
                { "name": "rescue", "starts": { "template": "deploy" } },
            ] },
        ],
    }))
}

/// A person's launch of what is defined.
pub(super) fn template(name: &str) -> Launch {
    Launch::of(Launchable::JobTemplate(name.into()))
}

/// A person's launch of a workflow.
pub(super) fn workflow(name: &str) -> Launch {
    Launch::of(Launchable::Workflow(name.into()))
}

/// The message of a refusal.
pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(message)) => message,
        other => panic!("not refused but {other:?}"),
    }
}

/// Lets a moment go by, so that something that is due at once is overdue.
pub(super) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// A pass that was made and not committed yet.
pub(super) struct OpenPass {
    pass: Box<dyn Pass>,
    pub(super) reading: Reading,
    pub(super) plan: Plan,
}

impl OpenPass {
    pub(super) async fn commit(self) -> Commit {
        self.pass.commit(&self.reading, &self.plan).await.expect("a commit is possible")
    }

    /// Commits what nothing came between that would make the plan stale.
    pub(super) async fn written(self) -> Committed {
        match self.commit().await {
            Commit::Done(done) => done,
            Commit::Stale { task } => panic!("stale because of task {task}"),
        }
    }
}

/// A pass that is over.
pub(super) struct Passed {
    pub(super) reading: Reading,
    pub(super) plan: Plan,
    pub(super) done: Committed,
}

impl Passed {
    /// The row that the pass saw.
    pub(super) fn seen(&self, id: TaskId) -> &Task {
        seen(&self.reading, id)
    }

    /// What the pass created, in its order.
    pub(super) fn created(&self) -> Vec<TaskId> {
        self.done.created.iter().copied().collect::<Option<_>>().expect("nothing was left out")
    }
}

pub(super) fn seen(reading: &Reading, id: TaskId) -> &Task {
    reading.snapshot.tasks.iter().find(|task| task.id == id).expect("the snapshot holds the task")
}

impl World {
    /// The cluster of most tests.
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
        Self::with(store, &[]).await
    }

    /// The cluster of most tests, with this laid over it.
    pub(super) async fn with(store: Arc<dyn Store>, more: &[Value]) -> Self {
        store.define(&cluster()).await.expect("the cluster can be defined");
        for more in more {
            store.define(&definitions(more.clone())).await.expect("more can be defined");
        }
        let a = join(&store, "node-a").await;
        let b = join(&store, "node-b").await;
        Self { store, a, b }
    }

    pub(super) async fn launch(&self, launch: Launch) -> TaskId {
        let ids = self.store.launch(&[launch]).await.expect("it can be launched");
        *ids.first().expect("a launch has an id")
    }

    /// Opens a pass, waiting for the lock if somebody is about to give it back.
    pub(super) async fn begin(&self) -> Box<dyn Pass> {
        for _ in 0..500 {
            if let Some(pass) = self.store.begin().await.expect("the lock can be tried") {
                return pass;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody gives the lock back");
    }

    /// Reads and plans; the snapshot must be valid and the plan sound.
    pub(super) async fn open(&self) -> OpenPass {
        let mut pass = self.begin().await;
        let reading = pass.read().await.expect("a snapshot can be read");
        assert_eq!(reading.snapshot.validate().map_err(|problems| problems.to_string()), Ok(()));
        let plan = plan(&reading.snapshot, &reading.rules);
        let violations = audit(&reading.snapshot, &reading.rules, &plan);
        assert!(violations.is_empty(), "the audit of a pass: {violations:?}");
        OpenPass { pass, reading, plan }
    }

    /// One whole pass that nothing disturbs.
    pub(super) async fn pass(&self) -> Passed {
        let open = self.open().await;
        let (reading, plan) = (open.reading.clone(), open.plan.clone());
        let done = open.written().await;
        assert_eq!(done.skipped, [], "nothing came between");
        Passed { reading, plan, done }
    }

    /// Passes until no other should follow at once.
    pub(super) async fn passes(&self) {
        for _ in 0..20 {
            if !self.pass().await.plan.more {
                return;
            }
        }
        panic!("passes ask for another for ever");
    }

    /// Takes every message out of the outbox, as a relay with a broker does.
    pub(super) async fn relay(&self) -> Vec<Dispatch> {
        let batch = self.store.unsent(10_000).await.expect("messages can be taken");
        let messages = batch.messages().to_vec();
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        batch.settle(&ids).await.expect("messages can be settled");
        messages.into_iter().map(|message| message.dispatch).collect()
    }

    /// The only message that there is.
    pub(super) async fn message(&self) -> Dispatch {
        let messages = self.relay().await;
        assert_eq!(messages.len(), 1, "one message and no more: {messages:?}");
        messages.into_iter().next().expect("there is one")
    }

    /// The dispatch under which a task waits.
    pub(super) async fn dispatch(&self, id: TaskId) -> DispatchId {
        self.waiting(id).await.0
    }

    /// The dispatch under which a task waits, and whose queue it goes to.
    async fn waiting(&self, id: TaskId) -> (DispatchId, Queue) {
        let reading = self.store.read().await.expect("a snapshot can be read");
        match &seen(&reading, id).state {
            scheduler_core::State::Waiting(dispatch) => (dispatch.id, Queue::of(dispatch.placement)),
            other => panic!("task {id} does not wait: {other:?}"),
        }
    }

    /// The answers to claims of a node that is a member.
    pub(super) async fn claims(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Vec<Claimed> {
        match self.store.claim(by, dispatches).await.expect("claims can be made") {
            Claims::Answered(answers) => answers,
            Claims::Replaced => panic!("{by:?} is a member"),
        }
    }

    pub(super) async fn claim(&self, by: Membership, id: TaskId, dispatch: DispatchId) -> Claimed {
        let claims = self.claims(by, &[(id, dispatch)]).await;
        assert_eq!(claims.len(), 1, "one answer to one question");
        claims.into_iter().next().expect("there is one")
    }

    /// Takes up a task that waits, on the node that it is meant for, `node-a` if that may be any.
    pub(super) async fn take_up(&self, id: TaskId) -> Assignment {
        let (dispatch, queue) = self.waiting(id).await;
        let by = if queue == Queue::Node(self.b.instance) { self.b } else { self.a };
        match self.claim(by, id, dispatch).await {
            Claimed::Run(assignment) => *assignment,
            Claimed::Void => panic!("task {id} cannot be taken"),
        }
    }

    pub(super) async fn report(&self, id: TaskId, dispatch: DispatchId, verdict: Verdict) -> Reported {
        let report = Report { task: id, dispatch, verdict };
        let answers = self.store.report(&[report]).await.expect("reports can be made");
        assert_eq!(answers.len(), 1, "one answer to one report");
        *answers.first().expect("there is one")
    }

    /// Takes up a task that waits, and ends it.
    pub(super) async fn finish(&self, id: TaskId, outcome: Outcome) {
        let assignment = self.take_up(id).await;
        let verdict = Verdict::Ended(Ended::of(outcome));
        assert_eq!(self.report(id, assignment.dispatch, verdict).await, Reported::Written);
    }

    pub(super) async fn view(&self, id: TaskId) -> TaskView {
        self.store.task(id).await.expect("a task can be looked at").expect("there is the task")
    }

    pub(super) async fn status(&self, id: TaskId) -> TaskStatus {
        self.view(id).await.status
    }

    /// The one job of a workflow that is in this status.
    pub(super) async fn job_of(&self, workflow: TaskId, status: TaskStatus) -> TaskId {
        let jobs = self.jobs_of(workflow, status).await;
        assert_eq!(jobs.len(), 1, "one job of workflow {workflow} is {}: {jobs:?}", status.token());
        *jobs.first().expect("there is one")
    }

    /// The jobs of a workflow that are in this status, by id.
    pub(super) async fn jobs_of(&self, workflow: TaskId, status: TaskStatus) -> Vec<TaskId> {
        let filter = control_plane::ports::TaskFilter { statuses: vec![status], limit: 1000 };
        let tasks = self.store.tasks(&filter).await.expect("tasks can be listed");
        let mut jobs: Vec<TaskId> =
            tasks.iter().filter(|task| task.workflow == Some(workflow)).map(|task| task.id).collect();
        jobs.sort_unstable();
        jobs
    }
}

/// Joins as a node that is defined.
pub(super) async fn join(store: &Arc<dyn Store>, hostname: &str) -> Membership {
    store.join(&joining(hostname)).await.expect("a defined node can join").member
}

pub(super) fn joining(hostname: &str) -> Joining {
    Joining {
        hostname: hostname.into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: "1.2.3".into(),
    }
}

pub(super) fn forks(forks: u32) -> Forks {
    Forks::new(forks)
}
