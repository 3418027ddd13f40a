//! Rows of `task` into the tasks of a snapshot.

use control_plane::ports::{StoreError, TaskStatus};
use scheduler_core::{
    Dispatch, DispatchId, Kind, OwnKey, Placement, Priority, ProjectUpdateType, State, Task, TaskId, Work,
    WorkflowOf,
};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::flaw::Flaw;
use crate::row::{Columns, Shared};

/// The columns in the order in which [`task`] reads them. A running task is where its taker is, whatever place the pass gave it (a
/// claim keeps the two the same, other clients need not), so that it is lost with its taker (R8.1).
macro_rules! columns {
    ($more:literal) => {
        concat!(
            "SELECT t.id, t.name, t.created, t.priority, t.impact, t.launch_type, t.groups, t.dependencies,
            t.dependencies_derived, t.cancel_requested, t.own_keys,
            t.kind, t.project_id, t.inventory_id, t.template_id, t.workflow_template_id, t.source_id,
            t.source_project_id, t.allow_simultaneous, t.update_type, t.sources_already_updated, t.expires,
            t.status, t.dispatch_id, t.dispatched, t.group_id,
            CASE WHEN t.status = 'running' AND t.node_id IS NOT NULL THEN COALESCE(t.taken_by, t.node_id) ELSE t.node_id END,
            CASE WHEN t.status = 'running' AND t.node_id IS NULL THEN COALESCE(t.taken_by, t.controller_id)
                ELSE t.controller_id END,
            t.finished",
            $more,
            " FROM {schema}.task t"
        )
    };
}

macro_rules! past {
    () => {
        concat!(
            columns!(
                ", t.dispatched, t.started, t.group_id, t.node_id, t.controller_id, t.explanation, t.workflow_id"
            ),
            " WHERE t.id > $1 AND t.created < COALESCE($2::timestamptz, 'infinity')"
        )
    };
}

/// All that a pass may have to decide about.
pub(super) const UNFINISHED: &str = concat!(columns!(""), " WHERE t.finished IS NULL");

/// Finished tasks that unfinished ones depend on.
pub(super) const BY_ID: &str = concat!(columns!(""), " WHERE t.finished IS NOT NULL AND t.id = ANY ($1)");

/// A page of the past from its very beginning, with what a snapshot does not show; all of one order, whatever is launched
/// meanwhile.
pub(crate) const PAST: &str = concat!(past!(), " ORDER BY t.id LIMIT $3");

/// A page of the past from some moment.
pub(crate) const PAST_SINCE: &str =
    concat!(past!(), " AND (t.finished >= $4 OR t.finished IS NULL) ORDER BY t.id LIMIT $3");

/// Reads one row. Own keys that cannot be read say what a task must not run beside: one that is pending cannot be read
/// then, so that it never starts; of any other, nothing is taken for excluded by them.
pub(super) fn task(row: &Row, shared: &mut Shared, flaws: &mut Vec<Flaw>) -> Result<Task, StoreError> {
    let task = next_task(&mut Columns::of(row), shared, flaws)?;
    let is_flawed = flaws.last().is_some_and(|flaw| flaw.row == place(task.id));
    match flaws.pop_if(|_| is_flawed && task.state == State::Pending) {
        Some(flaw) => Err(unreadable(flaw.why)),
        None => Ok(task),
    }
}

/// Reads the columns of a task; what follows them is the caller's.
pub(crate) fn next_task(
    columns: &mut Columns<'_>,
    shared: &mut Shared,
    flaws: &mut Vec<Flaw>,
) -> Result<Task, StoreError> {
    let id = TaskId::new(columns.next()?);
    Ok(Task {
        id,
        name: shared.name(columns.next()?),
        created: columns.next_time()?,
        priority: Priority::new(columns.next()?),
        impact: columns.next_forks()?,
        launch_type: columns.next_token()?,
        groups: shared.groups(columns)?,
        dependencies: columns.next_ids()?,
        dependencies_derived: columns.next()?,
        cancel_requested: columns.next()?,
        own_keys: own_keys(id, columns, flaws).into(),
        work: work(columns)?,
        state: state(columns)?,
    })
}

/// The own keys of a task; none, and a flaw, where they cannot be read.
pub(crate) fn own_keys(id: TaskId, columns: &mut Columns<'_>, flaws: &mut Vec<Flaw>) -> Vec<OwnKey> {
    columns
        .next_json()
        .unwrap_or_else(|error| {
            let why = format!("own_keys: {error}");
            flaws.push(Flaw { row: place(id), why, instead: "nothing is excluded by its own keys" });
            None
        })
        .unwrap_or_default()
}

/// What a row is called.
pub(crate) fn place(id: TaskId) -> String {
    format!("task {id}")
}

fn work(columns: &mut Columns<'_>) -> Result<Work, StoreError> {
    let kind: Kind = columns.next_token()?;
    let project = columns.next_id()?;
    let inventory = columns.next_id()?;
    let template = columns.next_id()?;
    let workflow_template = columns.next_id()?;
    let source = columns.next_id()?;
    let source_project = columns.next_id()?;
    let allow_simultaneous = columns.next()?;
    let update_type: Option<&str> = columns.next()?;
    let sources_already_updated = columns.next_ids()?;
    let expires = columns.next_time_if_any()?;
    Ok(match kind {
        Kind::Job => Work::Job { project, inventory, template, allow_simultaneous, sources_already_updated },
        Kind::ProjectUpdate => {
            let private = update_type == Some("run");
            let job_type = if private { ProjectUpdateType::Run } else { ProjectUpdateType::Check };
            Work::ProjectUpdate { project, job_type }
        }
        Kind::InventoryUpdate => Work::InventoryUpdate { source, inventory, source_project },
        Kind::AdHocCommand => Work::AdHocCommand { inventory },
        Kind::SystemJob => Work::SystemJob {},
        Kind::WorkflowJob if template.is_some() => {
            Work::WorkflowJob { of: WorkflowOf::Slices(template), allow_simultaneous }
        }
        Kind::WorkflowJob => {
            Work::WorkflowJob { of: WorkflowOf::Template(workflow_template), allow_simultaneous }
        }
        Kind::WorkflowApproval => Work::WorkflowApproval { expires },
    })
}

fn state(columns: &mut Columns<'_>) -> Result<State, StoreError> {
    let status: &str = columns.next()?;
    let dispatch = columns.next_id::<DispatchId>()?;
    let dispatched = columns.next_time_if_any()?;
    let placement =
        Placement { group: columns.next_id()?, node: columns.next_id()?, controller: columns.next_id()? };
    let finished = columns.next_time_if_any()?;
    let found = status.parse().map_err(|error| unreadable(format!("{status:?}: {error}")))?;
    Ok(match (found, dispatch, dispatched) {
        (TaskStatus::Pending, ..) => State::Pending,
        (TaskStatus::Waiting, Some(id), Some(since)) => {
            State::Waiting(Box::new(Dispatch { id, since, placement }))
        }
        (TaskStatus::Waiting, ..) => return Err(unreadable("it waits without a dispatch")),
        (TaskStatus::Running, ..) => State::Running(Box::new(placement)),
        _ => {
            let outcome = status.parse().map_err(|_| unreadable("no outcome"))?;
            State::Finished { outcome, at: finished }
        }
    })
}
