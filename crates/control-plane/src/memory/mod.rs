//! A store and a broker in memory: the embedded default.
//!
//! They keep every promise of the ports save that nothing outlives the process: the conformance suites that the adapters
//! pass, these pass too. Both are plain tables behind a mutex that is never held across an await, so they need no thread and
//! no timer of their own, and with a clock and a runtime that tests turn, a run is the same each time.
//!
//! [`MemoryStore`] keeps unfinished tasks apart from finished ones: a pass costs what is unfinished, however much has ended. A
//! commit checks all guards before it writes its first row. Names are looked up when something is defined, so that a
//! launch costs a few look-ups. [`MemoryBroker`] keeps a queue for each node that ever asked for its deliveries, and a shared one.
//!
//! They do not know what a pass decides, nor who runs what: a plan comes from the core, a claim from whoever has the message.

mod admin;
mod broker;
mod catalogue;
mod commit;
mod fill;
mod launch;
mod members;
mod messages;
mod outbox;
mod retention;
mod row;
mod snapshot;
mod state;
mod store;
mod table;
mod view;
mod wakes;
mod work;

pub use broker::MemoryBroker;
pub use store::MemoryStore;
