//! The store and the broker in memory keep the promises of their ports, as the adapters to servers do.

use std::sync::Arc;

use control_plane::MemoryStore;
use control_plane::ports::SystemClock;
use testkit::conformance::store::Fixture;

async fn fresh() -> Fixture {
    Fixture::new(Arc::new(MemoryStore::new(Arc::new(SystemClock))))
}

testkit::store_conformance! { fresh }
