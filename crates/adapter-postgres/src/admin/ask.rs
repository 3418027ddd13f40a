//! Requests to cancel, and words on approvals.

use std::collections::HashMap;

use control_plane::ports::{Answer, Answered, CancelAnswer, StoreError};
use scheduler_core::TaskId;

use crate::limits::{FOR_A_ROW, millis};
use crate::row::Columns;
use crate::session::Mode;
use crate::store::PostgresStore;
use crate::turn;

/// Tells what each row was, and writes the request where it was unfinished. A waiting task is run by nobody yet.
const CANCEL: &str = "
    WITH locked AS MATERIALIZED (
        SELECT id, status, kind FROM {schema}.task WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE
    ), asked AS (
        UPDATE {schema}.task t SET
            cancel_requested = true,
            status = CASE l.status WHEN 'waiting' THEN 'canceled' ELSE l.status END,
            finished = CASE l.status WHEN 'waiting' THEN clock_timestamp() END,
            explanation = CASE l.status WHEN 'waiting' THEN 'it was asked to cancel' END
        FROM locked l WHERE t.id = l.id AND l.status IN ('pending', 'waiting', 'running')
    )
    SELECT id, status, kind NOT IN ('workflow_job', 'workflow_approval') FROM locked";

const NOTIFY: &str = "SELECT pg_notify('{channel}', $1)::text";

const ANSWER: &str = "
    WITH answered AS (
        UPDATE {schema}.task SET status = $2, finished = clock_timestamp(), explanation = $3
        WHERE id = $1 AND kind = 'workflow_approval' AND status = 'running'
        RETURNING id
    )
    SELECT (SELECT count(*) FROM answered) > 0, EXISTS (SELECT FROM {schema}.task WHERE id = $1),
        (SELECT pg_notify('{channel}', 'schedule') FROM answered)::text";

/// So many are asked in one transaction: its answers fit into what a connection takes unread, so that a client that was stopped
/// cannot keep it open by not reading them.
const PORTION: usize = 500;

/// Asks to cancel these, in portions; asking again changes nothing.
pub(super) async fn cancel(store: &PostgresStore, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError> {
    let mut answers: HashMap<TaskId, CancelAnswer> = HashMap::new();
    for portion in tasks.chunks(PORTION) {
        cancel_portion(store, portion, &mut answers).await?;
    }
    Ok(tasks.iter().map(|task| answers.get(task).copied().unwrap_or(CancelAnswer::Unknown)).collect())
}

async fn cancel_portion(
    store: &PostgresStore,
    tasks: &[TaskId],
    answers: &mut HashMap<TaskId, CancelAnswer>,
) -> Result<(), StoreError> {
    const WHAT: &str = "asking to cancel";
    let mut session = store.session(WHAT).await?;
    let row = millis(FOR_A_ROW);
    let then = format!("{}; SET LOCAL lock_timeout = {row}", turn::PENDING_SHARED);
    session.begin(WHAT, Mode::Write, &then).await?;
    let ids: Vec<i64> = tasks.iter().map(|task| task.get()).collect();
    let (mut changed, mut orders) = (false, false);
    for row in session.query(WHAT, CANCEL, &[&ids]).await? {
        let columns = &mut Columns::of(&row);
        let task = TaskId::new(columns.next()?);
        let status: &str = columns.next()?;
        let dispatched: bool = columns.next()?;
        let answer = match status {
            "pending" | "running" => CancelAnswer::Requested,
            "waiting" => CancelAnswer::Canceled,
            _ => CancelAnswer::AlreadyFinished,
        };
        changed |= matches!(answer, CancelAnswer::Requested | CancelAnswer::Canceled);
        orders |= dispatched && status == "running";
        answers.insert(task, answer);
    }
    if changed {
        let wakes = if orders { "schedule,orders" } else { "schedule" };
        session.query(WHAT, NOTIFY, &[&wakes]).await?;
    }
    session.commit(WHAT).await
}

/// Records a person's word on an approval.
pub(super) async fn answer(
    store: &PostgresStore,
    approval: TaskId,
    answer: Answer,
) -> Result<Answered, StoreError> {
    const WHAT: &str = "answering an approval";
    let (status, explanation) = match answer {
        Answer::Approve => ("successful", "it was approved"),
        Answer::Deny => ("failed", "it was denied"),
    };
    let session = store.session(WHAT).await?;
    let row = session.one(WHAT, ANSWER, &[&approval.get(), &status, &explanation]).await?;
    let columns = &mut Columns::of(&row);
    let (answered, known): (bool, bool) = (columns.next()?, columns.next()?);
    Ok(match (answered, known) {
        (true, _) => Answered::Recorded,
        (false, true) => Answered::NotWaiting,
        (false, false) => Answered::Unknown,
    })
}
