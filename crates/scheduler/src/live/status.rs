//! `scheduler status`: what waits and why, what runs and where, and the nodes.
//!
//! The reasons are those of a pass made for the question and then forgotten, so that they are exact; with `--stored`
//! those that real passes wrote down, which costs no reading of the whole queue.

use std::io::Write as _;

use comfy_table::Table;
use control_plane::ports::{
    NodeView, Reading, Statistics, Store, StoredHold, TaskFilter, TaskStatus, TaskView,
};
use scheduler_core::words::visible;
use scheduler_core::{Explainer, Kind, Placement, Plan, Timestamp};
use serde_json::{Value, json};

use super::{span, tone};
use crate::Found;
use crate::args::live::StatusArgs;
use crate::decisions::{Described, describe, holds};
use crate::failure::Failure;
use crate::open;
use crate::output::{Output, cell, table};
use crate::standing::Standing;
use crate::words::Names;

/// Asks and prints.
pub(crate) fn run(wanted: &StatusArgs) -> Result<Found, Failure> {
    let picture = open::block_on(async {
        let store = open::store(&wanted.database)?;
        Picture::take(&*store, wanted).await
    })?;
    let plan = picture.reading.as_ref().map(|read| scheduler_core::plan(&read.snapshot, &read.rules));
    let mut out = Output::stdout();
    if wanted.json {
        picture.json(plan.as_ref(), &mut out)?;
    } else {
        picture.print(plan.as_ref(), &mut out)?;
    }
    out.finish()?;
    Ok(Found::Nothing)
}

/// Everything that is shown.
struct Picture {
    pending: Vec<TaskView>,
    holding: Vec<TaskView>,
    finished: Vec<TaskView>,
    nodes: Vec<NodeView>,
    statistics: Statistics,
    /// What a pass would read; `None` when the stored reasons are enough.
    reading: Option<Reading>,
}

const FINISHED: [TaskStatus; 4] =
    [TaskStatus::Successful, TaskStatus::Failed, TaskStatus::Error, TaskStatus::Canceled];

impl Picture {
    async fn take(store: &dyn Store, wanted: &StatusArgs) -> Result<Self, Failure> {
        let limit = if wanted.limit == 0 { usize::MAX } else { wanted.limit };
        let tasks = |statuses: &[TaskStatus], limit| TaskFilter { statuses: statuses.to_vec(), limit };
        let finished = if wanted.finished == 0 {
            Vec::new()
        } else {
            store.tasks(&tasks(&FINISHED, wanted.finished)).await?
        };
        Ok(Self {
            pending: store.tasks(&tasks(&[TaskStatus::Pending], limit)).await?,
            holding: store.tasks(&tasks(&[TaskStatus::Waiting, TaskStatus::Running], limit)).await?,
            finished,
            nodes: store.nodes().await?,
            statistics: store.statistics().await?,
            reading: if wanted.stored { None } else { Some(store.read().await?) },
        })
    }

    fn json(&self, plan: Option<&Plan>, out: &mut Output) -> Result<(), Failure> {
        let explainer = plan.map(Plan::explainer);
        let pending: Vec<Value> = self
            .pending
            .iter()
            .map(|task| {
                let mut row = json!(task);
                if let (Some(decision), Some(fields)) =
                    (explainer.as_ref().and_then(|plan| plan.decision(task.id)), row.as_object_mut())
                {
                    fields.insert("decision".to_owned(), json!(decision.action));
                }
                row
            })
            .collect();
        let document = json!({
            "now": self.statistics.now,
            "pending": pending,
            "holding": self.holding,
            "finished": self.finished,
            "nodes": self.nodes,
            "statistics": self.statistics,
        });
        serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
        Ok(())
    }

    fn print(&self, plan: Option<&Plan>, out: &mut Output) -> Result<(), Failure> {
        let names = match &self.reading {
            Some(reading) => Names::of(&reading.snapshot).with_nodes(&self.nodes),
            None => Names::default().with_nodes(&self.nodes),
        };
        let explainer = plan.map(Plan::explainer);
        self.part(out, &[TaskStatus::Pending], &self.pending, &self.queue(explainer.as_ref(), &names))?;
        let holding = [TaskStatus::Waiting, TaskStatus::Running];
        self.part(out, &holding, &self.holding, &self.running(&names))?;
        if !self.finished.is_empty() {
            writeln!(out, "ended last\n{}\n", self.ended().trim_fmt())?;
        }
        if self.nodes.is_empty() {
            writeln!(out, "no nodes")?;
        } else {
            writeln!(out, "{}", self.members().trim_fmt())?;
        }
        if self.statistics.outbox > 0 {
            let age = self.statistics.outbox_oldest.map(|at| self.ago(at)).unwrap_or_default();
            writeln!(out, "\n{} messages to send, the oldest written {age}", self.statistics.outbox)?;
        }
        Ok(())
    }

