//! A broker as one life of a node sees it: messages come late, twice or never, and connections break.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use control_plane::ports::{
    Broadcast, Broker, BrokerError, Call, Calls, ControlPlaneId, Deliveries, Dispatch, Publication, Queue,
    Recipient, Reply, ReplyTo, Request,
};
use scheduler_core::InstanceId;
use tokio::time::sleep;

use super::life::{Held, InUse, Life, Lost};
use super::weather::Peer;

/// The latest that a message comes a second time: after any reap.
const LATEST: Duration = Duration::from_secs(400);

/// Where a message can go astray to: instances are numbered from 1.
const QUEUES: [Queue; 4] = [
    Queue::Node(InstanceId::new(1)),
    Queue::Node(InstanceId::new(2)),
    Queue::Node(InstanceId::new(3)),
    Queue::Shared,
];

/// A broker as one life sees it.
pub struct FaultyBroker {
    inner: Arc<dyn Broker>,
    life: Arc<Life>,
}

impl fmt::Debug for FaultyBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBroker").field("life", &self.life.name).finish_non_exhaustive()
    }
}

impl From<Lost> for BrokerError {
    fn from(lost: Lost) -> Self {
        Self::Unavailable { context: "as simulated".into(), source: Box::new(lost) }
    }
}

impl FaultyBroker {
    /// The broker as this life sees it.
    #[must_use]
    pub fn new(inner: Arc<dyn Broker>, life: Arc<Life>) -> Self {
        Self { inner, life }
    }

    async fn call<T>(
        &self,
        place: &'static str,
        call: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        self.life.call(Peer::Broker, place, call).await?
    }

    /// Sends one message, or loses it though it is confirmed, or sends it elsewhere, or sends it again later.
    async fn send(&self, dispatch: &Dispatch) -> Result<Publication, BrokerError> {
        let weather = &self.life.weather;
        let faults = weather.faults();
        if weather.dice.happens(faults.vanish) {
            weather.note(
                &self.life.name,
                "loses",
                format_args!("{} of {}", dispatch.dispatch, dispatch.task),
            );
            return Ok(Publication::Confirmed);
        }
        let mut dispatch = dispatch.clone();
        if weather.dice.happens(faults.astray) {
            dispatch.queue = weather.dice.one_of(&QUEUES);
            weather.note(
                &self.life.name,
                "sends astray",
                format_args!("{} of {} to {:?}", dispatch.dispatch, dispatch.task, dispatch.queue),
            );
        }
        if weather.dice.happens(faults.duplicate) {
            let (inner, dispatch) = (Arc::clone(&self.inner), dispatch.clone());
            let later = weather.dice.time_up_to(LATEST);
            tokio::spawn(async move {
                sleep(later).await;
                // Nobody waits for it: that it comes at all is the fault.
                let _ = inner.publish(&[dispatch]).await;
            });
        }
        let published = self.inner.publish(&[dispatch]).await?;
        Ok(published.first().copied().unwrap_or(Publication::Refused))
    }
}

#[async_trait]
impl Broker for FaultyBroker {
    fn serve(&self, control_plane: ControlPlaneId) {
        self.inner.serve(control_plane);
    }

    async fn publish(&self, dispatches: &[Dispatch]) -> Result<Vec<Publication>, BrokerError> {
        let publish = async {
            let mut publications = Vec::new();
            for dispatch in dispatches {
                publications.push(self.send(dispatch).await?);
            }
            Ok(publications)
        };
        self.call("publish", publish).await
    }

    async fn deliveries(&self, node: InstanceId, prefetch: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        let consume = async {
            let deliveries = self.inner.deliveries(node, prefetch).await?;
            Ok(self.life.hold(deliveries))
        };
        let deliveries = self.call("deliveries", consume).await?;
        Ok(Box::new(FaultyDeliveries { deliveries, arrived: Mutex::default(), life: Arc::clone(&self.life) }))
    }

    async fn broadcast(&self, broadcast: &Broadcast) -> Result<(), BrokerError> {
        self.call("broadcast", self.inner.broadcast(broadcast)).await
    }

    async fn calls(&self, node: InstanceId) -> Result<Box<dyn Calls>, BrokerError> {
        let calls = self.call("calls", self.inner.calls(node)).await?;
        Ok(Box::new(FaultyCalls { calls, life: Arc::clone(&self.life) }))
    }

    async fn request(
        &self,
        to: &Recipient,
        request: &Request,
        limit: Duration,
    ) -> Result<Vec<(InstanceId, Reply)>, BrokerError> {
        self.call("request", self.inner.request(to, request, limit)).await
    }
}

struct FaultyDeliveries {
    deliveries: Held<Box<dyn Deliveries>>,
    /// What has come and was not returned yet: waiting for it may be given up, and nothing may be lost by that.
    arrived: Mutex<Vec<Dispatch>>,
    life: Arc<Life>,
}

impl FaultyDeliveries {
    fn arrived(&self) -> MutexGuard<'_, Vec<Dispatch>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call unless the connection breaks meanwhile.
    async fn call<T>(
        &self,
        place: &'static str,
        call: impl Future<Output = Result<T, BrokerError>> + Send,
    ) -> Result<T, BrokerError> {
        let unless_broken = async {
            tokio::select! {
                biased;
                () = self.life.weather.broken(Peer::Broker) => Err(BrokerError::from(Lost)),
                done = call => done,
            }
        };
        let done = self
            .life
            .call(Peer::Broker, place, unless_broken)
            .await
            .map_err(BrokerError::from)
            .and_then(|done| done);
        if done.is_err() {
            // That was the end of the connection: what it has not acknowledged goes back.
            drop(self.deliveries.take().map(InUse::consume));
            self.arrived().clear();
        }
        done
    }
}

#[async_trait]
impl Deliveries for FaultyDeliveries {
    async fn next(&mut self, max: usize) -> Result<Vec<Dispatch>, BrokerError> {
        let mut deliveries = self.deliveries.take()?;
        let next = async {
            if self.arrived().is_empty() {
                let next = deliveries.get().next(max).await?;
                *self.arrived() = next;
            }
            Ok(())
        };
        self.call("next", next).await?;
        Ok(std::mem::take(&mut *self.arrived()))
    }

    async fn acknowledge(&mut self) -> Result<(), BrokerError> {
        let mut deliveries = self.deliveries.take()?;
        self.call("acknowledge", async move { deliveries.get().acknowledge().await }).await
    }
}

struct FaultyCalls {
    calls: Box<dyn Calls>,
    life: Arc<Life>,
}

#[async_trait]
impl Calls for FaultyCalls {
    async fn next(&mut self) -> Result<Call, BrokerError> {
        let life = Arc::clone(&self.life);
        let next = async {
            tokio::select! {
                biased;
                () = life.weather.broken(Peer::Broker) => Err(BrokerError::from(Lost)),
                call = self.calls.next() => call,
            }
        };
        life.call(Peer::Broker, "call", next).await?
    }

    async fn reply(&mut self, to: ReplyTo, reply: &Reply) -> Result<(), BrokerError> {
        let life = Arc::clone(&self.life);
        life.call(Peer::Broker, "reply", self.calls.reply(to, reply)).await?
    }
}
