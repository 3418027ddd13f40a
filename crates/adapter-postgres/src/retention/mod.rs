//! Removing finished tasks: a portion is judged and removed in one transaction, under the lock that passes share.
//!
//! Finished rows never change, so nobody waits for a portion but a pass that begins, and a launch that names a task of it to depend on.
//! (A client that calls the SQL function `launch` with a task to depend on, in the very moment in which that is removed, takes no
//! such lock: its task is held as malformed, since what it depends on is missing, until it is canceled.)
//!
//! A portion costs a walk of the index of finished tasks from where the last one ended, a look at the dependencies of all
//! unfinished tasks, and a few look-ups by key for each row that it removes. With the last portion, what tasks ran and nobody refers
//! to any more goes too.

mod family;
mod runs;

use async_trait::async_trait;
use control_plane::ports::{Family, Purge, PurgeMark, Purged, Retention, StoreError};
use scheduler_core::{TaskId, Timestamp};

use crate::row::Columns;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;
use crate::turn;

const WHAT: &str = "removing old tasks";

const COUNT: &str = "SELECT count(*) FROM {schema}.task WHERE finished IS NOT NULL AND finished < $1";

/// The next ones in the order of their ends.
const NEXT: &str = "
    SELECT id, finished, workflow_id FROM {schema}.task
    WHERE finished IS NOT NULL AND finished < $1 AND (finished, id) > (COALESCE($2, '-infinity'::timestamptz), $3)
    ORDER BY finished, id LIMIT $4";

/// Before their tasks, since a job that goes before its workflow would still be referred to.
const NO_GRAPHS: &str = "DELETE FROM {schema}.node WHERE workflow_id = ANY ($1)";

/// What tasks printed, stored holds and waits of the past go with them.
const REMOVE: &str = "DELETE FROM {schema}.task WHERE id = ANY ($1)";

/// A task that is old enough.
struct Old {
    id: i64,
    finished: Timestamp,
    workflow: Option<i64>,
}

#[async_trait]
impl Retention for PostgresStore {
    async fn ended_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        let row = self.session(WHAT).await?.one(WHAT, COUNT, &[&moment]).await?;
        let count: i64 = Columns::of(&row).next()?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn purge(&self, portion: &Purge) -> Result<Purged, StoreError> {
        let limit = self.inner.config.pass_timeout;
        let mut session = self.session(WHAT).await?.limited(|limits| limits.statement = limit);
        // The indexes serve every statement here, however old the statistics are after so many removals.
        let then = format!("SET LOCAL jit = off; SET LOCAL enable_seqscan = off; {}", turn::PAST);
        session.begin(WHAT, Mode::Write, &then).await?;
        let (purged, removed) = judge(&session, portion).await?;
        if !removed.is_empty() {
            session.execute(WHAT, NO_GRAPHS, &[&removed]).await?;
            session.execute(WHAT, REMOVE, &[&removed]).await?;
        }
        session.commit(WHAT).await?;
        if purged.next.is_none() && !portion.dry_run {
            runs::sweep(self).await?;
        }
        Ok(purged)
    }
}

/// What becomes of the next tasks: the counts, and the ids of all that go.
async fn judge(session: &Session, portion: &Purge) -> Result<(Purged, Vec<i64>), StoreError> {
    let old = next(session, portion).await?;
    let families = family::families(session, portion, &old).await?;
    let mut purged = Purged::default();
    for task in &old {
        match families.of(task.id).and_then(|family| family.verdict(TaskId::new(task.id))) {
            Some(why) => purged.keep(why),
            None if portion.dry_run => purged.removed = purged.removed.saturating_add(1),
            None => {}
        }
    }
    let last = old.last().filter(|_| old.len() == portion.limit);
    purged.next = last.map(|task| PurgeMark { finished: task.finished, task: TaskId::new(task.id) });
    if portion.dry_run {
        return Ok((purged, Vec::new()));
    }
    let removed: Vec<i64> = families.all().flat_map(Family::removable).map(TaskId::get).collect();
    purged.removed = u64::try_from(removed.len()).unwrap_or(u64::MAX);
    Ok((purged, removed))
}

async fn next(session: &Session, portion: &Purge) -> Result<Vec<Old>, StoreError> {
    let after = portion.after.map(|mark| mark.finished);
    let after_task = portion.after.map_or(i64::MIN, |mark| mark.task.get());
    let limit = i64::try_from(portion.limit).unwrap_or(i64::MAX);
    let rows = session.query(WHAT, NEXT, &[&portion.ended_before, &after, &after_task, &limit]).await?;
    let old = rows.iter().map(|row| {
        let columns = &mut Columns::of(row);
        Ok(Old { id: columns.next()?, finished: columns.next_time()?, workflow: columns.next()? })
    });
    old.collect()
}
