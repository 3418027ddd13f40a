//! Tasks that run to their end.

use std::sync::{Arc, Mutex};

use control_plane::ports::{Admin as _, Launch, Launchable, TaskFilter, TaskStatus};
use control_plane::{Ending, Options};
use scheduler_core::{Kind, Outcome};

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
