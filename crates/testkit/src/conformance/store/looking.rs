//! What people and metrics see.

use std::sync::Arc;

use control_plane::ports::{Launch, Store, TaskFilter, TaskStatus, TaskView};
use scheduler_core::{Kind, LaunchType, Outcome, Priority, TaskId};

use super::world::{World, forks, template, workflow};

fn ids(tasks: &[TaskView]) -> Vec<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}

fn only(statuses: &[TaskStatus], limit: usize) -> TaskFilter {
    TaskFilter { statuses: statuses.to_vec(), limit }
}

pub async fn a_task_shows_what_is_known_of_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = world.launch(template("alone")).await;
    let before = world.view(id).await;
    assert_eq!(
        before,
        TaskView {
            id,
            name: "alone".into(),
            kind: Kind::Job,
            status: TaskStatus::Pending,
            launch_type: LaunchType::Manual,
            priority: Priority::new(3),
            impact: forks(2),
            created: before.created,
            started: None,
            finished: None,
            group: None,
            node: None,
            controller: None,
            cancel_requested: false,
            explanation: String::new(),
            workflow: None,
            hold: None,
            own_keys: Vec::new(),
        }
    );
    world.pass().await;
    world.finish(id, Outcome::Successful).await;
    let after = world.view(id).await;
    assert_eq!((after.status, after.created), (TaskStatus::Successful, before.created));
    assert!(after.created <= after.started.unwrap() && after.started <= after.finished);
    assert_eq!((after.node, after.group.is_some()), (Some(world.a.instance), true));
    assert_eq!(world.store.task(TaskId::new(4711)).await.unwrap(), None);
}

pub async fn r1_unfinished_tasks_are_listed_in_order(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let with = |priority| Launch { priority: Some(Priority::new(priority)), ..template("deploy") };
    let low = world.launch(with(-1)).await;
    let first = world.launch(with(0)).await;
    let second = world.launch(with(0)).await;
    let high = world.launch(with(7)).await;
    let all = world.store.tasks(&TaskFilter::default()).await.unwrap();
    assert_eq!(ids(&all), [high, first, second, low]);
    let two = world.store.tasks(&TaskFilter { limit: 2, ..TaskFilter::default() }).await.unwrap();
    assert_eq!(ids(&two), [high, first]);
}

pub async fn finished_tasks_are_listed_latest_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut tasks = Vec::new();
    for outcome in [Outcome::Successful, Outcome::Failed, Outcome::Successful] {
        let task = world.launch(template("deploy")).await;
        world.pass().await;
        world.finish(task, outcome).await;
        super::world::a_moment().await;
        tasks.push(task);
    }
    let open = world.launch(template("deploy")).await;
    let list = async |filter: &TaskFilter| ids(&world.store.tasks(filter).await.unwrap());
    let finished = [TaskStatus::Successful, TaskStatus::Failed, TaskStatus::Error, TaskStatus::Canceled];
    assert_eq!(list(&only(&finished, 10)).await, [tasks[2], tasks[1], tasks[0]]);
    assert_eq!(list(&only(&finished, 1)).await, [tasks[2]]);
    assert_eq!(list(&only(&[TaskStatus::Successful], 10)).await, [tasks[2], tasks[0]]);
    assert_eq!(list(&only(&[TaskStatus::Failed], 10)).await, [tasks[1]]);
    assert_eq!(list(&TaskFilter::default()).await, [open], "unfinished ones when nothing is said");
}

pub async fn tasks_are_listed_by_status(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let running = world.launch(template("deploy")).await;
    let waiting = world.launch(template("deploy")).await;
    world.pass().await;
    world.take_up(running).await;
    let pending = world.launch(template("deploy")).await;
    let list = async |statuses: &[TaskStatus]| ids(&world.store.tasks(&only(statuses, 10)).await.unwrap());
    assert_eq!(list(&[TaskStatus::Running]).await, [running]);
    assert_eq!(list(&[TaskStatus::Waiting]).await, [waiting]);
    assert_eq!(list(&[TaskStatus::Pending]).await, [pending]);
    assert_eq!(list(&[TaskStatus::Pending, TaskStatus::Running]).await, [running, pending]);
}

