//! Claims, reports and orders: the fence is the dispatch (R12.4).

use std::sync::Arc;

use control_plane::ports::{
    CancelAnswer, Claimed, Claims, Ended, Order, Report, Reported, TaskStatus, Verdict,
};
use scheduler_core::{DispatchId, Kind, Outcome, State, TaskId};
use serde_json::json;

use crate::cluster::template;
use crate::world::{Subject, World, a_moment, join, seen};

fn ended(outcome: Outcome) -> Verdict {
    Verdict::Ended(Ended::of(outcome))
}

pub(super) async fn r12_4_a_task_is_claimed_under_its_dispatch(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let Claimed::Run(assignment) = world.claim(world.a, task, dispatch).await else { panic!("it is there") };
    assert_eq!((assignment.task, assignment.dispatch, assignment.kind), (task, dispatch, Kind::Job));
    assert_eq!(assignment.name, "deploy");
    assert_eq!(assignment.run.handler.as_str(), "deploy");
    let view = world.view(task).await;
    assert_eq!((view.status, view.node), (TaskStatus::Running, Some(world.a.instance)));
    assert!(view.started.is_some_and(|started| started >= view.created));
    let reading = world.store.read().await.unwrap();
    let State::Running(placement) = &seen(&reading, task).state else { panic!("it runs") };
    assert_eq!(placement.node, Some(world.a.instance));
}

pub(super) async fn r12_4_only_the_right_dispatch_takes(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let other = DispatchId::new(dispatch.get() + 1000);
    assert_eq!(world.claim(world.a, task, other).await, Claimed::Void);
    assert_eq!(world.claim(world.a, TaskId::new(4711), dispatch).await, Claimed::Void);
    assert_eq!(world.status(task).await, TaskStatus::Waiting);
}

pub(super) async fn r12_4_another_node_cannot_take_what_is_taken(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    assert!(matches!(world.claim(world.a, task, dispatch).await, Claimed::Run(_)));
    assert_eq!(world.claim(world.b, task, dispatch).await, Claimed::Void);
    assert_eq!(world.report(task, dispatch, ended(Outcome::Successful)).await, Reported::Written);
    assert_eq!(world.claim(world.a, task, dispatch).await, Claimed::Void, "it has ended");
}

pub(super) async fn r12_4_a_claim_may_be_repeated_by_the_same_life(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let first = world.claim(world.a, task, dispatch).await;
    let started = world.view(task).await.started;
    assert!(matches!(first, Claimed::Run(_)));
    assert_eq!(world.claim(world.a, task, dispatch).await, first, "its answer may have been lost");
    assert_eq!(world.view(task).await.started, started);
    let life = join(&world.store, "node-a").await;
    assert_eq!(
        world.claim(life, task, dispatch).await,
        Claimed::Void,
        "a new life runs nothing of the old one"
    );
}

/// Whoever gets the message of another, by whatever way, takes nothing with it: the task would be lost with the wrong node.
pub(super) async fn r12_4_only_the_node_that_a_task_is_meant_for_takes_it(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("on-b").await;
    assert_eq!(world.claim(world.a, task, dispatch).await, Claimed::Void);
    assert_eq!(world.dispatch(task).await, dispatch, "it waits for its node as before");
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    world.store.leave(world.a).await.unwrap();
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Running, "nothing of it is on the node that is gone");
    world.store.leave(world.b).await.unwrap();
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Failed);
}

/// What a node could not take is not in its hands, so that nobody has to ask it.
pub(super) async fn r8_3_a_task_that_the_wrong_node_asked_for_is_canceled_at_once(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("on-b").await;
    assert_eq!(world.claim(world.a, task, dispatch).await, Claimed::Void);
    assert_eq!(world.stage.cancel(&[task]).await.unwrap(), [CancelAnswer::Canceled]);
    assert_eq!(world.status(task).await, TaskStatus::Canceled);
}

/// A container group runs nothing itself: whoever controls the task takes it.
pub(super) async fn r12_4_only_the_controller_of_a_container_task_takes_it(subject: Subject) {
    let plane = json!({ "group": "only-b", "impact": 1 });
    let rules = json!({ "rules": { "default_groups": ["default"], "control_plane": plane } });
    let world = World::with(subject, &[rules]).await;
    let (task, dispatch) = world.dispatched("pod").await;
    assert_eq!(world.claim(world.a, task, dispatch).await, Claimed::Void);
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    world.store.leave(world.b).await.unwrap();
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Failed);
}

