//! Nodes that join, beat and leave, and what becomes of their tasks (R8).

use control_plane::ports::{
    Claimed, Ended, Incarnation, Joining, Membership, Queue, Reported, Standing, TaskStatus, Verdict,
};
use scheduler_core::{Action, Instance, InstanceId, NodeType, Outcome};
use serde_json::json;

use crate::cluster::{definitions, refusal, template};
use crate::world::{Subject, World, forks, join, joining};

/// An instance as passes see it.
async fn instance(world: &World, hostname: &str) -> Instance {
    let reading = world.store.read().await.unwrap();
    reading.snapshot.instances.into_iter().find(|instance| instance.hostname == hostname).unwrap()
}

pub(super) async fn an_unknown_node_that_says_nothing_of_itself_is_refused(subject: Subject) {
    let world = World::new(subject).await;
    assert!(refusal(world.store.join(&joining("stranger")).await).contains("stranger"));
}

pub(super) async fn an_unknown_node_is_defined_on_the_spot(subject: Subject) {
    let world = World::new(subject).await;
    let node = Joining {
        hostname: "node-c".into(),
        node_type: NodeType::Execution,
        capacity: Some(forks(7)),
        takes_work: true,
        version: "9.9".into(),
    };
    let joined = world.store.join(&node).await.unwrap();
    assert_eq!(joined.orphans, []);
    let shown = instance(&world, "node-c").await;
    assert_eq!(
        (shown.id, shown.node_type, shown.capacity),
        (joined.member.instance, NodeType::Execution, forks(7))
    );
    assert!(shown.enabled && shown.last_heartbeat.is_some());
}

pub(super) async fn a_defined_node_stays_as_it_is_defined(subject: Subject) {
    let world = World::new(subject).await;
    let node = Joining {
        hostname: "node-b".into(),
        node_type: NodeType::Control,
        capacity: Some(forks(999)),
        takes_work: true,
        version: String::new(),
    };
    let joined = world.store.join(&node).await.unwrap();
    assert_eq!(joined.member.instance, world.b.instance);
    let shown = instance(&world, "node-b").await;
    assert_eq!((shown.node_type, shown.capacity), (NodeType::Hybrid, forks(10)));
}

pub(super) async fn a_control_plane_is_the_same_for_whoever_asks(subject: Subject) {
    let identity = subject.store.control_plane().await.unwrap();
    let world = World::new(subject).await;
    join(&world.store, "node-a").await;
    assert_eq!(world.store.control_plane().await.unwrap(), identity);
}

pub(super) async fn each_life_of_a_node_is_a_new_incarnation(subject: Subject) {
    let world = World::new(subject).await;
    let next = join(&world.store, "node-a").await;
    assert_eq!(next.instance, world.a.instance);
    assert!(next.incarnation > world.a.incarnation);
    assert_eq!(world.store.beat(world.a).await.unwrap(), Standing::Replaced);
    assert!(matches!(world.store.beat(next).await.unwrap(), Standing::Member { .. }));
    assert!(matches!(world.store.beat(world.b).await.unwrap(), Standing::Member { .. }));
    let stranger = Membership { instance: InstanceId::new(4711), incarnation: Incarnation(1) };
    assert_eq!(world.store.beat(stranger).await.unwrap(), Standing::Replaced);
}

/// Whoever compares it with a time of its own learns of a clock that was set.
pub(super) async fn a_heartbeat_tells_the_time_by_which_it_is_stamped(subject: Subject) {
    let world = World::new(subject).await;
    let before = world.store.statistics().await.unwrap().now;
    let Standing::Member { now } = world.store.beat(world.a).await.unwrap() else { panic!("a member") };
    assert_eq!(instance(&world, "node-a").await.last_heartbeat, Some(now));
    let after = world.store.statistics().await.unwrap().now;
    assert!(before <= now && now <= after, "{before} {now} {after}");
}

pub(super) async fn what_an_earlier_life_ran_fails_and_what_waits_for_it_waits_on(subject: Subject) {
    let world = World::new(subject).await;
    let ids = world.stage.launch(&vec![template("on-b"); 3]).await.unwrap();
    world.pass().await;
    for &id in ids.iter().take(2) {
        let dispatch = world.dispatch(id).await;
        assert!(matches!(world.claim(world.b, id, dispatch).await, Claimed::Run(_)));
    }
    let joined = world.store.join(&joining("node-b")).await.unwrap();
    let mut orphans = joined.orphans.clone();
    orphans.sort_unstable();
    assert_eq!(orphans, ids[..2]);
    for &orphan in &orphans {
        let view = world.view(orphan).await;
        assert_eq!(view.status, TaskStatus::Failed);
        assert!(!view.explanation.is_empty());
    }
    let waiting = ids[2];
    let dispatch = world.dispatch(waiting).await;
    assert!(matches!(world.claim(joined.member, waiting, dispatch).await, Claimed::Run(_)));
    assert_eq!(world.store.join(&joining("node-b")).await.unwrap().orphans, [waiting]);
}

pub(super) async fn r8_1_a_node_that_never_joined_gets_nothing(subject: Subject) {
    let more = json!({
        "instance": [{ "hostname": "node-0", "capacity": 1000 }],
        "group": [{ "name": "default", "instances": ["node-0", "node-a"] }],
    });
    let world = World::with(subject, &[more]).await;
    world.launch(template("deploy")).await;
    world.pass().await;
    assert_eq!(world.message().await.queue, Queue::Node(world.a.instance));
}

