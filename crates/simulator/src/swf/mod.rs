//! Logs in the Standard Workload Format: a line a job, eighteen numbers a line, `-1` for what is not known.
//!
//! A job of the log becomes a job of the template that its application number names; its processors are its impact. It is
//! launched when it was submitted and runs as long as it ran; how long it waited then is for the passes to say again.

mod log;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::DateTime;
use scheduler_core::{
    Forks, GroupId, Instance, InstanceGroup, InstanceId, JobTemplateId, Members, NodeType, Outcome, Sharing,
    Task, TaskCount, TaskId, ThinVec, Timestamp, Work,
};

pub use log::{Job, Log};

use crate::{Behaviour, Cluster, Ends, Launch, Moment, RunTime, Span, Template, TemplateKey, Workload};

/// How a log becomes a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// How many instances share the machine's processors.
    pub instances: u32,
    /// Only one job of a template may run at once.
    pub exclusive: bool,
}

impl Default for Mapping {
    fn default() -> Self {
        Self { instances: 1, exclusive: false }
    }
}

/// The one group.
pub const GROUP: GroupId = GroupId::new(1);

impl Log {
    /// The log as a workload, on a cluster with the log's processors.
    #[must_use]
    pub fn workload(&self, name: &str, mapping: &Mapping) -> Workload {
        let start = DateTime::from_timestamp(self.unix_start, 0).unwrap_or_default();
        let mut workload = Workload::new(name, start, cluster(self.processors(), mapping.instances));
        let mut sharing = Sharing::default();
        let mut known: HashMap<i64, ()> = HashMap::with_capacity(self.jobs.len());
        workload.launches.reserve_exact(self.jobs.len());
        let mut jobs: Vec<&Job> = self.jobs.iter().collect();
        jobs.sort_by_key(|job| job.submitted);
        for job in jobs {
            // A number that stands twice in the log belongs to its first job; a preceding job that comes later is none.
            if known.insert(job.number, ()).is_some() {
                continue;
            }
            let preceding =
                job.preceding.filter(|number| *number != job.number && known.contains_key(number));
            let dependencies = preceding.map(TaskId::new).into_iter().collect();
            let at = Moment::from_seconds(job.submitted);
            workload.launches.push(Launch {
                at,
                task: job.task(at.on_calendar(start), dependencies, &mut sharing, mapping.exclusive),
                ends: Ends::Fixed(job.ran(), Outcome::Successful),
                cancel_at: None,
            });
        }
        workload.catalogue = self.catalogue();
        workload
    }

    /// What the log knows of each application: its run times.
    #[must_use]
    pub fn catalogue(&self) -> BTreeMap<TemplateKey, Template> {
        let mut ran: BTreeMap<i64, Vec<Span>> = BTreeMap::new();
        for job in &self.jobs {
            if let Some(application) = job.application {
                ran.entry(application).or_default().push(job.ran());
            }
        }
        let template = |(application, spans): (i64, Vec<Span>)| {
            let template = Template {
                name: Arc::from(name_of(Some(application))),
                impact: Forks::new(1),
                groups: Arc::from([GROUP]),
                own_keys: ThinVec::new(),
                behaviour: Behaviour {
                    run_time: RunTime::Empirical(spans.into()),
                    endings: crate::Endings::default(),
                },
                graph: None,
            };
            (TemplateKey::Job(JobTemplateId::new(application)), template)
        };
        ran.into_iter().map(template).collect()
    }
}

fn name_of(application: Option<i64>) -> String {
    application.map_or_else(|| "no application".to_owned(), |number| format!("application {number}"))
}

impl Job {
    /// The job as a pending row, which may run in [`GROUP`].
    #[must_use]
    pub fn task(
        &self,
        created: Timestamp,
        dependencies: ThinVec<TaskId>,
        sharing: &mut Sharing,
        exclusive: bool,
    ) -> Task {
        let work = Work::Job {
            project: None,
            inventory: None,
            template: self.application.map(JobTemplateId::new),
            allow_simultaneous: !exclusive,
            sources_already_updated: ThinVec::new(),
        };
        Task {
            name: sharing.name(&name_of(self.application)),
            impact: self.impact(),
            groups: sharing.groups(&[GROUP]),
            dependencies,
            // A log knows neither projects nor inventories, so that there is nothing to derive.
            dependencies_derived: true,
            ..Task::new(TaskId::new(self.number), created, work)
        }
    }
}

/// Equal machines that have so many processors together; the first ones take what does not divide.
fn cluster(processors: u32, machines: u32) -> Cluster {
    let machines = machines.max(1);
    let (each, rest) = (processors / machines, processors % machines);
    let width = machines.to_string().len();
    let instance = |number: u32| Instance {
        id: InstanceId::new(i64::from(number)),
        hostname: format!("node-{number:0width$}"),
        node_type: NodeType::Hybrid,
        capacity: Forks::new(each + u32::from(number <= rest)),
        enabled: true,
        last_heartbeat: None,
    };
    let instances: Vec<Instance> = (1..=machines).map(instance).collect();
    let group = InstanceGroup {
        id: GROUP,
        name: "machine".to_owned(),
        members: Members::Instances(instances.iter().map(|instance| instance.id).collect()),
        max_concurrent_jobs: TaskCount::new(0),
        max_forks: Forks::ZERO,
    };
    Cluster { instances, groups: vec![group], ..Cluster::default() }
}
