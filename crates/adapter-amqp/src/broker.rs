//! The port itself: which session serves which call, and what is kept between calls.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use amqprs::{BasicProperties, DELIVERY_MODE_PERSISTENT, FieldTable, FieldValue};
use async_trait::async_trait;
use control_plane::is_this_machine;
use control_plane::ports::{
    Broadcast, Broker, BrokerError, Calls, ControlPlaneId, Deliveries, Dispatch, Publication, Recipient,
    Reply, Request,
};
use scheduler_core::InstanceId;
use tokio::time::{Instant, timeout_at};

use crate::calls::AmqpCalls;
use crate::config::AmqpConfig;
use crate::deliveries::AmqpDeliveries;
use crate::envelope;
use crate::publisher::{Outgoing, Publisher};
use crate::requests::Caller;
use crate::session::{self, Role};
use crate::topology::{self, Topology};

/// How many idle callers are kept for further requests.
const IDLE_CALLERS: usize = 4;

/// The broker on RabbitMQ. It connects when it is first used, and anew after whatever ended a connection; a call that finds the
/// broker away waits for it as long as [`AmqpConfig::with_patience`] says, and then answers [`BrokerError::Unavailable`].
pub struct AmqpBroker {
    config: AmqpConfig,
    topology: Topology,
    /// Taken out while in use, and put back only after a batch that went well.
    publisher: tokio::sync::Mutex<Option<Publisher>>,
    callers: Mutex<Vec<Caller>>,
    /// Whose messages it carries, once that is known.
    serves: Mutex<Option<ControlPlaneId>>,
}

impl AmqpBroker {
    /// A broker that has not connected yet: for a node that may start before its broker.
    #[must_use]
    pub fn new(config: AmqpConfig) -> Self {
        if !config.server.tls && !is_this_machine(&config.server.host) {
            tracing::warn!(
                "the connection to the broker leaves this machine and is not encrypted, so that whoever stands between reads \
                 messages and the password: let the server offer TLS, and write amqps:// in the URL"
            );
        }
        Self {
            topology: Topology::new(&config.prefix),
            config,
            publisher: tokio::sync::Mutex::new(None),
            callers: Mutex::new(Vec::new()),
            serves: Mutex::new(None),
        }
    }

    /// A broker that is connected and has its exchanges and queues declared.
    ///
    /// # Errors
    ///
    /// One attempt is made, so that a wrong URL shows at once: [`BrokerError::Unavailable`] when nobody answers there,
    /// [`BrokerError::Refused`] when the broker does not let it in or has other exchanges or queues under these names.
    pub async fn connect(config: AmqpConfig) -> Result<Self, BrokerError> {
        let broker = Self::new(config);
        let publisher =
            session::once(&broker.config, Publisher::open(&broker.config, Role::Publisher)).await?;
        *broker.publisher.lock().await = Some(publisher);
        Ok(broker)
    }

    async fn persistently<T, F>(&self, attempt: impl Fn() -> F + Send) -> Result<T, BrokerError>
    where
        F: Future<Output = Result<T, BrokerError>> + Send,
    {
        session::persistently(&self.config, attempt).await
    }

    fn served(&self) -> Option<ControlPlaneId> {
        *self.serves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outgoing(&self, dispatch: &Dispatch) -> Outgoing {
        let mut properties = BasicProperties::default();
        properties.with_content_type("application/json").with_delivery_mode(DELIVERY_MODE_PERSISTENT);
        if let Some(trace) = &dispatch.trace
            && let Ok(trace) = trace.as_str().try_into()
        {
            let mut headers = FieldTable::new();
            topology::set(&mut headers, "traceparent", FieldValue::S(trace));
            properties.with_headers(headers);
        }
        Outgoing {
            exchange: self.topology.dispatch(),
            key: Topology::key(dispatch.queue),
            name: format!("{}-{}", dispatch.task, dispatch.dispatch),
            properties,
            body: envelope::encode(dispatch, self.served()),
        }
    }

    /// An idle caller that still lives, or a new one.
    async fn caller(&self) -> Result<Caller, BrokerError> {
        while let Some(caller) = self.idle_caller() {
            if caller.is_alive() {
                return Ok(caller);
            }
        }
        let serves = self.served();
        self.persistently(|| Caller::open(&self.config, serves)).await
    }

    fn idle_caller(&self) -> Option<Caller> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, caller: Caller) {
        let mut idle = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CALLERS {
            idle.push(caller);
        }
    }
}

#[async_trait]
impl Broker for AmqpBroker {
    fn serve(&self, control_plane: ControlPlaneId) {
        *self.serves.lock().unwrap_or_else(PoisonError::into_inner) = Some(control_plane);
        // Those that are kept speak for whom it served before.
        self.callers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn publish(&self, dispatches: &[Dispatch]) -> Result<Vec<Publication>, BrokerError> {
        if dispatches.is_empty() {
            return Ok(Vec::new());
        }
        let mut slot = self.publisher.lock().await;
        let mut publisher = match slot.take().filter(|publisher| publisher.session.is_alive()) {
            Some(publisher) => publisher,
            None => self.persistently(|| Publisher::open(&self.config, Role::Publisher)).await?,
        };
        let publications = publisher.publish(dispatches.iter().map(|one| self.outgoing(one))).await?;
        *slot = Some(publisher);
        log(dispatches, &publications);
        Ok(publications)
    }

    async fn deliveries(&self, node: InstanceId, prefetch: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        let serves = self.served();
        let open = || AmqpDeliveries::open(&self.config, serves, node, prefetch);
        Ok(Box::new(self.persistently(open).await?))
    }

    async fn broadcast(&self, broadcast: &Broadcast) -> Result<(), BrokerError> {
        let mut caller = self.caller().await?;
        caller.broadcast(broadcast).await?;
        self.keep(caller);
        Ok(())
    }

    async fn calls(&self, node: InstanceId) -> Result<Box<dyn Calls>, BrokerError> {
        let serves = self.served();
        Ok(Box::new(self.persistently(|| AmqpCalls::open(&self.config, serves, node)).await?))
    }

    async fn request(
        &self,
        to: &Recipient,
        request: &Request,
        limit: Duration,
    ) -> Result<Vec<(InstanceId, Reply)>, BrokerError> {
        let deadline = Instant::now() + limit;
        let expected = match to {
            Recipient::Node(node) => vec![*node],
            Recipient::All { expected } => expected.clone(),
        };
        if expected.is_empty() {
            return Ok(Vec::new());
        }
        let no_answer = || BrokerError::NoAnswer { answered: 0, expected: expected.len() };
        let mut caller = timeout_at(deadline, self.caller()).await.map_err(|_| no_answer())??;
        let replies = caller.request(to, &expected, *request, deadline).await?;
        self.keep(caller);
        if replies.is_empty() { Err(no_answer()) } else { Ok(replies.into_iter().collect()) }
    }
}

impl fmt::Debug for AmqpBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpBroker").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A line for each dispatch for whoever follows one, and one warning for all that are not sent: a node that is missing is
/// missing for thousands.
fn log(dispatches: &[Dispatch], publications: &[Publication]) {
    let mut not_sent = 0;
    for (dispatch, publication) in dispatches.iter().zip(publications) {
        let (task, id, queue) = (dispatch.task, dispatch.dispatch, dispatch.queue);
        tracing::debug!(%task, dispatch = %id, ?queue, "published: {publication:?}");
        not_sent += usize::from(*publication != Publication::Confirmed);
    }
    if not_sent > 0 {
        tracing::warn!("{not_sent} of {} dispatches are not sent: no queue or no room", dispatches.len());
    }
}
