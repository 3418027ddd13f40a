//! Definitions: laid over those that are there, checked as a whole, and only what differs is written.
//!
//! One change of definitions at a time, by a lock of their own. Costs reading all definitions, and one statement for each kind
//! that changes.

use std::collections::HashMap;

use control_plane::definition::{Applied, Definition, DefinitionKind, Definitions, Reference, Starts};
use control_plane::ports::StoreError;
use serde::Serialize;
use tokio_postgres::types::Json;

use super::catalogue::{self, Ids};
use super::launchable::{Row, id};
use crate::error::unreadable;
use crate::row::Columns;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;
use crate::turn;

const WHAT: &str = "changing definitions";

const RULES: &str = "
    INSERT INTO {schema}.rules (definition) VALUES ($1)
    ON CONFLICT (one) DO UPDATE SET definition = excluded.definition";

const INSTANCES: &str = "
    INSERT INTO {schema}.instance (hostname, node_type, capacity, enabled)
    SELECT hostname, node_type, capacity, COALESCE(enabled, true)
    FROM jsonb_to_recordset($1) AS i (hostname text, node_type text, capacity bigint, enabled boolean)
    ON CONFLICT (hostname) DO UPDATE
    SET node_type = excluded.node_type, capacity = excluded.capacity, enabled = excluded.enabled
    RETURNING id, hostname";

const GROUPS: &str = "
    INSERT INTO {schema}.instance_group (name, container, max_concurrent_jobs, max_forks)
    SELECT name, COALESCE(container, false), max_concurrent_jobs, max_forks FROM jsonb_to_recordset($1)
        AS g (name text, container boolean, max_concurrent_jobs bigint, max_forks bigint)
    ON CONFLICT (name) DO UPDATE SET container = excluded.container,
        max_concurrent_jobs = excluded.max_concurrent_jobs, max_forks = excluded.max_forks
    RETURNING id, name";

const NO_MEMBERS: &str = "DELETE FROM {schema}.group_member WHERE group_id = ANY ($1)";

/// An instance that is named twice in a group is in it once.
const MEMBERS: &str = "
    INSERT INTO {schema}.group_member (group_id, instance_id, position)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) ON CONFLICT DO NOTHING";

const INVENTORIES: &str = "
    INSERT INTO {schema}.inventory (name, hosts)
    SELECT * FROM jsonb_to_recordset($1) AS i (name text, hosts bigint)
    ON CONFLICT (name) DO UPDATE SET hosts = excluded.hosts
    RETURNING id, name";

const LAUNCHABLES: &str = "
    WITH given AS MATERIALIZED (
        SELECT l.*, CASE WHEN l.handler IS NOT NULL THEN nextval('{schema}.run_id') END AS run_id
        FROM jsonb_to_recordset($1) AS l (kind text, name text, handler text, payload jsonb, groups bigint[],
            priority integer, project_id bigint, inventory_id bigint, update_on_launch boolean, cache_timeout bigint,
            allow_simultaneous boolean, forks bigint, impact bigint, slices bigint, own_keys jsonb)
    ), runs AS (
        INSERT INTO {schema}.run (id, handler, payload)
        SELECT run_id, handler, COALESCE(payload, 'null') FROM given WHERE run_id IS NOT NULL
    )
    INSERT INTO {schema}.launchable (kind, name, run_id, groups, priority, project_id, inventory_id, update_on_launch,
        cache_timeout, allow_simultaneous, forks, impact, slices, own_keys)
    SELECT kind, name, run_id, NULLIF(groups, '{}'), priority, project_id, inventory_id, update_on_launch,
        cache_timeout, allow_simultaneous, forks, impact, slices, NULLIF(own_keys, '[]')
    FROM given
    ON CONFLICT (kind, name) DO UPDATE SET run_id = excluded.run_id, groups = excluded.groups,
        priority = excluded.priority, project_id = excluded.project_id, inventory_id = excluded.inventory_id,
        update_on_launch = excluded.update_on_launch, cache_timeout = excluded.cache_timeout,
        allow_simultaneous = excluded.allow_simultaneous, forks = excluded.forks, impact = excluded.impact,
        slices = excluded.slices, own_keys = excluded.own_keys
    RETURNING id, name";

const NO_NODES: &str = "DELETE FROM {schema}.workflow_node WHERE workflow_id = ANY ($1)";

const NODES: &str = "
    INSERT INTO {schema}.workflow_node
        (workflow_id, node_id, name, starts_id, timeout, convergence, on_success, on_failure, always)
    SELECT workflow_id, node_id, name, starts_id, timeout, convergence, NULLIF(on_success, '{}'),
        NULLIF(on_failure, '{}'), NULLIF(always, '{}')
    FROM jsonb_to_recordset($1) AS n (workflow_id bigint, node_id bigint, name text, starts_id bigint, timeout bigint,
        convergence text, on_success bigint[], on_failure bigint[], always bigint[])";

