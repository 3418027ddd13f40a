//! What a broker promises when two control planes were given the same names on one server: neither takes what is the other's.

use std::sync::Arc;

use control_plane::definition::HandlerName;
use control_plane::ports::{
    Broadcast, Broker, Call, ControlPlaneId, Deliveries, Dispatch, Publication, Queue, Recipient, Request,
};
use scheduler_core::{DispatchId, InstanceId, Kind, TaskId};
use serde_json::json;

use super::{BRIEF, is_no_answer, soon};
use crate::fixture::Brokers;

const ONE: InstanceId = InstanceId::new(1);
const OURS: ControlPlaneId = ControlPlaneId::new(1);
const THEIRS: ControlPlaneId = ControlPlaneId::new(2);

async fn send(broker: &Arc<dyn Broker>, task: i64, queue: Queue) {
    let dispatch = Dispatch {
        task: TaskId::new(task),
        dispatch: DispatchId::new(task * 10),
        kind: Kind::Job,
        handler: HandlerName::command(),
        queue,
        trace: None,
    };
    let published = soon(broker.publish(&[dispatch])).await.expect("a dispatch can be published");
    assert_eq!(published, [Publication::Confirmed]);
}

async fn next(deliveries: &mut Box<dyn Deliveries>) -> Vec<i64> {
    let dispatches = soon(deliveries.next(10)).await.expect("the consumer is sound");
    dispatches.iter().map(|dispatch| dispatch.task.get()).collect()
}

/// Of one message in hand at a time, so that one that stayed would stop everything.
pub(super) async fn a_dispatch_of_another_control_plane_is_taken_by_nobody_and_holds_nothing_up(
    Brokers { broker, neighbour }: Brokers,
) {
    broker.serve(OURS);
    neighbour.serve(THEIRS);
    let mut deliveries = soon(broker.deliveries(ONE, 1)).await.expect("a node can listen");
    for task in 1..=3 {
        send(&neighbour, 100 + task, Queue::Shared).await;
        send(&neighbour, 200 + task, Queue::Node(ONE)).await;
        let queue = if task % 2 == 0 { Queue::Shared } else { Queue::Node(ONE) };
        send(&broker, task, queue).await;
        assert_eq!(next(&mut deliveries).await, [task]);
        soon(deliveries.acknowledge()).await.expect("the consumer is sound");
    }
    drop(deliveries);
    let mut theirs = soon(neighbour.deliveries(ONE, 10)).await.expect("a node can listen");
    send(&neighbour, 7, Queue::Shared).await;
    assert!(!next(&mut theirs).await.iter().any(|task| (1..=3).contains(task)), "ours were acknowledged");
}

/// So did earlier versions; the store's fence decides about it.
pub(super) async fn a_dispatch_that_names_no_control_plane_is_taken(Brokers { broker, neighbour }: Brokers) {
    broker.serve(OURS);
    let mut deliveries = soon(broker.deliveries(ONE, 1)).await.expect("a node can listen");
    send(&neighbour, 1, Queue::Node(ONE)).await;
    assert_eq!(next(&mut deliveries).await, [1]);
}

/// Neither what is for all nor what is for one of the same number.
pub(super) async fn calls_of_another_control_plane_are_not_heard(Brokers { broker, neighbour }: Brokers) {
    broker.serve(OURS);
    neighbour.serve(THEIRS);
    let mut calls = soon(broker.calls(ONE)).await.expect("a node can listen");
    let broadcast = |payload: &str| Broadcast { handler: HandlerName::command(), payload: json!(payload) };
    soon(neighbour.broadcast(&broadcast("theirs"))).await.expect("a broadcast can be sent");
    for to in [Recipient::Node(ONE), Recipient::All { expected: vec![ONE] }] {
        is_no_answer(&soon(neighbour.request(&to, &Request::Status, BRIEF)).await);
    }
    soon(broker.broadcast(&broadcast("ours"))).await.expect("a broadcast can be sent");
    match soon(calls.next()).await.expect("the listener is sound") {
        Call::Broadcast(heard) => assert_eq!(heard.payload, json!("ours")),
        Call::Request(request, _) => assert_eq!(format!("{request:?}"), "a broadcast of ours"),
    }
}
