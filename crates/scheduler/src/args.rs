//! The arguments of commands, and what they have in common; those of larger commands are with the command.

pub(crate) mod database;
pub(crate) mod define;
pub(crate) mod live;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::source::Source;
use database::Database;

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The snapshot, a JSON file, or `-`
    #[arg(value_name = "FILE")]
    pub(crate) snapshot: Source,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file
    #[arg(long, value_name = "SET|FILE", default_value = "tower-2018")]
    pub(crate) rules: String,
    /// Print the plan as JSON, whole
    #[arg(long, conflicts_with_all = ["only", "limit"])]
    pub(crate) json: bool,
    /// Show only these decisions; may be repeated
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Show>,
    /// How many rows of each table to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

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

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The snapshot, a JSON file, or `-`
    #[arg(value_name = "FILE")]
    pub(crate) snapshot: Source,
    /// The plan, a JSON file as `plan --json` prints it, or `-`
    pub(crate) plan: Source,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file
    #[arg(long, value_name = "SET|FILE", default_value = "tower-2018")]
    pub(crate) rules: String,
}

/// The decisions that a table can be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Show {
    /// Tasks that start
    Starts,
    /// Tasks that stay pending, and malformed workflows that are left as they are
    Holds,
    /// Tasks that end
    Ends,
    /// Dispatches that are taken back, sent again or asked to cancel
    Dispatches,
    /// Nodes of workflows
    Nodes,
    /// Tasks to create
    Creates,
    /// Dependencies that were derived
    Links,
}

/// The documented formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// What a pass is given
    Snapshot,
    /// What a pass decides
    Plan,
    /// What a pass goes by
    Rules,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportFrom {
    /// From a log in the Standard Workload Format
    ///
    /// A job of the log becomes a job of the template that its application number names; its processors are its impact.
    /// At the chosen moment a job is running if it started before, finished if it ended by then, and pending if it was
    /// submitted by then and had not started. Preceding jobs become dependencies. The instances have MaxProcs forks together.
    Swf(SwfArgs),
    /// From a workflow run in the WfFormat of WfCommons
    ///
    /// The run becomes a running workflow job; its tasks become nodes that wait for all their parents. A task that ended by
    /// the chosen moment is an ended node, one that started before is a running job, the others are still untouched. Without
    /// start times in the file, a task starts as soon as its last parent has ended.
    Wfcommons(WfcommonsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file, or `-`
    #[arg(value_name = "FILE")]
    pub(crate) workload: Source,
    /// The moment, in seconds since the workload began; when left out, the last one at which most of it is under way or due
    #[arg(long, value_name = "SECONDS")]
    pub(crate) at: Option<i64>,
    /// Write the snapshot here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SwfArgs {
    #[command(flatten)]
    pub(crate) common: ImportArgs,
    /// How many instances share the machine's processors
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) instances: u32,
    /// As if no pass had run for so long: what started since is still pending. 0 when the log knows how long jobs waited,
    /// else an hour, since in such a log nothing ever waits
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) backlog: Option<i64>,
    /// Only one job of a template may run at once
    #[arg(long)]
    pub(crate) exclusive: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WfcommonsArgs {
    #[command(flatten)]
    pub(crate) common: ImportArgs,
    /// How many copies of the run's first machine to use, instead of the machines that the file lists
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) instances: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scheduler completions bash > ~/.local/share/bash-completion/completions/scheduler
  scheduler completions zsh > ~/.zfunc/_scheduler
  scheduler completions fish > ~/.config/fish/completions/scheduler.fish")]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scheduler man | man -l -
  scheduler man --into ~/.local/share/man/man1 && man scheduler-simulate")]
pub(crate) struct ManArgs {
    /// Write a page for the program and one for each command into this directory, which must exist, instead of printing the
    /// program's page
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
}
