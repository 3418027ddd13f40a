//! The store and the broker in memory keep the promises of their ports, as the adapters to servers do.

use std::sync::Arc;

use control_plane::ports::SystemClock;
use control_plane::{MemoryBroker, MemoryStore};
use testkit::conformance::{broker, store};

async fn fresh_store() -> store::Fixture {
    store::Fixture::new(Arc::new(MemoryStore::new(Arc::new(SystemClock))))
}

async fn fresh_broker() -> broker::Fixture {
    let broker = MemoryBroker::new();
    let neighbour = broker.beside();
    broker::Fixture::new(Arc::new(broker), Arc::new(neighbour))
}

testkit::store_conformance! { fresh_store }
testkit::broker_conformance! { fresh_broker }
