//! One consistent snapshot, with the rules to go by.
//!
//! Costs one scan of the index of unfinished tasks and one row each of them, whatever else the tables hold. The statements go out
//! together and are answered one after the other.

use std::collections::{HashMap, HashSet};

use control_plane::definition::RulesDefinition;
use control_plane::ports::{Reading, StoreError};
use futures_util::try_join;
use scheduler_core::{
    Instance, InstanceGroup, InventorySource, LastUpdate, Members, Project, RuleSet, Seconds, Snapshot,
    SnapshotVersion, Task, TaskCount, TaskId,
};
use tokio_postgres::Row;

use super::graph;
use super::task;
use crate::error::unreadable;
use crate::flaw::Flaw;
use crate::row::{Columns, Shared};
use crate::session::{Mode, Params, Session};

const WHAT: &str = "reading the snapshot";

/// No just-in-time compilation: it would take longer than the statements.
const THEN: &str = "
    SET LOCAL jit = off;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_bitmapscan = off";

const NOW: &str = "SELECT clock_timestamp(), (SELECT definition FROM {schema}.rules)";

const PROJECTS: &str = "
    SELECT l.id, l.cache_timeout, u.id, u.status, u.finished
    FROM {schema}.launchable l LEFT JOIN LATERAL (
        SELECT id, status, finished FROM {schema}.task
        WHERE project_id = l.id AND finished IS NOT NULL AND kind = 'project_update' AND update_type = 'check'
            AND launch_type <> 'sync'
        ORDER BY finished DESC, id DESC LIMIT 1
    ) u ON true
    WHERE l.kind = 'project' AND l.update_on_launch";

const SOURCES: &str = "
    SELECT l.id, l.cache_timeout, u.id, u.status, u.finished, l.inventory_id, l.project_id
    FROM {schema}.launchable l LEFT JOIN LATERAL (
        SELECT id, status, finished FROM {schema}.task
        WHERE source_id = l.id AND finished IS NOT NULL AND kind = 'inventory_update' AND launch_type <> 'sync'
        ORDER BY finished DESC, id DESC LIMIT 1
    ) u ON true
    WHERE l.kind = 'inventory-source' AND l.update_on_launch";

const INSTANCES: &str = "SELECT id, hostname, node_type, capacity, enabled AND takes_work, last_heartbeat FROM {schema}.instance ORDER BY id";

const GROUPS: &str = "
    SELECT g.id, g.name, g.container, g.max_concurrent_jobs, g.max_forks,
        ARRAY(SELECT m.instance_id FROM {schema}.group_member m WHERE m.group_id = g.id ORDER BY m.position)
    FROM {schema}.instance_group g ORDER BY g.id";

const DIGESTS: &str = "SELECT task_id, digest FROM {schema}.held";

/// The digests of stored holds, by task.
pub(super) type Digests = HashMap<TaskId, i64>;

/// What was read.
pub(super) struct Read {
    pub(super) reading: Reading,
    pub(super) digests: Digests,
    /// The unfinished tasks that are not in the snapshot, since their rows cannot be read.
    pub(super) left_out: Vec<(TaskId, StoreError)>,
    pub(super) flaws: Vec<Flaw>,
}

