//! `scheduler status`: what waits and why, what runs and where, and the nodes.
//!
//! The reasons are those of a pass made for the question and then forgotten, so that they are exact; with `--stored`
//! those that real passes wrote down, which costs no reading of the whole queue.

use std::io::Write as _;

use clap::Args;
use comfy_table::Table;
use control_plane::ports::TaskStatus;
use scheduler_core::Timestamp;
use serde_json::json;

use super::{span, tone};
use crate::Found;
use crate::args::Database;
use crate::decisions::held;
use crate::failure::Failure;
use crate::open;
use crate::output::{Output, cell, table};
use crate::overview::source::{Limits, Source};
use crate::overview::{Overview, Row};

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// How many rows of each table to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// How many of the tasks that ended last to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) finished: usize,
    /// Show the reasons as passes stored them, instead of asking the rules anew: cheap even with very many tasks
    #[arg(long)]
    pub(crate) stored: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Asks and prints.
pub(crate) fn run(args: &StatusArgs) -> Result<Found, Failure> {
    let unfinished = if args.limit == 0 { usize::MAX } else { args.limit };
    let overview = open::block_on(async {
        let limits = Limits { unfinished, finished: args.finished };
        let source = Source::new(open::store(&args.database)?, limits);
        Ok(if args.stored { source.take().await? } else { source.take_decided().await? })
    })?;
    let mut out = Output::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &overview.document()).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        Printed(&overview).print(&mut out)?;
    }
    out.finish()?;
    Ok(Found::Nothing)
}

/// An overview as tables.
struct Printed<'o>(&'o Overview);

impl Printed<'_> {
    fn print(&self, out: &mut Output) -> Result<(), Failure> {
        let Overview { counts, pending, holding, finished, .. } = self.0;
        part(out, &[(counts.pending, TaskStatus::Pending)], pending.tasks.len(), &self.queue())?;
        let running = [(counts.waiting, TaskStatus::Waiting), (counts.running, TaskStatus::Running)];
        part(out, &running, holding.tasks.len(), &self.running())?;
        if !finished.is_empty() {
            writeln!(out, "ended last\n{}\n", self.ended().trim_fmt())?;
        }
        if self.0.nodes.is_empty() {
            writeln!(out, "no nodes")?;
        } else {
            writeln!(out, "{}", self.members().trim_fmt())?;
        }
        let outbox = self.0.outbox;
        if outbox.messages > 0 {
            let age = outbox.oldest.map(|at| self.ago(at)).unwrap_or_default();
            writeln!(out, "\n{} messages to send, the oldest written {age}", outbox.messages)?;
        }
        Ok(())
    }

    fn queue(&self) -> Table {
        let mut queue = table(&["task", "kind", "priority", "for", "decision", "where or why", "since"]);
        for task in &self.0.pending.tasks {
            let (decision, why) = match (&task.decision, &task.hold) {
                (Some(decided), _) => (decided.tone.cell(decided.word), cell(&decided.sentence)),
                (None, Some(hold)) => {
                    let (word, tone) = held(hold.never);
                    (tone.cell(word), cell(&hold.sentence))
                }
                (None, None) => (cell(""), cell("no pass has looked at it yet")),
            };
            let since = task.hold.as_ref().and_then(|hold| hold.since);
            queue.add_row([
                cell(called(task)),
                cell(task.kind),
                cell(task.priority.get()),
                cell(span(task.created, self.0.now)),
                decision,
                why,
                cell(since.map(|since| self.ago(since)).unwrap_or_default()),
            ]);
        }
        queue
    }

    fn running(&self) -> Table {
        let mut running = table(&["task", "kind", "status", "where", "for"]);
        for task in &self.0.holding.tasks {
            let asked = if task.cancel_requested { ", asked to cancel" } else { "" };
            running.add_row([
                cell(called(task)),
                cell(task.kind),
                tone(task.status).cell(&format!("{}{asked}", task.status.token())),
                cell(&task.place),
                cell(span(task.started.unwrap_or(task.created), self.0.now)),
            ]);
        }
        running
    }

    fn ended(&self) -> Table {
        let mut ended = table(&["task", "kind", "status", "when", "took", "why"]);
        for task in &self.0.finished {
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
        for node in &self.0.nodes {
            members.add_row([
                cell(&node.hostname),
                cell(json!(node.node_type).as_str().unwrap_or_default()),
                cell(node.used.get()),
                cell(node.capacity),
                cell(node.state.word()),
                cell(node.last_heartbeat.map_or_else(|| "never".to_owned(), |at| self.ago(at))),
                cell(&node.version),
            ]);
        }
        members
    }

    fn ago(&self, then: Timestamp) -> String {
        format!("{} ago", span(then, self.0.now))
    }
}

/// A table under the numbers of its tasks, with how many more there are than it shows.
fn part(out: &mut Output, counts: &[(u64, TaskStatus)], shown: usize, table: &Table) -> Result<(), Failure> {
    let said: Vec<String> =
        counts.iter().map(|(count, status)| format!("{count} {}", status.token())).collect();
    writeln!(out, "{}", said.join(", "))?;
    if !table.is_empty() {
        writeln!(out, "{}", table.trim_fmt())?;
    }
    let all = counts.iter().map(|(count, _)| count).sum::<u64>();
    let more = all.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if more > 0 {
        writeln!(out, "… and {more} more; `--limit 0` shows all")?;
    }
    writeln!(out)?;
    Ok(())
}

/// `42 deploy-web`.
fn called(task: &Row) -> String {
    format!("{} {}", task.id, task.name).trim_end().to_owned()
}
