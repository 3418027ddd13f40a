//! A node: joins the cluster, puts the loops together, and stops in good order.
//!
//! What runs: the heartbeat; the trigger with the scheduler; the relay; the worker with its intake, reports and orders; the ears for
//! wake-ups, broadcasts and requests; the metrics; the retention, if wanted. Each is supervised. Dropping the future of [`Node::run`] is a crash:
//! everything ends at its next await, nothing is reported, and the cluster deals with it as with a process that was killed.
//!
//! A graceful stop has four steps: take nothing new, and say so, so that passes send nothing
//! and what was not taken up goes elsewhere; let what runs go on for a grace time; then tell what still runs
//! to stop, hand back what may be run again, and cancel the rest; write the last reports and say goodbye. Passes and sending
//! go on until then, so that a lone node loses nothing.
//!
//! A node without contact to the store for the rules' grace ends what it runs (see `fence.rs`), unless its options say otherwise;
//! and one that has only just regained contact fails nobody for silence yet.
//!
//! A node whose name was taken by another process stops at once: its tasks are failed already, so they are cut off and
//! nothing is reported; messages that it has in hand go back, since they are for its successor. It learns of it by the wake-up
//! that a join gives, by the answer to a claim, or by its next heartbeat, whichever comes first.

mod builder;
mod calls;
mod fence;
mod health;
mod heartbeat;
mod listen;
mod retain;
mod roles;
mod stop;
mod supervise;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use scheduler_core::Seconds;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

pub use builder::NodeBuilder;
pub use calls::Reloaded;
pub use health::Health;
pub use roles::Roles;

use self::calls::Ear;
use self::fence::Fence;
use self::heartbeat::Heartbeat;
use self::listen::{Signals, listen};
use self::retain::Retain;
use self::supervise::supervise;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::contact::{Contact, HEARTBEATS_IN_GRACE};
use crate::limit::within;
use crate::metrics;
use crate::options::Options;
use crate::pool::Pool;
use crate::ports::{Broker, Counts, Joined, NodeStore, StoreError};
use crate::relay::Relay;
use crate::runner::Runner;
use crate::running::Running;
use crate::schedule::Scheduler;
use crate::signal::Signal;
use crate::trigger::Trigger;
use crate::worker::{Reports, Worker};

/// How long the first pass of a node waits until its own queue exists. Nothing depends on it.
const QUEUE_PATIENCE: Duration = Duration::from_secs(1);

/// A node of the control plane.
#[derive(Debug)]
pub struct Node {
    parts: NodeBuilder,
    signals: Signals,
    health: Arc<Health>,
}

/// Why a node stopped otherwise than it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It could not join.
    #[error("the node could not join")]
    Join(#[source] StoreError),
    /// The rules would take it for lost between two heartbeats, and fail what it runs.
    #[error(
        "`heartbeat_grace` of the rules is {grace}, and a node that says every {} s that it lives would be lost in between: let it say so every {} s at most (`--heartbeat-interval`), or define a longer `heartbeat_grace`",
        .heartbeat.as_secs_f32(), .most.as_secs_f32()
    )]
    Grace {
        /// The rules' grace.
        grace: Seconds,
        /// How often the node beats.
        heartbeat: Duration,
        /// How often it has to, at least.
        most: Duration,
    },
    /// Another process has joined under its name since.
    #[error(
        "another process has joined as {hostname:?} since: this one has stopped, and what it ran has failed; give each node a name of its own"
    )]
    Replaced {
        /// The name.
        hostname: String,
    },
}

impl Node {
    /// Begins to put a node together.
    #[must_use]
    pub fn builder(store: Arc<dyn NodeStore>, broker: Arc<dyn Broker>) -> NodeBuilder {
        NodeBuilder::new(store, broker)
    }

    /// How the node is, while it runs.
    #[must_use]
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Asks for a pass, besides what the store says (R12.2).
    #[must_use]
    pub fn trigger(&self) -> Signal {
        self.signals.schedule.clone()
    }

