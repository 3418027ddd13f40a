//! Workloads from a few parameters, for capacity planning: so many tasks an hour of so many templates, that run so long on so
//! many instances. Written as `tasks=10000,load=0.8,instances=20`.

use std::str::FromStr;
use std::sync::Arc;

use scheduler_core::{
    Forks, GroupId, Instance, InstanceGroup, InstanceId, InventoryId, JobTemplateId, Members, NodeType,
    PROJECT_UPDATE_IMPACT, Project, ProjectId, Seconds, Task, TaskCount, TaskId, ThinVec, Timestamp, Work,
};

use crate::behaviour::Draw as _;
use crate::{
    Behaviour, Cluster, Endings, Ends, Launch, Moment, RunTime, Seed, Span, Template, TemplateKey, Workload,
};

/// The parameters of a generated workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// How many jobs are launched.
    pub tasks: u32,
    /// How many an hour, at random moments; `None` for as many as [`Mix::load`] says.
    pub per_hour: Option<f64>,
    /// The share of the cluster's capacity that they take in the mean, when nothing says how many come an hour.
    pub load: f64,
    /// How many job templates.
    pub templates: u32,
    /// The share of templates of which only one job may run at once.
    pub exclusive: f64,
    /// How many projects the templates share; 0 for none.
    pub projects: u32,
    /// Whether projects update on launch, and for how many seconds an update stays fresh.
    pub fresh_for: Option<Seconds>,
    /// The least and the most that a template's jobs cost.
    pub impact: (u32, u32),
    /// The median run time.
    pub run_time: Span,
    /// How far run times spread: the standard deviation of their logarithm.
    pub spread: f64,
    /// The share of jobs that fail.
    pub failed: f64,
    /// How many instances.
    pub instances: u32,
    /// The capacity of each.
    pub capacity: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            tasks: 1000,
            per_hour: None,
            load: 0.8,
            templates: 500,
            exclusive: 0.1,
            projects: 20,
            fresh_for: None,
            impact: (1, 10),
            run_time: Span::from_whole_seconds(60),
            spread: 1.0,
            failed: 0.02,
            instances: 10,
            capacity: 50,
        }
    }
}

/// Parameters that do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// There is no such parameter.
    #[error("`{0}` is no parameter; parameters are {PARAMETERS}")]
    Unknown(String),
    /// Its value does not fit.
    #[error("`{name}={value}`: expected {expected}")]
    Misfit {
        /// The parameter.
        name: String,
        /// What stands there.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
}

const PARAMETERS: &str = "`tasks`, `per-hour` or `load`, `templates`, `exclusive`, `projects`, `fresh-for`, `impact=FROM-TO`, \
`run-time`, `spread`, `failed`, `instances` and `capacity`, as in `tasks=10000,load=0.8,instances=20`";

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| MixError::Unknown(part.into()))?;
            mix.set(name.trim(), value.trim())?;
        }
        Ok(mix)
    }
}

