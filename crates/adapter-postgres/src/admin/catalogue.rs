//! Everything that is defined, read back as it was written, with the ids that the store gave.

use std::collections::HashMap;

use control_plane::definition::{
    DefinitionKind, Definitions, GroupDefinition, HandlerName, InstanceDefinition, InventoryDefinition,
    InventorySourceDefinition, JobTemplateDefinition, NodeDefinition, ProjectDefinition, Run, Starts,
    SystemJobDefinition, WorkflowDefinition,
};
use control_plane::ports::StoreError;
use scheduler_core::{OwnKey, Priority, Seconds, TaskCount};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::flaw::{Flaw, Flaws};
use crate::row::Columns;
use crate::session::Session;

const WHAT: &str = "reading the definitions";

const RULES: &str = "SELECT definition FROM {schema}.rules";

const INSTANCES: &str =
    "SELECT id, hostname, node_type, capacity, enabled FROM {schema}.instance ORDER BY id";

const GROUPS: &str = "
    SELECT g.id, g.name, g.container, g.max_concurrent_jobs, g.max_forks,
        ARRAY(SELECT i.hostname FROM {schema}.group_member m JOIN {schema}.instance i ON i.id = m.instance_id
            WHERE m.group_id = g.id ORDER BY m.position)
    FROM {schema}.instance_group g ORDER BY g.id";

const INVENTORIES: &str = "SELECT id, name, hosts FROM {schema}.inventory ORDER BY id";

const LAUNCHABLES: &str = "
    SELECT l.kind, l.id, l.name, r.handler, r.payload,
        ARRAY(SELECT g.name FROM unnest(l.groups) WITH ORDINALITY AS named (id, position)
            JOIN {schema}.instance_group g ON g.id = named.id ORDER BY named.position),
        l.priority, p.name, i.name, l.update_on_launch, l.cache_timeout, l.allow_simultaneous, l.forks, l.impact, l.slices,
        l.own_keys
    FROM {schema}.launchable l
        LEFT JOIN {schema}.run r ON r.id = l.run_id
        LEFT JOIN {schema}.launchable p ON p.id = l.project_id
        LEFT JOIN {schema}.inventory i ON i.id = l.inventory_id
    ORDER BY l.id";

const NODES: &str = "
    SELECT n.workflow_id, n.node_id, n.name, l.kind, l.name, n.timeout, n.convergence, n.on_success, n.on_failure, n.always
    FROM {schema}.workflow_node n LEFT JOIN {schema}.launchable l ON l.id = n.starts_id
    ORDER BY n.workflow_id, n.node_id";

/// Ids by kind and name.
pub(super) type Ids = HashMap<(DefinitionKind, String), i64>;

/// Everything that is defined.
#[derive(Default)]
pub(super) struct Catalogue {
    pub(super) definitions: Definitions,
    pub(super) ids: Ids,
    flaws: Vec<Flaw>,
}

/// Reads everything, each kind in the order in which it was defined. What cannot be read is as if it were not given, so that it can
/// be defined anew.
pub(super) async fn read(session: &Session, flaws: &Flaws) -> Result<Catalogue, StoreError> {
    let mut catalogue = Catalogue::default();
    if let Some(row) = session.query(WHAT, RULES, &[]).await?.first() {
        let rules = Columns::of(row).next_json();
        catalogue.definitions.rules = catalogue.known("the rules", rules);
    }
    for row in session.query(WHAT, INSTANCES, &[]).await? {
        catalogue.instance(&mut Columns::of(&row))?;
    }
    for row in session.query(WHAT, GROUPS, &[]).await? {
        catalogue.group(&mut Columns::of(&row))?;
    }
    for row in session.query(WHAT, INVENTORIES, &[]).await? {
        let columns = &mut Columns::of(&row);
        let (id, name): (i64, String) = (columns.next()?, columns.next()?);
        catalogue.ids.insert((DefinitionKind::Inventory, name.clone()), id);
        let hosts = columns.next_u32()?;
        catalogue.definitions.inventories.push(InventoryDefinition { name, hosts });
    }
    let mut nodes: HashMap<i64, Vec<NodeDefinition>> = HashMap::new();
    let rows = session.query(WHAT, NODES, &[]).await?;
    for same in rows.chunk_by(|one, next| workflow(one) == workflow(next)) {
        let (workflow, graph) = graph(same)?;
        nodes.insert(workflow, graph);
    }
    for row in session.query(WHAT, LAUNCHABLES, &[]).await? {
        catalogue.launchable(&mut Columns::of(&row), &mut nodes)?;
    }
    flaws.say(catalogue.flaws.drain(..));
    Ok(catalogue)
}