/// Reads everything in one transaction, and ends it. A row that cannot be read is left out and touches no other (R11).
pub(super) async fn read(mut session: Session) -> Result<Read, StoreError> {
    session.begin(WHAT, Mode::Read, THEN).await?;
    let all = |statement| session.query(WHAT, statement, &[] as &Params<'_>);
    let (now, mut tasks, projects, sources, instances, groups, workflows, nodes, digests) = try_join!(
        session.one(WHAT, NOW, &[]),
        unfinished(&session),
        all(PROJECTS),
        all(SOURCES),
        all(INSTANCES),
        all(GROUPS),
        all(graph::WORKFLOWS),
        all(graph::NODES),
        all(DIGESTS),
    )?;
    dependencies(&session, &mut tasks).await?;
    session.commit(WHAT).await?;
    let Tasks { tasks, left_out, mut flaws, .. } = tasks;

    let groups: Vec<InstanceGroup> = each(&groups, group)?;
    let columns = &mut Columns::of(&now);
    let now = columns.next_time()?;
    let rules = rule_set(columns.next()?, &groups)?;
    let snapshot = Snapshot {
        version: SnapshotVersion,
        now,
        tasks,
        projects: each(&projects, project)?,
        inventory_sources: each(&sources, source)?,
        instances: each(&instances, instance)?,
        groups,
        graphs: graph::graphs(&workflows, &nodes, &mut flaws)?,
    };
    let digests = each(&digests, |columns| Ok((TaskId::new(columns.next()?), columns.next()?)))?;
    let digests = digests.into_iter().collect();
    Ok(Read { reading: Reading { snapshot, rules }, digests, left_out, flaws })
}

fn each<T>(
    rows: &[Row],
    mut read: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Tasks, and what was found on the way.
#[derive(Default)]
struct Tasks {
    tasks: Vec<Task>,
    /// What they share stays at hand for those that they depend on.
    shared: Shared,
    left_out: Vec<(TaskId, StoreError)>,
    flaws: Vec<Flaw>,
}

impl Tasks {
    fn take(&mut self, row: &Row) {
        match task::task(row, &mut self.shared, &mut self.flaws) {
            Ok(task) => self.tasks.push(task),
            Err(error) => self.left_out.extend(row.try_get(0).map(|id| (TaskId::new(id), error))),
        }
    }
}

/// The unfinished tasks, decoded as they come.
async fn unfinished(session: &Session) -> Result<Tasks, StoreError> {
    let mut tasks = Tasks::default();
    session.each(WHAT, task::UNFINISHED, &[], |row| tasks.take(row)).await?;
    // They come in the order of their places in the table, which is nearly the same; but places change, and the same tasks are
    // to give the same snapshot.
    tasks.tasks.sort_by_key(|task| task.id);
    Ok(tasks)
}

/// Adds the finished tasks that the others depend on.
async fn dependencies(session: &Session, all: &mut Tasks) -> Result<(), StoreError> {
    let tasks = &all.tasks;
    if tasks.iter().all(|task| task.dependencies.is_empty()) {
        return Ok(());
    }
    let here: HashSet<TaskId> = tasks.iter().map(|task| task.id).collect();
    let wanted: HashSet<TaskId> =
        tasks.iter().flat_map(|task| &task.dependencies).copied().filter(|id| !here.contains(id)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let wanted: Vec<i64> = wanted.into_iter().map(TaskId::get).collect();
    for row in session.query(WHAT, task::BY_ID, &[&wanted]).await? {
        all.take(&row);
    }
    Ok(())
}

fn rule_set(definition: Option<serde_json::Value>, groups: &[InstanceGroup]) -> Result<RuleSet, StoreError> {
    let definition = match definition {
        Some(json) => {
            serde_json::from_value(json).map_err(|error| unreadable(format!("the rules: {error}")))?
        }
        None => RulesDefinition::default(),
    };
    let named = |name: &str| groups.iter().find(|group| group.name == name).map(|group| group.id);
    definition.resolve(named).map_err(unreadable)
}

fn last_update(columns: &mut Columns<'_>) -> Result<Option<LastUpdate>, StoreError> {
    let task = columns.next_id()?;
    let outcome: Option<&str> = columns.next()?;
    let at = columns.next_time_if_any()?;
    let (Some(task), Some(outcome)) = (task, outcome) else { return Ok(None) };
    let outcome =
        outcome.parse().map_err(|_| unreadable(format!("task {task} has finished without an outcome")))?;
    Ok(Some(LastUpdate { task, outcome, at }))
}

fn project(columns: &mut Columns<'_>) -> Result<Project, StoreError> {
    Ok(Project {
        id: columns.next::<i64>()?.into(),
        update_on_launch: true,
        cache_timeout: Seconds::new(columns.next_u32()?),
        last_update: last_update(columns)?,
    })
}

fn source(columns: &mut Columns<'_>) -> Result<InventorySource, StoreError> {
    let id = columns.next::<i64>()?.into();
    let cache_timeout = Seconds::new(columns.next_u32()?);
    let last_update = last_update(columns)?;
    Ok(InventorySource {
        id,
        inventory: columns.next::<i64>()?.into(),
        update_on_launch: true,
        cache_timeout,
        source_project: columns.next_id()?,
        last_update,
    })
}

fn instance(columns: &mut Columns<'_>) -> Result<Instance, StoreError> {
    Ok(Instance {
        id: columns.next::<i64>()?.into(),
        hostname: columns.next()?,
        node_type: columns.next_token()?,
        capacity: columns.next_forks()?,
        enabled: columns.next()?,
        last_heartbeat: columns.next_time_if_any()?,
    })
}

fn group(columns: &mut Columns<'_>) -> Result<InstanceGroup, StoreError> {
    let id = columns.next::<i64>()?.into();
    let name = columns.next()?;
    let container: bool = columns.next()?;
    let max_concurrent_jobs = TaskCount::new(columns.next_u32()?);
    let max_forks = columns.next_forks()?;
    let instances = columns.next_ids()?;
    let members = if container { Members::Container } else { Members::Instances(instances) };
    Ok(InstanceGroup { id, name, members, max_concurrent_jobs, max_forks })
}
