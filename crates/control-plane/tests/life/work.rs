//! Tasks that run to their end.

use std::sync::{Arc, Mutex};

use control_plane::ports::{Admin as _, Commit, Launch, Launchable, Reading, TaskFilter, TaskStatus};
use control_plane::{Ending, Options, PassObserver, Rewriter};
use scheduler_core::{Kind, Outcome, Plan, TaskId};

use crate::bench::{Bench, handlers};

#[tokio::test(start_paused = true)]
async fn r12_a_job_runs_to_its_end_after_the_update_that_it_needs_first() {
    let bench = Bench::new().await;
    let node = bench.start(bench.node("node-1"));
    let job = bench.launch("deploy").await;
    let done = bench.until(job, TaskStatus::Successful).await;
    let filter = TaskFilter { statuses: vec![TaskStatus::Successful], limit: 10 };
    let finished = bench.store.tasks(&filter).await.unwrap();
    let update = finished.iter().find(|task| task.kind == Kind::ProjectUpdate).unwrap();
    assert!(update.finished <= done.started, "the update first (R4)");
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r7_a_workflow_goes_on_where_a_job_failed() {
    let bench = Bench::new().await;
    let node = bench.start(bench.node("node-1"));
    let workflow = bench.launch_all(&[Launch::of(Launchable::Workflow("release".into()))]).await[0];
    bench.until_quiet().await;
    assert_eq!(bench.task(workflow).await.status, TaskStatus::Successful);
    let filter = TaskFilter { statuses: vec![TaskStatus::Error], limit: 10 };
    let broken = bench.store.tasks(&filter).await.unwrap();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].explanation, "the handler panicked");
    node.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r12_many_tasks_on_two_nodes_all_end_once() {
    let bench = Bench::new().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let nodes: Vec<_> = ["node-1", "node-2"]
        .map(|hostname| {
            let told = Arc::clone(&told);
            let handlers = handlers().on_success(move |ending: Ending| {
                told.lock().unwrap().push(ending.task);
                std::future::ready(())
            });
            bench.start(bench.node(hostname).handlers(handlers))
        })
        .into();
    let launches = vec![Launch::of(Launchable::JobTemplate("quick".into())); 500];
    let mut tasks = bench.launch_all(&launches).await;
    bench.until_quiet().await;
    for node in nodes {
        node.stop().await.unwrap();
    }
    let mut told = told.lock().unwrap().clone();
    told.sort_unstable();
    tasks.sort_unstable();
    assert_eq!(told, tasks, "each ended well, and its hook was told once");
}

#[tokio::test(start_paused = true)]
async fn hooks_are_told_how_a_task_ended_once_that_is_written() {
    let bench = Bench::new().await;
    let (sender, mut failures) = tokio::sync::mpsc::unbounded_channel();
    let store = bench.store.clone();
    let handlers = handlers().on_failure(move |ending: Ending| {
        let (sender, store) = (sender.clone(), store.clone());
        async move {
            let written = store.task(ending.task).await.unwrap().unwrap();
            sender.send((ending, written)).unwrap();
        }
    });
    let node = bench.start(bench.node("node-1").handlers(handlers));
    let task = bench.launch("panics").await;
    let (ending, written) = failures.recv().await.unwrap();
    assert_eq!((ending.task, ending.outcome), (task, Outcome::Error));
    assert_eq!(written.status, TaskStatus::Error);
    node.stop().await.unwrap();
    assert!(failures.recv().await.is_none(), "told once");
}

#[tokio::test(start_paused = true)]
async fn an_audited_plan_is_committed() {
    let bench = Bench::new().await;
    let options = Options { audit: true, inline_tasks: 0, ..Options::default() };
    let node = bench.start(bench.node("node-1").options(options));
    let job = bench.launch("deploy").await;
    bench.until(job, TaskStatus::Successful).await;
    node.stop().await.unwrap();
}

/// Takes every task whose name begins so out of what is read.
#[derive(Debug)]
struct Without(&'static str);

impl Rewriter for Without {
    fn rewrite(&self, reading: &mut Reading) {
        reading.snapshot.tasks.retain(|task| !task.name.starts_with(self.0));
    }
}

/// Takes down of which tasks each pass was told.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<TaskId>>);

impl PassObserver for Seen {
    fn committed(&self, reading: &Reading, _: &Plan, _: &Commit) {
        self.0.lock().unwrap().extend(reading.snapshot.tasks.iter().map(|task| task.id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_plans_and_shows_what_was_made_of_what_it_read() {
    let bench = Bench::new().await;
    let seen = Arc::new(Seen::default());
    let node = bench.node("node-1").rewritten_by(Arc::new(Without("slow"))).observed_by(seen.clone());
    let node = bench.start(node);
    let held = bench.launch("slow").await;
    let other = bench.launch("quick").await;
    bench.until(other, TaskStatus::Successful).await;
    assert_eq!(bench.task(held).await.status, TaskStatus::Pending);
    let shown = seen.0.lock().unwrap().clone();
    assert!(shown.contains(&other) && !shown.contains(&held), "{shown:?}");
    node.stop().await.unwrap();
}
