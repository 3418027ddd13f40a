//! `scheduler explain`: what a pass would do with one task, and the chain of what it waits for.

use std::collections::BTreeSet;
use std::io::{self, Write};

use clap::Args;
use control_plane::ports::TaskView;
use scheduler_core::words::visible;
use scheduler_core::{Ending, Explanation, Graph, Plan, RuleSet, Snapshot, State, Task, TaskCount, TaskId};

use crate::Found;
use crate::args::Database;
use crate::decisions::{describe, node};
use crate::failure::Failure;
use crate::live::{LONGEST_WHY, title, tone, unknown_task};
use crate::output::Output;
use crate::source::Source;
use crate::words::{Names, On};
use crate::{open, problems, read};

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct ExplainArgs {
    /// The snapshot, a JSON file, or `-`; left out, what the database holds now
    #[arg(value_name = "FILE")]
    pub(crate) snapshot: Option<Source>,
    /// The id of the task
    #[arg(required = true, allow_negative_numbers = true)]
    pub(crate) task: i64,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file; left out, `tower-2018` for a file and its own for a database
    #[arg(long, value_name = "SET|FILE")]
    pub(crate) rules: Option<String>,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Plans, and explains the one task. What the pass does with it decides the exit code: nothing for a task that stays as it is.
pub(crate) fn run(args: &ExplainArgs) -> Result<Found, Failure> {
    let id = TaskId::new(args.task);
    let given = args.rules.as_deref().map(read::rules).transpose()?;
    let Some(source) = &args.snapshot else { return live(args, id, given) };
    let rules = given.unwrap_or_else(RuleSet::tower_2018);
    let snapshot = read::snapshot(source)?;
    if snapshot.tasks.iter().all(|task| task.id != id) {
        return Err(unknown(source, id, &snapshot));
    }
    problems::print(source, &snapshot, &rules);
    answer(&snapshot, &rules, id)
}

/// The same on what the database holds now. A pass reads no task that ended and that nothing waits for: of such a one the row says
/// all there is.
fn live(args: &ExplainArgs, id: TaskId, given: Option<RuleSet>) -> Result<Found, Failure> {
    let (reading, row) = open::block_on(async {
        let store = open::store(&args.database)?;
        Ok((store.read().await?, store.task(id).await?))
    })?;
    if reading.snapshot.tasks.iter().any(|task| task.id == id) {
        return answer(&reading.snapshot, &given.unwrap_or(reading.rules), id);
    }
    let row = row.ok_or_else(|| unknown_task(id))?;
    let mut out = Output::stdout();
    writeln!(out, "{}", ended(&row))?;
    out.finish()?;
    Ok(Found::Nothing)
}

/// The same as lines of plain text, by a plan that was made.
pub(crate) fn lines(snapshot: &Snapshot, rules: &RuleSet, plan: &Plan, id: TaskId) -> Vec<String> {
    let rows: Vec<&Task> = snapshot.tasks.iter().filter(|task| task.id == id).collect();
    let mut out = anstream::StripStream::new(Vec::new());
    // Memory takes whatever is written to it.
    let _written = Answer { snapshot, rules, plan, names: Names::of(snapshot) }.print(&rows, &mut out);
    String::from_utf8_lossy(&out.into_inner()).lines().map(str::to_owned).collect()
}

/// What the row of a task that ended says: `job 7 deploy-web: failed since …: …`.
pub(crate) fn ended(row: &TaskView) -> String {
    let when = row.finished.map(|at| format!(" since {at}")).unwrap_or_default();
    let why = if row.explanation.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(&row.explanation).within(LONGEST_WHY))
    };
    let style = tone(row.status).style();
    format!("{}: {style}{}{style:#}{when}{why}", title(row), row.status.token())
}

fn answer(snapshot: &Snapshot, rules: &RuleSet, id: TaskId) -> Result<Found, Failure> {
    let rows: Vec<&Task> = snapshot.tasks.iter().filter(|task| task.id == id).collect();
    let plan = scheduler_core::plan(snapshot, rules);
    let mut out = Output::stdout();
    Answer { snapshot, rules, plan: &plan, names: Names::of(snapshot) }.print(&rows, &mut out)?;
    out.finish()?;
    let changes = plan.decision(id).is_some_and(|decision| decision.action.changes_something());
    Ok(Found::something_if(changes || plan.nodes.iter().any(|decision| decision.workflow == id)))
}

