//! What a broker promises of broadcasts and requests: everybody who listens, time limits, no mixing.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use control_plane::definition::HandlerName;
use control_plane::ports::{
    Broadcast, Broker, BrokerError, Call, Calls, NodeStatus, Recipient, Reply, ReplyTo, Request, RunningTask,
};
use scheduler_core::{DispatchId, InstanceId, TaskId};
use serde_json::json;
use tokio::task::JoinHandle;

use super::{BRIEF, LONG, is_no_answer, never, soon};

const ONE: InstanceId = InstanceId::new(1);
const TWO: InstanceId = InstanceId::new(2);
const THREE: InstanceId = InstanceId::new(3);

async fn listen(broker: &Arc<dyn Broker>, node: InstanceId) -> Box<dyn Calls> {
    soon(broker.calls(node)).await.expect("a node can listen")
}

fn broadcast(payload: serde_json::Value) -> Broadcast {
    Broadcast { handler: HandlerName::try_from("cache.clear").expect("a valid name"), payload }
}

async fn next_broadcast(calls: &mut Box<dyn Calls>) -> Broadcast {
    match soon(calls.next()).await.expect("the listener is sound") {
        Call::Broadcast(broadcast) => broadcast,
        Call::Request(request, _) => unexpected(&request),
    }
}

async fn next_request(calls: &mut Box<dyn Calls>) -> (Request, ReplyTo) {
    match soon(calls.next()).await.expect("the listener is sound") {
        Call::Request(request, to) => (request, to),
        Call::Broadcast(broadcast) => unexpected(&broadcast),
    }
}

fn unexpected(what: &dyn std::fmt::Debug) -> ! {
    panic!("something else was expected than {what:?}")
}

/// A node that answers every request by repeating it and its own name.
fn answering(mut calls: Box<dyn Calls>, node: InstanceId) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Ok(call) = calls.next().await {
            if let Call::Request(request, to) = call {
                let reply = Reply::Reloaded(format!("{node}: {request:?}"));
                soon(calls.reply(to, &reply)).await.expect("a request can be answered");
            }
        }
    })
}

fn echo(node: InstanceId, request: Request) -> (InstanceId, Reply) {
    (node, Reply::Reloaded(format!("{node}: {request:?}")))
}

async fn ask(
    broker: &Arc<dyn Broker>,
    to: Recipient,
    request: Request,
    limit: Duration,
) -> Result<Vec<(InstanceId, Reply)>, BrokerError> {
    let mut answers = soon(broker.request(&to, &request, limit)).await?;
    answers.sort_by_key(|(node, _)| *node);
    Ok(answers)
}

/// With what it carries, whatever that is.
pub(super) async fn a_broadcast_reaches_every_node_that_listens(broker: Arc<dyn Broker>) {
    let mut one = listen(&broker, ONE).await;
    let mut two = listen(&broker, TWO).await;
    for payload in [json!(null), json!({"deep": [1, 2.5, "ü", {"er": true}]}), json!("x".repeat(100_000))] {
        let sent = broadcast(payload);
        soon(broker.broadcast(&sent)).await.expect("a broadcast can be sent");
        assert!(next_broadcast(&mut one).await == sent, "node 1 got something else");
        assert!(next_broadcast(&mut two).await == sent, "node 2 got something else");
    }
    never(one.next()).await;
}

/// Nobody listens: nobody gets it.
pub(super) async fn a_broadcast_to_nobody_is_no_error(broker: Arc<dyn Broker>) {
    soon(broker.broadcast(&broadcast(json!(1)))).await.expect("a broadcast can be sent");
}

/// Broadcasts are for those who listen at the time.
pub(super) async fn a_node_that_left_gets_no_broadcast_when_it_is_back(broker: Arc<dyn Broker>) {
    let mut one = listen(&broker, ONE).await;
    drop(listen(&broker, TWO).await);
    tokio::time::sleep(BRIEF).await;
    soon(broker.broadcast(&broadcast(json!("missed")))).await.expect("a broadcast can be sent");
    next_broadcast(&mut one).await;
    let mut two = listen(&broker, TWO).await;
    soon(broker.broadcast(&broadcast(json!("heard")))).await.expect("a broadcast can be sent");
    assert!(next_broadcast(&mut two).await.payload == json!("heard"), "it got what it had missed");
}

/// And nobody else is asked.
pub(super) async fn one_node_is_asked_and_answers(broker: Arc<dyn Broker>) {
    let one = answering(listen(&broker, ONE).await, ONE);
    let mut two = listen(&broker, TWO).await;
    let answers = ask(&broker, Recipient::Node(ONE), Request::Running, LONG).await;
    assert_eq!(answers.expect("an answer"), [echo(ONE, Request::Running)]);
    never(two.next()).await;
    one.abort();
}

/// One answer each.
pub(super) async fn all_nodes_are_asked_and_answer(broker: Arc<dyn Broker>) {
    let nodes: Vec<_> = [ONE, TWO, THREE].into();
    let mut running = Vec::new();
    for node in nodes.clone() {
        running.push(answering(listen(&broker, node).await, node));
    }
    let answers = ask(&broker, Recipient::All { expected: nodes.clone() }, Request::Status, LONG).await;
    let expected: Vec<_> = nodes.into_iter().map(|node| echo(node, Request::Status)).collect();
    assert_eq!(answers.expect("answers"), expected);
    running.iter().for_each(JoinHandle::abort);
}

