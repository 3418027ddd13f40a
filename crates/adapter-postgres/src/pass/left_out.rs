//! Pending tasks whose rows cannot be read end with an error, as those do whose messages cannot: nobody could ever start them, and
//! what waits for them goes on by R5 and R7. Others are left out of the snapshot until they end by themselves.

use control_plane::ports::StoreError;
use scheduler_core::TaskId;

use crate::store::PostgresStore;

const WHAT: &str = "ending tasks that cannot be read";

/// One that somebody else has in hand is for a later pass.
const END: &str = "
    WITH broken AS MATERIALIZED (
        SELECT t.id, b.why
        FROM unnest($1::bigint[], $2::text[]) AS b (id, why) JOIN {schema}.task t ON t.id = b.id
        WHERE t.status = 'pending' ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
    )
    UPDATE {schema}.task t SET status = 'error', finished = clock_timestamp(), own_keys = NULL,
        explanation = 'its row cannot be read: ' || b.why
    FROM broken b WHERE t.id = b.id";

/// Ends those of these that are pending; whether there were any.
pub(super) async fn end(
    store: &PostgresStore,
    left_out: &[(TaskId, StoreError)],
) -> Result<bool, StoreError> {
    let (ids, whys): (Vec<i64>, Vec<String>) =
        left_out.iter().map(|(id, error)| (id.get(), error.to_string())).unzip();
    let session = store.session(WHAT).await?;
    Ok(session.execute(WHAT, END, &[&ids, &whys]).await? > 0)
}
