//! The outbox: every message once in one relay's hands, until a broker has it (R12.4).

use std::time::Duration;

use control_plane::ports::{OutboxBatch, REST_AFTER_RETURN};
use scheduler_core::TaskId;

use crate::cluster::template;
use crate::world::{Subject, World};

async fn started(world: &World, many: usize) -> Vec<TaskId> {
    let ids = world.stage.launch(&vec![template("deploy"); many]).await.unwrap();
    assert_eq!(world.pass().await.done.dispatched, many);
    ids
}

fn tasks(batch: &dyn OutboxBatch) -> Vec<TaskId> {
    batch.messages().iter().map(|message| message.dispatch.task).collect()
}

/// Messages that were given back are there again: at once after a drop, or as soon as the server has noticed it.
async fn there_again(world: &World, limit: usize, many: usize) -> Box<dyn OutboxBatch> {
    for _ in 0..500 {
        let batch = world.store.unsent(limit).await.unwrap();
        if batch.messages().len() == many {
            return batch;
        }
        drop(batch);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{many} messages do not come back");
}

pub(super) async fn an_empty_outbox_gives_an_empty_batch(subject: Subject) {
    let world = World::new(subject).await;
    let batch = world.store.unsent(10).await.unwrap();
    assert_eq!(batch.messages(), []);
    batch.settle(&[]).await.unwrap();
}

pub(super) async fn messages_come_oldest_first_and_no_more_than_asked_for(subject: Subject) {
    let world = World::new(subject).await;
    let first = started(&world, 3).await;
    let second = started(&world, 2).await;
    let batch = world.store.unsent(4).await.unwrap();
    let mut expected = first;
    expected.extend(second.first());
    assert_eq!(tasks(batch.as_ref()), expected);
    assert!(batch.messages().is_sorted_by_key(|message| message.id));
}

pub(super) async fn no_two_relays_have_one_message(subject: Subject) {
    let world = World::new(subject).await;
    let ids = started(&world, 5).await;
    let one = world.store.unsent(3).await.unwrap();
    let other = world.store.unsent(10).await.unwrap();
    let third = world.store.unsent(10).await.unwrap();
    assert_eq!(third.messages(), []);
    let mut all = tasks(one.as_ref());
    all.extend(tasks(other.as_ref()));
    all.sort_unstable();
    assert_eq!(all, ids);
}

pub(super) async fn a_sent_message_never_comes_again(subject: Subject) {
    let world = World::new(subject).await;
    started(&world, 3).await;
    assert_eq!(world.relay().await.len(), 3);
    assert_eq!(world.relay().await, []);
    assert_eq!(world.store.statistics().await.unwrap().outbox, 0);
}

pub(super) async fn r12_4_a_dropped_batch_gives_its_messages_back_at_once(subject: Subject) {
    let world = World::new(subject).await;
    let ids = started(&world, 3).await;
    let batch = world.store.unsent(10).await.unwrap();
    assert_eq!(tasks(batch.as_ref()), ids);
    drop(batch);
    let again = there_again(&world, 10, 3).await;
    assert_eq!(tasks(again.as_ref()), ids);
}

pub(super) async fn r12_4_what_was_not_sent_rests_and_comes_again(subject: Subject) {
    let world = World::new(subject).await;
    let ids = started(&world, 3).await;
    let batch = world.store.unsent(10).await.unwrap();
    let sent = batch.messages()[1].id;
    batch.settle(&[sent]).await.unwrap();
    assert_eq!(world.store.unsent(10).await.unwrap().messages(), [], "what a broker would not take rests");
    assert_eq!(world.store.statistics().await.unwrap().outbox, 2, "and is not sent");
    tokio::time::sleep(REST_AFTER_RETURN).await;
    let again = there_again(&world, 10, 2).await;
    assert_eq!(tasks(again.as_ref()), [ids[0], ids[2]]);
}

pub(super) async fn r12_4_what_rests_holds_nobody_up(subject: Subject) {
    let world = World::new(subject).await;
    started(&world, 2).await;
    world.store.unsent(10).await.unwrap().settle(&[]).await.unwrap();
    let next = started(&world, 1).await;
    assert_eq!(tasks(world.store.unsent(1).await.unwrap().as_ref()), next);
}

pub(super) async fn r12_4_a_void_message_is_never_handed_out(subject: Subject) {
    let world = World::new(subject).await;
    let ids = started(&world, 3).await;
    world.stage.cancel(&[ids[1]]).await.unwrap();
    let batch = world.store.unsent(10).await.unwrap();
    assert_eq!(tasks(batch.as_ref()), [ids[0], ids[2]]);
    drop(batch);
    world.store.leave(world.a).await.unwrap();
    world.pass().await;
    let again = there_again(&world, 10, 2).await;
    let dispatches: Vec<_> = again.messages().iter().map(|message| message.dispatch.dispatch).collect();
    for (task, dispatch) in [ids[0], ids[2]].into_iter().zip(dispatches) {
        assert_eq!(world.dispatch(task).await, dispatch, "the dispatch that counts, not the one taken back");
    }
}
