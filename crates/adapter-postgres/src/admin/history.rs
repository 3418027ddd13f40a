//! The past, page by page: two statements a page, in one transaction.
//!
//! A page walks the tasks in the order of their ids from where the last one ended, so all pages together cost one walk.

use std::collections::HashMap;

use control_plane::ports::{HistoryFilter, PastTask, PastWait, StoreError};
use scheduler_core::{Placement, TaskId};
use tokio_postgres::Row;

use super::view::NO_REASON;
use crate::flaw::Flaw;
use crate::pass::task::{PAST, PAST_SINCE, next_task, place};
use crate::row::{Columns, Shared};
use crate::session::{Mode, Params};
use crate::store::PostgresStore;

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
    session.begin(WHAT, Mode::Read, "SET LOCAL jit = off").await?;
    let after = filter.after.map_or(i64::MIN, TaskId::get);
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let rows = match filter.since {
        None => session.query(WHAT, PAST, &[&after, &filter.until, &limit]).await?,
        Some(since) => session.query(WHAT, PAST_SINCE, &[&after, &filter.until, &limit, &since]).await?,
    };
    let (mut shared, mut flaws) = (Shared::default(), Vec::new());
    let read = rows.iter().map(|row| past(row, &mut shared, &mut flaws));
    let mut page = read.collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<i64> = page.iter().map(|past| past.task.id.get()).collect();
    let params: &Params<'_> = &[&ids];
    let mut waits: HashMap<TaskId, Vec<PastWait>> = HashMap::new();
    for row in session.query(WHAT, WAITS, params).await? {
        let (task, wait) = wait(&row, &mut flaws)?;
        waits.entry(task).or_default().extend(wait);
    }
    session.commit(WHAT).await?;
    store.inner.flaws.say(flaws);
    for past in &mut page {
        past.waits = waits.remove(&past.task.id).unwrap_or_default();
    }
    Ok(page)
}

fn past(row: &Row, shared: &mut Shared, flaws: &mut Vec<Flaw>) -> Result<PastTask, StoreError> {
    let columns = &mut Columns::of(row);
    let task = next_task(columns, shared, flaws)?;
    Ok(PastTask {
        task,
        dispatched: columns.next_time_if_any()?,
        started: columns.next_time_if_any()?,
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

/// A stretch of waiting; none where its reason cannot be read.
fn wait(row: &Row, flaws: &mut Vec<Flaw>) -> Result<(TaskId, Option<PastWait>), StoreError> {
    let columns = &mut Columns::of(row);
    let task = TaskId::new(columns.next()?);
    let (since, until) = (columns.next_time()?, columns.next_time_if_any()?);
    match columns.next_json() {
        Ok(reason) => Ok((task, reason.map(|reason| PastWait { reason, since, until }))),
        Err(error) => {
            let why = format!("what it waited for: {error}");
            flaws.push(Flaw { row: place(task), why, instead: NO_REASON });
            Ok((task, None))
        }
    }
}