const NOTIFY: &str = "SELECT pg_notify('{channel}', 'schedule')::text";

/// Begins a change: nobody else changes definitions until it ends.
async fn begin(store: &PostgresStore) -> Result<Session, StoreError> {
    let mut session = store.session(WHAT).await?;
    session.begin(WHAT, Mode::Write, turn::DEFINITIONS).await?;
    Ok(session)
}

/// Lays these definitions over those that are there.
pub(super) async fn define(store: &PostgresStore, given: &Definitions) -> Result<Applied, StoreError> {
    let given = given.kept().map_err(|flaws| StoreError::Refused(flaws.to_string()))?;
    let mut session = begin(store).await?;
    let mut catalogue = catalogue::read(&session, &store.inner.flaws).await?;
    let mut applied = Applied::default();
    let changes = lay_over(&mut catalogue.definitions, &given, &mut applied);
    let dangling: Vec<String> = catalogue.definitions.dangling().iter().map(Reference::to_string).collect();
    if !dangling.is_empty() {
        return Err(StoreError::Refused(dangling.join("\n")));
    }
    if !applied.rules_changed && applied.created.is_empty() && applied.changed.is_empty() {
        session.commit(WHAT).await?;
        return Ok(applied);
    }
    write(&session, &changes, &mut catalogue.ids).await?;
    session.query(WHAT, NOTIFY, &[]).await?;
    session.commit(WHAT).await?;
    Ok(applied)
}

/// Removes one definition that no other names.
pub(super) async fn remove(
    store: &PostgresStore,
    kind: DefinitionKind,
    name: &str,
) -> Result<bool, StoreError> {
    let mut session = begin(store).await?;
    let catalogue = catalogue::read(&session, &store.inner.flaws).await?;
    let Some(id) = catalogue.ids.get(&(kind, name.to_owned())) else { return Ok(false) };
    let references = catalogue.definitions.references().into_iter();
    let users: Vec<String> =
        references.filter(|one| one.of == (kind, name)).map(|one| one.by.to_string()).collect();
    if !users.is_empty() {
        return Err(StoreError::Refused(format!(
            "the {} {name:?} is needed by {}: change or remove that first",
            kind.token(),
            users.join(", ")
        )));
    }
    let table = match kind {
        DefinitionKind::Instance => "instance",
        DefinitionKind::Group => "instance_group",
        DefinitionKind::Inventory => "inventory",
        _ => "launchable",
    };
    session.execute(WHAT, &format!("DELETE FROM {{schema}}.{table} WHERE id = $1"), &[id]).await?;
    session.query(WHAT, NOTIFY, &[]).await?;
    session.commit(WHAT).await?;
    Ok(true)
}

/// Lays `given` over `there`, and returns what is new or different.
fn lay_over(there: &mut Definitions, given: &Definitions, applied: &mut Applied) -> Definitions {
    let rules = given.rules.as_ref().filter(|&rules| there.rules.as_ref() != Some(rules)).cloned();
    if rules.is_some() {
        applied.rules_changed = true;
        there.rules.clone_from(&rules);
    }
    Definitions {
        rules,
        instances: lay(&mut there.instances, &given.instances, applied),
        groups: lay(&mut there.groups, &given.groups, applied),
        projects: lay(&mut there.projects, &given.projects, applied),
        inventories: lay(&mut there.inventories, &given.inventories, applied),
        inventory_sources: lay(&mut there.inventory_sources, &given.inventory_sources, applied),
        job_templates: lay(&mut there.job_templates, &given.job_templates, applied),
        system_jobs: lay(&mut there.system_jobs, &given.system_jobs, applied),
        workflows: lay(&mut there.workflows, &given.workflows, applied),
        ..Definitions::default()
    }
}

fn lay<D: Definition>(there: &mut Vec<D>, given: &[D], applied: &mut Applied) -> Vec<D> {
    let places: HashMap<String, usize> =
        there.iter().enumerate().map(|(at, one)| (one.name().to_owned(), at)).collect();
    let mut changes = Vec::new();
    for one in given {
        let named = (D::KIND, one.name().to_owned());
        match places.get(one.name()).and_then(|&at| there.get_mut(at)) {
            Some(same) if same == one => {
                applied.unchanged = applied.unchanged.saturating_add(1);
                continue;
            }
            Some(other) => {
                *other = one.clone();
                applied.changed.push(named);
            }
            None => {
                there.push(one.clone());
                applied.created.push(named);
            }
        }
        changes.push(one.clone());
    }
    changes
}

