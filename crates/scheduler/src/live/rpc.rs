//! `scheduler rpc`: questions to the nodes themselves.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use control_plane::ports::{NodeView, Recipient, Reply, Request, Statistics, Store};
use scheduler_core::words::visible;
use scheduler_core::{InstanceId, Seconds, TaskId};
use serde_json::{Value, json};

use super::span;
use crate::Found;
use crate::args::{Database, Messages, seconds};
use crate::failure::Failure;
use crate::open;
use crate::output::{Output, cell, table};

#[derive(Debug, Args)]
pub(crate) struct RpcArgs {
    #[command(subcommand)]
    pub(crate) ask: RpcAsk,
    /// Ask only this node, by its hostname; left out, every node that was heard of lately
    #[arg(long, value_name = "HOSTNAME", global = true)]
    pub(crate) node: Option<String>,
    /// How long to wait for answers
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, global = true)]
    pub(crate) within: Duration,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) messages: Messages,
}

/// What nodes are asked.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum RpcAsk {
    /// Their roles, pools and versions
    Status,
    /// What they run
    Running,
    /// Stop a task where it runs
    Cancel {
        /// Its id
        task: i64,
    },
    /// Recycle their pools and read their configuration again
    Reload,
}

/// The longest text that is shown of what a node answers.
const LONGEST: usize = 2000;

/// A node that was not heard of for so long is not asked, unless it is named.
const LATELY: Seconds = Seconds::new(60);

/// Asks, and prints each answer; no answer from some is an error, once the others are said.
pub(crate) fn run(args: &RpcArgs) -> Result<Found, Failure> {
    let request = match args.ask {
        RpcAsk::Status => Request::Status,
        RpcAsk::Running => Request::Running,
        RpcAsk::Cancel { task } => Request::Cancel(TaskId::new(task)),
        RpcAsk::Reload => Request::Reload,
    };
    let asked = open::block_on(async {
        let store = open::store(&args.database)?;
        let broker = open::broker(&args.messages, &args.database, &*store).await?;
        let statistics = store.statistics().await?;
        let (to, names) = recipient(&*store, args.node.as_deref(), &statistics).await?;
        let answers = broker.request(&to, &request, args.within).await?;
        Ok(Asked { answers, names, statistics })
    })?;
    let mut out = Output::stdout();
    if args.json {
        asked.json(&mut out)?;
    } else {
        asked.print(&mut out)?;
    }
    out.finish()?;
    asked.complete()
}

async fn recipient(
    store: &dyn Store,
    node: Option<&str>,
    statistics: &Statistics,
) -> Result<(Recipient, BTreeMap<InstanceId, String>), Failure> {
    let nodes = store.nodes().await?;
    let name = |row: &NodeView| (row.id, row.hostname.clone());
    if let Some(node) = node {
        let row = nodes.iter().find(|row| row.hostname == node).ok_or_else(|| {
            Failure::new(format!("there is no instance {node:?}"))
                .remedy("`scheduler instance list` shows those there are")
        })?;
        return Ok((Recipient::Node(row.id), BTreeMap::from([name(row)])));
    }
    let heard =
        |row: &&NodeView| row.last_heartbeat.is_some_and(|at| !LATELY.elapsed_since(at, statistics.now));
    let names: BTreeMap<InstanceId, String> = nodes.iter().filter(heard).map(name).collect();
    if names.is_empty() {
        return Err(Failure::new("no node was heard of lately".to_owned())
            .remedy("start one with `scheduler node`, or name one with --node"));
    }
    Ok((Recipient::All { expected: names.keys().copied().collect() }, names))
}

struct Asked {
    answers: Vec<(InstanceId, Reply)>,
    /// Who was asked.
    names: BTreeMap<InstanceId, String>,
    statistics: Statistics,
}

impl Asked {
    fn name(&self, id: InstanceId) -> String {
        self.names.get(&id).map_or_else(|| format!("instance {id}"), |name| visible(name).to_string())
    }

    fn json(&self, out: &mut Output) -> Result<(), Failure> {
        let rows: Vec<Value> = self
            .answers
            .iter()
            .map(|(id, reply)| json!({ "node": self.names.get(id), "id": id, "reply": reply }))
            .collect();
        serde_json::to_writer_pretty(&mut *out, &rows).map_err(std::io::Error::from)?;
        writeln!(out)?;
        Ok(())
    }

    fn print(&self, out: &mut Output) -> Result<(), Failure> {
        let mut statuses = table(&["node", "roles", "workers", "busy", "since", "version"]);
        let mut running = table(&["node", "task", "dispatch", "handler", "for", ""]);
        for (id, reply) in &self.answers {
            let node = self.name(*id);
            match reply {
                Reply::Status(status) => {
                    let (least, most) = status.bounds;
                    statuses.add_row([
                        cell(node),
                        cell(status.roles.join(", ")),
                        cell(format!("{} ({least} to {most})", status.workers)),
                        cell(status.busy),
                        cell(format!("{} ago", span(status.since, self.statistics.now))),
                        cell(&status.version),
                    ]);
                }
                Reply::Running(tasks) if tasks.is_empty() => writeln!(out, "{node}: runs nothing")?,
                Reply::Running(tasks) => {
                    running.add_rows(tasks.iter().map(|task| {
                        [
                            cell(&node),
                            cell(task.task),
                            cell(task.dispatch),
                            cell(&task.handler),
                            cell(span(task.since, self.statistics.now)),
                            cell(if task.canceling { "told to stop" } else { "" }),
                        ]
                    }));
                }
                Reply::Canceling(true) => writeln!(out, "{node}: told it to stop")?,
                Reply::Canceling(false) => writeln!(out, "{node}: does not run it")?,
                Reply::Reloaded(words) => writeln!(out, "{node}: {}", visible(words).within(LONGEST))?,
                Reply::Failed(words) => {
                    writeln!(out, "{node}: could not: {}", visible(words).within(LONGEST))?;
                }
            }
        }
        for table in [statuses, running].iter().filter(|table| !table.is_empty()) {
            writeln!(out, "{}", table.trim_fmt())?;
        }
        Ok(())
    }

    fn complete(&self) -> Result<Found, Failure> {
        let silent: Vec<String> = self
            .names
            .iter()
            .filter(|(id, _)| self.answers.iter().all(|(answered, _)| answered != *id))
            .map(|(_, name)| visible(name).to_string())
            .collect();
        if silent.is_empty() {
            return Ok(Found::Nothing);
        }
        Err(Failure::new(format!("no answer in time from {}", silent.join(", ")))
            .remedy("give them longer with --within, or see whether they live with `scheduler status`"))
    }
}
