//! Claims, reports and orders: one statement each for a whole batch, fenced by the dispatch.
//!
//! A claim share-locks its instance's row, so that it either comes before the node's next life begins, which then fails what
//! it took, or takes nothing. It takes only what is meant for its node, so that a task is reaped with whoever took it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use control_plane::definition::{HandlerName, Run};
use control_plane::ports::{
    Assignment, Claimed, Claims, Ended, Membership, Order, Report, Reported, Slice, SliceNumber, StoreError,
    Verdict, Work,
};
use scheduler_core::{DispatchId, Outcome, TaskId};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::row::Columns;
use crate::store::PostgresStore;

/// What is needed to run a task, of rows named `t`.
macro_rules! assignment {
    () => {
        "t.id, t.dispatch_id, t.kind, t.name, r.handler, r.payload,
            GREATEST(extract(epoch FROM t.started - t.dispatched), 0)::float8, s.number, s.slices"
    };
}

/// What a task runs, which is nothing where somebody deleted that, and which slice it is: the workflow jobs of slices are those that come from a job template.
macro_rules! and_what_it_runs {
    () => {
        " LEFT JOIN {schema}.run r ON r.id = t.run_id
            LEFT JOIN LATERAL (
                SELECT n.node_id AS number,
                    (SELECT count(*) FROM {schema}.node every WHERE every.workflow_id = n.workflow_id) AS slices
                FROM {schema}.node n JOIN {schema}.task w ON w.id = n.workflow_id AND w.template_id IS NOT NULL
                WHERE n.workflow_id = t.workflow_id AND n.job_id = t.id
            ) s ON true "
    };
}

/// A task of a shared queue has nobody who answers for it until somebody takes it: the taker is its controller from then on,
/// so that it is reaped with the taker (R8.1).
const CLAIM: &str = concat!(
    "WITH alive AS MATERIALIZED (
        SELECT id FROM {schema}.instance WHERE id = $3 AND incarnation = $4 FOR SHARE
    ), locked AS MATERIALIZED (
        SELECT t.id FROM {schema}.task t CROSS JOIN alive
        WHERE t.id = ANY ($1) AND t.status = 'waiting' AND COALESCE(t.node_id, t.controller_id, $3) = $3
            AND EXISTS (SELECT FROM unnest($1::bigint[], $2::bigint[]) AS asked (id, dispatch_id)
                WHERE asked.id = t.id AND asked.dispatch_id = t.dispatch_id)
        ORDER BY t.id FOR NO KEY UPDATE OF t
    ), t AS (
        UPDATE {schema}.task t SET
            status = CASE WHEN t.cancel_requested THEN 'canceled' ELSE 'running' END,
            started = CASE WHEN t.cancel_requested THEN NULL ELSE clock_timestamp() END,
            finished = CASE WHEN t.cancel_requested THEN clock_timestamp() END,
            explanation = CASE WHEN t.cancel_requested THEN 'it was asked to cancel' END,
            taken_by = $3, incarnation = $4,
            controller_id = CASE WHEN t.node_id IS NULL THEN COALESCE(t.controller_id, $3) ELSE t.controller_id END
        FROM locked WHERE t.id = locked.id
        RETURNING t.id, t.dispatch_id, t.kind, t.name, t.run_id, t.started, t.dispatched, t.status, t.workflow_id
    )
    SELECT ",
    assignment!(),
    " FROM t",
    and_what_it_runs!(),
    "WHERE t.status = 'running'"
);

/// What this life of this node took before: the answer to that claim may have been lost. One row without a task when that is
/// nothing, and none when the life is over.
const TAKEN: &str = concat!(
    "SELECT ",
    assignment!(),
    " FROM {schema}.instance alive LEFT JOIN ({schema}.task t",
    and_what_it_runs!(),
    ") ON t.id = ANY ($1) AND t.status = 'running' AND t.taken_by = $3 AND t.incarnation = $4
        AND EXISTS (SELECT FROM unnest($1::bigint[], $2::bigint[]) AS asked (id, dispatch_id)
            WHERE asked.id = t.id AND asked.dispatch_id = t.dispatch_id)
    WHERE alive.id = $3 AND alive.incarnation = $4"
);

