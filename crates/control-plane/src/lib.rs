#![forbid(unsafe_code)]
//! The loop around the pure pass: what makes a plan happen, once, whatever fails on the way (R12).
//!
//! A launched task's way: a `pending` row → a trigger → `schedule()` takes the one lock, reads a snapshot,
//! plans, and commits rows and outbox in one transaction → the relay sends with the broker's confirmation → a worker claims
//! the task under its dispatch (`waiting → running`) and acknowledges → its handler runs it → the worker reports → a trigger.
//!
//! This crate knows neither SQL nor AMQP: it calls [`ports`], and adapters implement them. A store and a broker in memory
//! ship with it, the embedded default.
//!
//! What it relies on for "lost: nothing, run twice: nothing": the lock makes passes take turns; the outbox is written
//! with the plan, so a crash between commit and send loses no message; sending is at least once, and the claim under the
//! dispatch lets only one taker through; a node that dies stops its heartbeat, and the next pass fails what ran there and
//! takes back what waited for it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use control_plane::definition::Definitions;
//! use control_plane::ports::{Admin as _, Launch, Launchable, SystemClock};
//! use control_plane::{MemoryBroker, MemoryStore, Node};
//!
//! let store = MemoryStore::new(Arc::new(SystemClock));
//! let defined: Definitions = serde_json::from_str(r#"{ "template": [{ "name": "build", "run": { "command": ["make"] } }] }"#)?;
//! store.define(&defined).await?;
//! store.launch(&[Launch::of(Launchable::JobTemplate("build".into()))]).await?;
//!
//! // A node runs passes, sends, and carries out: `node.run(stop).await` until `stop` is canceled.
//! let node = Node::builder(Arc::new(store.clone()), Arc::new(MemoryBroker::new())).hostname("one").build();
//! assert!(!node.health().is_ready(), "it has not run yet");
//! # Ok(()) }
//! ```

mod backoff;
mod chain;
mod contact;
pub mod definition;
mod host;
mod limit;
pub mod memory;
pub mod metrics;
mod node;
mod options;
mod pool;
pub mod ports;
mod relay;
mod runner;
mod running;
mod schedule;
mod signal;
mod tally;
mod trigger;
mod watched;
mod worker;

pub use host::is_this_machine;
pub use memory::{MemoryBroker, MemoryStore};
pub use node::{Health, Node, NodeBuilder, NodeError, Reloaded, Roles};
pub use options::Options;
pub use pool::{PoolBounds, PoolStatus};
#[cfg(feature = "commands")]
pub use runner::CommandOptions;
pub use runner::{BroadcastHandler, Context, Ending, Handler, Handlers, Hook, IntoEnded};
pub use schedule::{PassObserver, PassReport, PhaseDurations, Rewriter, ScheduleError, Scheduled, Scheduler};
pub use signal::Signal;
pub use tally::Tally;
pub use watched::Watched;