impl Mix {
    fn set(&mut self, name: &str, value: &str) -> Result<(), MixError> {
        let misfit = |expected| MixError::Misfit { name: name.into(), value: value.into(), expected };
        let whole = |least: u32, most: u32, expected| {
            let number = value.parse().ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| misfit(expected))
        };
        let real = |least: f64, most: f64, expected| {
            let number = value.parse().ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| misfit(expected))
        };
        let count = |most| whole(1, most, "a whole number from 1 to 100000000");
        let share = || real(0.0, 1.0, "a share from 0 to 1");
        match name {
            "tasks" => self.tasks = count(100_000_000)?,
            "per-hour" => self.per_hour = Some(real(1e-6, 1e9, "how many come an hour, above 0")?),
            "load" => self.load = real(1e-3, 100.0, "a share of the capacity, above 0, as in 0.8")?,
            "templates" => self.templates = whole(1, 1_000_000, "a whole number from 1 to 1000000")?,
            "exclusive" => self.exclusive = share()?,
            "projects" => self.projects = whole(0, 1_000_000, "a whole number from 0 to 1000000")?,
            "fresh-for" => self.fresh_for = Some(Seconds::new(whole(0, u32::MAX, "whole seconds")?)),
            "impact" => {
                let (from, to) = value.split_once('-').unwrap_or((value, value));
                let number = |text: &str| text.parse::<u32>().ok().filter(|&number| number <= 1_000_000);
                let pair = number(from).zip(number(to)).filter(|(from, to)| from <= to);
                self.impact = pair.ok_or_else(|| misfit("one number of forks, or two, as in 1-10"))?;
            }
            "run-time" => self.run_time = Span::from_seconds(real(0.0, 1e8, "seconds from 0")?),
            "spread" => self.spread = real(0.0, 5.0, "a number from 0 to 5")?,
            "failed" => self.failed = share()?,
            "instances" => self.instances = whole(1, 100_000, "a whole number from 1 to 100000")?,
            "capacity" => self.capacity = whole(1, 1_000_000, "a whole number from 1 to 1000000")?,
            other => return Err(MixError::Unknown(other.into())),
        }
        Ok(())
    }

    /// The workload: jobs of templates by chance, at random moments (a Poisson process). The same seed gives the same one.
    #[must_use]
    pub fn generate(&self, seed: Seed) -> Workload {
        let start = DEFAULT_START;
        let mut workload = Workload::new("generated", start, self.cluster());
        let templates: Vec<Task> = (1..=self.templates).map(|number| self.template(number, seed)).collect();
        let behaviour = self.behaviour();
        for task in &templates {
            let Some(key) = TemplateKey::of(&task.work) else { continue };
            workload.catalogue.insert(key, catalogued(task, behaviour.clone()));
        }
        for number in 1..=self.projects {
            let update = Template {
                name: Arc::from(format!("project {number}")),
                impact: PROJECT_UPDATE_IMPACT,
                groups: groups(),
                own_keys: ThinVec::new(),
                behaviour: Behaviour::fixed(Span::from_whole_seconds(10)),
                graph: None,
            };
            workload.catalogue.insert(TemplateKey::ProjectUpdate(ProjectId::new(number.into())), update);
        }
        let gap = RunTime::Exponential { mean: self.gap(&templates) };
        let mut numbers = seed.numbers(u64::MAX);
        let mut at = Moment::START;
        workload.launches.reserve_exact(self.tasks as usize);
        for id in 1..=i64::from(self.tasks) {
            at = at.after(gap.draw(&mut numbers));
            let Some(template) = templates.get(numbers.usize(0..templates.len())) else { break };
            let task = Task { id: TaskId::new(id), created: at.on_calendar(start), ..template.clone() };
            workload.launches.push(Launch { at, task, ends: Ends::AsTemplate, cancel_at: None });
        }
        workload
    }

    /// The mean time between two launches.
    fn gap(&self, templates: &[Task]) -> Span {
        if let Some(per_hour) = self.per_hour {
            return Span::from_seconds(3600.0 / per_hour);
        }
        let forks: f64 = templates.iter().map(|task| f64::from(task.impact.get())).sum();
        let mean = forks / f64::from(self.templates) * self.behaviour().run_time.mean().seconds();
        Span::from_seconds(mean / (f64::from(self.instances) * f64::from(self.capacity) * self.load))
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour {
            run_time: RunTime::LogNormal { median: self.run_time, sigma: self.spread },
            endings: Endings { failed: self.failed, ..Endings::default() },
        }
    }

    /// A job of a template, to be copied.
    fn template(&self, number: u32, seed: Seed) -> Task {
        let mut numbers = seed.numbers(u64::from(number) | 1 << 63);
        let project =
            (self.projects > 0).then(|| ProjectId::new(i64::from(number % self.projects.max(1)) + 1));
        let impact = Forks::new(numbers.u32(self.impact.0..=self.impact.1));
        let work = Work::Job {
            project,
            inventory: Some(InventoryId::new(1)),
            template: Some(JobTemplateId::new(number.into())),
            allow_simultaneous: numbers.f64() >= self.exclusive,
            sources_already_updated: ThinVec::new(),
        };
        Task {
            name: Arc::from(format!("template {number}")),
            impact,
            groups: groups(),
            ..Task::new(TaskId::new(0), DEFAULT_START, work)
        }
    }

    fn cluster(&self) -> Cluster {
        let width = self.instances.to_string().len();
        let instance = |number: u32| Instance {
            id: InstanceId::new(number.into()),
            hostname: format!("node-{number:0width$}"),
            node_type: NodeType::Hybrid,
            capacity: Forks::new(self.capacity),
            enabled: true,
            last_heartbeat: None,
        };
        let instances: Vec<Instance> = (1..=self.instances).map(instance).collect();
        let group = InstanceGroup {
            id: GROUP,
            name: "default".into(),
            members: Members::Instances(instances.iter().map(|instance| instance.id).collect()),
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::ZERO,
        };
        let project = |number: u32| Project {
            id: ProjectId::new(number.into()),
            update_on_launch: self.fresh_for.is_some(),
            cache_timeout: self.fresh_for.unwrap_or_default(),
            last_update: None,
        };
        Cluster {
            instances,
            groups: vec![group],
            projects: (1..=self.projects).map(project).collect(),
            sources: Vec::new(),
        }
    }
}

const GROUP: GroupId = GroupId::new(1);

/// When workloads begin that say nothing about it: Monday, 5 January 2026.
pub(crate) const DEFAULT_START: Timestamp = match Timestamp::from_timestamp(1_767_571_200, 0) {
    Some(moment) => moment,
    None => Timestamp::UNIX_EPOCH,
};

fn groups() -> Arc<[GroupId]> {
    Arc::from([GROUP])
}

fn catalogued(task: &Task, behaviour: Behaviour) -> Template {
    Template {
        name: Arc::clone(&task.name),
        impact: task.impact,
        groups: Arc::clone(&task.groups),
        own_keys: ThinVec::new(),
        behaviour,
        graph: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_or_named() {
        let mix: Mix = "tasks=10, load=0.5,impact=3,run-time=20".parse().unwrap();
        assert_eq!((mix.tasks, mix.impact, mix.run_time), (10, (3, 3), Span::from_whole_seconds(20)));
        let error = |text: &str| text.parse::<Mix>().unwrap_err().to_string();
        assert!(error("speed=3").starts_with("`speed` is no parameter; parameters are `tasks`"));
        assert_eq!(error("load=-1"), "`load=-1`: expected a share of the capacity, above 0, as in 0.8");
        assert_eq!(error("impact=9-3"), "`impact=9-3`: expected one number of forks, or two, as in 1-10");
    }

    #[test]
    fn a_workload_has_what_was_asked_for() {
        let mix = Mix { tasks: 200, ..Mix::default() };
        let workload = mix.generate(Seed::new(3));
        assert_eq!(workload.launches.len(), 200);
        assert!(workload.launches.is_sorted_by_key(|launch| launch.at));
        let again = mix.generate(Seed::new(3));
        assert!(workload.launches.iter().zip(&again.launches).all(|(one, other)| one.task == other.task));
    }
}
