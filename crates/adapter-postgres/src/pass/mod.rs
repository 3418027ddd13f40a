//! Passes: the lock, what is read under it, and the plan that is written with it.

mod commit;
mod create;
mod graph;
mod hold;
mod patch;
mod read;
mod step;
pub(crate) mod task;

use async_trait::async_trait;
use control_plane::ports::{Commit, Pass, Passes, Reading, StoreError};
use scheduler_core::Plan;
use tokio_postgres::SimpleQueryMessage;

use crate::config::Lock;
use crate::session::Session;
use crate::store::PostgresStore;

const WHAT: &str = "beginning a pass";

#[async_trait]
impl Passes for PostgresStore {
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError> {
        let mut session = self.session(WHAT).await?;
        // A holder that hangs between two statements, or in one, loses its connection and with it the lock.
        let limit = self.inner.config.pass_timeout.as_millis();
        let key = self.inner.schema.lock(Lock::Pass);
        // Whoever has the lock lets a portion of a purge end: what that removes must not be read by this pass.
        let past = self.inner.schema.lock(Lock::Past);
        let words = format!(
            "BEGIN;
            SET LOCAL idle_in_transaction_session_timeout = {limit};
            SET LOCAL statement_timeout = {limit};
            SET LOCAL jit = off;
            SELECT CASE WHEN pg_try_advisory_xact_lock({key})
                THEN pg_advisory_xact_lock_shared({past})::text IS NOT NULL ELSE false END"
        );
        let locked = session.begin(WHAT, &words).await?.iter().any(
            |message| matches!(message, SimpleQueryMessage::Row(row) if row.try_get(0).ok().flatten() == Some("t")),
        );
        if !locked {
            session.roll_back(WHAT).await?;
            return Ok(None);
        }
        let pass = PostgresPass { store: self.clone(), session, digests: read::Digests::new() };
        Ok(Some(Box::new(pass)))
    }

    async fn read(&self) -> Result<Reading, StoreError> {
        let session = self.session("reading the snapshot").await?;
        read::read(session).await.map(|(reading, _)| reading)
    }
}

/// One pass: the transaction that holds the lock.
struct PostgresPass {
    store: PostgresStore,
    session: Session,
    /// What is stored of held tasks, as of the snapshot.
    digests: read::Digests,
}

#[async_trait]
impl Pass for PostgresPass {
    async fn read(&mut self) -> Result<Reading, StoreError> {
        let session = self.store.session("reading the snapshot").await?;
        let (reading, digests) = read::read(session).await?;
        self.digests = digests;
        Ok(reading)
    }

    async fn commit(self: Box<Self>, reading: &Reading, plan: &Plan) -> Result<Commit, StoreError> {
        let Self { store, session, digests } = *self;
        commit::commit(&store.inner.schema, session, &digests, reading, plan).await
    }
}
