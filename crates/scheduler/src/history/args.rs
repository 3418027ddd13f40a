//! The arguments of `scheduler history`, and the span of time that other commands share with it.

use std::path::PathBuf;

use clap::Args;

use crate::args::Database;
use crate::when::When;

/// What happened when.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HistoryArgs {
    /// From when on: how long ago, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    pub(crate) since: When,
    /// Until when; left out, until now
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<When>,
    /// Only this task, with everything that it waited for
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<i64>,
    /// How many rows of each table to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Print everything as JSON, in the form of `simulate --json`
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw it here too, as one HTML file for any browser
    #[arg(long, value_name = "FILE", conflicts_with = "workload")]
    pub(crate) html: Option<PathBuf>,
    /// Write it here as a workload, a JSON file that `simulate` reads: the cluster as it is defined now, what was launched, how long
    /// it ran and how it ended
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "task"])]
    pub(crate) workload: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: Database,
}

const EXAMPLES: &str = "\
Examples:
  scheduler history                                  # the last 24 hours
  scheduler history --since 2026-01-05 --until '2026-01-06 06:00'
  scheduler history --since 7d --task 42             # what task 42 waited for, one after the other
  scheduler history --since 7d --json | jq '.waiting.kinds'
  scheduler history --html night.html                # the same as a picture, with who waited for whom
  scheduler history --since 7d --workload week.json  # then: scheduler simulate week.json --change 'instance add extra 40 default'

A task is part of the history if it was there at some moment of the span: launched before its end, and not ended before its
beginning.";
