//! What stands behind the ports: the servers that the arguments name.
//!
//! The one module that knows the adapters. URLs may hold passwords and go to the drivers alone.

use std::future::Future;
use std::sync::Arc;

use control_plane::ports::{Broker, Store, StoreError};

use crate::cli::live::{Database, Messages};
use crate::failure::Failure;

/// Runs one command's questions to a server.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(work)
}

/// The store of a running control plane.
pub(crate) async fn store(database: &Database) -> Result<Arc<dyn Store>, Failure> {
    let Some(_url) = &database.database_url else { return Err(no_database()) };
    Err(Failure::new("not yet".to_owned()))
}

/// The broker of a running control plane.
pub(crate) async fn broker(messages: &Messages) -> Result<Arc<dyn Broker>, Failure> {
    let Some(_url) = &messages.amqp_url else { return Err(no_broker()) };
    Err(Failure::new("not yet".to_owned()))
}

/// Brings the tables up to date. Returns what they are at now.
pub(crate) async fn migrate(database: &Database) -> Result<String, Failure> {
    let Some(_url) = &database.database_url else { return Err(no_database()) };
    Err(Failure::new("not yet".to_owned()))
}

fn no_database() -> Failure {
    Failure::new("no database is named".to_owned()).remedy(
        "give --database-url or set DATABASE_URL; without a server everything lives in one process: \
         `scheduler node --cluster FILE --launch KIND:NAME --until-idle`",
    )
}

fn no_broker() -> Failure {
    Failure::new("no broker is named".to_owned()).remedy("give --amqp-url or set AMQP_URL")
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(chain(&error))
    }
}

impl From<control_plane::ports::BrokerError> for Failure {
    fn from(error: control_plane::ports::BrokerError) -> Self {
        Self::new(chain(&error))
    }
}

/// An error and what caused it, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
}