const REPORT: &str = "
    WITH report AS MATERIALIZED (
        SELECT DISTINCT ON (id) * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[])
            WITH ORDINALITY AS r (id, dispatch_id, outcome, explanation, output, truncated, position)
        ORDER BY id, position
    ), locked AS MATERIALIZED (
        SELECT r.* FROM report r JOIN {schema}.task t
            ON t.id = r.id AND t.dispatch_id = r.dispatch_id AND t.status = 'running'
        ORDER BY r.id FOR NO KEY UPDATE OF t
    ), done AS (
        UPDATE {schema}.task t SET
            status = COALESCE(l.outcome, 'pending'),
            finished = CASE WHEN l.outcome IS NOT NULL THEN clock_timestamp() END,
            explanation = NULLIF(l.explanation, ''),
            dispatch_id = CASE WHEN l.outcome IS NOT NULL THEN t.dispatch_id END,
            dispatched = CASE WHEN l.outcome IS NOT NULL THEN t.dispatched END,
            group_id = CASE WHEN l.outcome IS NOT NULL THEN t.group_id END,
            node_id = CASE WHEN l.outcome IS NOT NULL THEN t.node_id END,
            controller_id = CASE WHEN l.outcome IS NOT NULL THEN t.controller_id END,
            taken_by = CASE WHEN l.outcome IS NOT NULL THEN t.taken_by END,
            incarnation = CASE WHEN l.outcome IS NOT NULL THEN t.incarnation END,
            started = CASE WHEN l.outcome IS NOT NULL THEN t.started END
        FROM locked l WHERE t.id = l.id
        RETURNING t.id
    ), printed AS (
        INSERT INTO {schema}.task_output (task_id, text, truncated)
        SELECT l.id, l.output, l.truncated FROM locked l JOIN done ON done.id = l.id WHERE l.output IS NOT NULL
    )
    SELECT ids, (SELECT pg_notify('{channel}', 'schedule') WHERE ids IS NOT NULL)::text
    FROM (SELECT array_agg(id) AS ids FROM done) AS written";

const ORDERS: &str = "
    SELECT asked.id, t.id IS NOT NULL
    FROM unnest($1::bigint[], $2::bigint[]) AS asked (id, dispatch_id)
        LEFT JOIN {schema}.task t ON t.id = asked.id AND t.dispatch_id = asked.dispatch_id AND t.status = 'running'
    WHERE t.id IS NULL OR t.cancel_requested";

#[async_trait]
impl Work for PostgresStore {
    async fn claim(&self, by: Membership, dispatches: &[(TaskId, DispatchId)]) -> Result<Claims, StoreError> {
        const WHAT: &str = "claiming tasks";
        if dispatches.is_empty() {
            return Ok(Claims::Answered(Vec::new()));
        }
        let (tasks, fences) = columns(dispatches);
        let (instance, incarnation) = (by.instance.get(), by.incarnation.0);
        let session = self.session(WHAT).await?;
        let params: &crate::session::Params<'_> = &[&tasks, &fences, &instance, &incarnation];
        let mut claims = Answers::default();
        claims.add(&session.query(WHAT, CLAIM, params).await?)?;
        let mut is_member = true;
        if !claims.answer_all(dispatches) {
            let rows = session.query(WHAT, TAKEN, params).await?;
            is_member = !rows.is_empty();
            claims.add(&rows)?;
        }
        drop(session);
        // Taken already, and nobody will run them.
        self.report(&claims.unreadable).await?;
        Ok(if is_member { Claims::Answered(claims.of(dispatches)) } else { Claims::Replaced })
    }

    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, StoreError> {
        const WHAT: &str = "reporting results";
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let mut table = Reports::default();
        reports.iter().for_each(|report| table.push(report));
        let session = self.session(WHAT).await?;
        let params: &crate::session::Params<'_> = &[
            &table.tasks,
            &table.dispatches,
            &table.outcomes,
            &table.explanations,
            &table.outputs,
            &table.truncated,
        ];
        let row = session.one(WHAT, REPORT, params).await?;
        let written: Option<Vec<i64>> = Columns::of(&row).next()?;
        let mut written: HashSet<i64> = written.into_iter().flatten().collect();
        // Of several reports of one task in a batch the first is the one that was written.
        let answer = |report: &Report| {
            if written.remove(&report.task.get()) { Reported::Written } else { Reported::Void }
        };
        Ok(reports.iter().map(answer).collect())
    }

    async fn orders(&self, running: &[(TaskId, DispatchId)]) -> Result<Vec<(TaskId, Order)>, StoreError> {
        const WHAT: &str = "asking for orders";
        if running.is_empty() {
            return Ok(Vec::new());
        }
        let (tasks, fences) = columns(running);
        let rows = self.session(WHAT).await?.query(WHAT, ORDERS, &[&tasks, &fences]).await?;
        let order = |row: &Row| {
            let columns = &mut Columns::of(row);
            let task = TaskId::new(columns.next()?);
            let runs: bool = columns.next()?;
            Ok((task, if runs { Order::Cancel } else { Order::Abandon }))
        };
        rows.iter().map(order).collect()
    }
}

