//! One connection of the pool for one piece of work, with or without a transaction.
//!
//! A session that is dropped between two statements rolls back what is open: the request is queued on the connection at once, ahead of
//! whatever its next user sends, so a dropped future leaves nothing behind (the ports promise that). One that is dropped while
//! a statement runs, or whose server does not answer, never goes back to the pool, where the next user would wait for that
//! statement: its connection is closed, and the server, which looks after its clients meanwhile, ends the statement within a second.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use control_plane::ports::StoreError;
use deadpool_postgres::Object;
use futures_util::{FutureExt as _, TryStreamExt as _};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, SimpleQueryMessage, Statement};

use crate::config::Schema;
use crate::error::{silent, store_error, unreadable};
use crate::limits::{Limits, Scope};

/// Parameters of a statement.
pub(crate) type Params<'a> = [&'a (dyn ToSql + Sync)];

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It changes rows, each as it is when its turn comes.
    Write,
    /// It reads all as of one moment.
    Read,
}

impl Mode {
    const fn words(self) -> &'static str {
        match self {
            Self::Write => "BEGIN",
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// A connection in use.
pub(crate) struct Session {
    /// There until the session is dropped.
    connection: Option<Object>,
    schema: Schema,
    limits: Limits,
    /// Whether a transaction is, or may be, open.
    open: bool,
    /// How many calls have not been answered; those whose futures were dropped stay.
    unanswered: AtomicUsize,
}

impl Session {
    pub(crate) const fn new(connection: Object, schema: Schema, limits: Limits) -> Self {
        Self { connection: Some(connection), schema, limits, open: false, unanswered: AtomicUsize::new(0) }
    }

    /// With other limits than most.
    pub(crate) fn limited(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Begins a transaction and goes on with these words, which may be several statements or none; returns what they say.
    pub(crate) async fn begin(
        &mut self,
        what: &str,
        mode: Mode,
        then: &str,
    ) -> Result<Vec<SimpleQueryMessage>, StoreError> {
        self.open = true;
        let then = self.schema.write_into(then);
        let words = format!("{}; {}; {then}", mode.words(), self.limits.words(Scope::Transaction));
        self.call(what, self.connection()?.simple_query(&words)).await
    }

    /// Runs statements that take no parameters and whose answers do not matter.
    pub(crate) async fn run(&self, what: &str, words: &str) -> Result<(), StoreError> {
        let words = self.schema.write_into(words);
        self.call(what, self.connection()?.batch_execute(&words)).await
    }

    pub(crate) async fn query(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(what, statement).await?;
        self.call(what, self.connection()?.query(&statement, params)).await
    }

    /// The one row of a statement that has exactly one.
    pub(crate) async fn one(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<Row, StoreError> {
        only(what, self.query(what, statement, params).await?)
    }

    /// As [`query`](Self::query); `None` when somebody else kept a row or a lock that it needs for too long.
    pub(crate) async fn query_in_time(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        let statement = self.prepare(what, statement).await?;
        let connection = self.connection()?;
        let rows = self.call(what, async {
            match connection.query(&statement, params).await {
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(None),
                answer => answer.map(Some),
            }
        });
        rows.await
    }

    /// Takes the rows as they come, for results that are large.
    pub(crate) async fn each(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
        mut take: impl FnMut(&Row) + Send,
    ) -> Result<(), StoreError> {
        let statement = self.prepare(what, statement).await?;
        let connection = self.connection()?;
        let params: Vec<&(dyn ToSql + Sync)> = params.to_vec();
        self.call(what, async {
            let mut rows = pin!(connection.query_raw(&statement, params).await?);
            while let Some(row) = rows.try_next().await? {
                take(&row);
            }
            Ok(())
        })
        .await
    }

    /// How many rows a statement touched.
    pub(crate) async fn execute(
        &self,
        what: &str,
        statement: &str,
        params: &Params<'_>,
    ) -> Result<u64, StoreError> {
        let statement = self.prepare(what, statement).await?;
        self.call(what, self.connection()?.execute(&statement, params)).await
    }

    /// Makes the transaction last; the session can begin another.
    pub(crate) async fn commit(&mut self, what: &str) -> Result<(), StoreError> {
        self.end(what, "COMMIT").await
    }

    /// Ends the transaction without a trace, and waits for it.
    pub(crate) async fn roll_back(&mut self, what: &str) -> Result<(), StoreError> {
        self.end(what, "ROLLBACK").await
    }

    async fn end(&mut self, what: &str, words: &str) -> Result<(), StoreError> {
        let ended = self.run(what, words).await;
        // Whatever the answer is, the transaction is over; without one the connection is closed.
        self.open = false;
        ended
    }

    async fn prepare(&self, what: &str, statement: &str) -> Result<Statement, StoreError> {
        let words = self.schema.write_into(statement);
        self.call(what, self.connection()?.prepare_cached(&words)).await
    }

    /// Waits for an answer, for as long as the limits allow.
    async fn call<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, StoreError> {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = match self.limits.answer() {
            None => asked.await,
            Some(limit) => timeout(limit, asked).await.map_err(|_| silent(what, limit))?,
        };
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        answer.map_err(|error| store_error(what, &error))
    }

    fn connection(&self) -> Result<&Object, StoreError> {
        self.connection.as_ref().ok_or_else(|| unreadable("a session was used after its end"))
    }
}

/// The one row of an answer that has exactly one.
pub(crate) fn only(what: &str, rows: Vec<Row>) -> Result<Row, StoreError> {
    rows.into_iter().next().ok_or_else(|| unreadable(format!("{what}: no row came back")))
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if *self.unanswered.get_mut() > 0 {
            drop(Object::take(connection));
        } else if self.open {
            // The first poll queues the request; nobody waits for the answer.
            let _ = connection.batch_execute("ROLLBACK").now_or_never();
        }
    }
}
