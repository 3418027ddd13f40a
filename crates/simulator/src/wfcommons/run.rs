//! Reading a run, and when each of its tasks started.

use std::collections::HashMap;

use scheduler_core::{Forks, NodeId, Timestamp};
use serde::Deserialize;

use super::dates::{Dates, Written};
use crate::FormatError;

/// A run of a workflow.
#[derive(Debug)]
pub struct Run {
    /// The workflow's name.
    pub name: String,
    /// When it began.
    pub began: Timestamp,
    /// Its tasks, parents before children.
    pub steps: Vec<Step>,
    /// From parents to children.
    pub edges: Vec<(NodeId, NodeId)>,
    /// What it ran on.
    pub machines: Vec<Machine>,
    /// What was read otherwise than it stands in the file, or not at all, for people.
    pub remarks: Vec<String>,
}

/// A task of a run. Times are milliseconds since the run began.
#[derive(Debug)]
pub struct Step {
    /// Its node: its position in the file, from 1.
    pub node: NodeId,
    /// Its id in the file.
    pub name: String,
    /// Its template: tasks of one name, a running number at its end aside, have one.
    pub template: i64,
    /// The cores that it kept busy, at least one.
    pub impact: Forks,
    /// When it started.
    pub started: i64,
    /// When it ended.
    pub ended: i64,
}

/// A machine of a run.
#[derive(Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its cores.
    pub cores: u32,
}

/// A run as it stands in a file: the parts that matter here; the format has many more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    #[serde(default)]
    name: String,
    workflow: Workflow,
}

#[derive(Debug, Deserialize)]
struct Workflow {
    specification: Specification,
    execution: Execution,
}

#[derive(Debug, Deserialize)]
struct Specification {
    tasks: Vec<Specified>,
}

