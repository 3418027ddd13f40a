//! The past as a workload: what people launched, on the cluster as it is defined now, to be run again.
//!
//! What passes made themselves (updates on launch, jobs of workflows) is left out: passes of the simulation make it again. A task
//! that ran runs as long and ends alike; one that never did runs as its template does. What was there already when the span begins is
//! launched at its first moment, with what was left of its run. What a worker does is not written, since it may be secret.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;

use control_plane::definition::{Definitions, RulesDefinition};
use control_plane::ports::PastTask;
use scheduler_core::{
    GroupId, InventoryId, Kind, LaunchType, Outcome, ProjectId, ProjectUpdateType, RuleSet, TaskId, Work,
    WorkflowOf, job_impact,
};
use serde_json::{Map, Value, json};
use simulator::file::{Flaw, VERSION, WorkloadFile};
use simulator::{Moment, Seed, Span, Workload};

use super::Past;
use crate::failure::Failure;

/// The most run times of one template that are written: more say nothing new.
const RUN_TIMES: usize = 500;

/// The tables of a workload file, by the kind of definition.
const TABLES: [&str; 7] =
    ["instance", "group", "project", "inventory", "inventory-source", "template", "system-job"];

/// The workload, and the rules of now, with the ids that groups have in it.
pub(super) fn workload(past: &Past, seed: Seed) -> Result<(Workload, RuleSet), Failure> {
    let mut bytes = Vec::new();
    write(past, &mut bytes)?;
    let unusable = |what: String| {
        Failure::new(format!("the history cannot be run again: {what}")).remedy(
            "name another --since, or write it with `scheduler history --workload FILE` and mend the file",
        )
    };
    let file: WorkloadFile = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    drop(bytes);
    let first = |flaws: Vec<Flaw>| flaws.into_iter().next().map_or_else(String::new, |flaw| flaw.what);
    let mut workload = file.workload(seed).map_err(|flaws| unusable(first(flaws)))?;
    "history".clone_into(&mut workload.name);
    let groups: HashMap<&str, GroupId> =
        workload.cluster.groups.iter().map(|group| (group.name.as_str(), group.id)).collect();
    let rules = past.definitions.rules.clone().unwrap_or_default();
    let rules = rules.resolve(|name| groups.get(name).copied());
    let rules = rules.map_err(|error| Failure::new(error.to_string()))?;
    Ok((workload, rules))
}

/// Writes the workload file, and says how many tasks it leaves out that people launched.
pub(super) fn write(past: &Past, out: &mut dyn Write) -> io::Result<usize> {
    let replay = Replay::of(past);
    let mut file = replay.definitions();
    file.insert("version".into(), json!(VERSION));
    file.insert("name".into(), json!("history"));
    file.insert("start".into(), json!(past.since));
    let mut first = true;
    out.write_all(b"{")?;
    for (key, value) in &file {
        write!(out, "{}\n  {}: {value}", if first { "" } else { "," }, json!(key))?;
        first = false;
    }
    out.write_all(b",\n  \"launch\": [")?;
    let mut first = true;
    let mut left_out = 0;
    for task in past.tasks.iter().filter(|task| replay.is_launch(task)) {
        let Some(launch) = replay.launch(task) else {
            left_out += 1;
            continue;
        };
        write!(out, "{}\n    {}", if first { "" } else { "," }, Value::Object(launch))?;
        first = false;
    }
    out.write_all(b"\n  ]\n}\n")?;
    Ok(left_out)
}

