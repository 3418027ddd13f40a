//! Tasks as people see them.

use control_plane::ports::{Output, StoreError, StoredHold, TaskFilter, TaskStatus, TaskView};
use scheduler_core::{Priority, TaskId};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::flaw::Flaw;
use crate::pass::task::{own_keys, place};
use crate::row::Columns;
use crate::store::PostgresStore;

/// Nodes bound what they report; who writes rows by hand may not, and an overview holds many.
macro_rules! view {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.name, t.kind, t.status, t.launch_type, t.priority, t.impact, t.created, t.started,
                t.finished, t.group_id, t.node_id, t.controller_id, t.cancel_requested,
                CASE WHEN length(t.explanation) > 2100 THEN left(t.explanation, 2100) || ' …' ELSE t.explanation END, t.workflow_id,
                t.own_keys, h.reason, h.since
            FROM {schema}.task t LEFT JOIN {schema}.held h ON h.task_id = t.id AND t.finished IS NULL ",
            $rest
        )
    };
}

const ONE: &str = view!("WHERE t.id = $1");

/// The order of R1.
const UNFINISHED: &str = view!(
    "WHERE t.finished IS NULL AND t.status = ANY ($1) ORDER BY t.priority DESC, t.created, t.id LIMIT $2"
);

const FINISHED: &str = view!(
    "WHERE t.finished IS NOT NULL AND t.status = ANY ($1) ORDER BY t.finished DESC, t.id DESC LIMIT $2"
);

const OUTPUT: &str = "SELECT text, truncated FROM {schema}.task_output WHERE task_id = $1";

const WHAT: &str = "looking at tasks";

/// What is done about a reason that cannot be read.
pub(super) const NO_REASON: &str = "this reason is not shown";

pub(super) async fn task(store: &PostgresStore, id: TaskId) -> Result<Option<TaskView>, StoreError> {
    let rows = store.session(WHAT).await?.query(WHAT, ONE, &[&id.get()]).await?;
    rows.first().map(|row| view(store, row)).transpose()
}

pub(super) async fn output(store: &PostgresStore, id: TaskId) -> Result<Option<Output>, StoreError> {
    let rows = store.session(WHAT).await?.query(WHAT, OUTPUT, &[&id.get()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let columns = &mut Columns::of(row);
    Ok(Some(Output { text: columns.next()?, truncated: columns.next()? }))
}

/// Unfinished tasks first, then finished ones.
pub(super) async fn tasks(store: &PostgresStore, filter: &TaskFilter) -> Result<Vec<TaskView>, StoreError> {
    let wanted = |finished: bool| -> Vec<&'static str> {
        let all = TaskStatus::ALL.into_iter().filter(|status| status.is_finished() == finished);
        let asked = all.filter(|status| match filter.statuses.as_slice() {
            [] => !finished,
            asked => asked.contains(status),
        });
        asked.map(|status| status.token()).collect()
    };
    let session = store.session(WHAT).await?;
    let mut views: Vec<TaskView> = Vec::new();
    for (statement, statuses) in [(UNFINISHED, wanted(false)), (FINISHED, wanted(true))] {
        let left = filter.limit.saturating_sub(views.len());
        if statuses.is_empty() || left == 0 {
            continue;
        }
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        for row in session.query(WHAT, statement, &[&statuses, &left]).await? {
            views.push(view(store, &row)?);
        }
    }
    Ok(views)
}

fn view(store: &PostgresStore, row: &Row) -> Result<TaskView, StoreError> {
    let (columns, mut flaws) = (&mut Columns::of(row), Vec::new());
    let id = TaskId::new(columns.next()?);
    let view = read(id, columns, &mut flaws);
    store.inner.flaws.say(flaws);
    view.map_err(|error| unreadable(format!("task {id}: {error}")))
}

fn read(id: TaskId, columns: &mut Columns<'_>, flaws: &mut Vec<Flaw>) -> Result<TaskView, StoreError> {
    Ok(TaskView {
        id,
        name: columns.next()?,
        kind: columns.next_token()?,
        status: columns.next_token()?,
        launch_type: columns.next_token()?,
        priority: Priority::new(columns.next()?),
        impact: columns.next_forks()?,
        created: columns.next_time()?,
        started: columns.next_time_if_any()?,
        finished: columns.next_time_if_any()?,
        group: columns.next_id()?,
        node: columns.next_id()?,
        controller: columns.next_id()?,
        cancel_requested: columns.next()?,
        explanation: columns.next::<Option<String>>()?.unwrap_or_default(),
        workflow: columns.next_id()?,
        own_keys: own_keys(id, columns, flaws),
        hold: hold(id, columns, flaws)?,
    })
}

/// A stored hold that cannot be read is not shown.
fn hold(
    id: TaskId,
    columns: &mut Columns<'_>,
    flaws: &mut Vec<Flaw>,
) -> Result<Option<StoredHold>, StoreError> {
    let reason = columns.next_json();
    let since = columns.next_time_if_any()?;
    match reason {
        Ok(reason) => Ok(reason.zip(since).map(|(reason, since)| StoredHold { reason, since })),
        Err(error) => {
            flaws.push(Flaw { row: place(id), why: format!("its hold: {error}"), instead: NO_REASON });
            Ok(None)
        }
    }
}