pub(super) async fn r12_4_claims_that_race_let_one_through(subject: Subject) {
    let world = Arc::new(World::new(subject).await);
    let (task, dispatch) = world.dispatched("pod").await;
    let lives = [world.a, world.b];
    let racers: Vec<_> = lives
        .into_iter()
        .map(|by| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.claim(by, task, dispatch).await != Claimed::Void })
        })
        .collect();
    let mut taken = 0;
    for racer in racers {
        taken += usize::from(racer.await.unwrap());
    }
    assert_eq!(taken, 1);
}

pub(super) async fn claims_are_answered_in_the_order_of_the_questions(subject: Subject) {
    let world = World::new(subject).await;
    let ids = world.stage.launch(&vec![template("deploy"); 3]).await.unwrap();
    world.pass().await;
    let mut questions = Vec::new();
    for &id in ids.iter().rev() {
        questions.push((id, world.dispatch(id).await));
    }
    questions.insert(1, (TaskId::new(4711), DispatchId::new(1)));
    let answers = world.claims(world.a, &questions).await;
    let answered: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Claimed::Run(assignment) => Some(assignment.task),
            Claimed::Void => None,
        })
        .collect();
    let expected: Vec<_> =
        questions.iter().map(|&(task, _)| Some(task).filter(|&task| task != TaskId::new(4711))).collect();
    assert_eq!(answered, expected);
    assert_eq!(world.claims(world.a, &[]).await, []);
}

pub(super) async fn r12_4_a_message_that_comes_twice_in_one_batch_is_one_claim(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let answers = world.claims(world.a, &[(task, dispatch), (task, dispatch)]).await;
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().any(|answer| matches!(answer, Claimed::Run(_))), "{answers:?}");
    assert_eq!(world.status(task).await, TaskStatus::Running);
}

pub(super) async fn r8_3_a_waiting_task_is_canceled_at_once_and_its_message_void(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let message = world.message().await;
    assert_eq!(world.stage.cancel(&[task]).await.unwrap(), [CancelAnswer::Canceled]);
    assert_eq!(world.status(task).await, TaskStatus::Canceled);
    assert_eq!(world.claim(world.a, message.task, message.dispatch).await, Claimed::Void);
    assert_eq!(world.report(task, dispatch, ended(Outcome::Successful)).await, Reported::Void);
    assert_eq!(world.status(task).await, TaskStatus::Canceled);
}

/// That it is no member is told from "nothing to take": its message is for its successor.
pub(super) async fn r12_4_a_life_that_was_replaced_takes_nothing_and_is_told_so(subject: Subject) {
    let world = World::new(subject).await;
    let (ran, before) = world.dispatched("deploy").await;
    world.take_up(ran).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let next = join(&world.store, "node-a").await;
    for asked in [[(task, dispatch)], [(ran, before)], [(task, DispatchId::new(4711))]] {
        assert_eq!(world.store.claim(world.a, &asked).await.unwrap(), Claims::Replaced);
    }
    assert_eq!(world.status(task).await, TaskStatus::Waiting);
    assert!(matches!(world.claim(next, task, dispatch).await, Claimed::Run(_)));
}

pub(super) async fn r8_1_a_task_from_the_shared_queue_is_lost_with_its_taker(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("pod").await;
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Running);
    world.store.leave(world.b).await.unwrap();
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Failed);
}

pub(super) async fn r12_4_a_report_ends_the_task(subject: Subject) {
    let world = World::new(subject).await;
    let outcomes = [
        (Outcome::Successful, TaskStatus::Successful),
        (Outcome::Failed, TaskStatus::Failed),
        (Outcome::Error, TaskStatus::Error),
        (Outcome::Canceled, TaskStatus::Canceled),
    ];
    for (outcome, status) in outcomes {
        let (task, dispatch) = world.dispatched("deploy").await;
        world.take_up(task).await;
        let why = Verdict::Ended(Ended::because(outcome, "for a reason"));
        assert_eq!(world.report(task, dispatch, why).await, Reported::Written);
        let view = world.view(task).await;
        assert_eq!((view.status, view.explanation.as_str()), (status, "for a reason"));
        assert!(view.finished >= view.started);
        assert_eq!(view.node, Some(world.a.instance), "where it ran");
    }
}

pub(super) async fn r12_4_a_report_is_fenced_and_may_be_repeated(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    assert_eq!(
        world.report(task, dispatch, ended(Outcome::Failed)).await,
        Reported::Void,
        "nobody runs it yet"
    );
    world.take_up(task).await;
    let other = DispatchId::new(dispatch.get() + 1000);
    assert_eq!(world.report(task, other, ended(Outcome::Failed)).await, Reported::Void);
    assert_eq!(world.report(TaskId::new(4711), dispatch, ended(Outcome::Failed)).await, Reported::Void);
    assert_eq!(world.status(task).await, TaskStatus::Running);
    assert_eq!(world.report(task, dispatch, ended(Outcome::Successful)).await, Reported::Written);
    assert_eq!(world.report(task, dispatch, ended(Outcome::Failed)).await, Reported::Void);
    assert_eq!(world.status(task).await, TaskStatus::Successful);
}

