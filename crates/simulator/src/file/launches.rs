//! From a file to a workload: what is launched when.

use std::collections::HashMap;
use std::sync::Arc;

use definition::{Flaw, LaunchDefinition, Place};
use scheduler_core::{Forks, GroupId, OwnKey, Priority, Sharing, Task, TaskId, ThinVec, Timestamp, Work};

use super::build::Resolved;
use crate::behaviour::Draw as _;
use crate::{Behaviour, Ends, Launch, Moment, RunTime, Seed, TemplateKey, Workload};

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

impl Resolved<'_> {
    /// Adds the launches; ids follow the order of time, then that of the file.
    pub(super) fn launch_into(&self, workload: &mut Workload, seed: Seed, flaws: &mut Vec<Flaw>) {
        let launches = &self.file.launches;
        if launches.is_empty() {
            let missing = "there is no launch in it: add a [[launch]], for example of a template: `template = \"…\"`, `at = 0`";
            flaws.push(Flaw::new(Place::File, missing));
        }
        let mut sharing = Sharing::default();
        let mut patterns = Vec::with_capacity(launches.len());
        let mut due: Vec<(Moment, usize)> = Vec::new();
        for (position, entry) in launches.iter().enumerate() {
            let mut flaw = |message: String| flaws.push(Flaw::new(Place::Launch(position), message));
            patterns.push(self.pattern(workload, entry, &mut sharing, &mut flaw));
            match moments(entry, seed, position) {
                Ok(moments) => due.extend(moments.into_iter().map(|at| (at, position))),
                Err(message) => flaw(message),
            }
        }
        due.sort_unstable();
        let start = workload.start;
        let mut ids: HashMap<usize, Vec<TaskId>> = HashMap::new();
        let named = launches.iter().enumerate().rev();
        let named = named.filter_map(|(position, entry)| Some((entry.name.as_deref()?, position))).collect();
        for ((at, position), id) in due.into_iter().zip(1..) {
            let id = TaskId::new(id);
            let (Some(Some(pattern)), Some(entry)) = (patterns.get(position), launches.get(position)) else {
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

    /// `None` of what names nothing that there is.
    fn pattern(
        &self,
        workload: &Workload,
        entry: &LaunchDefinition,
        sharing: &mut Sharing,
        flaw: &mut dyn FnMut(String),
    ) -> Option<Pattern> {
        let Some(subject) = entry.subject() else {
            flaw("a launch names one of `template`, `project`, `inventory_source`, `system_job`, `workflow` and `command`: name exactly one".into());
            return None;
        };
        let (work, own) = self.work(subject)?;
        let one_job = entry.run_time.is_some()
            || entry.endings.is_some()
            || entry.impact.is_some()
            || entry.groups.is_some();
        if one_job && matches!(TemplateKey::of(&work), Some(TemplateKey::SlicedWorkflow(_))) {
            flaw("`run_time`, `endings`, `impact` and `groups` are a job's, and this launch is cut into slices: write them at the template".into());
        }
        let template = own.as_ref().or_else(|| workload.catalogue.get(&TemplateKey::of(&work)?));
        let groups = entry.groups.as_ref().map(|names| self.groups(names));
        let groups = groups.or_else(|| Some(Arc::clone(&template?.groups)));
        let groups = groups.unwrap_or_else(|| self.groups(&[]));
        let impact = entry.impact.or_else(|| Some(template?.impact)).unwrap_or(Forks::new(6));
        let behaviour = template.map_or(&workload.fallback, |template| &template.behaviour);
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
                at(id.get()).and_then(|at| self.file.job_templates.get(at)).map(|one| one.priority)
            }
            Some(TemplateKey::Workflow(id)) => {
                at(id.get()).and_then(|at| self.file.workflows.get(at)).map(|one| one.priority)
            }
            _ => None,
        }
        .unwrap_or_default()
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
            None => Some(format!("there is no launch named {name:?}: give that launch a `name`")),
            Some(on) if on == position => Some("it depends on itself: remove the dependency".into()),
            Some(on) => match ids.get(&on) {
                Some(tasks) => {
                    dependencies.extend(tasks.iter().copied());
                    None
                }
                None => Some(format!(
                    "{name:?}, on which it depends, is launched later: launch that earlier, or this one later: see `at`"
                )),
            },
        };
        let place = Place::Launch(position);
        if let Some(message) = problem.filter(|_| !flaws.iter().any(|flaw| flaw.place == place)) {
            flaws.push(Flaw::new(place, message));
        }
    }
    dependencies
}

/// The moments at which an entry launches.
fn moments(entry: &LaunchDefinition, seed: Seed, position: usize) -> Result<Vec<Moment>, String> {
    let first = Moment::START.after(entry.at.0);
    let until = entry.until.map(|until| Moment::START.after(until.0));
    let gap = match (entry.every, entry.per_hour) {
        (Some(_), Some(_)) => {
            return Err("`every` and `per_hour` do not go together: keep one of the two".into());
        }
        (Some(every), None) => Some(RunTime::Fixed(every.0)),
        (None, Some(rate)) if (1e-6..=1e9).contains(&rate) => {
            Some(RunTime::Exponential { mean: crate::Span::from_seconds(3600.0 / rate) })
        }
        (None, Some(rate)) => {
            return Err(format!("per_hour: {rate} is no rate: write how many come an hour, above 0"));
        }
        (None, None) => None,
    };
    let count = entry.count.unwrap_or(if until.is_some() { MOST } else { 1 });
    if count > MOST {
        return Err(format!("count: {count} launches are too many: write at most {MOST}"));
    }
    let Some(gap) = gap else {
        return Ok(vec![first; count.min(if entry.count.is_none() { 1 } else { MOST }) as usize]);
    };
    if entry.count.is_none() && until.is_none() {
        return Err("it never stops: add `count` or `until`".into());
    }
    if entry.count.is_none() && gap.mean() == crate::Span::ZERO {
        return Err("it launches without end at one moment: write `every` above 0, or a `count`".into());
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