/// What was written, in a sentence.
pub(super) fn summary(past: &Past, path: &Path, left_out: usize) -> String {
    let replay = Replay::of(past);
    let launches = past.tasks.iter().filter(|task| replay.is_launch(task)).count() - left_out;
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
    rules: RulesDefinition,
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
            rules: past.definitions.rules.clone().unwrap_or_default(),
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

    fn inventory(&self, id: Option<InventoryId>) -> Option<String> {
        let id = id?;
        Some(self.inventories.get(&id).cloned().unwrap_or_else(|| format!("inventory {id}")))
    }

    /// The tables of what is defined, with run times, and what is defined no more but was launched.
    fn definitions(&self) -> Map<String, Value> {
        let definitions = serde_json::to_value(&self.past.definitions).unwrap_or_default();
        let mut file = match definitions {
            Value::Object(tables) => tables,
            _ => Map::new(),
        };
        file.retain(|_, table| table.as_array().is_none_or(|rows| !rows.is_empty()));
        let times = self.run_times();
        for (table, rows) in &mut file {
            for row in rows.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                row.remove("run");
                row.remove("slices");
                self.with_groups(table, row);
                let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
                if let Some(spans) = times.get(&(table.as_str(), name)) {
                    row.insert("run_time".into(), empirical(spans));
                }
                if let (Some(spans), Some(nodes)) = (times.get(&("approval", "")), row.get_mut("node")) {
                    approvals(nodes, spans);
                }
            }
        }
        self.add_what_is_gone(&mut file, &times);
        file
    }

    /// Of a definition without groups the simulation takes the first of the file; meant are those of the rules.
    fn with_groups(&self, table: &str, row: &mut Map<String, Value>) {
        let takes = matches!(table, "project" | "inventory-source" | "template" | "system-job");
        let default = &self.rules.default_groups;
        if takes && !row.contains_key("groups") && !default.is_empty() {
            row.insert("groups".into(), json!(default));
        }
    }

    /// How long tasks ran that ended well, by table and name.
    fn run_times(&self) -> HashMap<(&'static str, &'p str), Vec<Span>> {
        let mut times: HashMap<(&'static str, &'p str), Vec<Span>> = HashMap::new();
        for past in &self.past.tasks {
            let (Some(table), Some(Outcome::Successful)) = (table(&past.task.work), past.outcome()) else {
                continue;
            };
            let name = if table == "approval" { "" } else { past.task.name.as_ref() };
            if let Some((started, finished)) = past.started.zip(past.finished()) {
                let span = Moment::of(finished, started).since(Moment::START);
                times.entry((table, name)).or_default().push(span);
            }
        }
        times
    }

    /// Rows for what was launched and is defined no more: as much of it as its tasks know.
    fn add_what_is_gone(&self, file: &mut Map<String, Value>, times: &HashMap<(&str, &str), Vec<Span>>) {
        let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for table in TABLES {
            let rows = file.get(table).and_then(Value::as_array).into_iter().flatten();
            let names = rows.filter_map(|row| row.get("name").and_then(Value::as_str)).map(str::to_owned);
            known.insert(table, names.collect());
        }
        for past in self.past.tasks.iter().filter(|past| self.is_launch(past)) {
            let name = past.task.name.as_ref();
            let mut needed: Vec<(&str, Value)> = Vec::new();
            match &past.task.work {
                Work::Job { project, inventory, allow_simultaneous, .. } => {
                    let project = project
                        .map(|id| self.projects.get(&id).cloned().unwrap_or_else(|| format!("project {id}")));
                    let inventory = self.inventory(*inventory);
                    needed.extend(project.iter().map(|name| ("project", json!({ "name": name }))));
                    needed.extend(inventory.iter().map(|name| ("inventory", json!({ "name": name }))));
                    let row = json!({
                        "name": name, "project": project, "inventory": inventory,
                        "allow_simultaneous": allow_simultaneous, "impact": past.task.impact,
                    });
                    needed.push(("template", row));
                }
                Work::ProjectUpdate { .. } => needed.push(("project", json!({ "name": name }))),
                Work::AdHocCommand { inventory } => {
                    let inventory = self.inventory(*inventory);
                    needed.extend(inventory.iter().map(|name| ("inventory", json!({ "name": name }))));
                }
                Work::SystemJob {} => needed.push(("system-job", json!({ "name": name }))),
                Work::InventoryUpdate { inventory, .. } => {
                    if let Some(inventory) = self.inventory(*inventory) {
                        needed.push(("inventory", json!({ "name": inventory })));
                        needed.push(("inventory-source", json!({ "name": name, "inventory": inventory })));
                    }
                }
                Work::WorkflowJob { .. } | Work::WorkflowApproval { .. } => {}
            }
            for (table, mut row) in needed {
                let name = row.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                if !known.entry(table).or_default().insert(name.clone()) {
                    continue;
                }
                if let Some(fields) = row.as_object_mut() {
                    fields.retain(|_, value| !value.is_null());
                    self.with_groups(table, fields);
                    if let Some(spans) = times.get(&(table, name.as_str())) {
                        fields.insert("run_time".into(), empirical(spans));
                    }
                }
                let rows = file.entry(table).or_insert_with(|| json!([]));
                rows.as_array_mut().into_iter().for_each(|rows| rows.push(row.clone()));
            }
        }
    }

    /// One launch; `None` when nothing is left to launch it from.
    fn launch(&self, past: &PastTask) -> Option<Map<String, Value>> {
        let task = &past.task;
        let definitions = &self.past.definitions;
        let name = task.name.as_ref();
        let mut launch = Map::new();
        let mut defined = Defined::default();
        let (key, name) = match &task.work {
            Work::Job { .. } => {
                defined = Defined::of_template(definitions, name);
                ("template", name.to_owned())
            }
            Work::ProjectUpdate { .. } => ("project", name.to_owned()),
            Work::InventoryUpdate { inventory, .. } => {
                self.inventory(*inventory)?;
                ("inventory_source", name.to_owned())
            }
            Work::SystemJob {} => ("system_job", name.to_owned()),
            Work::AdHocCommand { inventory } => ("command", self.inventory(*inventory)?),
            Work::WorkflowJob { .. } => {
                let of = definitions.workflows.iter().find(|workflow| workflow.name == name)?;
                defined.priority = of.priority.get();
                ("workflow", name.to_owned())
            }
            Work::WorkflowApproval { .. } => return None,
        };
        launch.insert(key.into(), json!(name));
        if self.awaited.contains(&task.id) {
            launch.insert("name".into(), json!(task.id.to_string()));
        }
        let at = |moment| Moment::of(moment, self.past.since).max(Moment::START);
        launch.insert("at".into(), json!(at(task.created).seconds()));
        let groups: Vec<&str> =
            task.groups.iter().filter_map(|group| self.groups.get(group).copied()).collect();
        if !groups.is_empty() && groups != defined.groups {
            launch.insert("groups".into(), json!(groups));
        }
        if matches!(task.kind(), Kind::Job | Kind::AdHocCommand) && defined.impact != Some(task.impact) {
            launch.insert("impact".into(), json!(task.impact));
        }
        if task.priority.get() != defined.priority {
            launch.insert("priority".into(), json!(task.priority));
        }
        let after: Vec<String> =
            task.dependencies.iter().filter(|on| self.awaited.contains(on)).map(TaskId::to_string).collect();
        if !after.is_empty() {
            launch.insert("depends_on".into(), json!(after));
        }
        if task.kind() != Kind::WorkflowJob {
            self.end(past, &mut launch);
        } else if past.outcome() == Some(Outcome::Canceled) {
            launch.extend(self.cancel(past));
        }
        Some(launch)
    }

    /// How long it ran and how it ended.
    fn end(&self, past: &PastTask, launch: &mut Map<String, Value>) {
        let (Some(outcome), Some(finished)) = (past.outcome(), past.finished()) else { return };
        match past.started {
            Some(started) => {
                let from = started.max(self.past.since);
                let ran = Moment::of(finished, from).since(Moment::START);
                launch.insert("run_time".into(), json!(ran.seconds()));
                if outcome != Outcome::Successful {
                    launch.insert("endings".into(), json!({ outcome.to_string(): 1 }));
                }
            }
            None if outcome == Outcome::Canceled => launch.extend(self.cancel(past)),
            // It failed with what it depended on, and will again.
            None => {}
        }
    }

    /// When somebody asked to cancel it, as far as its end tells.
    fn cancel(&self, past: &PastTask) -> Option<(String, Value)> {
        let from = past.task.created.max(self.past.since);
        let after = Moment::of(past.finished()?, from).since(Moment::START);
        Some(("cancel_after".into(), json!(after.seconds())))
    }
}