    /// Joins and runs until `shutdown`, then stops in good order. While the store cannot be reached, joining is tried again.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), NodeError> {
        let Some(joined) = self.join(&shutdown).await? else { return Ok(()) };
        for task in &joined.orphans {
            tracing::warn!(%task, "an earlier life of this node ran the task, which has failed now");
        }
        let hostname = self.parts.joining.hostname.clone();
        tracing::info!(hostname, instance = %joined.member.instance, roles = ?self.parts.roles.names(), "joined");
        self.health.beat();
        let replaced = CancellationToken::new();
        let health = Arc::clone(&self.health);
        let loops = Loops::start(self, &joined, &replaced);
        let stopped = tokio::select! {
            biased;
            () = replaced.cancelled() => {
                loops.abandon().await;
                Err(NodeError::Replaced { hostname })
            }
            () = shutdown.cancelled() => tokio::select! {
                biased;
                () = replaced.cancelled() => Err(NodeError::Replaced { hostname }),
                () = loops.stop() => Ok(()),
            },
        };
        health.stopped();
        stopped
    }

    /// `None` when told to stop before the store answered.
    async fn join(&self, shutdown: &CancellationToken) -> Result<Option<Joined>, NodeError> {
        let mut backoff = Backoff::up_to(self.parts.options.retry_cap);
        loop {
            let joined = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(None),
                joined = self.enter() => joined,
            };
            match joined {
                Ok(joined) => return Ok(Some(joined)),
                Err(NodeError::Join(error)) if error.is_transient() => {
                    tracing::warn!(error = %Chain(&error), "cannot join yet, trying again");
                    tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return Ok(None),
                        () = backoff.wait() => {}
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Joins, unless the rules would take a node that beats as this one for lost between two beats.
    async fn enter(&self) -> Result<Joined, NodeError> {
        let Options { heartbeat, call_limit, .. } = self.parts.options;
        let store = &self.parts.store;
        let grace = within(call_limit, store.heartbeat_grace()).await.map_err(NodeError::Join)?;
        let most = Duration::from_secs(u64::from(grace.get())) / HEARTBEATS_IN_GRACE;
        if heartbeat > most {
            return Err(NodeError::Grace { grace, heartbeat, most });
        }
        // The broker must know whose messages it carries before anything is sent or taken.
        let control_plane = within(call_limit, store.control_plane()).await.map_err(NodeError::Join)?;
        self.parts.broker.serve(control_plane);
        within(call_limit, store.join(&self.parts.joining)).await.map_err(NodeError::Join)
    }
}

/// The loops of a node that has joined. Dropping this ends them all at their next await.
struct Loops {
    worker: Arc<Worker>,
    /// Ends the intake, the first step of a stop.
    taking: CancellationToken,
    intake: JoinSet<()>,
    /// Ends everything else.
    stop: CancellationToken,
    others: JoinSet<()>,
}

impl Loops {
    fn start(node: Node, joined: &Joined, replaced: &CancellationToken) -> Self {
        let Node { parts, signals, health } = node;
        let options = parts.options;
        let running = Arc::new(Running::default());
        let contact = Arc::new(Contact::begin(options.heartbeat));
        let worker = Arc::new(Worker {
            store: parts.store.clone(),
            broker: Arc::clone(&parts.broker),
            clock: Arc::clone(&parts.clock),
            member: joined.member,
            runner: Arc::new(Runner::new(Arc::new(parts.handlers.clone()), options.cut_off)),
            reports: Arc::new(Reports::new(Arc::clone(&running))),
            running,
            pool: Pool::start(options.pool),
            orders: signals.orders.clone(),
            opened: CancellationToken::new(),
            replaced: replaced.clone(),
            options,
        });
        let heartbeat = Heartbeat {
            store: parts.store.clone(),
            member: joined.member,
            health,
            contact: Arc::clone(&contact),
            requests: signals.heartbeat.clone(),
            orders: signals.orders.clone(),
            replaced: replaced.clone(),
            options,
        };
        let mut loops = Self {
            worker,
            taking: CancellationToken::new(),
            intake: JoinSet::new(),
            stop: CancellationToken::new(),
            others: JoinSet::new(),
        };
        loops.add("heartbeat", heartbeat, |heartbeat, stop| async move { heartbeat.run(stop).await });
        loops.add_roles(&parts, &signals, &contact);
        loops.add_ears(parts, signals);
        loops
    }

    /// The loops of the chosen roles.
    fn add_roles(&mut self, parts: &NodeBuilder, signals: &Signals, contact: &Arc<Contact>) {
        let options = parts.options;
        if parts.roles.scheduler {
            let mut scheduler = Scheduler::new(parts.store.clone(), options)
                .waking(signals.relay.clone())
                .trusting(Arc::clone(contact));
            if let Some(rewriter) = &parts.rewriter {
                scheduler = scheduler.rewritten_by(Arc::clone(rewriter));
            }
            if let Some(observer) = &parts.observer {
                scheduler = scheduler.observed_by(Arc::clone(observer));
            }
            let trigger = Trigger { scheduler, requests: signals.schedule.clone(), options };
            let queue =
                if parts.roles.worker { self.worker.opened.clone() } else { CancellationToken::new() };
            let patience = if parts.roles.worker { QUEUE_PATIENCE } else { Duration::ZERO };
            self.add("trigger", trigger, move |trigger, stop| {
                let queue = queue.clone();
                async move {
                    // A first pass before the queue exists would only send what no queue takes.
                    let _ = timeout(patience, queue.cancelled()).await;
                    trigger.run(stop).await;
                }
            });
            let store = Arc::clone(&parts.store);
            self.add("statistics", (), move |_, stop| count(store.clone(), options.statistics_period, stop));
            if let Some((retention, age)) = &parts.retention {
                let retain = Retain {
                    retention: Arc::clone(retention),
                    counts: parts.store.clone(),
                    age: *age,
                    period: options.retain_period,
                };
                self.add("retention", retain, |retain, stop| async move { retain.run(stop).await });
            }
        }
        if parts.roles.relay {
            let relay = Relay {
                store: parts.store.clone(),
                broker: Arc::clone(&parts.broker),
                requests: signals.relay.clone(),
                options,
            };
            self.add("relay", relay, |relay, stop| async move { relay.run(stop).await });
        }
        if parts.roles.worker {
            let worker = Arc::clone(&self.worker);
            self.intake.spawn(supervise("intake", self.taking.clone(), options.retry_cap, move |stop| {
                let worker = Arc::clone(&worker);
                async move { worker.take(stop).await }
            }));
            if options.fence {
                let fence = Fence {
                    contact: Arc::clone(contact),
                    running: Arc::clone(&self.worker.running),
                    runner: Arc::clone(&self.worker.runner),
                };
                self.add("fence", fence, |fence, stop| async move { fence.run(stop).await });
            }
            self.add_shared("orders", |worker, stop| async move { worker.obey(stop).await });
            self.add_shared("reports", |worker, stop| async move {
                worker.reports.write(&*worker.store, worker.runner.handlers(), &worker.options, stop).await;
            });
        }
    }

    /// What every node listens to.
    fn add_ears(&mut self, parts: NodeBuilder, signals: Signals) {
        let options = parts.options;
        let store = Arc::clone(&parts.store);
        self.add("wake-ups", signals, move |signals, stop| {
            let store = Arc::clone(&store);
            async move { listen(&*store, &signals, &options, stop).await }
        });
        let ear = Ear {
            worker: Arc::clone(&self.worker),
            hostname: parts.joining.hostname,
            version: parts.joining.version,
            roles: parts.roles,
            since: parts.clock.now(),
            reload: parts.reload,
        };
        self.add("calls", ear, |ear, stop| async move { ear.run(stop).await });
    }

    fn add<T, L>(
        &mut self,
        name: &'static str,
        of: T,
        run: impl Fn(Arc<T>, CancellationToken) -> L + Send + 'static,
    ) where
        T: Send + Sync + 'static,
        L: Future<Output = ()> + Send + 'static,
    {
        let of = Arc::new(of);
        let start = move |stop| run(Arc::clone(&of), stop);
        self.others.spawn(supervise(name, self.stop.clone(), self.worker.options.retry_cap, start));
    }

    fn add_shared<L>(
        &mut self,
        name: &'static str,
        run: impl Fn(Arc<Worker>, CancellationToken) -> L + Send + 'static,
    ) where
        L: Future<Output = ()> + Send + 'static,
    {
        let worker = Arc::clone(&self.worker);
        let start = move |stop| run(Arc::clone(&worker), stop);
        self.others.spawn(supervise(name, self.stop.clone(), self.worker.options.retry_cap, start));
    }
}

/// Turns the counts of the store into metrics now and then.
async fn count(store: Arc<dyn Counts>, period: Duration, stop: CancellationToken) {
    let mut period = interval(period);
    let mut gauges = metrics::Gauges::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = period.tick() => {}
        }
        match store.statistics().await {
            Ok(statistics) => gauges.set(&statistics),
            Err(error) => tracing::debug!(error = %Chain(&error), "no counts can be had"),
        }
    }
}
