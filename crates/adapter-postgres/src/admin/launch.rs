//! Launches: all of a call in one call of the SQL function that every client can use.

use std::collections::BTreeSet;
use std::fmt;

use control_plane::ports::{Launch, Launchable, StoreError};
use scheduler_core::{OwnKey, TaskId};
use serde::Serialize;
use serde_json::Value;

use crate::row::Columns;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;

const WHAT: &str = "launching tasks";

const LAUNCH: &str = "SELECT {schema}.launch_all($1)";

/// First locks what the new tasks depend on: a purge that comes later keeps it, and one that came before has removed it
/// when this goes on, so that the launch is refused.
const LAUNCH_AFTER: &str = "
    WITH held AS MATERIALIZED (
        SELECT id FROM {schema}.task WHERE id = ANY ($2) ORDER BY id FOR KEY SHARE
    )
    SELECT {schema}.launch_all($1) FROM (SELECT count(*) FROM held) AS locked";

/// A launch as the SQL function takes it.
#[derive(Serialize)]
struct Request<'a> {
    kind: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<i64>,
    launch_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    forks: Option<u32>,
    #[serde(skip_serializing_if = "<[OwnKey]>::is_empty")]
    own_keys: &'a [OwnKey],
}

/// Without the payload, which may hold secrets; the driver asks for `Debug` and never uses it.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    fn of(launch: &'a Launch) -> Self {
        let (kind, name) = match &launch.of {
            Launchable::JobTemplate(name) => ("template", name),
            Launchable::Project(name) => ("project", name),
            Launchable::InventorySource(name) => ("inventory-source", name),
            Launchable::SystemJob(name) => ("system-job", name),
            Launchable::Workflow(name) => ("workflow", name),
            Launchable::AdHocCommand { inventory, .. } => ("ad-hoc-command", inventory),
        };
        let mut request = Self {
            kind,
            name,
            priority: launch.priority.map(scheduler_core::Priority::get),
            payload: launch.payload.clone(),
            depends_on: launch.dependencies.iter().map(|task| task.get()).collect(),
            launch_type: launch.launch_type.token(),
            trace: launch.trace.as_ref().map(control_plane::ports::TraceContext::as_str),
            handler: None,
            groups: &[],
            forks: None,
            own_keys: &launch.own_keys,
        };
        if let Launchable::AdHocCommand { run, groups, forks, .. } = &launch.of {
            request.handler = Some(run.handler.as_str());
            request.payload = Some(run.clone().with(launch.payload.as_ref()).payload);
            request.groups = groups;
            request.forks = *forks;
        }
        request
    }
}

/// So many are taken at once when somebody watches: a moment's work.
const PORTION: usize = 5_000;

/// Launches these in portions of one transaction, and tells of each.
pub(super) async fn launch_many(
    store: &PostgresStore,
    launches: &[Launch],
    taken: &(dyn Fn(usize) + Send + Sync),
) -> Result<Vec<TaskId>, StoreError> {
    Launch::check(launches)?;
    let mut session = store.session(WHAT).await?;
    session.begin(WHAT, Mode::Write, "").await?;
    let mut ids = Vec::with_capacity(launches.len());
    for portion in launches.chunks(PORTION) {
        ids.extend(send(&session, portion).await?);
        taken(ids.len());
    }
    session.commit(WHAT).await?;
    Ok(ids)
}

/// Launches these, all or none.
pub(super) async fn launch(store: &PostgresStore, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError> {
    if launches.is_empty() {
        return Ok(Vec::new());
    }
    Launch::check(launches)?;
    send(&store.session(WHAT).await?, launches).await
}

/// All of these in one call of the SQL function.
async fn send(session: &Session, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError> {
    let requests: Vec<Request<'_>> = launches.iter().map(Request::of).collect();
    let requests = tokio_postgres::types::Json(requests);
    let depended: BTreeSet<i64> =
        launches.iter().flat_map(|launch| &launch.dependencies).map(|task| task.get()).collect();
    let row = if depended.is_empty() {
        session.one(WHAT, LAUNCH, &[&requests]).await?
    } else {
        let depended: Vec<i64> = depended.into_iter().collect();
        session.one(WHAT, LAUNCH_AFTER, &[&requests, &depended]).await?
    };
    Columns::of(&row).next_ids()
}
