#![forbid(unsafe_code)]
//! The control plane's broker on RabbitMQ 3.10 and later.
//!
//! | declared | what it is |
//! | --- | --- |
//! | `<prefix>.dispatch` | direct exchange of dispatches |
//! | `<prefix>.node.<id>` | durable queue of one node; gone after seven days without its node |
//! | `<prefix>.shared` | durable queue of all workers |
//! | `<prefix>.dead`, `<prefix>.rejected` | fanout exchange and durable queue of what no node could take; the last 10,000, and of these the last 64 MiB |
//! | `<prefix>.broadcast` | fanout exchange of broadcasts, and of requests to all nodes |
//! | `<prefix>.calls` | direct exchange of requests to one node |
//! | a queue of the broker's naming per listening node | broadcasts and requests, the last 1,000 and 16 MiB that it had no time for; gone with its connection |
//!
//! **Sending.** Messages are persistent and mandatory and go out in a window of unconfirmed ones. Confirmed, returned and refused
//! are told apart: a message that the broker returns is confirmed too, and is not sent. When the connection breaks nothing of the
//! batch counts as sent; what arrived nevertheless arrives twice, which the fence of the store absorbs (R12.4).
//!
//! **Neighbours.** Two control planes may have been given the same names. So every message names the control plane that it is of
//! ([`Broker::serve`](control_plane::ports::Broker::serve)); a dispatch of another goes to the dead letters, a call of another is
//! dropped, both with a warning that names the two. Give each a prefix of its own ([`AmqpConfig::with_prefix`]): what is in the dead
//! letters has to be dispatched again.
//!
//! **Supervision.** Every role has a connection of its own. Any error ends that connection as a whole. The next call of
//! [`AmqpBroker`] opens another, with pauses that double up to five seconds, and declares everything anew. A consumer
//! that broke answers with an error and its caller asks for another, since what it held was given back.
//!
//! **What this crate does not know:** SQL, handlers, payloads of tasks. User, password and the bodies of messages appear neither in
//! errors nor in `Debug` nor in logs.
//!
//! **Bounds.** A dispatch is read up to 64 KiB, a call up to 1 MiB. A message whose *properties* break the protocol (names that are no
//! UTF-8) ends the connection that reads it, since the driver cannot skip it: who may publish to these exchanges is the
//! broker's permission to give.

mod broker;
mod calls;
mod config;
mod deliveries;
mod envelope;
mod ledger;
mod listener;
mod publisher;
mod requests;
mod session;
#[cfg(feature = "tls")]
mod tls;
mod topology;
mod url;

pub use broker::AmqpBroker;
pub use config::{AmqpConfig, ConfigError, PREFIX};
pub use url::UrlError;
