//! From a file to a workload: what is launched when.

use std::collections::HashMap;
use std::sync::Arc;

use definition::{LaunchDefinition, project_update};
use scheduler_core::{
    Forks, GroupId, InventoryId, JobTemplateId, OwnKey, Priority, ProjectId, Sharing, Task, TaskId, ThinVec,
    Timestamp, Work, WorkflowTemplateId,
};

use super::build::{Known, flaw};
use super::{Flaw, WorkloadFile};
use crate::behaviour::Draw as _;
use crate::{Behaviour, Ends, Launch, Moment, RunTime, Seed, Template, TemplateKey, Workload};

/// The most launches that one entry may stand for: more is a slip of the keyboard.
const MOST: u32 = 100_000_000;

/// What an entry launches, again and again.
struct Pattern {
    work: Work,
    name: Arc<str>,
    priority: Priority,
    impact: Forks,
    groups: Arc<[GroupId]>,
    own_keys: ThinVec<OwnKey>,
    ends: Ends,
}

impl WorkloadFile {
    /// Adds the launches; ids follow the order of time, then that of the file.
    pub(super) fn launch_into(
        &self,
        workload: &mut Workload,
        known: &Known,
        seed: Seed,
        flaws: &mut Vec<Flaw>,
    ) {
        if self.launches.is_empty() {
            let remedy = "add a [[launch]], for example of a template: `template = \"…\"`, `at = 0`";
            flaws.push(flaw(("", 0), "there is no launch in it", remedy));
        }
        let mut sharing = Sharing::default();
        let patterns: Vec<Option<Pattern>> = (0..)
            .zip(&self.launches)
            .map(|(position, entry)| self.pattern(workload, known, position, entry, &mut sharing, flaws))
            .collect();
        let mut due: Vec<(Moment, usize)> = Vec::new();
        for (position, entry) in self.launches.iter().enumerate() {
            match moments(entry, seed, position) {
                Ok(moments) => due.extend(moments.into_iter().map(|at| (at, position))),
                Err((what, remedy)) => flaws.push(flaw(("launch", position), what, remedy)),
            }
        }
        due.sort_unstable();
        let start = workload.start;
        let mut ids: HashMap<usize, Vec<TaskId>> = HashMap::new();
        let named = self.launches.iter().enumerate().rev();
        let named = named.filter_map(|(position, entry)| Some((entry.name.as_deref()?, position))).collect();
        for ((at, position), id) in due.into_iter().zip(1..) {
            let id = TaskId::new(id);
            let (Some(Some(pattern)), Some(entry)) = (patterns.get(position), self.launches.get(position))
            else {
                continue;
            };
            let dependencies = dependencies(entry, position, &named, &ids, flaws);
            ids.entry(position).or_default().push(id);
            workload.launches.push(Launch {
                at,
                task: pattern.task(id, at, start, dependencies),
                ends: pattern.ends.clone(),
                cancel_at: entry.cancel_after.map(|after| at.after(after.0)),
            });
        }
    }

    fn pattern(
        &self,
        workload: &Workload,
        known: &Known,
        position: usize,
        entry: &LaunchDefinition,
        sharing: &mut Sharing,
        flaws: &mut Vec<Flaw>,
    ) -> Option<Pattern> {
        let at = ("launch", position);
        let (work, own) = self.work(entry, known, position, flaws)?;
        let one_job = entry.run_time.is_some()
            || entry.endings.is_some()
            || entry.impact.is_some()
            || entry.groups.is_some();
        if one_job && matches!(TemplateKey::of(&work), Some(TemplateKey::SlicedWorkflow(_))) {
            let what = "`run_time`, `endings`, `impact` and `groups` are a job's, and this launch is cut into slices";
            flaws.push(flaw(at, what, "write them at the template"));
        }
        let template = own.as_ref().or_else(|| workload.catalogue.get(&TemplateKey::of(&work)?));
        let groups = entry.groups.as_ref().map(|names| known.groups(names, at, flaws));
        let groups = groups.or_else(|| Some(Arc::clone(&template?.groups)));
        let groups = groups.unwrap_or_else(|| known.groups(&[], at, flaws));
        let impact = entry.impact.or_else(|| Some(template?.impact)).unwrap_or(Forks::new(6));
        let fallback = &workload.fallback;
        let behaviour = template.map_or(fallback, |template| &template.behaviour);
        let changed = entry.run_time.is_some() || entry.endings.is_some() || own.is_some();
        let ends = if changed {
            Ends::Drawn(Arc::new(Behaviour {
                run_time: entry.run_time.clone().unwrap_or_else(|| behaviour.run_time.clone()),
                endings: entry.endings.unwrap_or(behaviour.endings),
            }))
        } else {
            Ends::AsTemplate
        };
        let name = entry.name.as_deref().filter(|_| template.is_none() && entry.count.is_none());
        Some(Pattern {
            name: sharing.name(name.or_else(|| Some(&template?.name)).unwrap_or("")),
            priority: entry.priority.unwrap_or_else(|| self.priority(&work)),
            impact,
            groups: sharing.groups(&groups),
            own_keys: template.map_or_else(ThinVec::new, |template| template.own_keys.clone()),
            work,
            ends,
        })
    }

    fn priority(&self, work: &Work) -> Priority {
        let at = |id: i64| usize::try_from(id - 1).ok();
        match TemplateKey::of(work) {
            Some(TemplateKey::Job(id) | TemplateKey::SlicedWorkflow(id)) => {
                at(id.get()).and_then(|at| self.job_templates.get(at)).map(|one| one.priority)
            }
            Some(TemplateKey::Workflow(id)) => {
                at(id.get()).and_then(|at| self.workflows.get(at)).map(|one| one.priority)
            }
            _ => None,
        }
        .unwrap_or_default()
    }