/// Writes changes, each kind after those that it names.
async fn write(session: &Session, changes: &Definitions, ids: &mut Ids) -> Result<(), StoreError> {
    if let Some(rules) = &changes.rules {
        session.execute(WHAT, RULES, &[&Json(rules)]).await?;
    }
    put(session, INSTANCES, &changes.instances, DefinitionKind::Instance, ids).await?;
    put(session, GROUPS, &changes.groups, DefinitionKind::Group, ids).await?;
    members(session, changes, ids).await?;
    put(session, INVENTORIES, &changes.inventories, DefinitionKind::Inventory, ids).await?;
    let projects: Vec<Row> = changes.projects.iter().map(|one| Row::project(one, ids)).collect();
    put(session, LAUNCHABLES, &projects, DefinitionKind::Project, ids).await?;
    let sources: Vec<Row> = changes.inventory_sources.iter().map(|one| Row::source(one, ids)).collect();
    put(session, LAUNCHABLES, &sources, DefinitionKind::InventorySource, ids).await?;
    let templates: Vec<Row> = changes.job_templates.iter().map(|one| Row::template(one, ids)).collect();
    put(session, LAUNCHABLES, &templates, DefinitionKind::JobTemplate, ids).await?;
    let jobs: Vec<Row> = changes.system_jobs.iter().map(|one| Row::system_job(one, ids)).collect();
    put(session, LAUNCHABLES, &jobs, DefinitionKind::SystemJob, ids).await?;
    let workflows: Vec<Row> = changes.workflows.iter().map(|one| Row::workflow(one, ids)).collect();
    put(session, LAUNCHABLES, &workflows, DefinitionKind::Workflow, ids).await?;
    graphs(session, changes, ids).await
}

/// Inserts or updates rows of one kind, and learns their ids.
async fn put<T: Serialize>(
    session: &Session,
    statement: &str,
    rows: &[T],
    kind: DefinitionKind,
    ids: &mut Ids,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_value(rows).map_err(unreadable)?;
    for row in session.query(WHAT, statement, &[&json]).await? {
        let columns = &mut Columns::of(&row);
        let id = columns.next()?;
        ids.insert((kind, columns.next()?), id);
    }
    Ok(())
}

async fn members(session: &Session, changes: &Definitions, ids: &Ids) -> Result<(), StoreError> {
    let (mut groups, mut of, mut instances, mut positions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for group in &changes.groups {
        let Some(group_id) = id(ids, DefinitionKind::Group, &group.name) else { continue };
        groups.push(group_id);
        for (position, hostname) in (0_i32..).zip(&group.instances) {
            let Some(instance) = id(ids, DefinitionKind::Instance, hostname) else { continue };
            of.push(group_id);
            instances.push(instance);
            positions.push(position);
        }
    }
    if !groups.is_empty() {
        session.execute(WHAT, NO_MEMBERS, &[&groups]).await?;
        session.execute(WHAT, MEMBERS, &[&of, &instances, &positions]).await?;
    }
    Ok(())
}

/// A node as a row: its id is its place among the nodes of its workflow.
#[derive(Debug, Serialize)]
struct NodeRow<'a> {
    workflow_id: i64,
    node_id: i64,
    name: &'a str,
    starts_id: Option<i64>,
    timeout: Option<u32>,
    convergence: &'static str,
    on_success: Vec<i64>,
    on_failure: Vec<i64>,
    always: Vec<i64>,
}

async fn graphs(session: &Session, changes: &Definitions, ids: &Ids) -> Result<(), StoreError> {
    let (mut workflows, mut rows) = (Vec::new(), Vec::new());
    for workflow in &changes.workflows {
        let Some(workflow_id) = id(ids, DefinitionKind::Workflow, &workflow.name) else { continue };
        workflows.push(workflow_id);
        let places: HashMap<&str, i64> =
            workflow.nodes.iter().map(|node| node.name.as_str()).zip(1_i64..).collect();
        let children = |names: &[String]| -> Vec<i64> {
            names.iter().filter_map(|name| places.get(name.as_str()).copied()).collect()
        };
        for (node_id, node) in (1_i64..).zip(&workflow.nodes) {
            let timeout = match &node.starts {
                Starts::Approval { timeout, .. } => timeout.map(scheduler_core::Seconds::get),
                _ => None,
            };
            rows.push(NodeRow {
                workflow_id,
                node_id,
                name: &node.name,
                starts_id: node.starts.named().and_then(|(kind, name)| id(ids, kind, name)),
                timeout,
                convergence: node.convergence.token(),
                on_success: children(&node.on_success),
                on_failure: children(&node.on_failure),
                always: children(&node.always),
            });
        }
    }
    if !workflows.is_empty() {
        session.execute(WHAT, NO_NODES, &[&workflows]).await?;
        session.execute(WHAT, NODES, &[&Json(&rows)]).await?;
    }
    Ok(())
}
