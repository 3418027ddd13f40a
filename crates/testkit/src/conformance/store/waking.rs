//! Wake-ups: whoever listens hears of every change that concerns it (R12.2).

use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Ended, Store, Verdict, Wake, Wakeups};
use scheduler_core::Outcome;
use serde_json::json;

use super::world::{World, definitions, joining, template, workflow};

/// Other wake-ups may come before, and one may come twice.
async fn hear(ear: &mut Box<dyn Wakeups>, wake: Wake) {
    let heard = async { while ear.next().await.unwrap() != wake {} };
    tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .unwrap_or_else(|_| panic!("{wake:?} is not said"));
}

/// Waits until no wake-up of before is on its way.
async fn quiet(ear: &mut Box<dyn Wakeups>) {
    while tokio::time::timeout(Duration::from_millis(150), ear.next()).await.is_ok() {}
}

pub async fn r12_2_a_launch_wakes_the_schedulers(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.launch(template("deploy")).await;
    hear(&mut ear, Wake::Schedule).await;
}

pub async fn r12_2_every_listener_hears(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut one = world.store.wakeups().await.unwrap();
    let mut other = world.store.wakeups().await.unwrap();
    world.launch(template("deploy")).await;
    hear(&mut one, Wake::Schedule).await;
    hear(&mut other, Wake::Schedule).await;
}

pub async fn r12_2_a_commit_with_messages_wakes_the_relays(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.launch(template("deploy")).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.pass().await;
    hear(&mut ear, Wake::Outbox).await;
}

pub async fn r12_2_a_report_wakes_the_schedulers(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut ear = world.store.wakeups().await.unwrap();
    for verdict in [Verdict::Ended(Ended::of(Outcome::Successful)), Verdict::HandedBack] {
        let task = world.launch(template("deploy")).await;
        world.pass().await;
        let dispatch = world.take_up(task).await.dispatch;
        quiet(&mut ear).await;
        world.report(task, dispatch, verdict).await;
        hear(&mut ear, Wake::Schedule).await;
    }
}

pub async fn r12_2_a_cancel_wakes_whoever_must_act(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let running = world.launch(template("deploy")).await;
    world.pass().await;
    world.take_up(running).await;
    let pending = world.launch(template("deploy")).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.store.cancel(&[running]).await.unwrap();
    hear(&mut ear, Wake::Orders).await;
    quiet(&mut ear).await;
    world.store.cancel(&[pending]).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
}

pub async fn r12_2_a_cancel_that_reaches_through_a_workflow_wakes_the_workers(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let job = world.job_of(release, control_plane::ports::TaskStatus::Waiting).await;
    world.take_up(job).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.store.cancel(&[release]).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
    quiet(&mut ear).await;
    world.pass().await;
    hear(&mut ear, Wake::Orders).await;
}

pub async fn r12_2_a_cancel_that_meets_a_claim_wakes_the_worker(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let job = world.job_of(release, control_plane::ports::TaskStatus::Waiting).await;
    world.store.cancel(&[release]).await.unwrap();
    let open = world.open().await;
    world.take_up(job).await;
    let mut ear = world.store.wakeups().await.unwrap();
    quiet(&mut ear).await;
    open.written().await;
    hear(&mut ear, Wake::Orders).await;
}

pub async fn r12_2_a_change_of_instances_wakes_the_schedulers(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut ear = world.store.wakeups().await.unwrap();
    let joined = world.store.join(&joining("node-a")).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
    quiet(&mut ear).await;
    world.store.leave(joined.member).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
    quiet(&mut ear).await;
    let more = json!({ "instance": [{ "hostname": "node-a", "capacity": 99 }] });
    world.store.define(&definitions(more)).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
}

/// Every node hears it: one of them may be of that name, and must stop.
pub async fn r12_2_a_join_wakes_whoever_it_replaces(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut ear = world.store.wakeups().await.unwrap();
    quiet(&mut ear).await;
    world.store.join(&joining("node-a")).await.unwrap();
    hear(&mut ear, Wake::Members).await;
}