fn unknown(source: &Source, id: TaskId, snapshot: &Snapshot) -> Failure {
    let failure = Failure::new(format!("{source}: there is no task {id} in it"));
    let ids = snapshot.tasks.iter().map(|task| task.id);
    match (ids.clone().min(), ids.max()) {
        (Some(first), Some(last)) => failure.remedy(format!(
            "the ids in it go from {first} to {last} ({} tasks); `scheduler plan` lists those that are decided about",
            snapshot.tasks.len()
        )),
        _ => failure.remedy("it holds no task at all"),
    }
}

/// As many jobs, nodes and dependents of one task are listed; the rest are counted.
const LISTED: usize = 50;

fn left_out(count: usize, what: &str, out: &mut impl Write) -> io::Result<()> {
    match count {
        0 => Ok(()),
        1 => writeln!(out, "  and 1 {what} more"),
        more => writeln!(out, "  and {more} {what}s more"),
    }
}

struct Answer<'a> {
    snapshot: &'a Snapshot,
    rules: &'a RuleSet,
    plan: &'a Plan,
    names: Names<'a>,
}

impl Answer<'_> {
    fn print(&self, rows: &[&Task], out: &mut impl Write) -> io::Result<()> {
        for task in rows {
            writeln!(out, "{}", self.row(task))?;
        }
        let Some(task) = rows.first() else { return Ok(()) };
        match self.plan.decision(task.id) {
            Some(decision) => {
                let described = describe(decision, &self.names);
                let style = described.tone.style();
                writeln!(out, "{style}{}{style:#}: {}", described.word, described.sentence)?;
                if let Some(explanation) = self.plan.explain(task.id) {
                    self.chain(&explanation, out)?;
                }
            }
            None => writeln!(out, "{}", self.undecided(task))?,
        }
        for graph in self.snapshot.graphs.iter().filter(|graph| graph.workflow == task.id) {
            self.workflow(graph, out)?;
        }
        Ok(())
    }

    /// What the task waits for, what that waits for, and so on: a line each.
    fn chain(&self, explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
        for step in explanation.steps.iter().skip(1) {
            writeln!(out, "  {} {} {}", step.kind, self.names.task(step.task), step.reason)?;
        }
        if explanation.left_out > TaskCount::new(0) {
            writeln!(
                out,
                "  … and {} more, each waiting for the next; the chain ends so:",
                explanation.left_out
            )?;
        }
        match &explanation.ending {
            Ending::Capacity => writeln!(out, "  room comes when tasks that run there end"),
            Ending::Never => writeln!(out, "  time alone does not help: somebody must change something"),
            Ending::Decided { .. } if explanation.steps.is_empty() => Ok(()),
            Ending::Decided { task, action } => {
                let end = task.task().and_then(|id| self.plan.decision(id));
                let what = end.map_or_else(
                    || action.to_string(),
                    |decision| {
                        let described = describe(decision, &self.names);
                        format!("is to {}: {}", described.word, described.sentence)
                    },
                );
                writeln!(out, "  {} {what}", self.names.reference(*task))
            }
            Ending::Created(task) => {
                writeln!(
                    out,
                    "  {} is created by this pass and starts in a later one",
                    self.names.reference(*task)
                )
            }
            Ending::Loop(task) => {
                writeln!(out, "  {} stands in this chain already", self.names.reference(*task))
            }
            Ending::Undecided(task) => {
                let row = self.snapshot.tasks.iter().find(|row| Some(row.id) == task.task());
                match row {
                    Some(row) => writeln!(out, "  {}", self.row(row)),
                    None => writeln!(out, "  {} is not in the snapshot", self.names.reference(*task)),
                }
            }
        }
    }

    /// What the snapshot says of it.
    fn row(&self, task: &Task) -> String {
        let name = self.names.task(task.id);
        let on = On(&task.work).to_string();
        let on = if on.is_empty() { on } else { format!(" on {on}") };
        let state = match &task.state {
            State::Pending => format!("pending since {}", task.created),
            State::Waiting(dispatch) => format!(
                "waiting since {} to be taken up {} (dispatch {})",
                dispatch.since,
                self.names.placement(&dispatch.placement),
                dispatch.id
            ),
            State::Running(_) if !task.kind().needs_place() => "running".to_owned(),
            State::Running(placement) => format!("running {}", self.names.placement(placement)),
            State::Finished { outcome, at: Some(at) } => format!("{outcome} since {at}"),
            State::Finished { outcome, at: None } => outcome.to_string(),
        };
        let cost = if task.kind().needs_place() { task.cost().to_string() } else { "nothing".to_owned() };
        format!("{} {name}{on}: {state}, costs {cost}", task.kind())
    }

    /// What a running workflow waits for, and what the pass does with its nodes.
    fn workflow(&self, graph: &Graph, out: &mut impl Write) -> io::Result<()> {
        let jobs: BTreeSet<TaskId> = graph.nodes.iter().filter_map(|node| node.progress.job()).collect();
        let unfinished = |row: &&Task| row.state.is_unfinished() && jobs.contains(&row.id);
        let mut open = self.snapshot.tasks.iter().filter(unfinished);
        for row in open.by_ref().take(LISTED) {
            writeln!(out, "  its {}", self.row(row))?;
        }
        left_out(open.count(), "unfinished job", out)?;
        let mut nodes = self.plan.nodes.iter().filter(|decision| decision.workflow == graph.workflow);
        for decision in nodes.by_ref().take(LISTED) {
            let (word, why, tone) = node(&decision.step);
            let style = tone.style();
            writeln!(out, "  its node {}: {style}{word}{style:#}: {why}", decision.node)?;
        }
        left_out(nodes.count(), "node", out)
    }

    /// Why the pass says nothing of it.
    fn undecided(&self, task: &Task) -> String {
        match &task.state {
            State::Pending if self.plan.unconsidered.get() > 0 => format!(
                "not considered: the pass reached its limit of {} starts before; another pass follows at once",
                self.rules.start_limit.get()
            ),
            State::Pending => "not considered in this pass".to_owned(),
            State::Waiting(_) => {
                "nothing to do: it holds its place and its claims until it is taken up".to_owned()
            }
            State::Running(_) if !task.kind().needs_place() => {
                "nothing to end or to cancel: it holds its claims until it ends".to_owned()
            }
            State::Running(_) => "nothing to do: it holds its place and its claims until it ends".to_owned(),
            State::Finished { .. } => self.finished(task),
        }
    }

    fn finished(&self, task: &Task) -> String {
        let mut waiting = self.snapshot.tasks.iter().filter(|other| other.dependencies.contains(&task.id));
        let dependents = waiting.by_ref().take(LISTED);
        let mut dependents: Vec<String> =
            dependents.map(|other| format!("{} {}", other.kind(), self.names.task(other.id))).collect();
        match waiting.count() {
            0 => {}
            1 => dependents.push("1 task more".to_owned()),
            more => dependents.push(format!("{more} tasks more")),
        }
        if dependents.is_empty() {
            "nothing to do: a pass never touches a finished task".to_owned()
        } else {
            format!(
                "nothing to do: it is finished; it is kept because {} depends on it",
                dependents.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands each of which waits for the next, and the last for capacity, of which there is none.
    fn chain(length: usize) -> Snapshot {
        let task = |id: usize| {
            let on = if id < length { vec![id + 1] } else { Vec::new() };
            serde_json::json!({
                "id": id, "created": "2026-01-01T11:00:00Z", "impact": 1, "work": { "ad_hoc_command": {} }, "groups": [1],
                "dependencies": on,
            })
        };
        let tasks: Vec<serde_json::Value> = (1..=length).map(task).collect();
        let value = serde_json::json!({
            "version": 1, "now": "2026-01-01T12:00:00Z", "tasks": tasks,
            "groups": [{ "id": 1, "name": "default", "members": { "instances": [] } }],
        });
        serde_json::from_value(value).expect("a snapshot")
    }

    #[test]
    fn r10_a_long_chain_is_told_in_part_and_the_rest_counted() {
        let (snapshot, rules) = (chain(1_000), RuleSet::tower_2018());
        let plan = scheduler_core::plan(&snapshot, &rules);
        let said = lines(&snapshot, &rules, &plan, TaskId::new(1));
        assert_eq!(said.len(), 2 + 49 + 2, "{said:#?}");
        assert_eq!(
            said.get(51).map(String::as_str),
            Some("  … and 950 tasks more, each waiting for the next; the chain ends so:")
        );
        assert_eq!(
            said.last().map(String::as_str),
            Some("  time alone does not help: somebody must change something")
        );
        let short = lines(&snapshot, &rules, &plan, TaskId::new(951));
        assert_eq!(short.len(), 2 + 49 + 1, "{short:#?}");
    }
}
