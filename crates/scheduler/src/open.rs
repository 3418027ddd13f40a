//! What stands behind the ports: the servers that the arguments name.
//!
//! The one module that knows the adapters. URLs may hold passwords and go to the drivers alone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use adapter_amqp::{AmqpBroker, AmqpConfig};
use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::ports::{Broker, BrokerError, Store, StoreError};

use crate::cli::live::{Database, Messages};
use crate::failure::Failure;
use crate::progress::{Progress, Unit};

/// Runs one command's questions to a server.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(work)
}

/// The store of a running control plane. Connections are made when they are needed.
pub(crate) fn store(database: &Database) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(postgres(database)?))
}

/// The same for a node, whose passes have this limit.
pub(crate) fn node_store(database: &Database, pass_timeout: Duration) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(PostgresStore::connect(config(database)?.pass_timeout(pass_timeout))?))
}

fn postgres(database: &Database) -> Result<PostgresStore, Failure> {
    Ok(PostgresStore::connect(config(database)?)?)
}

fn config(database: &Database) -> Result<PostgresConfig, Failure> {
    let url = database.database_url.as_ref().ok_or_else(no_database)?;
    Ok(PostgresConfig::new(url.expose()).schema(&database.database_schema))
}

/// The broker of a running control plane, for one question: it must be there now.
pub(crate) async fn broker(messages: &Messages) -> Result<Arc<dyn Broker>, Failure> {
    Ok(Arc::new(AmqpBroker::connect(amqp(messages)?).await?))
}

/// The broker of a running control plane, for a node, which may start before it.
pub(crate) fn patient_broker(messages: &Messages) -> Result<Arc<dyn Broker>, Failure> {
    Ok(Arc::new(AmqpBroker::new(amqp(messages)?)))
}

fn amqp(messages: &Messages) -> Result<AmqpConfig, Failure> {
    let url = messages.amqp_url.as_ref().ok_or_else(no_broker)?;
    AmqpConfig::from_url(url.expose())
        .and_then(|config| config.with_prefix(&messages.amqp_prefix))
        .map_err(|error| Failure::new(error.to_string()))
}

/// Brings the tables up to date.
pub(crate) async fn migrate(database: &Database) -> Result<(), Failure> {
    let mut progress = Progress::new("migrating the tables", Unit::Migrations);
    let store = postgres(database)?;
    let migrated = store.migrate_with(&mut |done, all| progress.set(done, all)).await;
    progress.finish();
    Ok(migrated?)
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

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Self::new(chain(&error))
    }
}

/// An error and what caused it, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
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
