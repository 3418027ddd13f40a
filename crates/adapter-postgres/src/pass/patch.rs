//! What a plan changes in the rows of tasks, as one statement.
//!
//! Each row is guarded by the state that the snapshot shows: status, dispatch, whether a cancel was asked for. (A running row
//! needs no dispatch in its guard: only passes give dispatches, and this one holds the lock.) Only a request to cancel holds
//! whatever the task did meanwhile. Rows that
//! workers may have in hand are locked first, in the order of their ids, as claims and reports lock them; pending ones are only
//! changed by cancels besides, which a lock of their own keeps out. Messages to send are inserted from the rows that were really changed, in the order of the plan.

use std::collections::HashSet;

use control_plane::ports::StoreError;
use scheduler_core::{Action, End, Outcome, Place, Placement, State, Task, TaskId, Then};

use crate::row::Columns;
use crate::session::{Params, Session, only};

const WHAT: &str = "committing a plan";

/// The one statement. `verb`: 0 keep, 1 dispatch, 2 run, 3 back to pending, 4 end, 5 ask to cancel.
macro_rules! patch {
    ($locked:literal, $guard:literal, $kept:literal) => {
        concat!(
            "
    WITH patch AS MATERIALIZED (
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::boolean[], $5::smallint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::boolean[], $12::integer[], $13::integer[],
            $14::integer[])
        AS p (id, status, dispatch_id, asked, verb, group_id, node_id, controller_id, outcome, explanation, derived,
            links_from, links_to, position)
    ), locked AS MATERIALIZED (
        SELECT t.id FROM patch p JOIN {schema}.task t ON t.id = p.id AND t.finished IS NULL
",
            $locked,
            "
    ), applied AS (
        UPDATE {schema}.task t SET
            status = CASE p.verb WHEN 0 THEN t.status WHEN 1 THEN 'waiting' WHEN 2 THEN 'running' WHEN 3 THEN 'pending'
                WHEN 4 THEN p.outcome WHEN 5 THEN CASE t.status WHEN 'waiting' THEN 'canceled' ELSE t.status END END,
            dispatch_id = CASE p.verb WHEN 1 THEN nextval('{schema}.dispatch_id') WHEN 3 THEN NULL ELSE t.dispatch_id END,
            dispatched = CASE p.verb WHEN 1 THEN statement_timestamp() WHEN 3 THEN NULL ELSE t.dispatched END,
            group_id = CASE WHEN p.verb IN (1, 3) THEN p.group_id ELSE t.group_id END,
            node_id = CASE WHEN p.verb IN (1, 3) THEN p.node_id ELSE t.node_id END,
            controller_id = CASE WHEN p.verb IN (1, 3) THEN p.controller_id ELSE t.controller_id END,
            started = CASE p.verb WHEN 2 THEN statement_timestamp() ELSE t.started END,
            finished = CASE WHEN p.verb = 4 OR p.verb = 5 AND t.status = 'waiting' THEN statement_timestamp() END,
            explanation = CASE WHEN p.verb = 4 OR p.verb = 5 AND t.status = 'waiting' THEN p.explanation END,
            cancel_requested = t.cancel_requested OR p.verb = 5,
            dependencies_derived = t.dependencies_derived OR p.derived,
            dependencies = CASE WHEN p.links_from <= p.links_to
                THEN COALESCE(t.dependencies, '{}') || ($15::bigint[])[p.links_from:p.links_to] ELSE t.dependencies END
        FROM patch p LEFT JOIN locked l ON l.id = p.id
        WHERE t.id = p.id AND t.finished IS NULL AND (t.status = p.status AND t.cancel_requested = p.asked
            AND (p.dispatch_id IS NULL OR t.dispatch_id = p.dispatch_id)
            OR p.verb = 5)",
            $guard,
            "
        RETURNING t.id, t.dispatch_id, t.kind, t.run_id, t.trace, COALESCE(t.node_id, t.controller_id) AS node_id,
            p.verb, p.position
    ), sent AS (
        INSERT INTO {schema}.outbox (task_id, dispatch_id, node_id, kind, handler, trace)
        -- A message without a handler ends its task, which has nothing to run.
        SELECT a.id, a.dispatch_id, a.node_id, a.kind, COALESCE(r.handler, ''), a.trace
        FROM applied a LEFT JOIN {schema}.run r ON r.id = a.run_id
        WHERE a.verb = 1 ORDER BY a.position
        RETURNING 1
    )
    SELECT (SELECT array_agg(id) FROM applied), (SELECT count(*) FROM sent), ",
            $kept
        )
    };
}

