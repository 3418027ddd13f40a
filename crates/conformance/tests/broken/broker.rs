//! A broker around that in memory, with one flaw.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conformance::{BrokerFixture, broker};
use control_plane::MemoryBroker;
use control_plane::ports::{
    Broadcast, Broker, BrokerError, Calls, ControlPlaneId, Deliveries, Dispatch, Publication, Recipient,
    Reply, Request,
};
use scheduler_core::InstanceId;

/// What is wrong with a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// Calls everything confirmed.
    ConfirmsAll,
    /// Hands out as much as there is.
    NoPrefetch,
    /// Does not ask whose messages these are.
    ServesEverybody,
}

#[derive(Debug)]
struct Flawed {
    inner: MemoryBroker,
    flaw: Flaw,
}

#[async_trait]
impl Broker for Flawed {
    fn serve(&self, control_plane: ControlPlaneId) {
        if self.flaw != Flaw::ServesEverybody {
            self.inner.serve(control_plane);
        }
    }

    async fn publish(&self, dispatches: &[Dispatch]) -> Result<Vec<Publication>, BrokerError> {
        let answers = self.inner.publish(dispatches).await?;
        Ok(if self.flaw == Flaw::ConfirmsAll { vec![Publication::Confirmed; answers.len()] } else { answers })
    }

    async fn deliveries(&self, node: InstanceId, prefetch: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        let prefetch = if self.flaw == Flaw::NoPrefetch { u16::MAX } else { prefetch };
        self.inner.deliveries(node, prefetch).await
    }

    async fn broadcast(&self, broadcast: &Broadcast) -> Result<(), BrokerError> {
        self.inner.broadcast(broadcast).await
    }

    async fn calls(&self, node: InstanceId) -> Result<Box<dyn Calls>, BrokerError> {
        self.inner.calls(node).await
    }

    async fn request(
        &self,
        to: &Recipient,
        request: &Request,
        limit: Duration,
    ) -> Result<Vec<(InstanceId, Reply)>, BrokerError> {
        self.inner.request(to, request, limit).await
    }
}

fn fixture(flaw: Flaw) -> BrokerFixture {
    let inner = MemoryBroker::new();
    let neighbour = Flawed { inner: inner.beside(), flaw };
    BrokerFixture::of(Arc::new(Flawed { inner, flaw }), Arc::new(neighbour))
}

/// Of single promises, since what waits for a message that never comes waits long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_flaw_of_a_broker_is_found() {
    let flaws = [
        (Flaw::ConfirmsAll, "a_queue_that_was_never_declared_makes_unroutable"),
        (Flaw::NoPrefetch, "no_more_than_prefetch_are_unacknowledged"),
        (Flaw::ServesEverybody, "calls_of_another_control_plane_are_not_heard"),
    ];
    for (flaw, name) in flaws {
        let promise = broker::PROMISES.iter().find(|promise| promise.name() == name).unwrap();
        let broken = promise.check(fixture(flaw)).await.expect_err(name);
        assert_eq!(broken.promise, name);
    }
}
