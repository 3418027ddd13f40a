//! What a broker promises of dispatches: confirmed, shared, bounded, given back.

use std::collections::BTreeSet;
use std::sync::Arc;

use control_plane::definition::HandlerName;
use control_plane::ports::{Broker, Deliveries, Dispatch, Publication, Queue, TraceContext};
use scheduler_core::{DispatchId, InstanceId, Kind, TaskId};

use super::{never, soon};

const ONE: InstanceId = InstanceId::new(1);
const TWO: InstanceId = InstanceId::new(2);

fn dispatch(task: i64, queue: Queue) -> Dispatch {
    Dispatch {
        task: TaskId::new(task),
        dispatch: DispatchId::new(task * 10),
        kind: Kind::Job,
        handler: HandlerName::command(),
        queue,
        trace: None,
    }
}

fn dispatches(tasks: impl IntoIterator<Item = i64>, queue: Queue) -> Vec<Dispatch> {
    tasks.into_iter().map(|task| dispatch(task, queue)).collect()
}

async fn listen(broker: &Arc<dyn Broker>, node: InstanceId, prefetch: u16) -> Box<dyn Deliveries> {
    soon(broker.deliveries(node, prefetch)).await.expect("a node can listen")
}

async fn send(broker: &Arc<dyn Broker>, dispatches: &[Dispatch]) {
    let publications = soon(broker.publish(dispatches)).await.expect("dispatches can be published");
    assert_eq!(publications, vec![Publication::Confirmed; dispatches.len()]);
}

async fn next(deliveries: &mut Box<dyn Deliveries>, max: usize) -> Vec<Dispatch> {
    soon(deliveries.next(max)).await.expect("the consumer is sound")
}

async fn acknowledge(deliveries: &mut Box<dyn Deliveries>) {
    soon(deliveries.acknowledge()).await.expect("the consumer is sound");
}

/// Takes this many, without acknowledging.
async fn take(deliveries: &mut Box<dyn Deliveries>, count: usize) -> Vec<i64> {
    let mut tasks = Vec::new();
    while tasks.len() < count {
        tasks.extend(next(deliveries, count - tasks.len()).await.iter().map(|one| one.task.get()));
    }
    tasks
}

fn sorted(tasks: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut tasks: Vec<i64> = tasks.into_iter().collect();
    tasks.sort_unstable();
    tasks
}

/// Every field arrives, for every kind, with and without a trace, on both kinds of queue.
pub(super) async fn a_dispatch_arrives_as_it_was_sent(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 100).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let trace = TraceContext::try_from(trace).expect("a valid trace");
    let longest = HandlerName::try_from("h:.-_".repeat(20)).expect("a valid name");
    for (position, kind) in (1..).zip(Kind::ALL) {
        for queue in [Queue::Shared, Queue::Node(ONE)] {
            let plain = dispatch(position, queue);
            let sent =
                Dispatch { kind, handler: longest.clone(), trace: Some(trace.clone()), ..plain.clone() };
            for sent in [plain, sent] {
                send(&broker, std::slice::from_ref(&sent)).await;
                assert_eq!(next(&mut deliveries, 10).await, [sent]);
            }
        }
    }
}

/// Far more than any window or prefetch.
pub(super) async fn many_dispatches_arrive_each_once(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 50).await;
    let mut sent = dispatches(1..=1500, Queue::Shared);
    sent.extend(dispatches(1501..=3000, Queue::Node(ONE)));
    let publishing = tokio::spawn({
        let broker = Arc::clone(&broker);
        async move { send(&broker, &sent).await }
    });
    let mut tasks = Vec::new();
    while tasks.len() < 3000 {
        tasks.extend(next(&mut deliveries, 64).await.iter().map(|one| one.task.get()));
        acknowledge(&mut deliveries).await;
    }
    publishing.await.expect("publishing ended well");
    assert_eq!(sorted(tasks), (1..=3000).collect::<Vec<_>>());
    never(deliveries.next(1)).await;
}

/// An empty batch has an empty answer.
pub(super) async fn publishing_nothing_is_nothing(broker: Arc<dyn Broker>) {
    assert_eq!(soon(broker.publish(&[])).await.expect("nothing can be published"), []);
}