/// A silent node takes nothing from the others.
pub(super) async fn answers_that_came_are_returned_when_others_are_missing(broker: Arc<dyn Broker>) {
    let one = answering(listen(&broker, ONE).await, ONE);
    let silent = listen(&broker, TWO).await;
    let everybody = Recipient::All { expected: vec![ONE, TWO, THREE] };
    let answers = ask(&broker, everybody, Request::Status, Duration::from_secs(1)).await;
    assert_eq!(answers.expect("the answer that came"), [echo(ONE, Request::Status)]);
    drop(silent);
    one.abort();
}

/// Nobody answered, though somebody listens.
pub(super) async fn no_answer_in_time_is_an_error(broker: Arc<dyn Broker>) {
    let silent = listen(&broker, ONE).await;
    is_no_answer(&ask(&broker, Recipient::Node(ONE), Request::Status, BRIEF).await);
    is_no_answer(&ask(&broker, Recipient::All { expected: vec![ONE] }, Request::Status, BRIEF).await);
    drop(silent);
}

/// Whether it never listened or has left.
pub(super) async fn a_node_that_does_not_listen_gives_no_answer(broker: Arc<dyn Broker>) {
    is_no_answer(&ask(&broker, Recipient::Node(ONE), Request::Status, BRIEF).await);
    drop(listen(&broker, ONE).await);
    is_no_answer(&ask(&broker, Recipient::Node(ONE), Request::Status, BRIEF).await);
    is_no_answer(&ask(&broker, Recipient::All { expected: vec![ONE] }, Request::Status, BRIEF).await);
}

/// Neither an error for the one who answers nor an answer to the next question.
pub(super) async fn a_late_answer_is_void(broker: Arc<dyn Broker>) {
    let mut one = listen(&broker, ONE).await;
    is_no_answer(&ask(&broker, Recipient::Node(ONE), Request::Status, BRIEF).await);
    let (_, late) = next_request(&mut one).await;
    let asking = tokio::spawn({
        let broker = Arc::clone(&broker);
        async move { ask(&broker, Recipient::Node(ONE), Request::Reload, LONG).await }
    });
    let (request, to) = next_request(&mut one).await;
    assert_eq!(request, Request::Reload);
    soon(one.reply(late, &Reply::Failed("late".into()))).await.expect("a late answer is no error");
    soon(one.reply(to, &Reply::Reloaded("now".into()))).await.expect("a request can be answered");
    let answers = soon(asking).await.expect("the asker ended well").expect("an answer");
    assert_eq!(answers, [(ONE, Reply::Reloaded("now".into()))]);
}

/// Every kind of both.
pub(super) async fn every_request_and_every_answer_arrives_as_it_was_sent(broker: Arc<dyn Broker>) {
    let since = DateTime::from_timestamp(1_700_000_000, 123_000_000).expect("a moment");
    let status = NodeStatus {
        hostname: "exec-1".into(),
        version: "1.2.3".into(),
        roles: vec!["scheduler".into(), "worker".into()],
        since,
        workers: 4,
        busy: 1,
        bounds: (1, 16),
    };
    let running = RunningTask {
        task: TaskId::new(7),
        dispatch: DispatchId::new(70),
        handler: HandlerName::command(),
        since,
        canceling: true,
    };
    let mut calls = listen(&broker, ONE).await;
    for (request, reply) in [
        (Request::Status, Reply::Status(status)),
        (Request::Running, Reply::Running(vec![running])),
        (Request::Running, Reply::Running(Vec::new())),
        (Request::Cancel(TaskId::new(i64::MAX)), Reply::Canceling(true)),
        (Request::Reload, Reply::Reloaded("two workers more".into())),
        (Request::Reload, Reply::Failed("\"no\" ü".into())),
    ] {
        let asking = tokio::spawn({
            let broker = Arc::clone(&broker);
            async move { ask(&broker, Recipient::Node(ONE), request, LONG).await }
        });
        let (heard, to) = next_request(&mut calls).await;
        assert_eq!(heard, request);
        soon(calls.reply(to, &reply)).await.expect("a request can be answered");
        let answers = soon(asking).await.expect("the asker ended well").expect("an answer");
        assert_eq!(answers, [(ONE, reply)]);
    }
}

/// Each gets the answers to its own.
pub(super) async fn requests_at_the_same_time_do_not_mix(broker: Arc<dyn Broker>) {
    let nodes = [ONE, TWO];
    let mut running = Vec::new();
    for node in nodes {
        running.push(answering(listen(&broker, node).await, node));
    }
    let asking: Vec<_> = (1..=12)
        .map(|task| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move {
                let request = Request::Cancel(TaskId::new(task));
                let everybody = Recipient::All { expected: nodes.to_vec() };
                let answers = ask(&broker, everybody, request, LONG).await;
                assert_eq!(answers.expect("answers"), nodes.map(|node| echo(node, request)));
            })
        })
        .collect();
    for asking in asking {
        soon(asking).await.expect("the asker ended well");
    }
    running.iter().for_each(JoinHandle::abort);
}
