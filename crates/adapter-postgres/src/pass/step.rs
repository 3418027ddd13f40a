//! What becomes of the nodes of running workflows (R7).

use control_plane::ports::StoreError;
use scheduler_core::{NodeDecision, NodeStep, TaskId};

use super::patch::Taken;
use crate::row::Columns;
use crate::session::Session;

const WHAT: &str = "writing the steps of workflows";

const STEP: &str = "
    UPDATE {schema}.node n SET progress = s.progress, job_id = s.job_id
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) AS s (workflow_id, node_id, progress, job_id)
    WHERE n.workflow_id = s.workflow_id AND n.node_id = s.node_id AND n.progress = 'untouched'";

/// The workflows of which one of these nodes is not as it was, or in somebody else's hand.
macro_rules! kept {
    ($taken:literal) => {
        concat!(
            "
    WITH free AS MATERIALIZED (
        SELECT n.workflow_id FROM unnest($1::bigint[], $2::bigint[]) AS s (workflow_id, node_id)
            JOIN {schema}.node n ON n.workflow_id = s.workflow_id AND n.node_id = s.node_id AND n.progress = 'untouched'
        FOR NO KEY UPDATE OF n",
            $taken,
            "
    ), asked AS (
        SELECT workflow_id, count(*) FROM unnest($1::bigint[]) AS s (workflow_id) GROUP BY 1
    )
    SELECT a.workflow_id FROM asked a
    WHERE a.count > (SELECT count(*) FROM free f WHERE f.workflow_id = a.workflow_id)"
        )
    };
}

const CHANGED: &str = kept!("");

const KEPT: &str = kept!(" SKIP LOCKED");

/// The workflows of which a node could not be taken in hand.
pub(super) struct Untaken {
    pub(super) workflows: Vec<TaskId>,
    /// Waited for: somebody has changed it. Left out: somebody keeps it, or has changed it.
    pub(super) taken: Taken,
}

/// Takes the nodes that a plan steps over in hand.
pub(super) async fn untaken(session: &Session, nodes: &[NodeDecision]) -> Result<Untaken, StoreError> {
    if nodes.is_empty() {
        return Ok(Untaken { workflows: Vec::new(), taken: Taken::Waited });
    }
    let (workflows, nodes): (Vec<i64>, Vec<i64>) =
        nodes.iter().map(|decision| (decision.workflow.get(), decision.node.get())).unzip();
    let params: &crate::session::Params<'_> = &[&workflows, &nodes];
    session.run(WHAT, "SAVEPOINT nodes").await?;
    // Waited for first, or passes that ask for another would follow each other without a pause while somebody keeps one.
    let (rows, taken) = match session.query_in_time(WHAT, CHANGED, params).await? {
        Some(rows) => (rows, Taken::Waited),
        None => {
            tracing::warn!("somebody keeps a node of a workflow: the plan is written without that workflow");
            session.run(WHAT, "ROLLBACK TO SAVEPOINT nodes").await?;
            (session.query(WHAT, KEPT, params).await?, Taken::LeftOut)
        }
    };
    let workflows = rows.iter().map(|row| Columns::of(row).next().map(TaskId::new));
    Ok(Untaken { workflows: workflows.collect::<Result<_, _>>()?, taken })
}

/// Steps column by column, as `unnest` takes them.
#[derive(Default)]
pub(super) struct Steps {
    workflows: Vec<i64>,
    nodes: Vec<i64>,
    progress: Vec<&'static str>,
    jobs: Vec<Option<i64>>,
}

impl Steps {
    /// Adds a step; `job` is the id of the node's new job, if that is what it gets.
    pub(super) fn push(&mut self, decision: &NodeDecision, job: Option<i64>) {
        let progress = match (&decision.step, job) {
            (NodeStep::Run(_), None) => return,
            (NodeStep::Run(_), Some(_)) => "job",
            (NodeStep::Skip(_), _) => "skipped",
            (NodeStep::TemplateMissing, _) => "template_missing",
        };
        self.workflows.push(decision.workflow.get());
        self.nodes.push(decision.node.get());
        self.progress.push(progress);
        self.jobs.push(job);
    }

    pub(super) async fn write(&self, session: &Session) -> Result<(), StoreError> {
        if self.nodes.is_empty() {
            return Ok(());
        }
        let params: &crate::session::Params<'_> = &[&self.workflows, &self.nodes, &self.progress, &self.jobs];
        session.execute(WHAT, STEP, params).await.map(|_| ())
    }
}
