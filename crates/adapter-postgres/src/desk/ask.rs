//! Requests to cancel, and words on approvals.

use std::collections::HashMap;

use control_plane::ports::{Answer, Answered, CancelAnswer, StoreError};
use scheduler_core::TaskId;

use crate::config::Lock;
use crate::row::Columns;
use crate::store::PostgresStore;

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

/// Asks to cancel these.
pub(super) async fn cancel(store: &PostgresStore, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError> {
    const WHAT: &str = "asking to cancel";
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let mut session = store.session(WHAT).await?;
    let key = store.inner.schema.lock(Lock::Pending);
    session.begin(WHAT, &format!("BEGIN; SELECT pg_advisory_xact_lock_shared({key})")).await?;
    let ids: Vec<i64> = tasks.iter().map(|task| task.get()).collect();
    let mut answers: HashMap<TaskId, CancelAnswer> = HashMap::new();
    let mut orders = false;
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
        orders |= dispatched && status == "running";
        answers.insert(task, answer);
    }
    let changed = |answer: &CancelAnswer| matches!(answer, CancelAnswer::Requested | CancelAnswer::Canceled);
    if answers.values().any(changed) {
        let wakes = if orders { "schedule,orders" } else { "schedule" };
        session.query(WHAT, NOTIFY, &[&wakes]).await?;
    }
    session.commit(WHAT).await?;
    Ok(tasks.iter().map(|task| answers.get(task).copied().unwrap_or(CancelAnswer::Unknown)).collect())
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
