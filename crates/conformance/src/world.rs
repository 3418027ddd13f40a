//! A small cluster on a store, and the steps that tests take in it: launch, pass, relay, claim, report.

use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{
    Assignment, Claimed, Claims, Commit, Committed, Dispatch, Ended, Joining, Launch, Membership, NodeStore,
    Pass, Queue, Reading, Report, Reported, TaskStatus, TaskView, Verdict, Wake, Wakeups,
};
use scheduler_core::{DispatchId, Forks, NodeType, Outcome, Plan, Task, TaskId, audit, plan};
use serde_json::Value;

use crate::cluster::{cluster, definitions, template};
use crate::fixture::Stores;
use crate::stage::Stage;

/// What a promise is about: the ports that nodes need, what sets the scene, and the port of its suite if that is another.
pub(super) struct Subject<P = ()> {
    pub(super) store: Arc<dyn NodeStore>,
    pub(super) stage: Arc<dyn Stage>,
    pub(super) port: P,
}

impl From<&Stores> for Subject {
    fn from(stores: &Stores) -> Self {
        Self { store: Arc::clone(&stores.store), stage: Arc::clone(&stores.stage), port: () }
    }
}

impl Subject {
    /// The same, with the port of another suite.
    pub(super) fn with<P>(self, port: P) -> Subject<P> {
        Subject { store: self.store, stage: self.stage, port }
    }
}

/// A store with two nodes that have joined.
pub(super) struct World<P = ()> {
    pub(super) store: Arc<dyn NodeStore>,
    pub(super) stage: Arc<dyn Stage>,
    /// That of the suite, if it is about another than those of nodes.
    pub(super) port: P,
    /// `node-a`, of 20 forks.
    pub(super) a: Membership,
    /// `node-b`, of 10 forks.
    pub(super) b: Membership,
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

impl<P> World<P> {
    /// The cluster of most tests.
    pub(super) async fn new(subject: Subject<P>) -> Self {
        Self::with(subject, &[]).await
    }

    /// The cluster of most tests, with this laid over it.
    pub(super) async fn with(subject: Subject<P>, more: &[Value]) -> Self {
        subject.stage.define(&cluster()).await.expect("the cluster can be defined");
        for more in more {
            subject.stage.define(&definitions(more.clone())).await.expect("more can be defined");
        }
        let Subject { store, stage, port } = subject;
        let a = join(&store, "node-a").await;
        let b = join(&store, "node-b").await;
        Self { store, stage, port, a, b }
    }

    pub(super) async fn launch(&self, launch: Launch) -> TaskId {
        let ids = self.stage.launch(&[launch]).await.expect("it can be launched");
        *ids.first().expect("a launch has an id")
    }

    /// Launches a job of a template and starts it: the task, and the dispatch under which it waits.
    pub(super) async fn dispatched(&self, name: &str) -> (TaskId, DispatchId) {
        let task = self.launch(template(name)).await;
        self.pass().await;
        (task, self.dispatch(task).await)
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
        self.stage.task(id).await.expect("a task can be looked at").expect("there is the task")
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
        let tasks = self.stage.tasks().await.expect("tasks can be listed");
        let of_it = |task: &&TaskView| task.workflow == Some(workflow) && task.status == status;
        let mut jobs: Vec<TaskId> = tasks.iter().filter(of_it).map(|task| task.id).collect();
        jobs.sort_unstable();
        jobs
    }
}

/// Joins as a node that is defined.
pub(super) async fn join(store: &Arc<dyn NodeStore>, hostname: &str) -> Membership {
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

/// Other wake-ups may come before, and one may come twice.
pub(super) async fn hear(ear: &mut Box<dyn Wakeups>, wake: Wake) {
    let heard = async { while ear.next().await.unwrap() != wake {} };
    tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .unwrap_or_else(|_| panic!("{wake:?} is not said"));
}

/// Waits until no wake-up of before is on its way.
pub(super) async fn quiet(ear: &mut Box<dyn Wakeups>) {
    while tokio::time::timeout(Duration::from_millis(150), ear.next()).await.is_ok() {}
}
