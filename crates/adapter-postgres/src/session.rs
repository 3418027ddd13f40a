//! One connection of the pool for one piece of work, with or without a transaction.
//!
//! Dropping a session with an open transaction rolls it back: the request is queued on the connection at once, ahead of
//! whatever its next user sends, so a dropped future leaves nothing behind (the ports promise that).

use control_plane::ports::StoreError;
use deadpool_postgres::Object;
use futures_util::FutureExt as _;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, RowStream, SimpleQueryMessage};

use crate::config::Schema;
use crate::error::store_error;

/// Parameters of a statement.
pub(crate) type Params<'a> = [&'a (dyn ToSql + Sync)];

/// A connection in use.
pub(crate) struct Session {
    connection: Object,
    schema: Schema,
    /// Whether a transaction is, or may be, open.
    open: bool,
}

impl Session {
    pub(crate) const fn new(connection: Object, schema: Schema) -> Self {
        Self { connection, schema, open: false }
    }

    /// Begins a transaction with these words, which may be several statements; returns what they say.
    pub(crate) async fn begin(
        &mut self,
        what: &str,
        words: &str,
    ) -> Result<Vec<SimpleQueryMessage>, StoreError> {
        self.open = true;
        let words = self.schema.write_into(words);
        self.connection.simple_query(&words).await.map_err(|error| store_error(what, &error))
    }

    /// Runs statements that take no parameters and whose answers do not matter.
    pub(crate) async fn run(&self, what: &str, words: &str) -> Result<(), StoreError> {
        let words = self.schema.write_into(words);
        self.connection.batch_execute(&words).await.map_err(|error| store_error(what, &error))
    }

    pub(crate) async fn query(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let failed = |error| store_error(what, &error);
        let statement =
            self.connection.prepare_cached(&self.schema.write_into(statement)).await.map_err(failed)?;
        self.connection.query(&statement, params).await.map_err(failed)
    }

    /// The one row of a statement that has exactly one.
    pub(crate) async fn one(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<Row, StoreError> {
        let rows = self.query(what, statement, params).await?;
        rows.into_iter().next().ok_or_else(|| crate::error::unreadable(format!("{what}: no row came back")))
    }

    /// The rows as they come, for results that are large.
    pub(crate) async fn stream(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<RowStream, StoreError> {
        let failed = |error| store_error(what, &error);
        let statement =
            self.connection.prepare_cached(&self.schema.write_into(statement)).await.map_err(failed)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.to_vec();
        self.connection.query_raw(&statement, params).await.map_err(failed)
    }

    /// How many rows a statement touched.
    pub(crate) async fn execute(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<u64, StoreError> {
        let failed = |error| store_error(what, &error);
        let statement =
            self.connection.prepare_cached(&self.schema.write_into(statement)).await.map_err(failed)?;
        self.connection.execute(&statement, params).await.map_err(failed)
    }

    pub(crate) async fn commit(mut self, what: &str) -> Result<(), StoreError> {
        self.run(what, "COMMIT").await?;
        self.open = false;
        Ok(())
    }

    /// Ends the transaction without a trace, and waits for it.
    pub(crate) async fn roll_back(mut self, what: &str) -> Result<(), StoreError> {
        self.run(what, "ROLLBACK").await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open {
            // The first poll queues the request; nobody waits for the answer.
            let _ = self.connection.batch_execute("ROLLBACK").now_or_never();
        }
    }
}
