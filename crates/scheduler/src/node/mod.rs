//! `scheduler node`: one node of many on servers, or a whole control plane in one process.
//!
//! Puts together what the arguments name, and waits for a signal, or for the end of all work. In memory it plays every
//! instance that the file defines, since nobody else can.

pub(crate) mod args;
mod capacity;
mod embedded;
pub(crate) mod http;
mod idle;
mod log;
mod process;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use control_plane::definition::{Definitions, HandlerName};
use control_plane::ports::{Broker, Launch, Store};
use control_plane::{
    CommandOptions, Context, Handler, Handlers, Node, NodeError, Options, PoolBounds, Reloaded, Roles,
};
use scheduler_core::{Forks, TaskId};
use serde::de::IgnoredAny;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Found;
use crate::define::file;
use crate::failure::Failure;
use crate::node::args::{NodeArgs, RoleName};
use crate::open;
use crate::source::Source;
use http::token::Token;
use watch::{LastPass, Watch};

/// Runs it to its end.
pub(crate) fn run(args: &NodeArgs) -> Result<Found, Failure> {
    check(args)?;
    let definitions = args.cluster.as_ref().map(file::read).transpose()?;
    let token = Token::given(args.http_token_file.as_ref())?;
    log::start(&args.log, args.log_json)?;
    process::hide_secrets();
    let commands = CommandOptions { open_files: process::raise_open_files(), ..CommandOptions::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
    let found = runtime.block_on(serve(args, definitions, token, commands));
    // What still runs after the end was told to end before; nothing is worth waiting for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    found
}

/// What can be wrong with the arguments together.
fn check(args: &NodeArgs) -> Result<(), Failure> {
    let servers = (args.database.database_url.is_some(), args.messages.amqp_url.is_some());
    if servers.0 != servers.1 {
        let (given, missing) = if servers.0 {
            ("a database is named and no broker", "--amqp-url or AMQP_URL")
        } else {
            ("a broker is named and no database", "--database-url or DATABASE_URL")
        };
        return Err(Failure::new(given.to_owned())
            .remedy(format!("give {missing} too; without either, everything is in memory")));
    }
    if args.min_workers > args.max_workers || args.max_workers == 0 {
        return Err(Failure::new(format!(
            "a pool of {} to {} workers runs nothing",
            args.min_workers, args.max_workers
        ))
        .remedy("let --max-workers be at least 1 and at least --min-workers"));
    }
    if args.heartbeat_interval.is_zero() || args.pass_interval.is_zero() {
        return Err(Failure::new("an interval of 0 seconds is none".to_owned())
            .remedy("give --heartbeat-interval and --pass-interval more than 0"));
    }
    if args.pass_timeout.is_zero() {
        return Err(Failure::new("a pass that may take 0 seconds ends before it begins".to_owned())
            .remedy("give --pass-timeout more than 0"));
    }
    Ok(())
}

/// What a node stands on.
struct Ground {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    /// The names to join by: one, or in memory several.
    hostnames: Vec<String>,
}

async fn serve(
    args: &NodeArgs,
    definitions: Option<Definitions>,
    token: Option<Token>,
    commands: CommandOptions,
) -> Result<Found, Failure> {
    let own_name = || gethostname::gethostname().to_string_lossy().into_owned();
    let hostname = args.hostname.clone().unwrap_or_else(own_name);
    let ground = if args.database.database_url.is_some() {
        on_servers(args, definitions, hostname).await?
    } else {
        embedded::ground(args, definitions, hostname).await?
    };
    let passes = Arc::new(LastPass::default());
    let nodes: Vec<Node> =
        ground.hostnames.iter().map(|name| node(args, &ground, name, &passes, commands)).collect();
    let stop = CancellationToken::new();
    let _ends_all = stop.clone().drop_guard();
    if let Some(address) = args.http {
        let watched = Watch::install(&ground, &nodes, args, passes, stop.clone())?;
        let changes = token.is_some();
        let named = ground.hostnames.first().map_or("", String::as_str);
        let site =
            Arc::new(http::Site::new(watched, ground.store.clone(), named, token, args.http_host.clone()));
        let listener = http::bind(address).await?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(changes, %address, "serves /metrics, /healthz, /readyz and a page at /");
        }
        tokio::spawn(http::serve(listener, site, stop.clone()));
    }
    let launched = launch(args, &*ground.store).await?;
    let running = run_all(nodes, stop.clone());
    let work = async {
        if args.until_idle {
            let found = idle::wait(&*ground.store, &launched).await?;
            stop.cancel();
            Ok::<Found, Failure>(found)
        } else {
            std::future::pending().await
        }
    };
    tokio::pin!(running);
    let found = tokio::select! {
        ended = &mut running => return ended.map(|()| Found::Nothing),
        found = work => found?,
        signal = terminate() => {
            tracing::info!(signal = signal?, grace = ?args.stop_grace, "stops; a second signal ends it at once");
            stop.cancel();
            Found::Nothing
        }
    };
    tokio::select! {
        ended = &mut running => ended.map(|()| found),
        signal = terminate() => Err(Failure::new(format!("ended at once by a second signal, {}", signal?))
            .remedy("what ran here fails once the heartbeat grace is over, or when this node starts again")),
    }
}

