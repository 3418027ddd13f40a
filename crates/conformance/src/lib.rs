#![forbid(unsafe_code)]
//! What every store and every broker of the control plane promises, as tests: for whoever writes one.
//!
//! A promise is a named case with a store or a broker that nobody else uses, to which it speaks through the ports alone. Ten lines
//! make a test of each:
//!
//! ```
//! use std::sync::Arc;
//!
//! use conformance::StoreFixture;
//! use control_plane::MemoryStore;
//! use control_plane::ports::SystemClock;
//!
//! async fn fresh_store() -> StoreFixture {
//!     StoreFixture::of(Arc::new(MemoryStore::new(Arc::new(SystemClock))))
//! }
//!
//! conformance::test_store! { fresh_store }
//! conformance::test_admin! { fresh_store }
//! conformance::test_retention! { fresh_store }
//! ```
//!
//! | suite | what it tests | what it needs |
//! | --- | --- | --- |
//! | [`test_store!`] | what the loops of a node rely on | [`NodeStore`](control_plane::ports::NodeStore), and a [`Stage`] |
//! | [`test_admin!`] | what people and programs rely on | [`Admin`](control_plane::ports::Admin) too |
//! | [`test_retention!`] | that a purge takes nothing that is needed | [`Retention`](control_plane::ports::Retention) too |
//! | [`test_broker!`] | what nodes rely on to hear of each other | [`Broker`](control_plane::ports::Broker) |
//!
//! Whatever implements `Admin` is a stage. A store that is filled in another way brings one of its own:
//! [`StoreFixture::of_node_store`].
//!
//! A test has the name of its promise, with the number of its rule in front where a rule states it: `r12_4_…` is R12.4. One that fails
//! says which promise is not kept, what was found (left) and what was expected (right). Outside a test harness [`Promise::check`]
//! says the same as a value.
//!
//! No test turns a clock, since a database has its own: where time matters, graces and timeouts are 0 and a moment is let go
//! by. Each pass of a suite is checked as well: its snapshot is valid and [`scheduler_core::audit`] finds nothing in its plan.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a promise that is not kept ends its test"
)]

pub mod admin;
pub mod broker;
mod cluster;
mod fixture;
mod flow;
mod promise;
pub mod retention;
mod stage;
pub mod store;
mod world;

pub use fixture::{BrokerFixture, Brokers, Fixture, StoreFixture, Stores};
pub use promise::{Broken, Promise, keep};
pub use stage::Stage;
