//! The tasks that a plan creates: updates that others need (R4.3), and jobs of nodes (R7.3).
//!
//! The plan says what they are; name, groups, impact, keys and what to run come from their definitions, and an approval's
//! `expires` from its node.

use control_plane::ports::StoreError;
use scheduler_core::{Create, Kind, Origin, TaskRef, Timestamp, Work, WorkflowOf};

use crate::row::Columns;
use crate::session::Session;

const WHAT: &str = "creating the tasks of a plan";

const IDS: &str = "SELECT nextval('{schema}.task_id') FROM generate_series(1, $1::bigint)";

const CREATE: &str = "
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[], $6::boolean[],
            $7::integer[], $8::integer[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::boolean[],
            $21::text[])
        AS c (id, kind, launch_type, priority, created, derived, links_from, links_to, failed, origin_id, workflow_id,
            node_id, launchable_id, project_id, inventory_id, template_id, workflow_template_id, source_id,
            source_project_id, allow_simultaneous, update_type)
    ), filled AS MATERIALIZED (
        SELECT c.*, l.id AS of_id, l.groups, o.trace,
            CASE WHEN n.timeout IS NOT NULL THEN LEAST(GREATEST(n.timeout, 0), 4294967295) END AS timeout,
            CASE WHEN {schema}.are_own_keys(l.own_keys) THEN l.own_keys END AS own_keys,
            -- Slices run what their workflow job was launched with.
            COALESCE(CASE WHEN o.id = c.workflow_id THEN o.run_id END, l.run_id) AS run_id,
            COALESCE(l.name, n.name, '') AS name,
            CASE c.kind WHEN 'job' THEN COALESCE(l.impact, {schema}.job_impact(i.hosts, l.forks))
                WHEN 'ad_hoc_command' THEN {schema}.job_impact(i.hosts, l.forks)
                WHEN 'system_job' THEN 5 WHEN 'workflow_job' THEN 0 WHEN 'workflow_approval' THEN 0 ELSE 1 END AS impact,
            -- A definition that was removed since the snapshot leaves nothing to run.
            COALESCE(c.failed, CASE WHEN l.id IS NULL AND c.kind <> 'workflow_approval'
                THEN 'what it was to be made from is not defined any more'
                WHEN c.kind = 'job' AND NOT {schema}.are_own_keys(l.own_keys)
                THEN 'the own keys of its definition cannot be read' END) AS failure
        FROM new c
            LEFT JOIN {schema}.node n ON n.workflow_id = c.workflow_id AND n.node_id = c.node_id
            LEFT JOIN {schema}.launchable l ON l.id = COALESCE(c.launchable_id, n.starts_id)
            LEFT JOIN {schema}.inventory i ON i.id = c.inventory_id
            LEFT JOIN {schema}.task o ON o.id = c.origin_id
    )
    INSERT INTO {schema}.task (id, name, kind, launch_type, priority, impact, created, dependencies_derived, dependencies,
        allow_simultaneous, run_id, project_id, inventory_id, template_id, workflow_template_id, source_id,
        source_project_id, update_type, expires, groups, own_keys, trace, workflow_id, status, finished, explanation)
    SELECT id, name, kind, launch_type, priority, impact, created, derived,
        CASE WHEN links_from <= links_to THEN ($22::bigint[])[links_from:links_to] END,
        allow_simultaneous, run_id, project_id, inventory_id, template_id, workflow_template_id, source_id,
        source_project_id, update_type,
        CASE kind WHEN 'workflow_approval' THEN statement_timestamp() + make_interval(secs => timeout) END,
        groups, CASE kind WHEN 'job' THEN own_keys END, trace, workflow_id,
        CASE WHEN failure IS NULL THEN 'pending' ELSE 'failed' END,
        CASE WHEN failure IS NOT NULL THEN statement_timestamp() END, failure
    FROM filled ORDER BY id";

const GRAPHS: &str = "SELECT {schema}.copy_nodes($1)";

/// Ids for so many new tasks.
pub(super) async fn ids(session: &Session, count: usize) -> Result<Vec<i64>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    session.query(WHAT, IDS, &[&count]).await?.iter().map(|row| Columns::of(row).next()).collect()
}

/// A task to create, with everything that other rows decided.
pub(super) struct New<'a> {
    pub(super) id: i64,
    pub(super) create: &'a Create,
    /// The existing task or workflow job that it is for, whose trace it belongs to.
    pub(super) origin: Option<i64>,
    pub(super) created: Timestamp,
    /// Its dependencies; `None` when one of them is left out, so that the next pass derives them anew.
    pub(super) links: Option<Vec<i64>>,
}