impl Catalogue {
    /// What was read, if it could be.
    fn known<T>(&mut self, row: &str, read: Result<Option<T>, StoreError>) -> Option<T> {
        read.unwrap_or_else(|error| {
            let (row, why) = (row.to_owned(), error.to_string());
            self.flaws.push(Flaw { row, why, instead: "it is as if it were not given" });
            None
        })
    }

    fn instance(&mut self, columns: &mut Columns<'_>) -> Result<(), StoreError> {
        let (id, hostname): (i64, String) = (columns.next()?, columns.next()?);
        self.ids.insert((DefinitionKind::Instance, hostname.clone()), id);
        let node_type = columns.next_token()?;
        let capacity = columns.next_forks()?;
        let enabled = columns.next()?;
        self.definitions.instances.push(InstanceDefinition { hostname, node_type, capacity, enabled });
        Ok(())
    }

    fn group(&mut self, columns: &mut Columns<'_>) -> Result<(), StoreError> {
        let (id, name): (i64, String) = (columns.next()?, columns.next()?);
        self.ids.insert((DefinitionKind::Group, name.clone()), id);
        let container = columns.next()?;
        let max_concurrent_jobs = TaskCount::new(columns.next_u32()?);
        let max_forks = columns.next_forks()?;
        let instances = columns.next()?;
        let group = GroupDefinition { name, instances, container, max_concurrent_jobs, max_forks };
        self.definitions.groups.push(group);
        Ok(())
    }

    fn launchable(
        &mut self,
        columns: &mut Columns<'_>,
        nodes: &mut HashMap<i64, Vec<NodeDefinition>>,
    ) -> Result<(), StoreError> {
        let kind: &str = columns.next()?;
        let row = self.row(columns)?;
        let kind = kind_of(kind)?;
        self.ids.insert((kind, row.name.clone()), row.id);
        if kind == DefinitionKind::Workflow {
            let nodes = nodes.remove(&row.id).unwrap_or_default();
            let Launchable { name, allow_simultaneous, priority, .. } = row;
            let workflow = WorkflowDefinition { name, allow_simultaneous, priority, nodes };
            self.definitions.workflows.push(workflow);
            return Ok(());
        }
        let run = row
            .run
            .clone()
            .ok_or_else(|| unreadable(format!("{} {:?} has nothing to run", kind.token(), row.name)))?;
        let Launchable { name, groups, update_on_launch, cache_timeout, project, inventory, .. } = row;
        let (run, run_time, endings) = (Some(run), None, None);
        match kind {
            DefinitionKind::Project => {
                self.definitions.projects.push(ProjectDefinition {
                    name,
                    update_on_launch,
                    cache_timeout,
                    groups,
                    run,
                    run_time,
                    endings,
                });
            }
            DefinitionKind::InventorySource => {
                let inventory =
                    inventory.ok_or_else(|| unreadable(format!("source {name:?} has no inventory")))?;
                self.definitions.inventory_sources.push(InventorySourceDefinition {
                    name,
                    inventory,
                    update_on_launch,
                    cache_timeout,
                    source_project: project,
                    groups,
                    run,
                    run_time,
                    endings,
                });
            }
            DefinitionKind::SystemJob => {
                self.definitions.system_jobs.push(SystemJobDefinition {
                    name,
                    groups,
                    run,
                    run_time,
                    endings,
                });
            }
            _ => self.definitions.job_templates.push(JobTemplateDefinition {
                name,
                project,
                inventory,
                allow_simultaneous: row.allow_simultaneous,
                forks: row.forks,
                impact: row.impact.map(scheduler_core::Forks::new),
                slices: row.slices,
                priority: row.priority,
                groups,
                own_keys: row.own_keys,
                run,
                run_time,
                endings,
            }),
        }
        Ok(())
    }
}

