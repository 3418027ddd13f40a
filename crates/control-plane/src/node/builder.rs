//! Puts a node together.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use scheduler_core::{Forks, NodeType};

use super::calls::{Reload, Reloaded};
use super::health::Health;
use super::listen::Signals;
use super::{Node, Roles};
use crate::options::Options;
use crate::ports::{Broker, Clock, Joining, NodeStore, Retention, SystemClock};
use crate::runner::Handlers;
use crate::schedule::{PassObserver, Rewriter};

/// What a node is made of. Everything but the store and the broker has a default.
pub struct NodeBuilder {
    pub(super) store: Arc<dyn NodeStore>,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) joining: Joining,
    pub(super) roles: Roles,
    pub(super) handlers: Handlers,
    pub(super) options: Options,
    pub(super) rewriter: Option<Arc<dyn Rewriter>>,
    pub(super) observer: Option<Arc<dyn PassObserver>>,
    pub(super) reload: Option<Reload>,
    pub(super) retention: Option<(Arc<dyn Retention>, Duration)>,
}

impl fmt::Debug for NodeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder")
            .field("joining", &self.joining)
            .field("roles", &self.roles)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

impl NodeBuilder {
    pub(super) fn new(store: Arc<dyn NodeStore>, broker: Arc<dyn Broker>) -> Self {
        Self {
            store,
            broker,
            clock: Arc::new(SystemClock),
            joining: Joining {
                hostname: "node-1".into(),
                node_type: NodeType::default(),
                capacity: None,
                takes_work: true,
                version: env!("CARGO_PKG_VERSION").into(),
            },
            roles: Roles::ALL,
            handlers: Handlers::default(),
            options: Options::default(),
            rewriter: None,
            observer: None,
            reload: None,
            retention: None,
        }
    }

    /// Its name, by which the instance is known; `node-1` by default.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.joining.hostname = hostname.into();
        self
    }

    /// What it has in forks, if the instance is not defined yet: then it is defined when the node joins. Without this, an
    /// unknown name is refused.
    #[must_use]
    pub const fn capacity(mut self, capacity: Forks) -> Self {
        self.joining.capacity = Some(capacity);
        self
    }

    /// What it may run, if the instance is not defined yet; hybrid by default.
    #[must_use]
    pub const fn node_type(mut self, node_type: NodeType) -> Self {
        self.joining.node_type = node_type;
        self
    }

    /// The version of the program, for people; this library's by default.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.joining.version = version.into();
        self
    }

    /// What it does; all of it by default. A node that is no worker says so as it joins, so that no task is sent to it whatever
    /// capacity its instance has; one that is not defined yet is defined without any.
    #[must_use]
    pub const fn roles(mut self, roles: Roles) -> Self {
        self.roles = roles;
        self
    }

    /// What it can run; commands by default.
    #[must_use]
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = handlers;
        self
    }

    /// The numbers that it goes by.
    #[must_use]
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The clock for what it says of itself; this machine's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Plans from what this makes of what its passes read.
    #[must_use]
    pub fn rewritten_by(mut self, rewriter: Arc<dyn Rewriter>) -> Self {
        self.rewriter = Some(rewriter);
        self
    }

    /// Shows every pass that it makes to this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn PassObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Removes what ended longer ago than this from the node's store, which is given once more as what can do so; for ever kept by
    /// default. Done by nodes that make passes. What passes still need is kept whatever its age.
    #[must_use]
    pub fn retaining(mut self, store: Arc<dyn Retention>, age: Duration) -> Self {
        self.retention = Some((store, age));
        self
    }

    /// What to do when it is asked to read its configuration again, besides recycling the pool. An error is the answer, and
    /// nothing changes.
    #[must_use]
    pub fn on_reload<F, R>(mut self, reload: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reloaded, String>> + Send + 'static,
    {
        self.reload = Some(Arc::new(move || Box::pin(reload())));
        self
    }

    /// The node, not running yet.
    #[must_use]
    pub fn build(mut self) -> Node {
        self.joining.takes_work = self.roles.worker;
        if !self.roles.worker && self.joining.capacity.is_some() {
            self.joining.capacity = Some(Forks::ZERO);
        }
        let health = Arc::new(Health::new(self.options.heartbeat * 3));
        Node { parts: self, signals: Signals::default(), health }
    }
}