/// Waits for rows that others have in hand.
const PATCH: &str =
    patch!("        WHERE p.status <> 'pending' ORDER BY t.id FOR NO KEY UPDATE OF t", "", "NULL::bigint[]");

/// Leaves them alone and says which they are: it costs a lock on each row before.
const PATCH_FREE: &str = patch!(
    "        ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED",
    " AND l.id IS NOT NULL",
    "(SELECT array_agg(t.id) FROM patch p JOIN {schema}.task t ON t.id = p.id AND t.finished IS NULL
            LEFT JOIN locked l ON l.id = p.id WHERE l.id IS NULL)"
);

/// What is done about rows that somebody else has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// They are waited for, as long as the limits allow.
    Waited,
    /// They are left alone.
    LeftOut,
}

/// What happens to one row.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Nothing but its guard: something else is only written when this row is as it was.
    Keep,
    /// It waits under a new dispatch, there.
    Dispatch(Placement),
    /// It runs at once; nothing is dispatched.
    Run,
    /// It is pending again.
    Pend,
    /// It ends so.
    End(Outcome, String),
    /// It is asked to cancel; while it waits nobody runs it, and it is canceled.
    Ask(String),
}

impl Change {
    /// What a decision changes, if anything.
    pub(super) fn of(action: &Action, task: &Task) -> Option<Self> {
        Some(match action {
            Action::Start(place) => Self::start(*place),
            Action::End(end) => Self::end(end),
            Action::TakeBack(back) => match &back.then {
                Then::Start(place) => Self::start(*place),
                Then::Hold(_) => Self::Pend,
                Then::End(end) => Self::end(end),
            },
            Action::Redispatch(_) => Self::Dispatch(*task.state.placement()?),
            Action::RequestCancel { workflow } => {
                Self::Ask(End::CanceledWithWorkflow { workflow: *workflow }.to_string())
            }
            Action::Hold(_) | Action::Leave(_) => return None,
        })
    }

    fn start(place: Place) -> Self {
        match place {
            Place::Nowhere => Self::Run,
            place => Self::Dispatch(place.into()),
        }
    }

    fn end(end: &End) -> Self {
        Self::End(end.outcome(), end.to_string())
    }

    const fn verb(&self) -> i16 {
        match self {
            Self::Keep => 0,
            Self::Dispatch(_) => 1,
            Self::Run => 2,
            Self::Pend => 3,
            Self::End(..) => 4,
            Self::Ask(_) => 5,
        }
    }
}

/// What happens to one row, and which dependencies are derived for it.
#[derive(Clone, Debug)]
pub(super) struct Patch<'a> {
    pub(super) task: &'a Task,
    pub(super) change: Change,
    /// Ids to add to its dependencies; `None` when nothing was derived.
    pub(super) links: Option<Vec<i64>>,
}

/// What the statement did.
pub(super) struct Patched {
    /// The rows that were as the snapshot shows.
    pub(super) applied: HashSet<TaskId>,
    /// The rows that somebody keeps, whether they have changed or not.
    pub(super) kept: HashSet<TaskId>,
    /// How many messages the outbox got.
    pub(super) sent: usize,
}