/// A node that has never asked for deliveries has no queue: the dispatch is not sent.
pub(super) async fn a_queue_that_was_never_declared_makes_unroutable(broker: Arc<dyn Broker>) {
    let publications = soon(broker.publish(&[dispatch(1, Queue::Node(TWO))])).await;
    assert_eq!(publications.expect("it can be tried"), [Publication::Unroutable]);
}

/// Whatever the mix of outcomes.
pub(super) async fn the_answers_stand_in_the_order_of_the_messages(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 10).await;
    let routable = |position: i64| position % 3 != 0;
    let mixed: Vec<Dispatch> = (1..=90)
        .map(|position| dispatch(position, Queue::Node(if routable(position) { ONE } else { TWO })))
        .collect();
    let publications = soon(broker.publish(&mixed)).await.expect("dispatches can be published");
    let expected: Vec<Publication> = (1..=90)
        .map(|position| if routable(position) { Publication::Confirmed } else { Publication::Unroutable })
        .collect();
    assert_eq!(publications, expected);
    let mut tasks = Vec::new();
    while tasks.len() < 60 {
        tasks.extend(next(&mut deliveries, 10).await.iter().map(|one| one.task.get()));
        acknowledge(&mut deliveries).await;
    }
    assert_eq!(sorted(tasks), (1..=90).filter(|position| routable(*position)).collect::<Vec<_>>());
}

/// A dispatch to a node that is away waits for it.
pub(super) async fn the_queues_survive_the_node(broker: Arc<dyn Broker>) {
    drop(listen(&broker, ONE, 10).await);
    send(&broker, &[dispatch(1, Queue::Node(ONE)), dispatch(2, Queue::Shared)]).await;
    let mut deliveries = listen(&broker, ONE, 10).await;
    assert_eq!(sorted(take(&mut deliveries, 2).await), [1, 2]);
}

/// Each dispatch reaches one of them.
pub(super) async fn nodes_share_the_shared_queue(broker: Arc<dyn Broker>) {
    let mut one = listen(&broker, ONE, 5).await;
    let mut two = listen(&broker, TWO, 5).await;
    send(&broker, &dispatches(1..=10, Queue::Shared)).await;
    let tasks: Vec<i64> = take(&mut one, 5).await.into_iter().chain(take(&mut two, 5).await).collect();
    assert_eq!(sorted(tasks), (1..=10).collect::<Vec<_>>());
}

/// A queue of a node is its own.
pub(super) async fn a_node_gets_nothing_of_another(broker: Arc<dyn Broker>) {
    let mut one = listen(&broker, ONE, 10).await;
    let mut two = listen(&broker, TWO, 10).await;
    send(&broker, &[dispatch(1, Queue::Node(ONE))]).await;
    assert_eq!(take(&mut one, 1).await, [1]);
    never(two.next(1)).await;
}

/// Also when more are there.
pub(super) async fn no_more_than_max_are_returned_at_once(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 50).await;
    send(&broker, &dispatches(1..=20, Queue::Shared)).await;
    let mut tasks = Vec::new();
    while tasks.len() < 20 {
        let some = next(&mut deliveries, 7).await;
        assert!((1..=7).contains(&some.len()), "{}", some.len());
        tasks.extend(some.iter().map(|one| one.task.get()));
    }
    assert_eq!(sorted(tasks), (1..=20).collect::<Vec<_>>());
}

/// Both queues together.
pub(super) async fn no_more_than_prefetch_are_unacknowledged(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 3).await;
    send(&broker, &dispatches(1..=5, Queue::Shared)).await;
    send(&broker, &dispatches(6..=10, Queue::Node(ONE))).await;
    take(&mut deliveries, 3).await;
    never(deliveries.next(1)).await;
}

/// The rest follows, however little is let in at a time.
pub(super) async fn acknowledging_makes_room(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 2).await;
    send(&broker, &dispatches(1..=5, Queue::Shared)).await;
    send(&broker, &dispatches(6..=10, Queue::Node(ONE))).await;
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.extend(take(&mut deliveries, 2).await);
        acknowledge(&mut deliveries).await;
    }
    assert_eq!(sorted(tasks), (1..=10).collect::<Vec<_>>());
}

/// Not even after the consumer is gone.
pub(super) async fn what_is_acknowledged_never_comes_again(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 10).await;
    send(&broker, &dispatches(1..=3, Queue::Shared)).await;
    send(&broker, &dispatches(4..=6, Queue::Node(ONE))).await;
    take(&mut deliveries, 6).await;
    acknowledge(&mut deliveries).await;
    drop(deliveries);
    let mut deliveries = listen(&broker, ONE, 10).await;
    never(deliveries.next(1)).await;
}

