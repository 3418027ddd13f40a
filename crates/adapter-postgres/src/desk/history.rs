//! The past, page by page: two statements a page, in one transaction.
//!
//! A page walks the tasks in the order of their ids from where the last one ended, so all pages together cost one walk.

use std::collections::HashMap;

use control_plane::ports::{HistoryFilter, PastTask, PastWait, StoreError};
use scheduler_core::{Placement, TaskId};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::pass::task::{PAST, PAST_SINCE, next_task};
use crate::row::{Columns, Shared};
use crate::session::Params;
use crate::store::PostgresStore;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off";

/// What is over, and what goes on.
const WAITS: &str = "
    SELECT task_id, since, finished, reason FROM {schema}.past_wait WHERE task_id = ANY ($1)
    UNION ALL
    SELECT h.task_id, h.since, NULL, h.reason
    FROM {schema}.held h JOIN {schema}.task t ON t.id = h.task_id AND t.finished IS NULL
    WHERE h.task_id = ANY ($1)
    ORDER BY 1, 2, 3";

const WHAT: &str = "looking at the past";

pub(super) async fn history(
    store: &PostgresStore,
    filter: &HistoryFilter,
) -> Result<Vec<PastTask>, StoreError> {
    let mut session = store.session(WHAT).await?;
    session.begin(WHAT, BEGIN).await?;
    let after = filter.after.map_or(i64::MIN, TaskId::get);
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let rows = match filter.since {
        None => session.query(WHAT, PAST, &[&after, &filter.until, &limit]).await?,
        Some(since) => session.query(WHAT, PAST_SINCE, &[&after, &filter.until, &limit, &since]).await?,
    };
    let mut shared = Shared::default();
    let mut page = rows.iter().map(|row| past(row, &mut shared)).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<i64> = page.iter().map(|past| past.task.id.get()).collect();
    let params: &Params<'_> = &[&ids];
    let mut waits: HashMap<TaskId, Vec<PastWait>> = HashMap::new();
    for row in session.query(WHAT, WAITS, params).await? {
        let (task, wait) = wait(&row)?;
        waits.entry(task).or_default().push(wait);
    }
    session.commit(WHAT).await?;
    for past in &mut page {
        past.waits = waits.remove(&past.task.id).unwrap_or_default();
    }
    Ok(page)
}

fn past(row: &Row, shared: &mut Shared) -> Result<PastTask, StoreError> {
    let columns = &mut Columns::of(row);
    let task = next_task(columns, shared)?;
    Ok(PastTask {
        task,
        dispatched: columns.next()?,
        started: columns.next()?,
        placement: Placement {
            group: columns.next_id()?,
            node: columns.next_id()?,
            controller: columns.next_id()?,
        },
        explanation: columns.next::<Option<String>>()?.unwrap_or_default(),
        workflow: columns.next_id()?,
        waits: Vec::new(),
    })
}

fn wait(row: &Row) -> Result<(TaskId, PastWait), StoreError> {
    let columns = &mut Columns::of(row);
    let task = TaskId::new(columns.next()?);
    let (since, until) = (columns.next()?, columns.next()?);
    let reason = serde_json::from_value(columns.next()?)
        .map_err(|error| unreadable(format!("task {task}: what it waited for: {error}")))?;
    Ok((task, PastWait { reason, since, until }))
}