impl Patched {
    /// The rows that were not written.
    pub(super) fn missing(&self, patches: &[Patch<'_>]) -> Vec<TaskId> {
        let tasks = patches.iter().map(|patch| patch.task.id);
        tasks.filter(|task| !self.applied.contains(task)).collect()
    }
}

/// Writes the patches, which stand in the order of the plan; `None` when a row was waited for in vain.
pub(super) async fn write(
    session: &Session,
    patches: &[Patch<'_>],
    taken: Taken,
) -> Result<Option<Patched>, StoreError> {
    let columns = Table::of(patches);
    let params: &Params<'_> = &[
        &columns.ids,
        &columns.statuses,
        &columns.dispatches,
        &columns.asked,
        &columns.verbs,
        &columns.groups,
        &columns.nodes,
        &columns.controllers,
        &columns.outcomes,
        &columns.explanations,
        &columns.derived,
        &columns.links_from,
        &columns.links_to,
        &columns.positions,
        &columns.links,
    ];
    let rows = match taken {
        Taken::Waited => session.query_in_time(WHAT, PATCH, params).await?,
        Taken::LeftOut => Some(session.query(WHAT, PATCH_FREE, params).await?),
    };
    let Some(rows) = rows else { return Ok(None) };
    let row = only(WHAT, rows)?;
    let columns = &mut Columns::of(&row);
    let ids = |ids: Option<Vec<i64>>| ids.into_iter().flatten().map(TaskId::new).collect();
    let applied = ids(columns.next()?);
    let sent: i64 = columns.next()?;
    let sent = usize::try_from(sent).unwrap_or_default();
    Ok(Some(Patched { applied, kept: ids(columns.next()?), sent }))
}

/// The patches column by column, as `unnest` takes them.
#[derive(Default)]
struct Table<'a> {
    ids: Vec<i64>,
    statuses: Vec<&'static str>,
    dispatches: Vec<Option<i64>>,
    asked: Vec<bool>,
    verbs: Vec<i16>,
    groups: Vec<Option<i64>>,
    nodes: Vec<Option<i64>>,
    controllers: Vec<Option<i64>>,
    outcomes: Vec<Option<&'static str>>,
    explanations: Vec<Option<&'a str>>,
    derived: Vec<bool>,
    /// The bounds of a row's part of `links`, counted from 1, both included.
    links_from: Vec<i32>,
    links_to: Vec<i32>,
    positions: Vec<i32>,
    links: Vec<i64>,
}

impl<'a> Table<'a> {
    fn of(patches: &'a [Patch<'_>]) -> Self {
        let mut table = Self::default();
        for (position, patch) in patches.iter().enumerate() {
            table.push(position, patch);
        }
        table
    }

    fn push(&mut self, position: usize, patch: &'a Patch<'_>) {
        let task = patch.task;
        self.ids.push(task.id.get());
        let (status, dispatch) = match &task.state {
            State::Pending => ("pending", None),
            State::Waiting(dispatch) => ("waiting", Some(dispatch.id.get())),
            State::Running(_) => ("running", None),
            State::Finished { outcome, .. } => (outcome.token(), None),
        };
        self.statuses.push(status);
        self.dispatches.push(dispatch);
        self.asked.push(task.cancel_requested);
        self.verbs.push(patch.change.verb());
        let place = match &patch.change {
            Change::Dispatch(place) => *place,
            _ => Placement::default(),
        };
        self.groups.push(place.group.map(scheduler_core::GroupId::get));
        self.nodes.push(place.node.map(scheduler_core::InstanceId::get));
        self.controllers.push(place.controller.map(scheduler_core::InstanceId::get));
        let (outcome, explanation) = match &patch.change {
            Change::End(outcome, explanation) => (Some(outcome.token()), Some(explanation.as_str())),
            Change::Ask(explanation) => (None, Some(explanation.as_str())),
            _ => (None, None),
        };
        self.outcomes.push(outcome);
        self.explanations.push(explanation);
        self.derived.push(patch.links.is_some());
        let links = patch.links.as_deref().unwrap_or_default();
        self.links_from.push(count(self.links.len().saturating_add(1)));
        self.links.extend_from_slice(links);
        self.links_to.push(count(self.links.len()));
        self.positions.push(count(position));
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