pub(super) async fn r8_1_a_silent_node_is_lost_after_the_grace_of_the_rules(subject: Subject) {
    let rules = json!({ "rules": { "default_groups": ["default"], "heartbeat_grace": 3 } });
    let world = World::with(subject, &[rules]).await;
    tokio::time::sleep(std::time::Duration::from_millis(3_200)).await;
    let task = world.launch(template("deploy")).await;
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 0, "both nodes were silent for longer than that");
    assert_eq!(world.status(task).await, TaskStatus::Pending);
}

pub(super) async fn r8_1_nodes_are_told_the_grace_of_the_rules(subject: Subject) {
    let world = World::new(subject).await;
    let preset = scheduler_core::RuleSet::tower_2018().heartbeat_grace;
    assert_eq!(world.store.heartbeat_grace().await.unwrap(), preset);
    let rules = json!({ "rules": { "default_groups": ["default"], "heartbeat_grace": 77 } });
    world.stage.define(&definitions(rules)).await.unwrap();
    assert_eq!(world.store.heartbeat_grace().await.unwrap(), scheduler_core::Seconds::new(77));
}

pub(super) async fn r8_2_a_node_that_leaves_has_its_waiting_tasks_taken_back(subject: Subject) {
    let world = World::new(subject).await;
    let anywhere = world.launch(template("deploy")).await;
    let bound = world.launch(template("on-b")).await;
    world.pass().await;
    let messages = world.relay().await;
    world.store.leave(world.a).await.unwrap();
    world.store.leave(world.b).await.unwrap();
    let passed = world.pass().await;
    for task in [anywhere, bound] {
        assert!(matches!(passed.plan.decision(task).unwrap().action, Action::TakeBack(_)));
        let view = world.view(task).await;
        assert_eq!((view.status, view.node, view.group), (TaskStatus::Pending, None, None));
        assert!(view.hold.is_some(), "why it waits again");
    }
    let a = join(&world.store, "node-a").await;
    for message in messages {
        assert_eq!(world.claim(a, message.task, message.dispatch).await, Claimed::Void, "an old message");
    }
    world.pass().await;
    assert_eq!(world.message().await.task, anywhere);
    assert_eq!(world.status(bound).await, TaskStatus::Pending);
}

pub(super) async fn r8_2_a_task_that_is_taken_back_starts_elsewhere_in_the_same_pass(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    let old = world.message().await;
    assert_eq!(old.queue, Queue::Node(world.a.instance));
    world.store.leave(world.a).await.unwrap();
    world.pass().await;
    let new = world.message().await;
    assert_eq!((new.task, new.queue), (task, Queue::Node(world.b.instance)));
    assert_eq!(world.claim(world.b, task, old.dispatch).await, Claimed::Void);
    assert!(matches!(world.claim(world.b, task, new.dispatch).await, Claimed::Run(_)));
}

pub(super) async fn r8_1_what_runs_on_a_node_that_left_fails(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    world.take_up(task).await;
    world.store.leave(world.a).await.unwrap();
    assert_eq!(world.status(task).await, TaskStatus::Running);
    world.pass().await;
    let view = world.view(task).await;
    assert_eq!(view.status, TaskStatus::Failed);
    assert!(!view.explanation.is_empty());
}

pub(super) async fn r6_1_a_node_that_takes_no_work_gets_no_start(subject: Subject) {
    let world = World::new(subject).await;
    let node = Joining { takes_work: false, ..joining("node-b") };
    let idle = world.store.join(&node).await.unwrap();
    let task = world.launch(template("on-b")).await;
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 0);
    assert!(join(&world.store, "node-b").await.incarnation > idle.member.incarnation);
    world.pass().await;
    assert_eq!(world.message().await.task, task, "its next life takes work");
}

pub(super) async fn r8_2_a_node_that_drains_gets_no_start_and_what_waits_for_it_is_pending(subject: Subject) {
    let world = World::new(subject).await;
    let ids = world.stage.launch(&vec![template("on-b"); 2]).await.unwrap();
    world.pass().await;
    let (runs, waits) = (ids[0], ids[1]);
    let (running, waiting) = (world.dispatch(runs).await, world.dispatch(waits).await);
    assert!(matches!(world.claim(world.b, runs, running).await, Claimed::Run(_)));
    world.store.drain(world.b).await.unwrap();
    let view = world.view(waits).await;
    assert_eq!((view.status, view.node, view.group), (TaskStatus::Pending, None, None));
    assert_eq!(world.claim(world.b, waits, waiting).await, Claimed::Void, "an old message");
    let passed = world.pass().await;
    assert_eq!(passed.done.dispatched, 0);
    assert_eq!(world.status(runs).await, TaskStatus::Running, "it is not lost");
    assert!(matches!(world.store.beat(world.b).await.unwrap(), Standing::Member { .. }));
    assert_eq!(world.pass().await.done.dispatched, 0, "a heartbeat changes nothing about it");
    let verdict = Verdict::Ended(Ended::of(Outcome::Successful));
    assert_eq!(world.report(runs, running, verdict).await, Reported::Written);
}

pub(super) async fn the_draining_of_an_earlier_life_is_void(subject: Subject) {
    let world = World::new(subject).await;
    join(&world.store, "node-a").await;
    world.store.drain(world.a).await.unwrap();
    world.launch(template("deploy")).await;
    world.pass().await;
    assert_eq!(world.message().await.queue, Queue::Node(world.a.instance), "its successor is there");
}

pub(super) async fn the_leaving_of_an_earlier_life_is_void(subject: Subject) {
    let world = World::new(subject).await;
    join(&world.store, "node-a").await;
    world.store.leave(world.a).await.unwrap();
    world.launch(template("deploy")).await;
    world.pass().await;
    assert_eq!(world.message().await.queue, Queue::Node(world.a.instance), "its successor is there");
}