pub async fn finished_tasks_are_no_part_of_a_snapshot(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    world.finish(task, Outcome::Successful).await;
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub async fn r8_2_nodes_show_whether_they_take_work(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let shown = async || {
        let nodes = world.store.nodes().await.unwrap();
        nodes.iter().map(|node| (node.enabled, node.takes_work)).collect::<Vec<_>>()
    };
    assert_eq!(shown().await, [(true, true), (true, true)]);
    world.store.drain(world.b).await.unwrap();
    assert_eq!(shown().await, [(true, true), (true, false)], "what people define is another matter");
    world.store.join(&super::world::joining("node-b")).await.unwrap();
    assert_eq!(shown().await, [(true, true), (true, true)], "it says so anew in each life");
}

pub async fn r6_1_nodes_show_what_is_used_of_them(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = world.launch(template("deploy")).await;
    let other = world.launch(template("on-b")).await;
    world.pass().await;
    world.take_up(task).await;
    let nodes = world.store.nodes().await.unwrap();
    let shown: Vec<_> =
        nodes.iter().map(|node| (node.hostname.as_str(), node.capacity.get(), node.used.get())).collect();
    assert_eq!(
        shown,
        [("node-a", 20, 2), ("node-b", 10, 2)],
        "by hostname; waiting ones hold their room too"
    );
    for node in &nodes {
        assert!(node.enabled && node.last_heartbeat.is_some());
        assert_eq!(node.version, "1.2.3");
    }
    world.finish(other, Outcome::Successful).await;
    assert_eq!(world.store.nodes().await.unwrap()[1].used, forks(0));
    world.store.leave(world.b).await.unwrap();
    assert_eq!(world.store.nodes().await.unwrap()[1].last_heartbeat, None);
}

pub async fn statistics_count(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let running = world.launch(template("alone")).await;
    world.pass().await;
    world.take_up(running).await;
    world.launch(template("on-b")).await;
    world.launch(template("alone")).await;
    world.launch(template("alone")).await;
    world.pass().await;
    world.launch(template("deploy")).await;
    let counts = world.store.statistics().await.unwrap();
    let of = |status| counts.tasks.get(&status).copied().unwrap_or(0);
    assert_eq!(
        [of(TaskStatus::Pending), of(TaskStatus::Waiting), of(TaskStatus::Running)],
        [3, 1, 1],
        "unfinished ones by status"
    );
    assert!(counts.tasks.keys().all(|status| !status.is_finished()));
    assert_eq!(counts.holds.get("resource_held"), Some(&2));
    assert_eq!(counts.holds.values().sum::<u64>(), 2);
    // The message of the task that runs is void, and the store may have forgotten it already.
    assert!((1..=2).contains(&counts.outbox), "{}", counts.outbox);
    assert!(counts.outbox_oldest.is_some_and(|oldest| oldest <= counts.now));
    let of = |group: &str| counts.groups.get(group).map(|(capacity, used)| (capacity.get(), used.get()));
    assert_eq!(of("default"), Some((30, 2)));
    assert_eq!(of("only-b"), Some((10, 2)));
    assert_eq!(of("cloud"), Some((0, 0)));
}

pub async fn statistics_of_an_idle_store_are_empty(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let release = world.launch(workflow("release")).await;
    world.store.cancel(&[release]).await.unwrap();
    world.pass().await;
    let counts = world.store.statistics().await.unwrap();
    assert_eq!(counts.tasks.values().sum::<u64>(), 0);
    assert!(counts.holds.is_empty());
    assert_eq!((counts.outbox, counts.outbox_oldest), (0, None));
}
