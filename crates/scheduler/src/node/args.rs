//! The arguments of `scheduler node`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use control_plane::ports::Launchable;

use crate::args::{Database, Messages, seconds};
use crate::define::args::NodeTypeName;
use crate::live::launch::args::launchable;
use crate::node::http::hosts::HostName;
use crate::source::Source;
use crate::when::Age;

#[derive(Debug, Args)]
#[command(after_help = "\
Without servers everything is in memory and ends with the process: a way to try things out, and to run one file of work:
  scheduler node --cluster examples/cluster.toml --launch workflow:release --until-idle

The same with a page to look at, on http://127.0.0.1:9100/:
  scheduler node --cluster examples/cluster.toml --launch workflow:careful-release --http 127.0.0.1:9100

With both servers it is one of many nodes, and runs until SIGINT or SIGTERM: it stops taking tasks, lets those that run end
within the grace time, and hands back or cancels the rest. A second signal ends it at once.

Handlers: `command` runs a program (`command = [\"program\", \"argument\"]`), `noop` does nothing and is successful. A command inherits the
node's environment but DATABASE_URL, AMQP_URL, AWX_DATABASE_URL, the secrets of PostgreSQL's clients (PGPASSWORD, PGPASSFILE, PGSERVICE,
PGSERVICEFILE, PGSSLKEY, PGSSLPASSWORD), SCHEDULER_..., CREDENTIALS_DIRECTORY and NOTIFY_SOCKET. It runs as the node's user: pass addresses with
passwords by the environment, since arguments are for all to see. What leaves its process group (setsid) outlives it.

Exit codes: 0 it ended as it should, with --until-idle: all were successful; 2 with --until-idle: some were not; 1 an error")]
pub(crate) struct NodeArgs {
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) messages: Messages,
    /// The name by which it joins; left out, this machine's, and in memory those of all instances of the file at once
    #[arg(long, value_name = "NAME")]
    pub(crate) hostname: Option<String>,
    /// What it does; nodes that only do a part share the work
    #[arg(
        long,
        value_name = "ROLE",
        value_enum,
        value_delimiter = ',',
        default_value = "scheduler,relay,worker"
    )]
    pub(crate) roles: Vec<RoleName>,
    /// What it may do, when its instance is not defined yet
    #[arg(long, value_name = "TYPE", default_value = "hybrid")]
    pub(crate) node_type: NodeTypeName,
    /// What it has, in forks, when its instance is not defined yet; left out, what its CPUs and memory give
    #[arg(long, value_name = "FORKS")]
    pub(crate) capacity: Option<u32>,
    /// The fewest workers in its pool
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) min_workers: u32,
    /// The most workers in its pool: so many tasks run at once here, whatever they cost
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_workers: u32,
    /// Check every plan against the rules before it is written
    #[arg(long)]
    pub(crate) audit: bool,
    /// How long after the last pass another is made even if nothing happened
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub(crate) pass_interval: Duration,
    /// For how long a pass may stand still, or one of its statements may take, before PostgreSQL gives its lock to others; where the
    /// rules' `heartbeat_grace` is shorter, that is for how long it may stand still, yet at least 5 s
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) pass_timeout: Duration,
    /// How often it says that it lives; a third of the `heartbeat_grace` of the rules at most
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) heartbeat_interval: Duration,
    /// How long running tasks may go on after a signal to stop
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) stop_grace: Duration,
    /// Let tasks run on when PostgreSQL was not reached, or the node was frozen, for longer than the rules' `heartbeat_grace`. By default
    /// they are ended then: others must take the node for lost, and may start what must not run beside them
    #[arg(long)]
    pub(crate) no_fence: bool,
    /// Remove, once an hour, what ended so long ago, as `scheduler purge` does: 30d, 12w or 36h, at least 1h; left out, nothing is
    /// removed. One node that makes passes is enough
    #[arg(long, value_name = "AGE", allow_hyphen_values = true, conflicts_with = "until_idle")]
    pub(crate) retain: Option<Age>,
    /// Serve a page at / here, which shows what waits and why, what runs and the nodes, and updates itself; beside it /api/overview,
    /// /metrics, /healthz and /readyz
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) http: Option<SocketAddr>,
    /// A name by which it may be asked, such as that of a proxy before it; may be repeated. The address that it listens on and
    /// localhost always may; other names are refused, since a page of another site could come by them
    #[arg(long, value_name = "NAME")]
    pub(crate) http_host: Vec<HostName>,
    /// Let whoever has the token in this file cancel and approve by the page, which is read-only otherwise; SCHEDULER_HTTP_TOKEN in
    /// the environment may hold the token instead. There is no TLS: let a proxy add it where the network is not trusted
    #[arg(long, value_name = "FILE", requires = "http")]
    pub(crate) http_token_file: Option<PathBuf>,
    /// Bring the tables up to date first
    #[arg(long)]
    pub(crate) migrate: bool,
    /// Apply these definitions first, and again on `rpc reload`: a TOML or JSON file, or `-`
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster: Option<Source>,
    /// Launch this first, as `scheduler launch` does; may be repeated
    #[arg(long, value_name = "KIND:NAME", value_parser = launchable)]
    pub(crate) launch: Vec<Launchable>,
    /// End once no task is unfinished
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// What to log to standard error: a level, or a filter such as `info,control_plane=debug`
    #[arg(long, value_name = "FILTER", env = "SCHEDULER_LOG", default_value = "info")]
    pub(crate) log: String,
    /// Log in JSON, a line each
    #[arg(long)]
    pub(crate) log_json: bool,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Makes passes
    Scheduler,
    /// Sends messages
    Relay,
    /// Runs tasks
    Worker,
}