/// Creates them, with the graphs of those that are workflow jobs.
pub(super) async fn write(session: &Session, new: &[New<'_>]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut table = Table::default();
    new.iter().for_each(|new| table.push(new));
    session
        .execute(
            WHAT,
            CREATE,
            &[
                &table.ids,
                &table.kinds,
                &table.launch_types,
                &table.priorities,
                &table.created,
                &table.derived,
                &table.links_from,
                &table.links_to,
                &table.failed,
                &table.origins,
                &table.workflows,
                &table.nodes,
                &table.launchables,
                &table.projects,
                &table.inventories,
                &table.templates,
                &table.workflow_templates,
                &table.sources,
                &table.source_projects,
                &table.simultaneous,
                &table.update_types,
                &table.links,
            ],
        )
        .await?;
    let is_workflow =
        |new: &&New<'_>| new.create.work.kind() == Kind::WorkflowJob && new.create.failed.is_none();
    let workflows: Vec<i64> = new.iter().filter(is_workflow).map(|new| new.id).collect();
    if !workflows.is_empty() {
        session.query(WHAT, GRAPHS, &[&workflows]).await?;
    }
    Ok(())
}

/// The new tasks column by column, as `unnest` takes them.
#[derive(Default)]
struct Table {
    ids: Vec<i64>,
    kinds: Vec<&'static str>,
    launch_types: Vec<&'static str>,
    priorities: Vec<i32>,
    created: Vec<Timestamp>,
    derived: Vec<bool>,
    links_from: Vec<i32>,
    links_to: Vec<i32>,
    failed: Vec<Option<String>>,
    origins: Vec<Option<i64>>,
    workflows: Vec<Option<i64>>,
    nodes: Vec<Option<i64>>,
    launchables: Vec<Option<i64>>,
    projects: Vec<Option<i64>>,
    inventories: Vec<Option<i64>>,
    templates: Vec<Option<i64>>,
    workflow_templates: Vec<Option<i64>>,
    sources: Vec<Option<i64>>,
    source_projects: Vec<Option<i64>>,
    simultaneous: Vec<bool>,
    update_types: Vec<Option<&'static str>>,
    links: Vec<i64>,
}

impl Table {
    fn push(&mut self, new: &New<'_>) {
        let create = new.create;
        self.ids.push(new.id);
        self.kinds.push(create.work.kind().token());
        self.launch_types.push(create.launch_type.token());
        self.priorities.push(create.priority.get());
        self.created.push(new.created);
        self.derived.push(create.dependencies_derived && new.links.is_some());
        self.links_from.push(count(self.links.len().saturating_add(1)));
        self.links.extend(new.links.iter().flatten());
        self.links_to.push(count(self.links.len()));
        self.failed.push(create.failed.as_ref().map(ToString::to_string));
        self.origins.push(new.origin);
        let (workflow, node) = match create.origin {
            Origin::Node { workflow, node } => (Some(workflow.get()), Some(node.get())),
            Origin::Dependency { .. } => (None, None),
        };
        self.workflows.push(workflow);
        self.nodes.push(node);
        self.push_work(&create.work, matches!(create.origin, Origin::Dependency { .. }));
    }

    fn push_work(&mut self, work: &Work, needed: bool) {
        let keys = Keys::of(work);
        self.launchables.push(if needed { keys.update_of } else { None });
        self.projects.push(keys.project);
        self.inventories.push(keys.inventory);
        self.templates.push(keys.template);
        self.workflow_templates.push(keys.workflow_template);
        self.sources.push(keys.source);
        self.source_projects.push(keys.source_project);
        self.simultaneous.push(keys.simultaneous);
        self.update_types.push(keys.update_type);
    }
}

/// What a task is, as columns.
#[derive(Default)]
struct Keys {
    project: Option<i64>,
    inventory: Option<i64>,
    template: Option<i64>,
    workflow_template: Option<i64>,
    source: Option<i64>,
    source_project: Option<i64>,
    simultaneous: bool,
    update_type: Option<&'static str>,
    /// The definition that an update is of.
    update_of: Option<i64>,
}

impl Keys {
    fn of(work: &Work) -> Self {
        let keys = Self::default();
        match work {
            Work::Job { project, inventory, template, allow_simultaneous, .. } => Self {
                project: project.map(scheduler_core::ProjectId::get),
                inventory: inventory.map(scheduler_core::InventoryId::get),
                template: template.map(scheduler_core::JobTemplateId::get),
                simultaneous: *allow_simultaneous,
                ..keys
            },
            Work::ProjectUpdate { project, job_type } => {
                let project = project.map(scheduler_core::ProjectId::get);
                Self { project, update_of: project, update_type: Some(job_type.token()), ..keys }
            }
            Work::InventoryUpdate { source, inventory, source_project } => {
                let source = source.map(scheduler_core::InventorySourceId::get);
                Self {
                    source,
                    update_of: source,
                    inventory: inventory.map(scheduler_core::InventoryId::get),
                    source_project: source_project.map(scheduler_core::ProjectId::get),
                    ..keys
                }
            }
            Work::AdHocCommand { inventory } => {
                Self { inventory: inventory.map(scheduler_core::InventoryId::get), ..keys }
            }
            Work::SystemJob {} | Work::WorkflowApproval { .. } => keys,
            Work::WorkflowJob { of, allow_simultaneous } => {
                let keys = Self { simultaneous: *allow_simultaneous, ..keys };
                match of {
                    WorkflowOf::Template(template) => Self {
                        workflow_template: template.map(scheduler_core::WorkflowTemplateId::get),
                        ..keys
                    },
                    WorkflowOf::Slices(template) => {
                        Self { template: template.map(scheduler_core::JobTemplateId::get), ..keys }
                    }
                }
            }
        }
    }
}

/// The existing task or workflow job that a creation is for, through others of the same plan.
pub(super) fn origin(creates: &[Create], create: &Create) -> Option<i64> {
    let mut origin = create.origin;
    for _ in 0..=creates.len() {
        match origin {
            Origin::Node { workflow, .. } => return Some(workflow.get()),
            Origin::Dependency { of: TaskRef::Task { id, .. } } => return Some(id.get()),
            Origin::Dependency { of: TaskRef::New { id, .. } } => origin = creates.get(id.position())?.origin,
        }
    }
    None
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
