//! What stands behind the ports: the servers that the arguments name.
//!
//! The one module that knows the adapters. URLs may hold passwords and go to the drivers alone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use adapter_amqp::{AmqpBroker, AmqpConfig};
use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::ports::{Broker, BrokerError, Store, StoreError};

use crate::args::{Database, Messages};
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

/// The broker of the control plane in this store, for one question: it must be there now.
pub(crate) async fn broker(
    messages: &Messages,
    database: &Database,
    store: &dyn Store,
) -> Result<Arc<dyn Broker>, Failure> {
    let config = amqp(messages, database)?.asking_as(asker());
    let broker = AmqpBroker::connect(config).await?;
    broker.serve(store.control_plane().await?);
    Ok(Arc::new(broker))
}

/// The broker of a running control plane, for a node, which may start before it and before its store.
pub(crate) fn patient_broker(messages: &Messages, database: &Database) -> Result<Arc<dyn Broker>, Failure> {
    Ok(Arc::new(AmqpBroker::new(amqp(messages, database)?)))
}

fn amqp(messages: &Messages, database: &Database) -> Result<AmqpConfig, Failure> {
    let url = messages.amqp_url.as_ref().ok_or_else(no_broker)?;
    let prefix = messages.amqp_prefix.clone().unwrap_or_else(|| prefix_of(&database.database_schema));
    AmqpConfig::from_url(url.expose())
        .and_then(|config| config.with_prefix(&prefix))
        .map_err(|error| Failure::new(error.to_string()))
}

/// Where nobody chose a prefix it follows from the schema: control planes that share a database are told apart by that, and may
/// share a broker too.
fn prefix_of(schema: &str) -> String {
    if schema == adapter_amqp::PREFIX {
        schema.to_owned()
    } else {
        format!("{}-{schema}", adapter_amqp::PREFIX)
    }
}

/// Who asks, as nodes write it down: the user on this machine, by its own word.
fn asker() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| "somebody".to_owned());
    format!("{user}@{}", gethostname::gethostname().to_string_lossy())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_planes_of_two_schemas_have_two_prefixes() {
        assert_eq!(prefix_of("scheduler"), "scheduler");
        assert_eq!(prefix_of("blue"), "scheduler-blue");
        assert!(
            AmqpConfig::from_url("amqp://host").unwrap().with_prefix(&prefix_of(&"x".repeat(50))).is_ok()
        );
    }
}
