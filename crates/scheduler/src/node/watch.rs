//! What a node tells whoever watches over it: metrics, and whether it is ready.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use control_plane::ports::{Broker, Reading, Recipient, Request, Store};
use control_plane::{Health, Node, PassObserver, metrics};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use scheduler_core::{InstanceId, Plan};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::Ground;
use super::http::Watched;
use crate::failure::Failure;
use crate::node::args::{NodeArgs, RoleName};

/// Bounds of the histograms, in seconds: passes and dispatches take from well below a millisecond to several seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// How often what histograms gathered is put into their buckets, when nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long an answer about the broker counts.
const FRESH: Duration = Duration::from_secs(5);

/// How long a node may take to answer itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// When this process last made a pass.
#[derive(Debug, Default)]
pub(super) struct LastPass(Mutex<Option<Instant>>);

impl LastPass {
    fn age(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }
}

impl PassObserver for LastPass {
    fn planned(&self, _: &Reading, _: &Plan) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// The one who answers.
pub(super) struct Watch {
    prometheus: PrometheusHandle,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    healths: Vec<Arc<Health>>,
    /// Of one node of this process: it is asked through the broker, and answers through it.
    hostname: String,
    instance: tokio::sync::Mutex<Option<InstanceId>>,
    /// When the broker last carried a question and its answer.
    carried: tokio::sync::Mutex<Option<Instant>>,
    /// `None` when this node makes no passes.
    passes: Option<(Arc<LastPass>, Duration)>,
}

impl Watch {
    /// Installs the recorder of metrics, for the rest of the process.
    pub(super) fn install(
        ground: &Ground,
        nodes: &[Node],
        args: &NodeArgs,
        passes: Arc<LastPass>,
        stop: CancellationToken,
    ) -> Result<Arc<dyn Watched>, Failure> {
        let fault = |error| Failure::new(format!("metrics cannot be gathered: {error}"));
        let prometheus = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(fault)?;
        metrics::describe();
        tokio::spawn(keep_up(prometheus.clone(), stop));
        // Another node may hold the lock at each of its own times, so a few rounds without a pass are no fault.
        let patience = (args.pass_interval * 6).max(Duration::from_secs(60));
        Ok(Arc::new(Self {
            prometheus,
            store: ground.store.clone(),
            broker: ground.broker.clone(),
            healths: nodes.iter().map(Node::health).collect(),
            hostname: ground.hostnames.first().cloned().unwrap_or_default(),
            instance: tokio::sync::Mutex::default(),
            carried: tokio::sync::Mutex::default(),
            passes: args.roles.contains(&RoleName::Scheduler).then_some((passes, patience)),
        }))
    }

    /// Asks this node through the broker, unless that was done just now.
    async fn ask_broker(&self) -> Result<(), String> {
        let mut carried = self.carried.lock().await;
        if carried.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let to = Recipient::Node(self.instance().await?);
        let asked = self.broker.request(&to, &Request::Status, ANSWER_WITHIN);
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(_)) => {
                *carried = Some(Instant::now());
                Ok(())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the broker cannot be reached: no answer in time".to_owned()),
        }
    }

    async fn instance(&self) -> Result<InstanceId, String> {
        let mut known = self.instance.lock().await;
        if let Some(id) = *known {
            return Ok(id);
        }
        let nodes = self.store.nodes().await.map_err(|error| error.to_string())?;
        let own = nodes.iter().find(|node| node.hostname == self.hostname);
        let id = own.map(|node| node.id).ok_or("it has not joined yet")?;
        *known = Some(id);
        Ok(id)
    }
}

#[async_trait]
impl Watched for Watch {
    async fn metrics(&self) -> String {
        self.prometheus.render()
    }

    async fn ready(&self) -> Result<(), String> {
        if !self.healths.iter().all(|health| health.is_ready()) {
            return Err(
                "the store has not heard this node lately: it has not joined, or the store cannot be reached"
                    .to_owned(),
            );
        }
        if let Some((passes, patience)) = &self.passes {
            match passes.age() {
                None => return Err("no pass was made here yet".to_owned()),
                Some(age) if age > *patience => {
                    return Err(format!("the last pass here was {} s ago", age.as_secs()));
                }
                Some(_) => {}
            }
        }
        self.ask_broker().await
    }
}

async fn keep_up(prometheus: PrometheusHandle, stop: CancellationToken) {
    let mut period = interval(UPKEEP);
    while stop.run_until_cancelled(period.tick()).await.is_some() {
        prometheus.run_upkeep();
    }
}
