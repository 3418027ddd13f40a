//! What the demonstration's control plane knows of its templates: names, groups, impact, and, since nothing really runs,
//! how long each run takes and how it ends.

use scheduler_core::{
    Convergence, Edge, EdgeKind, Forks, Graph, GroupId, InventoryId, InventorySourceId, JobTemplateId, Node,
    NodeId, Outcome, Progress, ProjectId, ProjectUpdateType, TaskId, Work, WorkflowOf, WorkflowTemplateId,
};
use thin_vec::ThinVec;

/// The racks with the large machines.
pub(super) const DATACENTRE: GroupId = GroupId::new(1);
/// One small machine in a branch office.
pub(super) const EDGE: GroupId = GroupId::new(2);

/// The project that updates on launch.
pub(super) const SITE: ProjectId = ProjectId::new(1);
/// A project that somebody updates by hand.
const FLEET: ProjectId = ProjectId::new(2);
/// A project that is never updated here.
const RELEASES: ProjectId = ProjectId::new(3);
/// The inventory whose source updates on launch.
pub(super) const PRODUCTION: InventoryId = InventoryId::new(1);
/// The source of that inventory.
pub(super) const CLOUD: InventorySourceId = InventorySourceId::new(1);
/// The inventory of the branch offices.
const BRANCHES: InventoryId = InventoryId::new(2);

/// A kind of run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// What people call it.
    pub(super) name: &'static str,
    /// Where it may run.
    pub(super) groups: &'static [GroupId],
    /// What it costs.
    pub(super) impact: Forks,
    /// How many seconds it takes.
    pub(super) seconds: i64,
    /// How it ends.
    pub(super) outcome: Outcome,
}

const fn entry(name: &'static str, groups: &'static [GroupId], impact: u32, seconds: i64) -> Entry {
    Entry { name, groups, impact: Forks::new(impact), seconds, outcome: Outcome::Successful }
}

/// A job template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    id: JobTemplateId,
    project: ProjectId,
    inventory: InventoryId,
    allow_simultaneous: bool,
    entry: Entry,
}

const fn template(id: i64, project: ProjectId, inventory: InventoryId, entry: Entry) -> Template {
    Template { id: JobTemplateId::new(id), project, inventory, allow_simultaneous: false, entry }
}

const ANYWHERE: &[GroupId] = &[DATACENTRE];
const BRANCH_FIRST: &[GroupId] = &[EDGE, DATACENTRE];
const BRANCH_ONLY: &[GroupId] = &[EDGE];

pub(super) const DEPLOY: Template = template(1, SITE, PRODUCTION, entry("deploy-web", ANYWHERE, 6, 20));
/// Larger than any machine: only the idle rule lets it run.
pub(super) const PATCH: Template = template(2, FLEET, BRANCHES, entry("patch-fleet", ANYWHERE, 30, 25));
pub(super) const METRICS: Template = Template {
    allow_simultaneous: true,
    ..template(3, FLEET, BRANCHES, entry("collect-metrics", BRANCH_ONLY, 1, 8))
};
const BUILD: Template = template(4, RELEASES, BRANCHES, entry("build", ANYWHERE, 5, 10));
const MIGRATE: Template = Template {
    entry: Entry { outcome: Outcome::Failed, ..entry("migrate-database", ANYWHERE, 3, 7) },
    ..template(5, RELEASES, BRANCHES, entry("", ANYWHERE, 0, 0))
};
const ANNOUNCE: Template = template(6, RELEASES, BRANCHES, entry("announce", ANYWHERE, 1, 2));
const ROLL_BACK: Template = template(7, RELEASES, BRANCHES, entry("roll-back", ANYWHERE, 3, 6));
const CANARY: Template = template(8, RELEASES, BRANCHES, entry("canary", BRANCH_FIRST, 1, 5));
const REPORT: Template = template(9, RELEASES, BRANCHES, entry("report", ANYWHERE, 1, 3));

const TEMPLATES: [Template; 9] =
    [DEPLOY, PATCH, METRICS, BUILD, MIGRATE, ANNOUNCE, ROLL_BACK, CANARY, REPORT];

impl Template {
    /// A job of it.
    pub(super) const fn job(self) -> Work {
        Work::Job {
            project: Some(self.project),
            inventory: Some(self.inventory),
            template: Some(self.id),
            allow_simultaneous: self.allow_simultaneous,
            sources_already_updated: ThinVec::new(),
        }
    }
}

/// An update of the site's project.
pub(super) const fn site_update() -> Work {
    Work::ProjectUpdate { project: Some(SITE), job_type: ProjectUpdateType::Check }
}

/// An update of the fleet's project.
pub(super) const fn fleet_update() -> Work {
    Work::ProjectUpdate { project: Some(FLEET), job_type: ProjectUpdateType::Check }
}

/// One module on the production inventory.
pub(super) const fn command() -> Work {
    Work::AdHocCommand { inventory: Some(PRODUCTION) }
}

/// The release workflow.
pub(super) const fn release() -> Work {
    Work::WorkflowJob {
        of: WorkflowOf::Template(Some(WorkflowTemplateId::new(1))),
        allow_simultaneous: false,
    }
}

/// The graph of a release: after the build, a migration with a way back beside a canary that somebody must approve.
pub(super) fn release_graph(workflow: TaskId) -> Graph {
    let node = |id, work, convergence| Node {
        id: NodeId::new(id),
        starts: Some(Box::new(work)),
        convergence,
        progress: Progress::Untouched,
    };
    let edge = |from, to, on| Edge { from: NodeId::new(from), to: NodeId::new(to), on };
    Graph {
        workflow,
        nodes: vec![
            node(1, BUILD.job(), Convergence::Any),
            node(2, MIGRATE.job(), Convergence::Any),
            node(3, ANNOUNCE.job(), Convergence::Any),
            node(4, ROLL_BACK.job(), Convergence::Any),
            node(5, Work::WorkflowApproval { expires: None }, Convergence::Any),
            node(6, CANARY.job(), Convergence::Any),
            node(7, REPORT.job(), Convergence::All),
        ],
        edges: vec![
            edge(1, 2, EdgeKind::Success),
            edge(2, 3, EdgeKind::Success),
            edge(2, 4, EdgeKind::Failure),
            edge(1, 5, EdgeKind::Success),
            edge(5, 6, EdgeKind::Success),
            edge(4, 7, EdgeKind::Always),
            edge(6, 7, EdgeKind::Always),
        ],
    }
}

/// What is known of a piece of work.
pub(super) fn look_up(work: &Work) -> Entry {
    match work {
        Work::Job { template, .. } => {
            let found = TEMPLATES.iter().find(|known| Some(known.id) == *template);
            found.map_or(entry("job", ANYWHERE, 1, 1), |known| known.entry)
        }
        Work::ProjectUpdate { project: Some(FLEET), .. } => entry("fleet-code", ANYWHERE, 1, 4),
        Work::ProjectUpdate { .. } => entry("site-code", ANYWHERE, 1, 4),
        Work::InventoryUpdate { .. } => entry("cloud-hosts", ANYWHERE, 1, 6),
        Work::AdHocCommand { .. } => entry("uptime", BRANCH_FIRST, 2, 3),
        Work::SystemJob {} => entry("clean-up", ANYWHERE, 5, 9),
        Work::WorkflowJob { .. } => entry("release", &[], 0, 0),
        // A person takes a while.
        Work::WorkflowApproval { .. } => entry("go-live?", &[], 0, 15),
    }
}
