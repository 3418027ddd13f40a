//! What is under test, fresh for each promise.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use control_plane::ports::{Admin, Broker, NodeStore, Retention, Store};

use crate::stage::Stage;

/// What a promise is asked of, and what to do when its test is over, however it ended.
pub struct Fixture<T> {
    pub(crate) under_test: T,
    pub(crate) clean_up: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<T> Fixture<T> {
    fn new(under_test: T) -> Self {
        Self { under_test, clean_up: Box::pin(async {}) }
    }

    /// With something to do afterwards: remove what the test left behind.
    #[must_use]
    pub fn cleaned_up_by(self, clean_up: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { clean_up: Box::pin(clean_up), ..self }
    }
}

impl<T: fmt::Debug> fmt::Debug for Fixture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("under_test", &self.under_test).finish_non_exhaustive()
    }
}

/// A store in which nothing is defined and nothing was launched, ready for use.
pub type StoreFixture = Fixture<Stores>;

/// A broker that nobody else uses.
pub type BrokerFixture = Fixture<Brokers>;

/// A store by its ports.
#[derive(Clone, Debug)]
pub struct Stores {
    pub(crate) store: Arc<dyn NodeStore>,
    pub(crate) stage: Arc<dyn Stage>,
    pub(crate) admin: Option<Arc<dyn Admin>>,
    pub(crate) retention: Option<Arc<dyn Retention>>,
}

impl Fixture<Stores> {
    /// A store with every port.
    #[must_use]
    pub fn of<S: Store + 'static>(store: Arc<S>) -> Self {
        let fixture = Self::of_node_store(Arc::clone(&store) as _, Arc::clone(&store) as _);
        fixture.with_admin(Arc::clone(&store) as _).with_retention(store)
    }

    /// A store with the ports that nodes need, and what sets the scene on it.
    #[must_use]
    pub fn of_node_store(store: Arc<dyn NodeStore>, stage: Arc<dyn Stage>) -> Self {
        Self::new(Stores { store, stage, admin: None, retention: None })
    }

    /// With the port of people and programs.
    #[must_use]
    pub fn with_admin(mut self, admin: Arc<dyn Admin>) -> Self {
        self.under_test.admin = Some(admin);
        self
    }

    /// With the port that removes what is over.
    #[must_use]
    pub fn with_retention(mut self, retention: Arc<dyn Retention>) -> Self {
        self.under_test.retention = Some(retention);
        self
    }
}

/// A broker, and another beside it.
#[derive(Clone, Debug)]
pub struct Brokers {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) neighbour: Arc<dyn Broker>,
}

impl Fixture<Brokers> {
    /// A broker, and that of another control plane on the same server and with the same names.
    #[must_use]
    pub fn of(broker: Arc<dyn Broker>, neighbour: Arc<dyn Broker>) -> Self {
        Self::new(Brokers { broker, neighbour })
    }
}
