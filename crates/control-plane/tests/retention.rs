//! Whatever has happened in a store, no pass notices a purge, and nothing that is left names what is gone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use control_plane::MemoryStore;
use control_plane::ports::{
    Admin, Claimed, Clock, Ended, HistoryFilter, Joining, Launch, Launchable, Members, Membership, Outbox,
    Passes, PastTask, Purge, Purged, Report, Retention, Verdict, Work,
};
use proptest::prelude::*;
use scheduler_core::{Kind, NodeType, Outcome, State, TaskId, Timestamp, plan};
use serde_json::json;

/// A clock that stands still until it is turned.
#[derive(Debug, Default)]
struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Something that happens in a control plane.
#[derive(Clone, Debug)]
enum Step {
    /// A launch of one of the things that are defined, after one of the tasks that are there, if there is one so far.
    Launch(usize, Option<usize>),
    Pass,
    /// The messages of the outbox go out.
    Relay,
    /// One of those that wait is taken up, and ends.
    End(usize, Outcome),
    Cancel(usize),
    Turn(i64),
    /// What ended so long ago is removed.
    Purge(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![3 => Just(Outcome::Successful), 1 => Just(Outcome::Failed)];
    prop_oneof![
        4 => (0..7_usize, proptest::option::weighted(0.2, 0..100_usize)).prop_map(|(what, after)| Step::Launch(what, after)),
        6 => Just(Step::Pass),
        3 => Just(Step::Relay),
        6 => (0..100_usize, outcome).prop_map(|(task, outcome)| Step::End(task, outcome)),
        1 => (0..100_usize).prop_map(Step::Cancel),
        3 => (1..60_i64).prop_map(Step::Turn),
        1 => (0..200_i64).prop_map(Step::Purge),
    ]
}

struct World {
    clock: Arc<Turned>,
    store: MemoryStore,
    node: Membership,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(Turned::default());
        let store = MemoryStore::new(Arc::<Turned>::clone(&clock));
        let run = json!({ "handler": "work" });
        let definitions = json!({
            "rules": { "default_groups": ["all"], "heartbeat_grace": 1_000_000, "dispatch_grace": 1_000_000 },
            "instance": [{ "hostname": "one", "capacity": 20 }],
            "group": [{ "name": "all", "instances": ["one"] }],
            "inventory": [{ "name": "hosts", "hosts": 3 }],
            "project": [{ "name": "code", "update_on_launch": true, "cache_timeout": 30, "run": run }],
            "inventory-source": [{ "name": "cloud", "inventory": "hosts", "update_on_launch": true,
                "cache_timeout": 60, "source_project": "code", "run": run }],
            "template": [
                { "name": "plain", "allow_simultaneous": true, "run": run },
                { "name": "job", "project": "code", "inventory": "hosts", "run": run },
                { "name": "sliced", "slices": 2, "inventory": "hosts", "run": run },
            ],
            "workflow": [
                { "name": "inner", "node": [
                    { "name": "first", "starts": { "template": "plain" }, "on_success": ["second"] },
                    { "name": "second", "starts": { "project": "code" } },
                ] },
                { "name": "outer", "node": [
                    { "name": "flow", "starts": { "workflow": "inner" }, "always": ["last"] },
                    { "name": "last", "starts": { "template": "sliced" } },
                ] },
            ],
        });
        store.define(&serde_json::from_value(definitions).unwrap()).await.unwrap();
        let node = Joining {
            hostname: "one".into(),
            node_type: NodeType::Hybrid,
            capacity: None,
            takes_work: true,
            version: String::new(),
        };
        let node = store.join(&node).await.unwrap().member;
        Self { clock, store, node }
    }

    fn ago(&self, seconds: i64) -> Timestamp {
        self.clock.now() - TimeDelta::seconds(seconds)
    }

    async fn tasks(&self) -> Vec<PastTask> {
        self.store.history(&HistoryFilter::default()).await.unwrap()
    }

    async fn take(&self, step: &Step) {
        match *step {
            Step::Launch(what, after) => self.launch(what, after).await,
            Step::Pass => self.pass().await,
            Step::Relay => {
                let batch = self.store.unsent(100).await.unwrap();
                let ids: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
                batch.settle(&ids).await.unwrap();
            }
            Step::End(at, outcome) => self.end(at, outcome).await,
            Step::Cancel(at) => {
                let tasks = self.tasks().await;
                if let Some(task) = tasks.get(at % tasks.len().max(1)) {
                    self.store.cancel(&[task.task.id]).await.unwrap();
                }
            }
            Step::Turn(seconds) => drop(self.clock.0.fetch_add(seconds, Ordering::SeqCst)),
            Step::Purge(seconds) => drop(self.purge(self.ago(seconds), 3, false).await),
        }
    }

