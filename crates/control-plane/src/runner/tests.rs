use std::time::Duration;

use scheduler_core::{DispatchId, Kind, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;
use crate::definition::Run;

const GRACE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Resize {
    sizes: Vec<u32>,
}

fn name(text: &str) -> HandlerName {
    HandlerName::try_from(text).expect("a name")
}

fn assignment(handler: &str, payload: Value) -> Assignment {
    Assignment {
        task: TaskId::new(1),
        dispatch: DispatchId::new(7),
        kind: Kind::Job,
        name: "resize".into(),
        run: Run { handler: name(handler), payload },
        slice: None,
        waited: Duration::ZERO,
    }
}

/// Runs a task to its end; told to stop so after a second, if told.
async fn run(handler: Handler, payload: Value, told: Option<Stop>) -> Option<Verdict> {
    let runner = Runner::new(Arc::new(Handlers::default().with(name("resize"), handler)), GRACE);
    let (stop, receiver) = watch::channel(None);
    let telling = async {
        if let Some(told) = told {
            sleep(Duration::from_secs(1)).await;
            stop.send_replace(Some(told));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        verdict = runner.run(assignment("resize", payload), None, receiver) => verdict,
        () = telling => None,
    }
}

fn ended(verdict: Option<Verdict>) -> (Outcome, String) {
    match verdict {
        Some(Verdict::Ended(ended)) => (ended.outcome, ended.explanation),
        other => panic!("not ended: {other:?}"),
    }
}

fn sums() -> Handler {
    Handler::new(|payload: Resize, _| async move {
        match payload.sizes.iter().sum::<u32>() {
            0 => Err("nothing to do"),
            _ => Ok(()),
        }
    })
}

/// Runs until it is told to stop, and then says so.
fn obedient() -> Handler {
    Handler::new(|_: Value, context: Context| async move {
        context.stopped().await;
        Err::<(), _>("stopped in the middle")
    })
}

/// Never ends and never listens.
fn stubborn() -> Handler {
    Handler::new(|_: Value, _| std::future::pending::<()>())
}

#[tokio::test]
async fn a_handler_gets_a_typed_payload_and_its_word_is_the_outcome() {
    assert_eq!(ended(run(sums(), json!({"sizes": [1, 2]}), None).await), (Outcome::Successful, "".into()));
    let failed = ended(run(sums(), json!({"sizes": []}), None).await);
    assert_eq!(failed, (Outcome::Failed, "nothing to do".into()));
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_described_by_its_place_and_not_by_its_value() {
    let (outcome, why) = ended(run(sums(), json!({"sizes": [1, "hunter2"]}), None).await);
    assert_eq!(outcome, Outcome::Error);
    assert_eq!(why, "the payload does not fit the handler at `sizes[1]`: expected u32");
    let (_, why) = ended(run(sums(), json!({}), None).await);
    assert_eq!(why, "the payload does not fit the handler: missing field `sizes`");
}

#[tokio::test]
async fn an_unknown_handler_is_an_error_that_names_the_known_ones() {
    let runner = Runner::new(Arc::new(Handlers::default().with(name("resize"), sums())), GRACE);
    let (_stop, receiver) = watch::channel(None);
    let (outcome, why) = ended(runner.run(assignment("rezise", Value::Null), None, receiver).await);
    assert_eq!(outcome, Outcome::Error);
    assert!(why.contains("\"rezise\"") && why.ends_with("command, resize"), "{why}");
}

fn break_down() {
    panic!("on purpose");
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_task_with_error() {
    let handlers = [
        Handler::new(|_: Value, _| async { break_down() }),
        Handler::new(|_: Value, _| {
            break_down();
            std::future::ready(())
        }),
    ];
    for handler in handlers {
        let end = ended(run(handler, Value::Null, None).await);
        assert_eq!(end, (Outcome::Error, "the handler panicked".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_asked_to_cancel_ends_canceled() {
    let (outcome, why) = ended(run(obedient(), Value::Null, Some(Stop::Cancel)).await);
    assert_eq!((outcome, why.as_str()), (Outcome::Canceled, "it was asked to cancel"));
    let (outcome, why) = ended(run(stubborn(), Value::Null, Some(Stop::Cancel)).await);
    assert_eq!(outcome, Outcome::Canceled);
    assert!(why.contains("was cut off"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn what_is_successful_all_the_same_stays_so() {
    let handler = Handler::new(|_: Value, context: Context| async move { context.stopped().await });
    for told in [Stop::Cancel, Stop::Node] {
        assert_eq!(ended(run(handler.clone(), Value::Null, Some(told)).await).0, Outcome::Successful);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_hands_back_what_may_run_again_and_cancels_the_rest() {
    for handler in [obedient(), stubborn()] {
        let (outcome, why) = ended(run(handler.clone(), Value::Null, Some(Stop::Node)).await);
        assert_eq!(outcome, Outcome::Canceled);
        assert!(why.starts_with("its node stopped before it was done"), "{why}");
        let verdict = run(handler.restartable(), Value::Null, Some(Stop::Node)).await;
        assert_eq!(verdict, Some(Verdict::HandedBack));
    }
}

#[tokio::test(start_paused = true)]
async fn r12_4_what_is_not_ours_any_more_is_cut_off_at_once_and_not_reported() {
    let began = tokio::time::Instant::now();
    assert_eq!(run(stubborn(), Value::Null, Some(Stop::Abandon)).await, None);
    assert!(began.elapsed() < GRACE, "without the grace of a cancel");
}

#[tokio::test(start_paused = true)]
async fn r8_1_what_a_lost_node_cuts_off_is_reported_in_case_nobody_has_failed_it() {
    let began = tokio::time::Instant::now();
    let (outcome, why) = ended(run(stubborn(), Value::Null, Some(Stop::Fence)).await);
    assert_eq!(outcome, Outcome::Failed);
    assert!(why.contains("no contact with the store"), "{why}");
    assert_eq!(
        run(stubborn().restartable(), Value::Null, Some(Stop::Fence)).await,
        Some(Verdict::HandedBack)
    );
    assert!(began.elapsed() < GRACE, "without the grace of a cancel");
}