#[derive(Debug, Deserialize)]
struct Specified {
    name: String,
    id: String,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    #[serde(default)]
    executed_at: Written,
    tasks: Vec<Executed>,
    #[serde(default)]
    machines: Vec<ExecutedOn>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    id: String,
    runtime_in_seconds: f64,
    #[serde(default)]
    executed_at: Written,
    core_count: Option<f64>,
    #[serde(rename = "avgCPU")]
    average_cpu: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutedOn {
    node_name: String,
    cpu: Option<Cpu>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cpu {
    core_count: Option<u32>,
}

/// What does not fit, and what to do about it.
type Misfit = (String, &'static str);

impl File {
    /// The run, with the moments at which its tasks started.
    ///
    /// # Errors
    ///
    /// When a task is missing, stands there twice or is its own parent, or a run time is none. A date that is none only leaves a
    /// remark, since a date does no more than place the run on the calendar.
    pub fn run(self) -> Result<Run, FormatError> {
        self.steps().map_err(|(what, remedy)| FormatError::whole(what, remedy))
    }

    fn steps(self) -> Result<Run, Misfit> {
        let Workflow { specification, execution } = self.workflow;
        for task in &execution.tasks {
            let seconds = task.runtime_in_seconds;
            if !(0.0..=1e10).contains(&seconds) {
                let what = format!("workflow.execution.tasks: `{}`: runtimeInSeconds is {seconds}", task.id);
                return Err((what, "write seconds from 0 to 10000000000"));
            }
        }
        let mut dates = Dates::default();
        let started: Vec<Option<Timestamp>> = execution
            .tasks
            .iter()
            .map(|task| dates.read("workflow.execution.tasks[].executedAt", &task.executed_at))
            .collect();
        // Without a date of its own a run begins with the first of its tasks.
        let began = dates
            .read("workflow.execution.executedAt", &execution.executed_at)
            .or_else(|| started.iter().flatten().min().copied())
            .unwrap_or_default();
        let nodes = nodes(&specification.tasks)?;
        let parents = parents(&specification.tasks, &nodes)?;
        let executed: HashMap<&str, (&Executed, Option<Timestamp>)> =
            execution.tasks.iter().zip(started).map(|(task, at)| (task.id.as_str(), (task, at))).collect();
        let mut templates = HashMap::new();
        let mut steps: Vec<Option<Step>> = Vec::new();
        steps.resize_with(specification.tasks.len(), || None);
        for position in parents_first(&parents).map_err(|position| {
            let name = specification.tasks.get(position).map_or("", |task| task.id.as_str());
            (format!("task `{name}` is, by way of its parents, its own parent"), "break the cycle of parents")
        })? {
            let Some(task) = specification.tasks.get(position) else { continue };
            let Some(&(executed, started)) = executed.get(task.id.as_str()) else {
                return Err((
                    format!(
                        "workflow.specification.tasks[{position}]: `{}` has no entry in workflow.execution.tasks",
                        task.id
                    ),
                    "choose a file of a whole run",
                ));
            };
            let due = parents
                .get(position)
                .into_iter()
                .flatten()
                .filter_map(|&parent| steps.get(parent).and_then(Option::as_ref).map(|step| step.ended));
            // Most files say nothing of when each task started: then it did when its parents had ended.
            let started = started.map_or_else(
                || due.max().unwrap_or(0),
                |at| at.signed_duration_since(began).num_milliseconds().max(0),
            );
            let next = i64::try_from(templates.len()).unwrap_or(i64::MAX).saturating_add(1);
            let template = *templates.entry(program(&task.name)).or_insert(next);
            let step = Step {
                node: node(position),
                name: task.id.clone(),
                template,
                impact: executed.impact(),
                started,
                ended: started.saturating_add(milliseconds(executed.runtime_in_seconds)),
            };
            if let Some(place) = steps.get_mut(position) {
                *place = Some(step);
            }
        }
        let edges = parents
            .iter()
            .enumerate()
            .flat_map(|(child, parents)| parents.iter().map(move |&parent| (node(parent), node(child))))
            .collect();
        Ok(Run {
            name: self.name,
            began,
            steps: steps.into_iter().flatten().collect(),
            edges,
            machines: machines(execution.machines),
            remarks: dates.remarks(),
        })
    }
}

impl Executed {
    fn impact(&self) -> Forks {
        let busy = self.average_cpu.map(|percent| percent / 100.0);
        let cores = self.core_count.or(busy).unwrap_or(1.0).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the conversion saturates, and a number without sense becomes the least impact"
        )]
        let cores = cores as u32;
        Forks::new(cores.max(1))
    }
}

fn node(position: usize) -> NodeId {
    NodeId::new(i64::try_from(position).unwrap_or(i64::MAX).saturating_add(1))
}

/// The position of each id.
fn nodes(tasks: &[Specified]) -> Result<HashMap<&str, usize>, Misfit> {
    let mut nodes = HashMap::new();
    for (position, task) in tasks.iter().enumerate() {
        if nodes.insert(task.id.as_str(), position).is_some() {
            return Err((
                format!("workflow.specification.tasks[{position}].id: `{}` stands there twice", task.id),
                "give each task an id of its own",
            ));
        }
    }
    Ok(nodes)
}

/// The parents of each task, by position; an edge may stand at either of its ends.
fn parents(tasks: &[Specified], nodes: &HashMap<&str, usize>) -> Result<Vec<Vec<usize>>, Misfit> {
    let mut parents = vec![Vec::new(); tasks.len()];
    for (position, task) in tasks.iter().enumerate() {
        let find = |list: &str, id: &String| {
            nodes.get(id.as_str()).copied().ok_or_else(|| {
                let what =
                    format!("workflow.specification.tasks[{position}].{list}: there is no task `{id}`");
                (what, "name tasks by the ids of workflow.specification.tasks")
            })
        };
        for id in &task.parents {
            let parent = find("parents", id)?;
            if let Some(of_task) = parents.get_mut(position) {
                of_task.push(parent);
            }
        }
        for id in &task.children {
            let child = find("children", id)?;
            if let Some(of_child) = parents.get_mut(child) {
                of_child.push(position);
            }
        }
    }
    for of_task in &mut parents {
        of_task.sort_unstable();
        of_task.dedup();
    }
    Ok(parents)
}

/// Every position after those of its parents; the error is a position on a cycle or behind one.
fn parents_first(parents: &[Vec<usize>]) -> Result<Vec<usize>, usize> {
    let mut open: Vec<usize> = parents.iter().map(Vec::len).collect();
    let mut children = vec![Vec::new(); parents.len()];
    for (child, of_child) in parents.iter().enumerate() {
        for &parent in of_child {
            if let Some(of_parent) = children.get_mut(parent) {
                of_parent.push(child);
            }
        }
    }
    let mut order: Vec<usize> =
        (0..parents.len()).filter(|&position| open.get(position) == Some(&0)).collect();
    let mut next = 0;
    while let Some(&position) = order.get(next) {
        next += 1;
        for &child in children.get(position).into_iter().flatten() {
            if let Some(count) = open.get_mut(child) {
                *count -= 1;
                if *count == 0 {
                    order.push(child);
                }
            }
        }
    }
    open.iter().position(|&count| count > 0).map_or(Ok(order), Err)
}

fn machines(listed: Vec<ExecutedOn>) -> Vec<Machine> {
    let one = |on: ExecutedOn| {
        let cores = on.cpu.and_then(|cpu| cpu.core_count).unwrap_or(1);
        Machine { name: on.node_name, cores: cores.max(1) }
    };
    if listed.is_empty() {
        vec![Machine { name: "machine".to_owned(), cores: 1 }]
    } else {
        listed.into_iter().map(one).collect()
    }
}

/// The name without a running number at its end: `individuals_ID0000001` is a run of `individuals`.
fn program(name: &str) -> &str {
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    stem.strip_suffix("_ID").or_else(|| stem.strip_suffix('_')).unwrap_or(name)
}

#[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds.max(0.0) * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_number_is_no_part_of_the_program() {
        assert_eq!(program("individuals_ID0000001"), "individuals");
        assert_eq!(program("STAR_ALIGN_6"), "STAR_ALIGN");
        assert_eq!(program("MTX_TO_H5AD"), "MTX_TO_H5AD");
        assert_eq!(program("BWAMEM1"), "BWAMEM1");
    }

    #[test]
    fn parents_come_first_and_a_cycle_is_named() {
        assert_eq!(parents_first(&[vec![1], vec![2], vec![]]), Ok(vec![2, 1, 0]));
        assert_eq!(parents_first(&[vec![], vec![2], vec![1]]), Err(1));
    }
}