pub(super) async fn reports_are_answered_in_the_order_they_came(subject: Subject) {
    let world = World::new(subject).await;
    let ids = world.stage.launch(&vec![template("deploy"); 3]).await.unwrap();
    world.pass().await;
    let mut reports = Vec::new();
    for &id in ids.iter().rev() {
        let dispatch = world.take_up(id).await.dispatch;
        reports.push(Report { task: id, dispatch, verdict: ended(Outcome::Successful) });
    }
    let void = Report { dispatch: DispatchId::new(4711), ..reports[0].clone() };
    reports.insert(1, void);
    let answers = world.store.report(&reports).await.unwrap();
    assert_eq!(answers, [Reported::Written, Reported::Void, Reported::Written, Reported::Written]);
}

pub(super) async fn a_task_that_is_handed_back_is_pending_and_its_dispatch_void(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    world.relay().await;
    world.take_up(task).await;
    assert_eq!(world.report(task, dispatch, Verdict::HandedBack).await, Reported::Written);
    let view = world.view(task).await;
    assert_eq!((view.status, view.node, view.started), (TaskStatus::Pending, None, None));
    assert_eq!(world.claim(world.a, task, dispatch).await, Claimed::Void);
    assert_eq!(world.report(task, dispatch, ended(Outcome::Successful)).await, Reported::Void);
    assert_eq!(world.store.orders(&[(task, dispatch)]).await.unwrap(), [(task, Order::Abandon)]);
    world.pass().await;
    let again = world.message().await;
    assert_eq!(again.task, task);
    assert_ne!(again.dispatch, dispatch);
    assert!(matches!(world.claim(world.a, task, again.dispatch).await, Claimed::Run(_)));
}

pub(super) async fn r8_3_a_canceled_task_that_is_handed_back_is_canceled(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    world.take_up(task).await;
    assert_eq!(world.stage.cancel(&[task]).await.unwrap(), [CancelAnswer::Requested]);
    world.report(task, dispatch, Verdict::HandedBack).await;
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Canceled);
}

pub(super) async fn r8_3_the_worker_of_a_canceled_task_is_told(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    let (other, another) = world.dispatched("deploy").await;
    world.take_up(task).await;
    world.take_up(other).await;
    let running = [(task, dispatch), (other, another)];
    assert_eq!(world.store.orders(&running).await.unwrap(), []);
    assert_eq!(world.stage.cancel(&[task]).await.unwrap(), [CancelAnswer::Requested]);
    assert_eq!(world.store.orders(&running).await.unwrap(), [(task, Order::Cancel)]);
    world.passes().await;
    assert_eq!(world.status(task).await, TaskStatus::Running, "until its worker says that it stopped");
    assert_eq!(world.report(task, dispatch, ended(Outcome::Canceled)).await, Reported::Written);
    assert_eq!(world.status(task).await, TaskStatus::Canceled);
}

pub(super) async fn r8_1_the_worker_of_a_reaped_task_is_told_to_drop_it(subject: Subject) {
    let world = World::new(subject).await;
    let (task, dispatch) = world.dispatched("on-b").await;
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    world.store.leave(world.b).await.unwrap();
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Failed);
    assert_eq!(world.store.orders(&[(task, dispatch)]).await.unwrap(), [(task, Order::Abandon)]);
    assert_eq!(world.report(task, dispatch, ended(Outcome::Successful)).await, Reported::Void);
    assert_eq!(world.status(task).await, TaskStatus::Failed);
}

pub(super) async fn r8_2_an_overdue_dispatch_is_replaced_and_its_message_void(subject: Subject) {
    let rules = json!({ "rules": { "default_groups": ["default"], "dispatch_grace": 0 } });
    let world = World::with(subject, &[rules]).await;
    let (task, dispatch) = world.dispatched("deploy").await;
    world.relay().await;
    a_moment().await;
    assert_eq!(world.pass().await.done.dispatched, 1);
    let again = world.message().await;
    assert_eq!(again.task, task);
    assert_ne!(again.dispatch, dispatch);
    assert_eq!(world.claim(world.a, task, dispatch).await, Claimed::Void, "the old message comes late");
    assert!(matches!(world.claim(world.a, task, again.dispatch).await, Claimed::Run(_)));
}
