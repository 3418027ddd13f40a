//! The past as a workload: what people launched, on the cluster as it is defined now, to be run again.
//!
//! What passes made themselves (updates on launch, jobs of workflows) is left out: passes of the simulation make it again. A task
//! that ran runs as long and ends alike; one that never did runs as its template does. What was there already when the span begins is
//! launched at its first moment, with what was left of its run. What a worker does is not written, since it may be secret.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;

use control_plane::definition::{
    DefinitionKind, Definitions, Endings, InventoryDefinition, InventorySourceDefinition,
    JobTemplateDefinition, LaunchDefinition, Length, ProjectDefinition, RunTime, Starts, SystemJobDefinition,
    VERSION,
};
use control_plane::ports::PastTask;
use scheduler_core::{
    Forks, GroupId, InventoryId, Kind, LaunchType, Outcome, Priority, ProjectId, ProjectUpdateType, TaskId,
    Work, WorkflowOf,
};
use serde_json::{Value, json};
use simulator::{Moment, Seed, Span, Workload};

use super::Past;
use crate::failure::Failure;

/// The most run times of one template that are written: more say nothing new.
const RUN_TIMES: usize = 500;

/// The workload, which goes by the rules of now.
pub(super) fn workload(past: &Past, seed: Seed) -> Result<Workload, Failure> {
    let replay = Replay::of(past);
    let file = Definitions { launches: replay.launches().flatten().collect(), ..replay.file() };
    simulator::file::workload(&file, seed).map_err(|flaws| {
        let what = flaws.0.first().map_or_else(String::new, ToString::to_string);
        Failure::new(format!("the history cannot be run again: {what}")).remedy(
            "name another --since, or write it with `scheduler history --workload FILE` and mend the file",
        )
    })
}

/// Writes the workload file, a launch a line, and says how many tasks it leaves out that people launched.
pub(super) fn write(past: &Past, out: &mut dyn Write) -> io::Result<usize> {
    let replay = Replay::of(past);
    let Value::Object(tables) = serde_json::to_value(replay.file())? else { return Ok(0) };
    out.write_all(b"{")?;
    for (key, value) in &tables {
        write!(out, "\n  {}: {value},", json!(key))?;
    }
    out.write_all(b"\n  \"launch\": [")?;
    let (mut written, mut left_out) = (0_usize, 0);
    for launch in replay.launches() {
        let Some(launch) = launch else {
            left_out += 1;
            continue;
        };
        out.write_all(if written == 0 { b"\n    " } else { b",\n    " })?;
        serde_json::to_writer(&mut *out, &launch)?;
        written += 1;
    }
    out.write_all(b"\n  ]\n}\n")?;
    Ok(left_out)
}

/// What was written, in a sentence.
pub(super) fn summary(past: &Past, path: &Path, left_out: usize) -> String {
    let replay = Replay::of(past);
    let launches = replay.launches().count() - left_out;
    let more = match left_out {
        0 => String::new(),
        left_out => format!(", without {left_out} whose definitions are gone"),
    };
    format!("{}: {launches} launches{more}; `scheduler simulate {0}` runs them again", path.display())
}

/// What launches need to know of definitions and of each other.
struct Replay<'p> {
    past: &'p Past,
    /// The workflow jobs of slices: their jobs are launched one by one.
    sliced: BTreeSet<TaskId>,
    /// What other launches depend on.
    awaited: BTreeSet<TaskId>,
    projects: HashMap<ProjectId, String>,
    inventories: HashMap<InventoryId, String>,
    groups: HashMap<GroupId, &'p str>,
}

impl<'p> Replay<'p> {
    fn of(past: &'p Past) -> Self {
        let is_sliced =
            |past: &&PastTask| matches!(past.task.work, Work::WorkflowJob { of: WorkflowOf::Slices(_), .. });
        let groups = past.reading.snapshot.groups.iter();
        let mut replay = Self {
            past,
            sliced: past.tasks.iter().filter(is_sliced).map(|past| past.task.id).collect(),
            awaited: BTreeSet::new(),
            projects: HashMap::new(),
            inventories: HashMap::new(),
            groups: groups.map(|group| (group.id, group.name.as_str())).collect(),
        };
        let launched: BTreeSet<TaskId> =
            past.tasks.iter().filter(|task| replay.is_launch(task)).map(|past| past.task.id).collect();
        let links = past.tasks.iter().filter(|task| launched.contains(&task.task.id));
        let links = links.flat_map(|past| past.task.dependencies.iter().copied());
        replay.awaited = links.filter(|on| launched.contains(on)).collect();
        replay.learn_names();
        replay
    }