/// What the rows of a claim say.
#[derive(Default)]
struct Answers {
    taken: HashMap<(TaskId, DispatchId), Assignment>,
    /// Of tasks that were taken and that nobody can run.
    unreadable: Vec<Report>,
}

impl Answers {
    fn add(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            let columns = &mut Columns::of(row);
            let (task, dispatch) = (columns.next_id::<TaskId>()?, columns.next_id::<DispatchId>()?);
            let Some((task, dispatch)) = task.zip(dispatch) else { continue };
            match assignment(task, dispatch, columns) {
                Ok(assignment) => drop(self.taken.insert((task, dispatch), assignment)),
                Err(error) => self.unreadable.push(cannot_run(task, dispatch, &error)),
            }
        }
        Ok(())
    }

    fn answer_all(&self, dispatches: &[(TaskId, DispatchId)]) -> bool {
        let failed = |asked| self.unreadable.iter().any(|one| (one.task, one.dispatch) == asked);
        dispatches.iter().all(|asked| self.taken.contains_key(asked) || failed(*asked))
    }

    /// The answers in the order of the questions.
    fn of(&self, dispatches: &[(TaskId, DispatchId)]) -> Vec<Claimed> {
        let answer = |asked| match self.taken.get(asked) {
            Some(assignment) => Claimed::Run(Box::new(assignment.clone())),
            None => Claimed::Void,
        };
        dispatches.iter().map(answer).collect()
    }
}

fn columns(pairs: &[(TaskId, DispatchId)]) -> (Vec<i64>, Vec<i64>) {
    pairs.iter().map(|(task, dispatch)| (task.get(), dispatch.get())).unzip()
}

/// A task that was taken and whose row says nothing that could be run, such as a number beyond what a payload can hold.
fn cannot_run(task: TaskId, dispatch: DispatchId, error: &StoreError) -> Report {
    tracing::error!(%task, %dispatch, %error, "what a task runs cannot be read: it ends with an error");
    let why = format!("what it runs cannot be read: {error}");
    Report { task, dispatch, verdict: Verdict::Ended(Ended::because(Outcome::Error, why)) }
}

/// The rest of a row after the task and its dispatch.
fn assignment(
    task: TaskId,
    dispatch: DispatchId,
    columns: &mut Columns<'_>,
) -> Result<Assignment, StoreError> {
    let kind = columns.next_token()?;
    let name = columns.next()?;
    let handler: &str = columns.next()?;
    let handler =
        HandlerName::try_from(handler).map_err(|error| unreadable(format!("task {task}: {error}")))?;
    let payload = columns.next()?;
    let waited = Duration::try_from_secs_f64(columns.next()?).unwrap_or_default();
    let (number, slices): (Option<i64>, Option<i64>) = (columns.next()?, columns.next()?);
    let count = |number: i64| u32::try_from(number).ok().map(SliceNumber);
    let slice = number.and_then(count).zip(slices.and_then(count)).map(|(number, of)| Slice { number, of });
    Ok(Assignment { task, dispatch, kind, name, run: Run { handler, payload }, slice, waited })
}

/// Reports column by column, as `unnest` takes them.
#[derive(Default)]
struct Reports {
    tasks: Vec<i64>,
    dispatches: Vec<i64>,
    /// `None` for a task that is handed back.
    outcomes: Vec<Option<&'static str>>,
    explanations: Vec<String>,
    outputs: Vec<Option<String>>,
    truncated: Vec<bool>,
}

impl Reports {
    fn push(&mut self, report: &Report) {
        self.tasks.push(report.task.get());
        self.dispatches.push(report.dispatch.get());
        let ended = match &report.verdict {
            Verdict::Ended(ended) => Some(ended),
            Verdict::HandedBack => None,
        };
        let output = ended.and_then(|ended| ended.output.as_ref());
        self.outcomes.push(ended.map(|ended| ended.outcome.token()));
        self.explanations.push(ended.map(|ended| without_nul(&ended.explanation)).unwrap_or_default());
        self.outputs.push(output.map(|output| without_nul(&output.text)));
        self.truncated.push(output.is_some_and(|output| output.truncated));
    }
}

/// PostgreSQL keeps no U+0000 in texts; what a program printed must not keep its end from being reported.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