/// When the consumer is dropped: the node's own to the node, the shared ones to whoever takes them.
pub(super) async fn what_is_not_acknowledged_is_given_back(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 10).await;
    send(&broker, &dispatches(1..=3, Queue::Shared)).await;
    send(&broker, &dispatches(4..=6, Queue::Node(ONE))).await;
    take(&mut deliveries, 4).await;
    drop(deliveries);
    let mut other = listen(&broker, TWO, 10).await;
    assert_eq!(sorted(take(&mut other, 3).await), [1, 2, 3]);
    let mut again = listen(&broker, ONE, 10).await;
    assert_eq!(sorted(take(&mut again, 3).await), [4, 5, 6]);
}

/// What was prefetched and not yet returned is not covered, on whichever queue it came.
pub(super) async fn only_what_was_returned_is_acknowledged(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 10).await;
    send(&broker, &dispatches(1..=4, Queue::Shared)).await;
    send(&broker, &dispatches(5..=8, Queue::Node(ONE))).await;
    let acknowledged: BTreeSet<i64> = take(&mut deliveries, 3).await.into_iter().collect();
    acknowledge(&mut deliveries).await;
    drop(deliveries);
    let mut again = listen(&broker, ONE, 10).await;
    let rest = sorted(take(&mut again, 5).await);
    assert_eq!(rest, (1..=8).filter(|task| !acknowledged.contains(task)).collect::<Vec<_>>());
    never(again.next(1)).await;
}

/// Neither before anything came nor twice.
pub(super) async fn acknowledging_nothing_is_nothing(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 10).await;
    acknowledge(&mut deliveries).await;
    send(&broker, &[dispatch(1, Queue::Shared)]).await;
    take(&mut deliveries, 1).await;
    acknowledge(&mut deliveries).await;
    acknowledge(&mut deliveries).await;
    send(&broker, &[dispatch(2, Queue::Shared)]).await;
    assert_eq!(take(&mut deliveries, 1).await, [2]);
}

/// It is there as soon as it comes.
pub(super) async fn next_waits_for_a_dispatch(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 10).await;
    let waiting = tokio::spawn(async move { take(&mut deliveries, 1).await });
    tokio::time::sleep(super::BRIEF).await;
    send(&broker, &[dispatch(1, Queue::Node(ONE))]).await;
    assert_eq!(soon(waiting).await.expect("the waiter ended well"), [1]);
}

/// Dropping the future of `next` leaves everything for the next call.
pub(super) async fn giving_up_waiting_loses_nothing(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 100).await;
    let publishing = tokio::spawn({
        let broker = Arc::clone(&broker);
        async move {
            for task in 1..=100 {
                let queue = if task % 2 == 0 { Queue::Shared } else { Queue::Node(ONE) };
                send(&broker, &[dispatch(task, queue)]).await;
            }
        }
    });
    let mut tasks = Vec::new();
    while tasks.len() < 100 {
        tokio::select! {
            biased;
            some = next(&mut deliveries, 3) => {
                tasks.extend(some.iter().map(|one| one.task.get()));
            }
            () = tokio::task::yield_now() => {}
        }
    }
    publishing.await.expect("publishing ended well");
    assert_eq!(sorted(tasks), (1..=100).collect::<Vec<_>>());
}

/// Each gets the answers to its own.
pub(super) async fn publishers_at_the_same_time_do_not_mix(broker: Arc<dyn Broker>) {
    let mut deliveries = listen(&broker, ONE, 100).await;
    let publishers: Vec<_> = (0..8)
        .map(|publisher| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move {
                let (node, expected) = if publisher % 2 == 0 {
                    (ONE, Publication::Confirmed)
                } else {
                    (TWO, Publication::Unroutable)
                };
                let first = publisher * 20 + 1;
                let batch = dispatches(first..first + 20, Queue::Node(node));
                let publications = soon(broker.publish(&batch)).await.expect("dispatches can be published");
                assert_eq!(publications, vec![expected; 20]);
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.expect("publishing ended well");
    }
    let tasks = sorted(take(&mut deliveries, 80).await);
    assert_eq!(tasks, (0..8).step_by(2).flat_map(|p| p * 20 + 1..p * 20 + 21).collect::<Vec<_>>());
}