    /// What is launched, and what it is like where the catalogue does not say.
    fn work(
        &self,
        entry: &LaunchDefinition,
        known: &Known,
        position: usize,
        flaws: &mut Vec<Flaw>,
    ) -> Option<(Work, Option<Template>)> {
        let at = ("launch", position);
        let LaunchDefinition { template, project, inventory_source, system_job, workflow, command, .. } =
            entry;
        let named = [template, project, inventory_source, system_job, workflow, command];
        if named.iter().filter(|name| name.is_some()).count() != 1 {
            let what = "a launch names one of `template`, `project`, `inventory_source`, `system_job`, `workflow` and `command`";
            flaws.push(flaw(at, what, "name exactly one"));
            return None;
        }
        let work = if let Some(name) = template {
            known.job(self, JobTemplateId::new(known.templates.find(name, at, flaws)?))?
        } else if let Some(name) = project {
            project_update(ProjectId::new(known.projects.find(name, at, flaws)?))
        } else if let Some(name) = inventory_source {
            known.source_update(self, known.sources.find(name, at, flaws)?)?
        } else if let Some(name) = system_job {
            let position = usize::try_from(known.system_jobs.find(name, at, flaws)? - 1).ok()?;
            return Some((Work::SystemJob {}, self.system_job(position, known, flaws)));
        } else if let Some(name) = workflow {
            Known::workflow_job(self, WorkflowTemplateId::new(known.workflows.find(name, at, flaws)?))?
        } else {
            let id = known.inventories.find(command.as_ref()?, at, flaws)?;
            Work::AdHocCommand { inventory: Some(InventoryId::new(id)) }
        };
        Some((work, None))
    }
}

impl Pattern {
    fn task(&self, id: TaskId, at: Moment, start: Timestamp, dependencies: ThinVec<TaskId>) -> Task {
        Task {
            name: Arc::clone(&self.name),
            priority: self.priority,
            impact: self.impact,
            groups: Arc::clone(&self.groups),
            dependencies,
            own_keys: self.own_keys.clone(),
            ..Task::new(id, at.on_calendar(start), self.work.clone())
        }
    }
}

/// The tasks that a launch depends on, as far as they were launched by then.
fn dependencies(
    entry: &LaunchDefinition,
    position: usize,
    named: &HashMap<&str, usize>,
    ids: &HashMap<usize, Vec<TaskId>>,
    flaws: &mut Vec<Flaw>,
) -> ThinVec<TaskId> {
    let mut dependencies = ThinVec::new();
    for name in &entry.depends_on {
        let problem = match named.get(name.as_str()).copied() {
            None => Some((format!("there is no launch named {name:?}"), "give that launch a `name`")),
            Some(on) if on == position => Some(("it depends on itself".into(), "remove the dependency")),
            Some(on) => match ids.get(&on) {
                Some(tasks) => {
                    dependencies.extend(tasks.iter().copied());
                    None
                }
                None => Some((
                    format!("{name:?}, on which it depends, is launched later"),
                    "launch that earlier, or this one later: see `at`",
                )),
            },
        };
        let told = |flaw: &Flaw| flaw.table == "launch" && flaw.position == position;
        if let Some((what, remedy)) = problem.filter(|_| !flaws.iter().any(told)) {
            flaws.push(flaw(("launch", position), what, remedy));
        }
    }
    dependencies
}

/// The moments at which an entry launches.
fn moments(
    entry: &LaunchDefinition,
    seed: Seed,
    position: usize,
) -> Result<Vec<Moment>, (String, &'static str)> {
    let first = Moment::START.after(entry.at.0);
    let until = entry.until.map(|until| Moment::START.after(until.0));
    let gap = match (entry.every, entry.per_hour) {
        (Some(_), Some(_)) => {
            return Err(("`every` and `per_hour` do not go together".into(), "keep one of the two"));
        }
        (Some(every), None) => Some(RunTime::Fixed(every.0)),
        (None, Some(rate)) if (1e-6..=1e9).contains(&rate) => {
            Some(RunTime::Exponential { mean: crate::Span::from_seconds(3600.0 / rate) })
        }
        (None, Some(rate)) => {
            return Err((format!("per_hour: {rate} is no rate"), "write how many come an hour, above 0"));
        }
        (None, None) => None,
    };
    let count = entry.count.unwrap_or(if until.is_some() { MOST } else { 1 });
    if count > MOST {
        return Err((format!("count: {count} launches are too many"), "write at most 100000000"));
    }
    let Some(gap) = gap else {
        return Ok(vec![first; count.min(if entry.count.is_none() { 1 } else { MOST }) as usize]);
    };
    if entry.count.is_none() && until.is_none() {
        return Err(("it never stops".into(), "add `count` or `until`"));
    }
    if entry.count.is_none() && gap.mean() == crate::Span::ZERO {
        return Err(("it launches without end at one moment".into(), "write `every` above 0, or a `count`"));
    }
    let mut numbers = seed.numbers(position as u64 | 1 << 62);
    let mut at = first;
    let mut moments = Vec::new();
    for number in 0..count {
        // Random launches begin at a random moment, regular ones at once.
        if number > 0 || entry.per_hour.is_some() {
            at = at.after(gap.draw(&mut numbers));
        }
        if until.is_some_and(|until| at > until) {
            break;
        }
        moments.push(at);
    }
    Ok(moments)
}