    /// Tasks know ids and definitions know names; a task of a definition has both.
    fn learn_names(&mut self) {
        let definitions = &self.past.definitions;
        let templates: HashMap<&str, _> =
            definitions.job_templates.iter().map(|template| (template.name.as_str(), template)).collect();
        let sources: HashMap<&str, _> =
            definitions.inventory_sources.iter().map(|source| (source.name.as_str(), source)).collect();
        for past in &self.past.tasks {
            let name = past.task.name.as_ref();
            match past.task.work {
                Work::Job { project, inventory, .. } => {
                    let Some(template) = templates.get(name) else { continue };
                    self.projects.extend(project.zip(template.project.clone()));
                    self.inventories.extend(inventory.zip(template.inventory.clone()));
                }
                Work::ProjectUpdate { project: Some(project), .. } => {
                    self.projects.insert(project, name.to_owned());
                }
                Work::InventoryUpdate { inventory: Some(inventory), .. } => {
                    let Some(source) = sources.get(name) else { continue };
                    self.inventories.insert(inventory, source.inventory.clone());
                }
                _ => {}
            }
        }
    }

    /// Whether somebody launched it, or would have without slices; what passes made, they make again.
    fn is_launch(&self, past: &PastTask) -> bool {
        let of_slices = past.workflow.is_some_and(|workflow| self.sliced.contains(&workflow));
        let by_pass = matches!(past.task.launch_type, LaunchType::Dependency | LaunchType::Workflow);
        let never = match past.task.work {
            Work::WorkflowJob { of: WorkflowOf::Slices(_), .. } | Work::WorkflowApproval { .. } => true,
            Work::ProjectUpdate { job_type, .. } => job_type == ProjectUpdateType::Run,
            _ => false,
        };
        (of_slices || !by_pass) && !never
    }

    fn project(&self, id: Option<ProjectId>) -> Option<String> {
        let id = id?;
        Some(self.projects.get(&id).cloned().unwrap_or_else(|| format!("project {id}")))
    }

    fn inventory(&self, id: Option<InventoryId>) -> Option<String> {
        let id = id?;
        Some(self.inventories.get(&id).cloned().unwrap_or_else(|| format!("inventory {id}")))
    }

    /// What is defined, with run times, and what is defined no more but was launched.
    fn file(&self) -> Definitions {
        let times = Times::of(&self.past.tasks);
        let mut file = Definitions {
            version: Some(VERSION),
            name: Some("history".to_owned()),
            start: Some(self.past.since),
            ..self.past.definitions.clone()
        };
        self.add_what_is_gone(&mut file);
        for one in &mut file.projects {
            (one.run, one.run_time) = (None, times.run_time(DefinitionKind::Project, &one.name));
        }
        for one in &mut file.inventory_sources {
            (one.run, one.run_time) = (None, times.run_time(DefinitionKind::InventorySource, &one.name));
        }
        for one in &mut file.job_templates {
            (one.run, one.run_time) = (None, times.run_time(DefinitionKind::JobTemplate, &one.name));
            one.slices = 1;
        }
        for one in &mut file.system_jobs {
            (one.run, one.run_time) = (None, times.run_time(DefinitionKind::SystemJob, &one.name));
        }
        for node in file.workflows.iter_mut().flat_map(|workflow| &mut workflow.nodes) {
            if let Starts::Approval { run_time, .. } = &mut node.starts {
                *run_time = empirical(&times.approvals);
            }
        }
        file
    }