/// What a launch need not repeat, since its definition says it.
#[derive(Default)]
struct Defined<'d> {
    priority: i32,
    impact: Option<scheduler_core::Forks>,
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
            priority: template.priority.get(),
            impact: Some(template.impact.unwrap_or_else(|| job_impact(hosts, template.forks))),
            groups: template.groups.iter().map(String::as_str).collect(),
        }
    }
}

/// The table of a workload file in which such work is defined.
fn table(work: &Work) -> Option<&'static str> {
    match work {
        Work::Job { .. } => Some("template"),
        Work::ProjectUpdate { job_type, .. } => (*job_type == ProjectUpdateType::Check).then_some("project"),
        Work::InventoryUpdate { .. } => Some("inventory-source"),
        Work::SystemJob {} => Some("system-job"),
        Work::WorkflowApproval { .. } => Some("approval"),
        Work::AdHocCommand { .. } | Work::WorkflowJob { .. } => None,
    }
}

/// Run times to draw from, evenly chosen where there are very many.
fn empirical(spans: &[Span]) -> Value {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let step = spans.len().div_ceil(RUN_TIMES).max(1);
    let seconds: Vec<f64> = spans.iter().skip(step / 2).step_by(step).map(|span| span.seconds()).collect();
    json!({ "empirical": seconds })
}

/// How long people took for their word.
fn approvals(nodes: &mut Value, spans: &[Span]) {
    for node in nodes.as_array_mut().into_iter().flatten() {
        let approval = node.get_mut("starts").and_then(|starts| starts.get_mut("approval"));
        if let Some(approval) = approval.and_then(Value::as_object_mut) {
            approval.insert("run_time".into(), empirical(spans));
        }
    }
}