/// One row of `launchable`, whatever its kind.
struct Launchable {
    id: i64,
    name: String,
    run: Option<Run>,
    groups: Vec<String>,
    priority: Priority,
    project: Option<String>,
    inventory: Option<String>,
    update_on_launch: bool,
    cache_timeout: Seconds,
    allow_simultaneous: bool,
    forks: Option<u32>,
    impact: Option<u32>,
    slices: u32,
    own_keys: Vec<OwnKey>,
}

impl Catalogue {
    fn row(&mut self, columns: &mut Columns<'_>) -> Result<Launchable, StoreError> {
        let (id, name): (i64, String) = (columns.next()?, columns.next()?);
        let handler: Option<&str> = columns.next()?;
        let payload = self.known(&format!("what {name:?} runs"), columns.next_json()).unwrap_or_default();
        let handler = handler.map(HandlerName::try_from).transpose().map_err(unreadable)?;
        let run = handler.map(|handler| Run { handler, payload });
        let groups = columns.next()?;
        let priority = Priority::new(columns.next()?);
        let (project, inventory) = (columns.next()?, columns.next()?);
        let update_on_launch = columns.next()?;
        let cache_timeout = Seconds::new(columns.next_u32()?);
        let allow_simultaneous = columns.next()?;
        let forks = columns.next::<Option<i64>>()?.and_then(|forks| u32::try_from(forks).ok());
        let impact = columns.next::<Option<i64>>()?.and_then(|impact| u32::try_from(impact).ok());
        let slices = columns.next_u32()?;
        let own_keys =
            self.known(&format!("the own keys of {name:?}"), columns.next_json()).unwrap_or_default();
        Ok(Launchable {
            id,
            name,
            run,
            groups,
            priority,
            project,
            inventory,
            update_on_launch,
            cache_timeout,
            allow_simultaneous,
            forks,
            impact,
            slices,
            own_keys,
        })
    }
}

/// The kind that a token in the tables stands for.
fn kind_of(token: &str) -> Result<DefinitionKind, StoreError> {
    use DefinitionKind::{InventorySource, JobTemplate, Project, SystemJob, Workflow};
    [Project, InventorySource, JobTemplate, SystemJob, Workflow]
        .into_iter()
        .find(|kind| kind.token() == token)
        .ok_or_else(|| unreadable(format!("{token:?} is no kind of definition")))
}

/// The workflow that a row of a node belongs to.
fn workflow(row: &Row) -> Option<i64> {
    row.try_get(0).ok()
}

/// The nodes of one workflow, which name each other by their ids.
fn graph(rows: &[Row]) -> Result<(i64, Vec<NodeDefinition>), StoreError> {
    let mut workflow = 0;
    let mut names: HashMap<i64, String> = HashMap::new();
    for row in rows {
        let columns = &mut Columns::of(row);
        workflow = columns.next()?;
        names.insert(columns.next()?, columns.next()?);
    }
    let node = |row: &Row| {
        let columns = &mut Columns::of(row);
        let (_, _, name): (i64, i64, String) = (columns.next()?, columns.next()?, columns.next()?);
        let kind: Option<&str> = columns.next()?;
        let target: Option<String> = columns.next()?;
        let timeout: Option<i64> = columns.next()?;
        let timeout = timeout.and_then(|seconds| u32::try_from(seconds).ok()).map(Seconds::new);
        let starts = match (kind.map(kind_of).transpose()?, target) {
            (Some(kind), Some(target)) => starts(kind, target),
            _ => Starts::Approval { timeout, run_time: None, endings: None },
        };
        let convergence = columns.next_token()?;
        let mut children = || -> Result<Vec<String>, StoreError> {
            let ids: Vec<i64> = columns.next_ids()?;
            Ok(ids.iter().filter_map(|id| names.get(id).cloned()).collect())
        };
        let (on_success, on_failure, always) = (children()?, children()?, children()?);
        Ok(NodeDefinition { name, starts, convergence, on_success, on_failure, always })
    };
    Ok((workflow, rows.iter().map(node).collect::<Result<_, StoreError>>()?))
}

fn starts(kind: DefinitionKind, name: String) -> Starts {
    match kind {
        DefinitionKind::Project => Starts::Project(name),
        DefinitionKind::InventorySource => Starts::InventorySource(name),
        DefinitionKind::SystemJob => Starts::SystemJob(name),
        DefinitionKind::Workflow => Starts::Workflow(name),
        _ => Starts::Template(name),
    }
}
