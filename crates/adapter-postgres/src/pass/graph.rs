//! Rows of `node` into the graphs of running workflow jobs.
//!
//! What a node starts is looked up when it is read, so that a definition that changed since counts as it is, and one that
//! is gone is a missing template (R7.2).

use control_plane::ports::StoreError;
use scheduler_core::{
    Edge, EdgeKind, Graph, JobTemplateId, Node, NodeId, Progress, ProjectUpdateType, TaskId, ThinVec, Work,
    WorkflowOf,
};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::flaw::Flaw;
use crate::row::Columns;

/// The nodes of running workflow jobs, those of one graph together.
pub(super) const NODES: &str = "
    SELECT n.workflow_id, n.node_id, n.convergence, n.on_success, n.on_failure, n.always, n.progress, n.job_id,
        CASE WHEN j.finished IS NOT NULL THEN j.status END,
        n.starts_id IS NULL, w.template_id IS NOT NULL, l.kind, l.id, l.project_id, l.inventory_id, l.allow_simultaneous,
        COALESCE(l.slices, 1)
    FROM {schema}.task w
        JOIN {schema}.node n ON n.workflow_id = w.id
        LEFT JOIN {schema}.task j ON j.id = n.job_id
        LEFT JOIN {schema}.launchable l ON l.id = n.starts_id
    WHERE w.finished IS NULL AND w.kind = 'workflow_job' AND w.status = 'running'
    ORDER BY w.id, n.node_id";

/// The running workflow jobs, since one without nodes has a graph too.
pub(super) const WORKFLOWS: &str = "
    SELECT id FROM {schema}.task WHERE finished IS NULL AND kind = 'workflow_job' AND status = 'running' ORDER BY id";

/// Puts the nodes, which come in the order of their workflows, into the graphs of all running workflow jobs. One of which a node
/// cannot be read has no graph, which is malformed (R7.7).
pub(super) fn graphs(
    workflows: &[Row],
    nodes: &[Row],
    flaws: &mut Vec<Flaw>,
) -> Result<Vec<Graph>, StoreError> {
    let mut graphs = Vec::with_capacity(workflows.len());
    let mut rows = nodes.iter().peekable();
    for row in workflows {
        let workflow = TaskId::new(Columns::of(row).next()?);
        let mut graph = Graph { workflow, nodes: Vec::new(), edges: Vec::new() };
        let mut whole = true;
        while let Some(row) = rows.peek() {
            let columns = &mut Columns::of(row);
            if columns.next::<i64>()? != workflow.get() {
                break;
            }
            if let Err(error) = node(columns, &mut graph) {
                whole = false;
                let (row, why) = (format!("a node of task {workflow}"), error.to_string());
                flaws.push(Flaw { row, why, instead: "the task has no graph" });
            }
            rows.next();
        }
        if whole {
            graphs.push(graph);
        }
    }
    Ok(graphs)
}

fn node(columns: &mut Columns<'_>, graph: &mut Graph) -> Result<(), StoreError> {
    let id = NodeId::new(columns.next()?);
    let convergence = columns.next_token()?;
    for on in [EdgeKind::Success, EdgeKind::Failure, EdgeKind::Always] {
        let children: Vec<NodeId> = columns.next_ids()?;
        graph.edges.extend(children.into_iter().map(|to| Edge { from: id, to, on }));
    }
    let progress = progress(columns)?;
    let starts = starts(columns)?.map(Box::new);
    graph.nodes.push(Node { id, starts, convergence, progress });
    Ok(())
}

fn progress(columns: &mut Columns<'_>) -> Result<Progress, StoreError> {
    let progress: &str = columns.next()?;
    let job = columns.next_id::<TaskId>()?;
    let outcome: Option<&str> = columns.next()?;
    Ok(match (progress, job, outcome) {
        ("untouched", None, _) => Progress::Untouched,
        ("skipped", None, _) => Progress::Skipped,
        ("template_missing", None, _) => Progress::TemplateMissing,
        ("job", Some(job), None) => Progress::Job(job),
        ("job", Some(task), Some(outcome)) => {
            let outcome = outcome.parse().map_err(|_| unreadable("its job has no outcome"))?;
            Progress::Ended { task, outcome }
        }
        _ => return Err(unreadable(format!("progress {progress:?}"))),
    })
}

/// What a node starts; `None` when its definition is gone.
fn starts(columns: &mut Columns<'_>) -> Result<Option<Work>, StoreError> {
    if columns.next()? {
        return Ok(Some(Work::WorkflowApproval { expires: None }));
    }
    let is_slice: bool = columns.next()?;
    let kind: Option<&str> = columns.next()?;
    let Some(kind) = kind else { return Ok(None) };
    let id: i64 = columns.next()?;
    let project = columns.next_id()?;
    let inventory = columns.next_id()?;
    let allow_simultaneous = columns.next()?;
    let slices: i64 = columns.next()?;
    Ok(Some(match kind {
        "template" if slices > 1 && !is_slice => {
            Work::WorkflowJob { of: WorkflowOf::Slices(Some(JobTemplateId::new(id))), allow_simultaneous }
        }
        // The slices of one job run beside each other, whatever their template says of whole jobs.
        "template" => Work::Job {
            project,
            inventory,
            template: Some(id.into()),
            allow_simultaneous: allow_simultaneous || is_slice,
            sources_already_updated: ThinVec::new(),
        },
        "project" => Work::ProjectUpdate { project: Some(id.into()), job_type: ProjectUpdateType::Check },
        "inventory-source" => {
            Work::InventoryUpdate { source: Some(id.into()), inventory, source_project: project }
        }
        "system-job" => Work::SystemJob {},
        "workflow" => Work::WorkflowJob { of: WorkflowOf::Template(Some(id.into())), allow_simultaneous },
        _ => return Err(unreadable(format!("it starts a {kind:?}"))),
    }))
}