/// The next SIGINT or SIGTERM.
async fn terminate() -> Result<&'static str, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new(format!("signals cannot be listened to: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}

async fn on_servers(
    args: &NodeArgs,
    definitions: Option<Definitions>,
    hostname: String,
) -> Result<Ground, Failure> {
    if args.migrate {
        open::migrate(&args.database).await?;
    }
    let store = open::node_store(&args.database, args.pass_timeout)?;
    let broker = open::patient_broker(&args.messages, &args.database)?;
    if let Some(definitions) = definitions {
        let applied = store.define(&definitions).await?;
        tracing::info!(
            created = applied.created.len(),
            changed = applied.changed.len(),
            "definitions applied"
        );
    }
    warn_if_alone(&*store, &hostname).await;
    Ok(Ground { store, broker, hostnames: vec![hostname] })
}

/// A task only comes to an instance by a group. A store that cannot be reached yet is for the node to deal with.
async fn warn_if_alone(store: &dyn Store, hostname: &str) {
    if let Ok(defined) = store.definitions().await
        && !defined.groups.iter().any(|group| group.instances.iter().any(|member| member == hostname))
    {
        tracing::warn!(
            hostname,
            "is in no group, so that no task comes here: see `scheduler group set --help`"
        );
    }
}

/// A node under this name, not running yet.
fn node(
    args: &NodeArgs,
    ground: &Ground,
    hostname: &str,
    passes: &Arc<LastPass>,
    commands: CommandOptions,
) -> Node {
    let capacity = args.capacity.map_or_else(capacity::of_this_machine, Forks::new);
    let builder = Node::builder(ground.store.clone(), ground.broker.clone())
        .hostname(hostname)
        .node_type(args.node_type.into())
        .capacity(capacity)
        .version(env!("CARGO_PKG_VERSION"))
        .roles(roles(&args.roles))
        .handlers(handlers(commands))
        .options(options(args))
        .observed_by(passes.clone());
    let builder = match args.retain {
        Some(age) => builder.retaining(ground.store.clone(), age.length()),
        None => builder,
    };
    match &args.cluster {
        Some(source @ Source::File(_)) => {
            let (source, store) = (source.clone(), ground.store.clone());
            builder.on_reload(move || reload(source.clone(), store.clone())).build()
        }
        _ => builder.build(),
    }
}

fn roles(named: &[RoleName]) -> Roles {
    Roles {
        scheduler: named.contains(&RoleName::Scheduler),
        relay: named.contains(&RoleName::Relay),
        worker: named.contains(&RoleName::Worker),
    }
}

fn options(args: &NodeArgs) -> Options {
    Options {
        period: args.pass_interval,
        audit: args.audit,
        pool: PoolBounds { least: args.min_workers, most: args.max_workers },
        heartbeat: args.heartbeat_interval,
        stop_grace: args.stop_grace,
        fence: !args.no_fence,
        ..Options::default()
    }
}

/// `command`, which every node has, and `noop`, which is successful at once: to see what the control plane itself costs.
fn handlers(commands: CommandOptions) -> Handlers {
    let noop = Handler::new(|_: IgnoredAny, _: Context| std::future::ready(())).restartable();
    match HandlerName::try_from("noop") {
        Ok(name) => Handlers::new(commands).with(name, noop),
        Err(_) => Handlers::new(commands),
    }
}

/// `rpc reload`: the file may have changed.
async fn reload(source: Source, store: Arc<dyn Store>) -> Result<Reloaded, String> {
    let definitions = file::read(&source).map_err(|failure| failure.to_string())?;
    let applied = store.define(&definitions).await.map_err(|error| error.to_string())?;
    let summary = format!(
        "{source} is applied, {} created, {} changed; the pool is recycled",
        applied.created.len(),
        applied.changed.len()
    );
    Ok(Reloaded { pool: None, summary })
}

async fn launch(args: &NodeArgs, store: &dyn Store) -> Result<Vec<TaskId>, Failure> {
    if args.launch.is_empty() {
        return Ok(Vec::new());
    }
    let launches: Vec<Launch> = args.launch.iter().cloned().map(Launch::of).collect();
    let ids = store.launch(&launches).await?;
    for (task, launch) in ids.iter().zip(&launches) {
        tracing::info!(%task, of = crate::live::launch::what(&launch.of), "launched");
    }
    Ok(ids)
}

/// Runs them until told to stop. One that ends otherwise stops the others.
async fn run_all(nodes: Vec<Node>, stop: CancellationToken) -> Result<(), Failure> {
    let mut running = JoinSet::new();
    for node in nodes {
        running.spawn(node.run(stop.clone()));
    }
    let mut result = Ok(());
    while let Some(ended) = running.join_next().await {
        let ended = match ended {
            Ok(ended) => ended.map_err(|error| failure(&error)),
            Err(panic) => Err(Failure::new(format!("a node ended by a fault of this program: {panic}"))),
        };
        if ended.is_err() {
            stop.cancel();
        }
        result = result.and(ended);
    }
    result
}

fn failure(error: &NodeError) -> Failure {
    Failure::new(open::chain(error))
}
