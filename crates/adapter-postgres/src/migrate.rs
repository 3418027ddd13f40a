//! Migrating: each migration is applied once, in one transaction, by one node at a time.

use std::time::Duration;

use control_plane::ports::StoreError;

use crate::limits::millis;
use crate::migration::{MIGRATIONS, Migration, NEEDED};
use crate::session::Mode;
use crate::store::PostgresStore;
use crate::version::found;

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

const RECORD: &str = "INSERT INTO {schema}.migration (version, name) VALUES ($1, $2)";

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
            let key = self.inner.schema.migration_key();
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