    /// Definitions of what was launched and is defined no more: as much of it as its tasks know.
    fn add_what_is_gone(&self, file: &mut Definitions) {
        let mut known: BTreeSet<(DefinitionKind, String)> =
            file.names().into_iter().map(|(kind, name)| (kind, name.to_owned())).collect();
        let mut is_gone = |kind, name: &str| known.insert((kind, name.to_owned()));
        for past in self.past.tasks.iter().filter(|past| self.is_launch(past)) {
            let name = past.task.name.to_string();
            let (project, inventory) = match past.task.work {
                Work::Job { project, inventory, .. } => (self.project(project), self.inventory(inventory)),
                Work::ProjectUpdate { .. } => (Some(name.clone()), None),
                Work::AdHocCommand { inventory } | Work::InventoryUpdate { inventory, .. } => {
                    (None, self.inventory(inventory))
                }
                _ => (None, None),
            };
            for name in project.iter().filter(|name| is_gone(DefinitionKind::Project, name)) {
                file.projects.push(ProjectDefinition { name: name.clone(), ..Default::default() });
            }
            for name in inventory.iter().filter(|name| is_gone(DefinitionKind::Inventory, name)) {
                file.inventories.push(InventoryDefinition { name: name.clone(), hosts: 0 });
            }
            match (&past.task.work, inventory) {
                (&Work::Job { allow_simultaneous, .. }, inventory)
                    if is_gone(DefinitionKind::JobTemplate, &name) =>
                {
                    let impact = Some(past.task.impact);
                    let cost = JobTemplateDefinition { impact, allow_simultaneous, ..Default::default() };
                    file.job_templates.push(JobTemplateDefinition { name, project, inventory, ..cost });
                }
                (Work::InventoryUpdate { .. }, Some(inventory))
                    if is_gone(DefinitionKind::InventorySource, &name) =>
                {
                    let source = InventorySourceDefinition { name, inventory, ..Default::default() };
                    file.inventory_sources.push(source);
                }
                (Work::SystemJob {}, _) if is_gone(DefinitionKind::SystemJob, &name) => {
                    file.system_jobs.push(SystemJobDefinition { name, ..Default::default() });
                }
                _ => {}
            }
        }
    }

    /// What people launched, in order.
    fn launches(&self) -> impl Iterator<Item = Option<LaunchDefinition>> {
        self.past.tasks.iter().filter(|past| self.is_launch(past)).map(|past| self.launch(past))
    }

    /// One launch; `None` when nothing is left to launch it from.
    fn launch(&self, past: &PastTask) -> Option<LaunchDefinition> {
        let task = &past.task;
        let definitions = &self.past.definitions;
        let name = task.name.to_string();
        let mut launch = LaunchDefinition::default();
        let mut defined = Defined::default();
        match &task.work {
            Work::Job { .. } => {
                defined = Defined::of_template(definitions, &name);
                launch.template = Some(name);
            }
            Work::ProjectUpdate { .. } => launch.project = Some(name),
            Work::InventoryUpdate { inventory, .. } => {
                self.inventory(*inventory)?;
                launch.inventory_source = Some(name);
            }
            Work::SystemJob {} => launch.system_job = Some(name),
            Work::AdHocCommand { inventory } => launch.command = Some(self.inventory(*inventory)?),
            Work::WorkflowJob { .. } => {
                let of = definitions.workflows.iter().find(|workflow| workflow.name == name)?;
                defined.priority = of.priority;
                launch.workflow = Some(name);
            }
            Work::WorkflowApproval { .. } => return None,
        }
        launch.name = self.awaited.contains(&task.id).then(|| task.id.to_string());
        launch.at = Length(Moment::of(task.created, self.past.since).max(Moment::START).since(Moment::START));
        let groups: Vec<&str> =
            task.groups.iter().filter_map(|group| self.groups.get(group).copied()).collect();
        if !groups.is_empty() && groups != defined.groups {
            launch.groups = Some(groups.into_iter().map(str::to_owned).collect());
        }
        let has_cost = matches!(task.kind(), Kind::Job | Kind::AdHocCommand);
        launch.impact = Some(task.impact).filter(|_| has_cost && defined.impact != Some(task.impact));
        launch.priority = Some(task.priority).filter(|&priority| priority != defined.priority);
        let after = task.dependencies.iter().filter(|on| self.awaited.contains(on));
        launch.depends_on = after.map(TaskId::to_string).collect();
        if task.kind() != Kind::WorkflowJob {
            self.end(past, &mut launch);
        } else if past.outcome() == Some(Outcome::Canceled) {
            launch.cancel_after = self.canceled_after(past);
        }
        Some(launch)
    }

