//! The store and the broker in memory keep the promises of their ports, as the adapters to servers do.

use std::sync::Arc;

use conformance::{BrokerFixture, StoreFixture};
use control_plane::ports::SystemClock;
use control_plane::{MemoryBroker, MemoryStore};

async fn fresh_store() -> StoreFixture {
    StoreFixture::of(Arc::new(MemoryStore::new(Arc::new(SystemClock))))
}

async fn fresh_broker() -> BrokerFixture {
    let broker = MemoryBroker::new();
    let neighbour = broker.beside();
    BrokerFixture::of(Arc::new(broker), Arc::new(neighbour))
}

conformance::test_store! { fresh_store }
conformance::test_admin! { fresh_store }
conformance::test_retention! { fresh_store }
conformance::test_broker! { fresh_broker }
