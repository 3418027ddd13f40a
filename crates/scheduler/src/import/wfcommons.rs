//! Workflow runs in the WfFormat of WfCommons: tasks, parents and children, run times, machines.

use chrono::TimeDelta;
use scheduler_core::{
    Convergence, Edge, EdgeKind, Forks, Graph, InventoryId, JobTemplateId, LaunchType, Node, NodeId, Outcome,
    Progress, ProjectId, Sharing, Snapshot, State, Task, TaskId, ThinVec, Timestamp, Work, WorkflowOf,
    WorkflowTemplateId, cpu_capacity,
};
use simulator::wfcommons::{File, Run, Step};

use super::args::WfcommonsArgs;
use super::cluster::{Cluster, GROUP};
use super::{Imported, busiest};
use crate::failure::Failure;
use crate::{problems, read, source::Source};

/// The workflow job; the job of the node with id `n` has the id `n + 1`.
const WORKFLOW: TaskId = TaskId::new(1);

/// Imports the run at a moment: the one that was asked for, or the last at which most tasks were under way or due.
pub(super) fn import(args: &WfcommonsArgs) -> Result<Imported, Failure> {
    let source = &args.common.workload;
    let run = run_of(source, &source.read()?)?;
    let spans = run.steps.iter().map(|step| (step.started, step.ended));
    // Times are kept in milliseconds, since tasks of a run often take less than a second.
    let at =
        args.common.at.map(|seconds| seconds.saturating_mul(1000)).or_else(|| busiest(spans)).unwrap_or(0);
    let now = TimeDelta::try_milliseconds(at)
        .and_then(|since| run.began.checked_add_signed(since))
        .ok_or_else(|| {
            Failure::new(format!("--at {}: outside the calendar", at / 1000))
                .remedy("choose a smaller number")
        })?;
    Ok(Moment { run: &run, at, now }.import(args))
}

/// Reads a run, and says on standard error what was read otherwise than it stands there.
pub(crate) fn run_of(source: &Source, bytes: &[u8]) -> Result<Run, Failure> {
    let file: File = read::parse(source, bytes, "a workflow run in WfFormat 1.4 or 1.5").map_err(|failure| {
        failure.or_remedy("a run has `workflow.specification.tasks` and `workflow.execution.tasks`, as WfCommons writes it")
    })?;
    let run = file.run().map_err(|error| source.misfit(error))?;
    problems::remark(source, &run.remarks);
    Ok(run)
}

struct Moment<'a> {
    run: &'a Run,
    at: i64,
    now: Timestamp,
}

impl Moment<'_> {
    fn import(&self, args: &WfcommonsArgs) -> Imported {
        let mut cluster = Cluster::new(self.machines(args.instances), self.now);
        let mut sharing = Sharing::default();
        let mut tasks = vec![self.workflow_job(&mut sharing)];
        let mut nodes = Vec::new();
        let (mut ended, mut running) = (0, 0);
        for step in &self.run.steps {
            let progress = if step.started >= self.at {
                Progress::Untouched
            } else if step.ended <= self.at {
                ended += 1;
                Progress::Ended { task: job_of(step.node), outcome: Outcome::Successful }
            } else {
                running += 1;
                tasks.push(self.job(step, &mut cluster, &mut sharing));
                Progress::Job(job_of(step.node))
            };
            nodes.push(Node {
                id: step.node,
                starts: Some(Box::new(work(step))),
                convergence: Convergence::All,
                progress,
            });
        }
        let edge = |&(from, to): &(NodeId, NodeId)| Edge { from, to, on: EdgeKind::Success };
        let edges = self.run.edges.iter().map(edge).collect();
        let (instances, groups) = cluster.into_rows("machines");
        let summary = format!(
            "{} s into the run, {}: {ended} of {} nodes ended, {running} running",
            self.at / 1000,
            self.now,
            nodes.len(),
        );
        let graphs = vec![Graph { workflow: WORKFLOW, nodes, edges }];
        Imported {
            snapshot: Snapshot { now: self.now, tasks, instances, groups, graphs, ..Snapshot::default() },
            summary,
        }
    }

    /// The machines of the run; four forks a core, as the rules reckon (R6.6).
    fn machines(&self, copies: Option<u32>) -> Vec<(String, Forks)> {
        let machine = |name: &str, cores: u32| (name.to_owned(), cpu_capacity(cores));
        match copies {
            Some(copies) => {
                let first = self.run.machines.first();
                let (name, cores) = first.map_or(("node", 1), |first| (first.name.as_str(), first.cores));
                (1..=copies).map(|number| machine(&format!("{name}-{number}"), cores)).collect()
            }
            None => self.run.machines.iter().map(|each| machine(&each.name, each.cores)).collect(),
        }
    }

    fn workflow_job(&self, sharing: &mut Sharing) -> Task {
        let work = Work::WorkflowJob {
            of: WorkflowOf::Template(Some(WorkflowTemplateId::new(1))),
            allow_simultaneous: false,
        };
        let created = self.run.began;
        self.row(
            WORKFLOW,
            &self.run.name,
            created,
            work,
            Forks::ZERO,
            State::Running(Box::default()),
            sharing,
        )
    }

    fn job(&self, step: &Step, cluster: &mut Cluster, sharing: &mut Sharing) -> Task {
        let created =
            self.run.began.checked_add_signed(TimeDelta::milliseconds(step.started)).unwrap_or(self.now);
        let state = State::Running(Box::new(cluster.place(step.impact)));
        self.row(job_of(step.node), &step.name, created, work(step), step.impact, state, sharing)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a row has as many parts as differ between the two kinds here"
    )]
    fn row(
        &self,
        id: TaskId,
        name: &str,
        created: Timestamp,
        work: Work,
        impact: Forks,
        state: State,
        sharing: &mut Sharing,
    ) -> Task {
        Task {
            name: sharing.name(name),
            impact,
            state,
            launch_type: if id == WORKFLOW { LaunchType::Manual } else { LaunchType::Workflow },
            groups: sharing.groups(if id == WORKFLOW { &[] } else { &[GROUP] }),
            dependencies_derived: true,
            ..Task::new(id, created, work)
        }
    }
}

fn job_of(node: NodeId) -> TaskId {
    TaskId::new(node.get().saturating_add(WORKFLOW.get()))
}

/// A node needs a project and an inventory, or a pass creates its job as failed (R7.3). Tasks of one program ran side by side,
/// so that its template allows it.
fn work(step: &Step) -> Work {
    Work::Job {
        project: Some(ProjectId::new(1)),
        inventory: Some(InventoryId::new(1)),
        template: Some(JobTemplateId::new(step.template)),
        allow_simultaneous: true,
        sources_already_updated: ThinVec::new(),
    }
}
