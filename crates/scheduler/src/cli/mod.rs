//! The command line: every command with its arguments.

mod examples;

use clap::{Parser, Subcommand};

use crate::args::{Database, TasksArgs};
use crate::define::args::{self as define, Define};
use crate::import::args::ImportFrom;
use crate::live;
use crate::manual::{CompletionsArgs, ManArgs};
use crate::schema::Format;

/// Plans, explains and audits scheduling passes at a desk, and runs the nodes of a control plane that makes them
#[derive(Debug, Parser)]
#[command(name = "scheduler", version, about, after_help = EXIT_CODES)]
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
    Plan(crate::plan::PlanArgs),
    /// Say what a pass would do with one task, and follow what it waits for to the end
    ///
    /// `explain FILE TASK` asks a snapshot in a file, `explain TASK` the live database.
    #[command(after_help = examples::EXPLAIN)]
    Explain(crate::explain::ExplainArgs),
    /// Check a plan against the rules
    #[command(after_help = examples::AUDIT)]
    Audit(crate::audit::AuditArgs),
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
    History(Box<crate::history::args::HistoryArgs>),
    /// Run a small made-up cluster in memory, with real processes, and tell each decision as it falls
    #[command(after_help = examples::DEMO)]
    Demo,
    /// Run a node: passes, messages and tasks, on servers, or alone with everything in memory
    Node(Box<crate::node::args::NodeArgs>),
    /// Create the tables, or bring them up to date
    #[command(after_help = examples::MIGRATE)]
    Migrate {
        #[command(flatten)]
        database: Database,
    },
    /// Define what a file describes; what it does not name stays as it is
    #[command(after_help = examples::APPLY)]
    Apply(crate::define::apply::ApplyArgs),
    /// Launch tasks
    Launch(Box<live::launch::args::LaunchArgs>),
    /// Ask to cancel tasks
    #[command(after_help = examples::CANCEL)]
    Cancel(TasksArgs),
    /// Let workflows go on that wait for a word
    #[command(after_help = examples::APPROVE)]
    Approve(TasksArgs),
    /// Let workflows not go on that wait for a word
    #[command(after_help = examples::DENY)]
    Deny(TasksArgs),
    /// Show what waits and why, what runs and where, and the nodes
    #[command(after_help = examples::STATUS)]
    Status(live::status::StatusArgs),
    /// Watch what waits, runs and ended, groups and nodes, on a screen: live, or in a simulation that is played
    Top(Box<crate::top::args::TopArgs>),
    /// Print what a task printed
    #[command(after_help = examples::OUTPUT)]
    Output(live::output::OutputArgs),
    /// Remove tasks that ended long ago, with all that hangs on them
    ///
    /// What passes still need is kept: tasks on which unfinished ones depend, the last update of each project and inventory source,
    /// and workflows as a whole until all of them is old enough. It works in short portions beside running nodes, so it may be
    /// broken off and run again at any time.
    #[command(after_help = examples::PURGE)]
    Purge(live::purge::PurgeArgs),
    /// Print what a pass would read now, as JSON for `plan`, `explain` and `audit`
    #[command(after_help = examples::SNAPSHOT)]
    Snapshot(live::snapshot::SnapshotArgs),
    /// Ask the nodes themselves
    #[command(after_help = examples::RPC)]
    Rpc(live::rpc::RpcArgs),
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
    Completions(CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(ManArgs),
}
