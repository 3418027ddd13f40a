//! The version of the tables, which must be the one that this program needs.

use control_plane::ports::StoreError;

use crate::error::{store_error, unreadable};
use crate::migration::NEEDED;
use crate::session::Session;

const WHAT: &str = "looking at the version of the tables";

const FOUND: &str = "SELECT COALESCE(max(version), 0) FROM {schema}.migration";

/// The version of the tables, 0 when there are none.
pub(crate) async fn found(session: &Session) -> Result<u32, StoreError> {
    match session.one(WHAT, FOUND, &[]).await {
        Ok(row) => version(&row),
        Err(StoreError::Version { found, .. }) => Ok(found),
        Err(error) => Err(error),
    }
}

fn version(row: &tokio_postgres::Row) -> Result<u32, StoreError> {
    let found: i32 = row.try_get(0).map_err(|error| store_error(WHAT, &error))?;
    u32::try_from(found).map_err(|_| unreadable("the version of the tables is below 0"))
}

/// Refuses tables of another version.
pub(crate) async fn verify(session: &Session) -> Result<(), StoreError> {
    match found(session).await? {
        NEEDED => Ok(()),
        found => Err(StoreError::Version { found, needed: NEEDED }),
    }
}
