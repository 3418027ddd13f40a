//! The arguments of `scheduler simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use simulator::TimedChange;
use simulator::generate::Mix;

use crate::args::Database;
use crate::source::Source;
use crate::when::When;

/// What to simulate, and what to compare it with.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SimulateArgs {
    /// The workload: a workload file (TOML or JSON), a log in the Standard Workload Format, a run in WfFormat, a snapshot, or `-`
    #[arg(value_name = "WORKLOAD", required_unless_present_any = ["generate", "live"], conflicts_with_all = ["generate", "live"])]
    pub(crate) workload: Option<Source>,
    /// What people launched on the live database, again, on the cluster as it is defined there now
    #[arg(long, conflicts_with = "generate")]
    pub(crate) live: bool,
    /// With --live: from when on; how long ago, or a time in UTC
    #[arg(long, value_name = "WHEN", requires = "live", default_value = "7d")]
    pub(crate) since: When,
    /// A generated workload instead, as in `tasks=10000,load=0.8,instances=20`
    #[arg(long, value_name = "PARAMETERS")]
    pub(crate) generate: Option<Mix>,
    /// What the file is, where its beginning does not tell
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub(crate) format: Format,
    /// Instances, groups and rules from this file instead of the workload's own
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster: Option<Source>,
    /// How many instances share the processors of a log, or how many copies of a run's first machine there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) instances: Option<u32>,
    /// Only one job of a template of a log may run at once
    #[arg(long)]
    pub(crate) exclusive: bool,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file; left out, that of the workload's `[rules]` or of the database, or
    /// `tower-2018`
    #[arg(long, value_name = "SET|FILE")]
    pub(crate) rules: Option<String>,
    /// Compare with this change; may be repeated
    ///
    /// `instance add NAME CAPACITY [GROUP …]`, `instance remove NAME`, `instance lose NAME`, `instance capacity NAME CAPACITY`,
    /// `instance enable NAME`, `instance disable NAME`, `group limit NAME JOBS [FORKS]`, each with `at SECONDS` before it if it
    /// comes later.
    #[arg(long = "change", value_name = "CHANGE")]
    pub(crate) changes: Vec<TimedChange>,
    /// Compare with these rules
    #[arg(long, value_name = "SET|FILE")]
    pub(crate) compare_rules: Option<String>,
    /// Compare with an instance reserved for each task that has waited longer than this for room
    #[arg(long, value_name = "SECONDS")]
    pub(crate) reserve_after: Option<u32>,
    /// From which everything that is drawn by chance follows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The least time between passes; events in between share one
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub(crate) pass_interval: f64,
    /// Stop at this moment, whatever is unfinished
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) until: Option<i64>,
    /// Which plans are audited; by default all up to 50,000 tasks, then a sample
    #[arg(long, value_enum, default_value_t = Audit::Auto)]
    pub(crate) audit: Audit,
    /// Print everything as JSON: each task's timeline, the passes, waiting times and the use of capacity
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw the timeline here too, as one HTML file for any browser; of a comparison, that of the run with the change
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How many rows of each table to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) database: Database,
}

const EXAMPLES: &str = "\
Examples:
  scheduler simulate examples/workload.toml
  scheduler simulate log.swf.gz --instances 4 --compare-rules awx-2024
  scheduler simulate log.swf.gz --change 'instance add node-5 128' --change 'at 86400 instance remove node-1'
  scheduler simulate --generate tasks=10000,load=0.9,instances=20 --reserve-after 600
  scheduler simulate --live --since 7d --change 'instance add extra 40 default'
  scheduler simulate log.swf.gz --instances 4 --html timeline.html

Exit codes: 0 every task ended, 2 some never can, 1 an error.";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Told from its beginning
    Auto,
    /// A workload file, TOML or JSON
    Workload,
    /// The Standard Workload Format
    Swf,
    /// WfCommons' WfFormat
    Wfcommons,
    /// A snapshot, from whose moment on everything pending is run to its end
    Snapshot,
}

/// Which plans are audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audit {
    /// All, unless there are very many tasks
    Auto,
    /// All
    All,
    /// So many that they hold one in fifty of the rows that passes look at
    Sample,
    /// None
    None,
}
