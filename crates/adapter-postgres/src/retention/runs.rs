//! What tasks ran: a row that tasks of one definition share, and one for each launch that brought a payload. It goes when nobody
//! refers to it any more.
//!
//! A launch or a pass reads such a row's id from a definition and writes it into a task a moment later, and nothing but its
//! transaction says so meanwhile. So no definition may change while this looks, and whoever may have read definitions
//! before is waited for; with somebody who takes long the rows stay for the next purge. (A client's own transaction that launches
//! under `REPEATABLE READ`, and began before a definition changed, is the one that cannot be seen.)

use std::time::Duration;

use control_plane::ports::StoreError;

use super::WHAT;
use crate::row::Columns;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;
use crate::turn;

/// How many go in one transaction. Each costs one walk through all tasks, which blocks nobody but a change of definitions.
const PORTION: i64 = 20_000;

/// For how long others that have read definitions are waited for, and how often they are looked at.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// The transactions of others that have read definitions.
const READERS: &str = "
    SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = '{schema}.launchable'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND pid IS DISTINCT FROM pg_backend_pid()";

const SWEEP: &str = "
    DELETE FROM {schema}.run WHERE id IN (
        SELECT r.id FROM {schema}.run r
        WHERE NOT EXISTS (SELECT FROM {schema}.launchable l WHERE l.run_id = r.id)
            AND NOT EXISTS (SELECT FROM {schema}.task t WHERE t.run_id = r.id)
        LIMIT $1)";

/// Removes all that nobody refers to.
pub(super) async fn sweep(store: &PostgresStore) -> Result<(), StoreError> {
    loop {
        let limit = store.inner.config.pass_timeout;
        let mut session = store.session(WHAT).await?.limited(|limits| limits.statement = limit);
        let then = format!("SET LOCAL jit = off; {}", turn::DEFINITIONS);
        session.begin(WHAT, Mode::Write, &then).await?;
        if !readers_end(&session).await? {
            tracing::info!(
                "what removed tasks ran stays until the next purge: a transaction is open for long"
            );
            return session.commit(WHAT).await;
        }
        let removed = session.execute(WHAT, SWEEP, &[&PORTION]).await?;
        session.commit(WHAT).await?;
        if removed < PORTION.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Waits until all have ended that have read definitions by now; whether they have.
async fn readers_end(session: &Session) -> Result<bool, StoreError> {
    let mut open = readers(session).await?;
    let mut waited = Duration::ZERO;
    while !open.is_empty() && waited < PATIENCE {
        tokio::time::sleep(PAUSE).await;
        waited = waited.saturating_add(PAUSE);
        let now = readers(session).await?;
        open.retain(|reader| now.contains(reader));
    }
    Ok(open.is_empty())
}

async fn readers(session: &Session) -> Result<Vec<String>, StoreError> {
    session.query(WHAT, READERS, &[]).await?.iter().map(|row| Columns::of(row).next()).collect()
}
