//! Migrations: an ordered list of SQL files, each applied once, in one transaction, by one node at a time.

use std::time::Duration;

use control_plane::ports::StoreError;

use crate::config::Lock;
use crate::error::unreadable;
use crate::limits::millis;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;

/// One step from one version of the tables to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The version that it leads to; the first leads to 1.
    pub version: u32,
    /// What it is called.
    pub name: &'static str,
    /// The statements, with `{schema}` for the schema's quoted name and `{channel}` for the name of its channel.
    pub sql: &'static str,
}

/// Every migration, in order.
const MIGRATIONS: [Migration; 9] = [
    Migration { version: 1, name: "definitions", sql: include_str!("../migrations/0001_definitions.sql") },
    Migration { version: 2, name: "tasks", sql: include_str!("../migrations/0002_tasks.sql") },
    Migration { version: 3, name: "launch", sql: include_str!("../migrations/0003_launch.sql") },
    Migration { version: 4, name: "history", sql: include_str!("../migrations/0004_history.sql") },
    Migration { version: 5, name: "bounds", sql: include_str!("../migrations/0005_bounds.sql") },
    Migration { version: 6, name: "draining", sql: include_str!("../migrations/0006_draining.sql") },
    Migration { version: 7, name: "unfinished", sql: include_str!("../migrations/0007_unfinished.sql") },
    Migration { version: 8, name: "walls", sql: include_str!("../migrations/0008_walls.sql") },
    Migration { version: 9, name: "identity", sql: include_str!("../migrations/0009_identity.sql") },
];

/// The version that this program needs.
pub(crate) const NEEDED: u32 = 9;

const WHAT: &str = "migrating";

/// For how long another node that migrates is waited for. How long a migration takes depends on how much the tables hold.
const FOR_ANOTHER: Duration = Duration::from_secs(60 * 60);

const VERSION_TABLE: &str = "
    DO $$ BEGIN IF to_regnamespace('{schema}') IS NULL THEN CREATE SCHEMA {schema}; END IF; END $$;
    CREATE TABLE IF NOT EXISTS {schema}.migration (
        version integer PRIMARY KEY,
        name text NOT NULL,
        applied timestamptz NOT NULL DEFAULT now()
    )";

const FOUND: &str = "SELECT COALESCE(max(version), 0) FROM {schema}.migration";

const RECORD: &str = "INSERT INTO {schema}.migration (version, name) VALUES ($1, $2)";

/// The version of the tables, 0 when there are none.
pub(crate) async fn found(session: &Session) -> Result<u32, StoreError> {
    match session.one("looking at the version of the tables", FOUND, &[]).await {
        Ok(row) => version(&row),
        Err(StoreError::Version { found, .. }) => Ok(found),
        Err(error) => Err(error),
    }
}

fn version(row: &tokio_postgres::Row) -> Result<u32, StoreError> {
    let found: i32 = row.try_get(0).map_err(|error| crate::error::store_error(WHAT, &error))?;
    u32::try_from(found).map_err(|_| unreadable("the version of the tables is below 0"))
}

/// Refuses tables of another version.
pub(crate) async fn verify(session: &Session) -> Result<(), StoreError> {
    match found(session).await? {
        NEEDED => Ok(()),
        found => Err(StoreError::Version { found, needed: NEEDED }),
    }
}

impl PostgresStore {
    /// Brings the tables to the version that this program needs, each migration in a transaction of its own. Any number of
    /// nodes may call it at once: one does the work, the others wait for it. Tables of a newer version are refused.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_with(&mut |_, _| ()).await
    }

    /// As [`migrate`](Self::migrate), and tells how many of how many migrations the tables have.
    pub async fn migrate_with(
        &self,
        applied: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<(), StoreError> {
        loop {
            let mut session = self.raw_session(WHAT).await?.limited(|limits| {
                limits.statement = Duration::ZERO;
                limits.lock = FOR_ANOTHER;
            });
            let key = self.inner.schema.lock(Lock::Migration);
            // A change of a table keeps everybody waiting who comes after it, so it waits for those before no longer than others do.
            let lock = millis(self.inner.config.lock_timeout);
            let then = format!(
                "SELECT pg_advisory_xact_lock({key}); SET LOCAL lock_timeout = {lock}; {VERSION_TABLE}"
            );
            session.begin(WHAT, Mode::Write, &then).await?;
            let found = found(&session).await?;
            if found > NEEDED {
                return Err(StoreError::Version { found, needed: NEEDED });
            }
            applied(found as usize, MIGRATIONS.len());
            let Some(next) = MIGRATIONS.iter().find(|migration| migration.version > found) else {
                return session.commit(WHAT).await;
            };
            session.run(WHAT, next.sql).await?;
            let recorded = i32::try_from(next.version).unwrap_or(i32::MAX);
            session.execute(WHAT, RECORD, &[&recorded, &next.name]).await?;
            session.commit(WHAT).await?;
            tracing::info!(version = next.version, name = next.name, "migrated the tables");
        }
    }

    /// The migrations, for people who run them with a tool of their own: `{schema}` and `{channel}` are theirs to fill in, and
    /// so is the row in the table `migration` that records each.
    #[must_use]
    pub const fn migrations() -> &'static [Migration] {
        &MIGRATIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_to_what_is_needed() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=NEEDED).collect::<Vec<_>>());
    }
}