    /// How long it ran and how it ended.
    fn end(&self, past: &PastTask, launch: &mut LaunchDefinition) {
        let (Some(outcome), Some(finished)) = (past.outcome(), past.finished()) else { return };
        match past.started {
            Some(started) => {
                let from = started.max(self.past.since);
                let ran = Moment::of(finished, from).since(Moment::START);
                launch.run_time = Some(RunTime::Fixed(ran));
                launch.endings = always(outcome);
            }
            None if outcome == Outcome::Canceled => launch.cancel_after = self.canceled_after(past),
            // It failed with what it depended on, and will again.
            None => {}
        }
    }

    /// When somebody asked to cancel it, as far as its end tells.
    fn canceled_after(&self, past: &PastTask) -> Option<Length> {
        let from = past.task.created.max(self.past.since);
        Some(Length(Moment::of(past.finished()?, from).since(Moment::START)))
    }
}

/// To end so and not otherwise; a good end needs no word.
fn always(outcome: Outcome) -> Option<Endings> {
    let none = Endings::default();
    match outcome {
        Outcome::Successful => None,
        Outcome::Failed => Some(Endings { failed: 1.0, ..none }),
        Outcome::Error => Some(Endings { error: 1.0, ..none }),
        Outcome::Canceled => Some(Endings { canceled: 1.0, ..none }),
    }
}

/// What a launch need not repeat, since its definition says it.
#[derive(Default)]
struct Defined<'d> {
    priority: Priority,
    impact: Option<Forks>,
    groups: Vec<&'d str>,
}

impl<'d> Defined<'d> {
    fn of_template(definitions: &'d Definitions, name: &str) -> Self {
        let Some(template) = definitions.job_templates.iter().find(|template| template.name == name) else {
            return Self::default();
        };
        let inventory = template.inventory.as_ref();
        let inventory = inventory
            .and_then(|name| definitions.inventories.iter().find(|inventory| inventory.name == *name));
        let hosts = inventory.map_or(0, |inventory| inventory.hosts);
        Self {
            priority: template.priority,
            impact: Some(template.impact_on(hosts)),
            groups: template.groups.iter().map(String::as_str).collect(),
        }
    }
}

/// How long tasks ran that ended well, and how long people took for their word.
#[derive(Default)]
struct Times<'p> {
    of: HashMap<(DefinitionKind, &'p str), Vec<Span>>,
    approvals: Vec<Span>,
}

impl<'p> Times<'p> {
    fn of(tasks: &'p [PastTask]) -> Self {
        let mut times = Self::default();
        for past in tasks.iter().filter(|past| past.outcome() == Some(Outcome::Successful)) {
            let Some((started, finished)) = past.started.zip(past.finished()) else { continue };
            let spans = match past.task.work {
                Work::WorkflowApproval { .. } => &mut times.approvals,
                ref work => {
                    let Some(kind) = kind(work) else { continue };
                    times.of.entry((kind, past.task.name.as_ref())).or_default()
                }
            };
            spans.push(Moment::of(finished, started).since(Moment::START));
        }
        times
    }

    fn run_time(&self, kind: DefinitionKind, name: &str) -> Option<RunTime> {
        empirical(self.of.get(&(kind, name))?)
    }
}

/// The kind of definition that says how long such work takes.
const fn kind(work: &Work) -> Option<DefinitionKind> {
    match work {
        Work::Job { .. } => Some(DefinitionKind::JobTemplate),
        Work::ProjectUpdate { job_type: ProjectUpdateType::Check, .. } => Some(DefinitionKind::Project),
        Work::InventoryUpdate { .. } => Some(DefinitionKind::InventorySource),
        Work::SystemJob {} => Some(DefinitionKind::SystemJob),
        _ => None,
    }
}

/// Run times to draw from, evenly chosen where there are very many.
fn empirical(spans: &[Span]) -> Option<RunTime> {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let step = spans.len().div_ceil(RUN_TIMES).max(1);
    let chosen: Vec<Span> = spans.into_iter().skip(step / 2).step_by(step).collect();
    (!chosen.is_empty()).then(|| RunTime::Empirical(chosen.into()))
}