    async fn launch(&self, what: usize, after: Option<usize>) {
        let of = match what {
            0 => Launchable::JobTemplate("plain".into()),
            1 => Launchable::JobTemplate("job".into()),
            2 => Launchable::JobTemplate("sliced".into()),
            3 => Launchable::Project("code".into()),
            4 => Launchable::InventorySource("cloud".into()),
            5 => Launchable::Workflow("inner".into()),
            _ => Launchable::Workflow("outer".into()),
        };
        let tasks = self.tasks().await;
        let after = after.and_then(|at| tasks.get(at % tasks.len().max(1)));
        let dependencies = after.map(|past| past.task.id).into_iter().collect();
        self.store.launch(&[Launch { dependencies, ..Launch::of(of) }]).await.unwrap();
    }

    async fn pass(&self) {
        let mut pass = self.store.begin().await.unwrap().unwrap();
        let reading = pass.read().await.unwrap();
        let plan = plan(&reading.snapshot, &reading.rules);
        pass.commit(&reading, &plan).await.unwrap();
    }

    async fn end(&self, at: usize, outcome: Outcome) {
        let reading = self.store.read().await.unwrap();
        let waiting = reading.snapshot.tasks.iter().filter_map(|task| match &task.state {
            State::Waiting(dispatch) => Some((task.id, dispatch.id)),
            _ => None,
        });
        let waiting: Vec<_> = waiting.collect();
        let Some(&(task, dispatch)) = waiting.get(at % waiting.len().max(1)) else { return };
        let claims = self.store.claim(self.node, &[(task, dispatch)]).await.unwrap();
        if let Some([Claimed::Run(_)]) = claims.answered().as_deref() {
            let report = Report { task, dispatch, verdict: Verdict::Ended(Ended::of(outcome)) };
            self.store.report(&[report]).await.unwrap();
        }
    }

    /// All portions.
    async fn purge(&self, ended_before: Timestamp, limit: usize, dry_run: bool) -> Purged {
        let mut portion = Purge { dry_run, ..Purge::of(ended_before, limit) };
        let mut sum = Purged::default();
        loop {
            sum.add(&self.store.purge(&portion).await.unwrap());
            portion.after = sum.next;
            if sum.next.is_none() {
                return sum;
            }
        }
    }
}

/// What must hold of every purge.
async fn check(steps: Vec<Step>, ago: i64, limit: usize) {
    let world = World::new().await;
    for step in &steps {
        world.take(step).await;
    }
    let moment = world.ago(ago);
    let old = world.store.ended_before(moment).await.unwrap();
    let (before, tasks) = (world.store.read().await.unwrap(), world.tasks().await);
    let looked = world.purge(moment, limit, true).await;
    assert_eq!(world.tasks().await, tasks, "a dry run removes nothing");

    let purged = world.purge(moment, limit, false).await;
    assert_eq!(purged, looked, "a dry run counts what is removed and kept");
    assert_eq!(purged.removed + purged.kept_in_all(), old, "every task is judged once");
    let after = world.store.read().await.unwrap();
    assert_eq!(after, before, "a pass reads the same (R4, R5, R7)");
    assert_eq!(plan(&after.snapshot, &after.rules), plan(&before.snapshot, &before.rules));

    let left = world.tasks().await;
    assert_eq!(u64::try_from(tasks.len() - left.len()).unwrap(), purged.removed);
    let gone = |past: &&PastTask| left.iter().all(|one| one.task.id != past.task.id);
    assert!(tasks.iter().filter(gone).all(|past| past.finished().is_some_and(|finished| finished < moment)));
    let ids: BTreeSet<TaskId> = left.iter().map(|past| past.task.id).collect();
    for past in &left {
        assert!(
            past.workflow.is_none_or(|workflow| ids.contains(&workflow)),
            "its workflow is there: {past:?}"
        );
        if past.finished().is_some() {
            continue;
        }
        assert!(
            past.task.dependencies.iter().all(|id| ids.contains(id)),
            "its dependencies are there: {past:?}"
        );
    }
    let whole = |past: &&PastTask| past.task.kind() == Kind::WorkflowJob;
    for workflow in left.iter().filter(whole) {
        let jobs =
            |tasks: &[PastTask]| tasks.iter().filter(|past| past.workflow == Some(workflow.task.id)).count();
        assert_eq!(jobs(&left), jobs(&tasks), "a workflow that stays has lost no job: {workflow:?}");
    }
    let again = world.purge(moment, limit, false).await;
    assert_eq!((again.removed, again.kept), (0, purged.kept), "nothing is left to remove");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pass_notices_a_purge(
        steps in proptest::collection::vec(step(), 0..120),
        ago in 0..120_i64,
        limit in 1..20_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(steps, ago, limit));
    }
}
