//! What people see.

use control_plane::ports::{Ended, Joining, Launch, Output, TaskFilter, TaskStatus, TaskView, Verdict};
use scheduler_core::{Kind, LaunchType, Outcome, Priority, TaskId};

use super::{Subject, World};
use crate::cluster::template;
use crate::world::{a_moment, forks, joining};

fn ids(tasks: &[TaskView]) -> Vec<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}

fn only(statuses: &[TaskStatus], limit: usize) -> TaskFilter {
    TaskFilter { statuses: statuses.to_vec(), limit }
}

pub(super) async fn a_task_shows_what_is_known_of_it(subject: Subject) {
    let world = World::new(subject).await;
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
    assert_eq!(world.port.task(TaskId::new(4711)).await.unwrap(), None);
}

pub(super) async fn r1_unfinished_tasks_are_listed_in_order(subject: Subject) {
    let world = World::new(subject).await;
    let with = |priority| Launch { priority: Some(Priority::new(priority)), ..template("deploy") };
    let low = world.launch(with(-1)).await;
    let first = world.launch(with(0)).await;
    let second = world.launch(with(0)).await;
    let high = world.launch(with(7)).await;
    let all = world.port.tasks(&TaskFilter::default()).await.unwrap();
    assert_eq!(ids(&all), [high, first, second, low]);
    let two = world.port.tasks(&TaskFilter { limit: 2, ..TaskFilter::default() }).await.unwrap();
    assert_eq!(ids(&two), [high, first]);
}

pub(super) async fn finished_tasks_are_listed_latest_first(subject: Subject) {
    let world = World::new(subject).await;
    let mut tasks = Vec::new();
    for outcome in [Outcome::Successful, Outcome::Failed, Outcome::Successful] {
        let task = world.launch(template("deploy")).await;
        world.pass().await;
        world.finish(task, outcome).await;
        a_moment().await;
        tasks.push(task);
    }
    let open = world.launch(template("deploy")).await;
    let list = async |filter: &TaskFilter| ids(&world.port.tasks(filter).await.unwrap());
    let finished = [TaskStatus::Successful, TaskStatus::Failed, TaskStatus::Error, TaskStatus::Canceled];
    assert_eq!(list(&only(&finished, 10)).await, [tasks[2], tasks[1], tasks[0]]);
    assert_eq!(list(&only(&finished, 1)).await, [tasks[2]]);
    assert_eq!(list(&only(&[TaskStatus::Successful], 10)).await, [tasks[2], tasks[0]]);
    assert_eq!(list(&only(&[TaskStatus::Failed], 10)).await, [tasks[1]]);
    assert_eq!(list(&TaskFilter::default()).await, [open], "unfinished ones when nothing is said");
}

pub(super) async fn tasks_are_listed_by_status(subject: Subject) {
    let world = World::new(subject).await;
    let running = world.launch(template("deploy")).await;
    let waiting = world.launch(template("deploy")).await;
    world.pass().await;
    world.take_up(running).await;
    let pending = world.launch(template("deploy")).await;
    let list = async |statuses: &[TaskStatus]| ids(&world.port.tasks(&only(statuses, 10)).await.unwrap());
    assert_eq!(list(&[TaskStatus::Running]).await, [running]);
    assert_eq!(list(&[TaskStatus::Waiting]).await, [waiting]);
    assert_eq!(list(&[TaskStatus::Pending]).await, [pending]);
    assert_eq!(list(&[TaskStatus::Pending, TaskStatus::Running]).await, [running, pending]);
}

pub(super) async fn r8_2_nodes_show_whether_they_take_work(subject: Subject) {
    let world = World::new(subject).await;
    let shown = async || {
        let nodes = world.port.nodes().await.unwrap();
        nodes.iter().map(|node| (node.enabled, node.takes_work)).collect::<Vec<_>>()
    };
    assert_eq!(shown().await, [(true, true), (true, true)]);
    world.store.drain(world.b).await.unwrap();
    assert_eq!(shown().await, [(true, true), (true, false)], "what people define is another matter");
    world.store.join(&joining("node-b")).await.unwrap();
    assert_eq!(shown().await, [(true, true), (true, true)], "it says so anew in each life");
    world.store.join(&Joining { takes_work: false, ..joining("node-b") }).await.unwrap();
    assert_eq!(shown().await, [(true, true), (true, false)], "what people said of it stands");
}

pub(super) async fn r6_1_nodes_show_what_is_used_of_them(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    let other = world.launch(template("on-b")).await;
    world.pass().await;
    world.take_up(task).await;
    let nodes = world.port.nodes().await.unwrap();
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
    assert_eq!(world.port.nodes().await.unwrap()[1].used, forks(0));
    world.store.leave(world.b).await.unwrap();
    assert_eq!(world.port.nodes().await.unwrap()[1].last_heartbeat, None);
}

pub(super) async fn what_a_task_printed_is_kept(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    world.take_up(task).await;
    assert_eq!(world.port.output(task).await.unwrap(), None);
    let output = Output { text: "line \"one\"\nzwei ✓\n".into(), truncated: true };
    let why =
        Ended { outcome: Outcome::Failed, explanation: "exit code 3".into(), output: Some(output.clone()) };
    world.report(task, dispatch, Verdict::Ended(why)).await;
    assert_eq!(world.port.output(task).await.unwrap(), Some(output));
    assert_eq!(world.port.output(TaskId::new(4711)).await.unwrap(), None);
}

/// What defines itself is as defined as what people define.
pub(super) async fn a_node_that_defined_itself_is_shown_and_defined(subject: Subject) {
    let world = World::new(subject).await;
    let node = Joining { capacity: Some(forks(7)), version: "9.9".into(), ..joining("node-c") };
    world.store.join(&node).await.unwrap();
    let nodes = world.port.nodes().await.unwrap();
    let view = nodes.iter().find(|view| view.hostname == "node-c").unwrap();
    assert_eq!((view.capacity, view.version.as_str()), (forks(7), "9.9"));
    let defined = world.port.definitions().await.unwrap();
    assert!(defined.instances.iter().any(|instance| instance.hostname == "node-c"));
}
