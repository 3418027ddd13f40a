//! The arguments of `scheduler import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::source::Source;

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
