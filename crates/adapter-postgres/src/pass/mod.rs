//! Passes: the lock, what is read under it, and the plan that is written with it.

mod commit;
mod create;
mod graph;
mod hold;
mod left_out;
mod omission;
mod patch;
mod read;
mod step;
pub(crate) mod task;

use async_trait::async_trait;
use control_plane::ports::{Commit, Pass, Passes, Reading, StoreError};
use scheduler_core::Plan;
use tokio_postgres::SimpleQueryMessage;

use crate::flaw::Flaw;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;
use crate::turn;

const WHAT: &str = "beginning a pass";

#[async_trait]
impl Passes for PostgresStore {
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError> {
        // A holder that hangs between two statements, or in one, loses its connection and with it the lock.
        let (idle, limit) = (self.pass_idle_limit(), self.inner.config.pass_timeout);
        let mut session = self.session(WHAT).await?.limited(|limits| {
            limits.idle = idle;
            limits.statement = limit;
        });
        let then = format!("SET LOCAL jit = off; {}", turn::PASS);
        let said = session.begin(WHAT, Mode::Write, &then).await?;
        if !said.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))) {
            session.roll_back(WHAT).await?;
            return Ok(None);
        }
        let pass = PostgresPass { store: self.clone(), session, digests: read::Digests::new() };
        Ok(Some(Box::new(pass)))
    }

    async fn read(&self) -> Result<Reading, StoreError> {
        Ok(read_all(self).await?.reading)
    }
}

/// One snapshot; what cannot be read in it is said.
async fn read_all(store: &PostgresStore) -> Result<read::Read, StoreError> {
    let session = store.session("reading the snapshot").await?;
    let mut read = read::read(session).await?;
    let left_out = read.left_out.iter().map(|(id, error)| Flaw {
        row: task::place(*id),
        why: error.to_string(),
        instead: "it is left out, and ends with an error if it is pending",
    });
    store.inner.flaws.say(left_out.chain(read.flaws.drain(..)));
    Ok(read)
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
        let mut read = read_all(&self.store).await?;
        if !read.left_out.is_empty() && left_out::end(&self.store, &read.left_out).await? {
            // What depends on them is decided by how they ended.
            read = read_all(&self.store).await?;
        }
        self.digests = read.digests;
        self.store.learn_grace(read.reading.rules.heartbeat_grace);
        Ok(read.reading)
    }

    async fn commit(self: Box<Self>, reading: &Reading, plan: &Plan) -> Result<Commit, StoreError> {
        let Self { session, digests, .. } = *self;
        commit::commit(session, &digests, reading, plan).await
    }
}
