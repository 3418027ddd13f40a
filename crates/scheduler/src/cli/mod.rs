//! The arguments.

pub(crate) mod define;
mod examples;
pub(crate) mod live;
pub(crate) mod node;
pub(crate) mod top;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::source::Source;
use define::Define;
use live::Database;

/// Plans, explains and audits scheduling passes at a desk, and runs the nodes of a control plane that makes them
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
At a desk, from files: plan, explain FILE TASK, audit, schema, rules, import, simulate, forecast FILE, demo, completions, man.
On a live control plane, whose database is named by --database-url or DATABASE_URL: the others.

Exit codes:
  0  done, or nothing to do; for `audit`: no violation
  1  an error, in the arguments, in a file, from a server or while writing
  2  there are decisions; for `audit`: violations; for `launch --wait` and `node --until-idle`: tasks that were not successful;
     for `purge --dry-run`: tasks that would be removed

Files may be compressed with gzip. `-` stands for standard input. Colour goes to terminals only; NO_COLOR stops it.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decide what a pass would do with a snapshot, and say why
    #[command(after_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Say what a pass would do with one task, and follow what it waits for to the end
    ///
    /// `explain FILE TASK` asks a snapshot in a file, `explain TASK` the live database.
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// Check a plan against the rules
    #[command(after_help = examples::AUDIT)]
    Audit(AuditArgs),
    /// Print the JSON Schema of a format
    #[command(after_help = examples::SCHEMA)]
    Schema {
        /// Which format
        #[arg(value_enum, default_value_t = Format::Snapshot)]
        of: Format,
    },
    /// Print the tables of claims and conflicts, from the data that a pass goes by
    #[command(after_help = examples::RULES)]
    Rules {
        /// The rule set: `tower-2018`, `awx-2024`, or a JSON file; left out, that of the database if one is named,
        /// else `tower-2018`
        #[arg(long, value_name = "SET|FILE")]
        rules: Option<String>,
        /// Print the rule set as JSON: a start for one of your own, and what `plan --rules` takes
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        database: Database,
    },
    /// Turn a real workload into a snapshot at a chosen moment
    #[command(after_help = examples::IMPORT)]
    Import {
        #[command(subcommand)]
        from: ImportFrom,
    },
    /// Run a workload through real passes in virtual time, and compare it with a change of the cluster or of the rules
    Simulate(Box<crate::simulate::args::SimulateArgs>),
    /// Say when each pending task will start, as a range, from run times of the past
    ///
    /// `forecast SNAPSHOT` asks a snapshot in a file, `forecast` the live database with its own history.
    Forecast(Box<crate::forecast::ForecastArgs>),
    /// Say what happened on a live control plane: what ran, how long it waited and for what, where, and how it ended
    History(Box<crate::past::args::HistoryArgs>),
    /// Run a small made-up cluster in memory, with real processes, and tell each decision as it falls
    #[command(after_help = examples::DEMO)]
    Demo,
    /// Run a node: passes, messages and tasks, on servers, or alone with everything in memory
    Node(Box<node::NodeArgs>),
    /// Create the tables, or bring them up to date
    #[command(after_help = examples::MIGRATE)]
    Migrate {
        #[command(flatten)]
        database: Database,
    },
    /// Define what a file describes; what it does not name stays as it is
    #[command(after_help = examples::APPLY)]
    Apply(live::ApplyArgs),
    /// Launch tasks
    Launch(Box<live::LaunchArgs>),
    /// Ask to cancel tasks
    #[command(after_help = examples::CANCEL)]
    Cancel(live::TasksArgs),
    /// Let workflows go on that wait for a word
    #[command(after_help = examples::APPROVE)]
    Approve(live::TasksArgs),
    /// Let workflows not go on that wait for a word
    #[command(after_help = examples::DENY)]
    Deny(live::TasksArgs),
    /// Show what waits and why, what runs and where, and the nodes
    #[command(after_help = examples::STATUS)]
    Status(live::StatusArgs),
    /// Watch what waits, runs and ended, groups and nodes, on a screen: live, or in a simulation that is played
    Top(Box<top::TopArgs>),
    /// Print what a task printed
    #[command(after_help = examples::OUTPUT)]
    Output(live::OutputArgs),
    /// Remove tasks that ended long ago, with all that hangs on them
    ///
    /// What passes still need is kept: tasks on which unfinished ones depend, the last update of each project and inventory source,
    /// and workflows as a whole until all of them is old enough. It works in short portions beside running nodes, so it may be
    /// broken off and run again at any time.
    #[command(after_help = examples::PURGE)]
    Purge(live::PurgeArgs),
    /// Print what a pass would read now, as JSON for `plan`, `explain` and `audit`
    #[command(after_help = examples::SNAPSHOT)]
    Snapshot(live::SnapshotArgs),
    /// Ask the nodes themselves
    #[command(after_help = examples::RPC)]
    Rpc(live::RpcArgs),
    /// Machines that run or control tasks
    #[command(subcommand, after_help = examples::INSTANCE)]
    Instance(Define<define::InstanceFlags>),
    /// Sets of machines, and container platforms
    #[command(subcommand, after_help = examples::GROUP)]
    Group(Define<define::GroupFlags>),
    /// Projects, and what updates them
    #[command(subcommand, after_help = examples::PROJECT)]
    Project(Define<define::ProjectFlags>),
    /// Inventories
    #[command(subcommand, after_help = examples::INVENTORY)]
    Inventory(Define<define::InventoryFlags>),
    /// Sources of inventories, and what updates them
    #[command(subcommand, after_help = examples::INVENTORY_SOURCE)]
    InventorySource(Define<define::InventorySourceFlags>),
    /// Job templates
    #[command(subcommand, after_help = examples::TEMPLATE)]
    Template(Box<Define<define::TemplateFlags>>),
    /// System jobs
    #[command(subcommand, after_help = examples::SYSTEM_JOB)]
    SystemJob(Define<define::SystemJobFlags>),
    /// Workflow templates
    #[command(subcommand, after_help = examples::WORKFLOW)]
    Workflow(Define<define::WorkflowFlags>),
    /// Print completions for a shell
    Completions(crate::manual::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(crate::manual::ManArgs),
}

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