    /// A table under the number of its rows, or one line that there are none.
    fn part(
        &self,
        out: &mut Output,
        statuses: &[TaskStatus],
        shown: &[TaskView],
        table: &Table,
    ) -> Result<(), Failure> {
        let count = |status: &TaskStatus| self.statistics.tasks.get(status).copied().unwrap_or_default();
        let counts: Vec<String> =
            statuses.iter().map(|status| format!("{} {}", count(status), status.token())).collect();
        writeln!(out, "{}", counts.join(", "))?;
        if !table.is_empty() {
            writeln!(out, "{}", table.trim_fmt())?;
        }
        let all = statuses.iter().map(count).sum::<u64>();
        let more = all.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
        if more > 0 {
            writeln!(out, "… and {more} more; `--limit 0` shows all")?;
        }
        writeln!(out)?;
        Ok(())
    }

    fn queue(&self, plan: Option<&Explainer<'_>>, names: &Names<'_>) -> Table {
        let mut queue = table(&["task", "kind", "priority", "for", "decision", "where or why", "since"]);
        for task in &self.pending {
            let decision = plan.and_then(|plan| plan.decision(task.id));
            let stored = |hold: &StoredHold| holds(&hold.reason, hold.reason.at_first().to_string());
            let described = match plan {
                Some(_) => decision.map(|decision| describe(decision, names)),
                None => task.hold.as_ref().map(stored),
            };
            // Since when: known only of the wait that a pass stored.
            let same = |hold: &&StoredHold| match decision {
                Some(decision) => decision.action.hold().is_some_and(|reason| hold.still_says(reason)),
                None => plan.is_none(),
            };
            let since = task.hold.as_ref().filter(same);
            let (decision, why) = match &described {
                Some(Described { word, sentence, tone, .. }) => (tone.cell(word), cell(sentence)),
                None => (cell(""), cell("no pass has looked at it yet")),
            };
            queue.add_row([
                cell(called(task)),
                cell(task.kind),
                cell(task.priority.get()),
                cell(span(task.created, self.statistics.now)),
                decision,
                why,
                cell(since.map(|hold| self.ago(hold.since)).unwrap_or_default()),
            ]);
        }
        queue
    }

    fn running(&self, names: &Names<'_>) -> Table {
        let mut running = table(&["task", "kind", "status", "where", "for"]);
        for task in &self.holding {
            let placement = Placement { group: task.group, node: task.node, controller: task.controller };
            let place = match task.kind {
                Kind::WorkflowApproval => "waits for a person's word".to_owned(),
                Kind::WorkflowJob => String::new(),
                _ => names.placement(&placement),
            };
            let asked = if task.cancel_requested { ", asked to cancel" } else { "" };
            running.add_row([
                cell(called(task)),
                cell(task.kind),
                tone(task.status).cell(&format!("{}{asked}", task.status.token())),
                cell(place),
                cell(span(task.started.unwrap_or(task.created), self.statistics.now)),
            ]);
        }
        running
    }

    fn ended(&self) -> Table {
        let mut ended = table(&["task", "kind", "status", "when", "took", "why"]);
        for task in &self.finished {
            let took = task.started.zip(task.finished).map(|(from, to)| span(from, to));
            ended.add_row([
                cell(called(task)),
                cell(task.kind),
                tone(task.status).cell(task.status.token()),
                cell(task.finished.map(|at| self.ago(at)).unwrap_or_default()),
                cell(took.unwrap_or_default()),
                cell(&task.explanation),
            ]);
        }
        ended
    }

    fn members(&self) -> Table {
        let mut members = table(&["node", "type", "used", "of", "state", "heard", "version"]);
        for node in &self.nodes {
            members.add_row([
                cell(&node.hostname),
                cell(json!(node.node_type).as_str().unwrap_or_default()),
                cell(node.used.get()),
                cell(node.capacity),
                cell(self.state(node)),
                cell(node.last_heartbeat.map_or_else(|| "never".to_owned(), |at| self.ago(at))),
                cell(&node.version),
            ]);
        }
        members
    }

    fn state(&self, node: &NodeView) -> &'static str {
        let grace = self.reading.as_ref().map(|reading| reading.rules.heartbeat_grace);
        Standing::of(node, grace, self.statistics.now).word()
    }

    fn ago(&self, then: Timestamp) -> String {
        format!("{} ago", span(then, self.statistics.now))
    }
}

/// `42 deploy-web`.
fn called(task: &TaskView) -> String {
    format!("{} {}", task.id, visible(&task.name)).trim_end().to_owned()
}
