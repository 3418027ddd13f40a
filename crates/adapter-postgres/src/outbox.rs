//! The outbox: messages are in hand while the transaction that locked their rows is open.
//!
//! A relay that dies, or hangs for longer than [`crate::PostgresConfig::relay_timeout`], loses that transaction, and the
//! next relay gets the same rows. Sent rows are deleted, as are those whose dispatch is void by now. A row that cannot be read
//! must not stop those behind it: its task ends with `error`, and it is deleted too.

use async_trait::async_trait;
use control_plane::definition::HandlerName;
use control_plane::ports::{
    Dispatch, Outbox, OutboxBatch, OutboxId, OutboxMessage, Queue, REST_AFTER_RETURN, StoreError,
    TraceContext,
};
use tokio_postgres::Row;

use crate::error::unreadable;
use crate::row::Columns;
use crate::session::{Mode, Session};
use crate::store::PostgresStore;

/// Locks the oldest; one whose task does not wait under its dispatch any more is void.
const UNSENT: &str = "
    WITH taken AS MATERIALIZED (
        SELECT * FROM {schema}.outbox
        WHERE rests_until IS NULL OR rests_until <= clock_timestamp()
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    SELECT o.id, t.id IS NOT NULL, o.task_id, o.dispatch_id, o.node_id, o.kind, o.handler, o.trace
    FROM taken o LEFT JOIN {schema}.task t
        ON t.id = o.task_id AND t.dispatch_id = o.dispatch_id AND t.status = 'waiting'
    ORDER BY o.id";

/// Ends the tasks of messages that cannot be sent.
const FAIL: &str = "
    UPDATE {schema}.task t SET status = 'error', finished = clock_timestamp(), explanation = failed.why
    FROM unnest($1::bigint[], $2::text[]) AS failed (message, why) JOIN {schema}.outbox o ON o.id = failed.message
    WHERE t.id = o.task_id AND t.dispatch_id = o.dispatch_id AND t.status = 'waiting'";

const WAKE: &str = "SELECT pg_notify('{channel}', 'schedule')";

const FORGET: &str = "DELETE FROM {schema}.outbox WHERE id = ANY ($1)";

const REST: &str = "
    UPDATE {schema}.outbox SET rests_until = clock_timestamp() + make_interval(secs => $2) WHERE id = ANY ($1)";

#[async_trait]
impl Outbox for PostgresStore {
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError> {
        const WHAT: &str = "taking messages from the outbox";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let timeout = self.inner.config.relay_timeout;
        let mut session = self.session(WHAT).await?.limited(|limits| limits.idle = timeout);
        loop {
            session.begin(WHAT, Mode::Write, "").await?;
            let rows = session.query(WHAT, UNSENT, &[&limit]).await?;
            let mut messages = Vec::with_capacity(rows.len());
            let (mut void, mut unreadable) = (Vec::new(), Vec::new());
            for row in &rows {
                match message(row)? {
                    Taken::Message(message) => messages.push(message),
                    Taken::Void(id) => void.push(id),
                    Taken::Unreadable(id, why) => unreadable.push((id, why)),
                }
            }
            if void.is_empty() && unreadable.is_empty() {
                if messages.is_empty() {
                    session.commit(WHAT).await?;
                    return Ok(Box::new(Batch { session: None, messages }));
                }
                return Ok(Box::new(Batch { session: Some(session), messages }));
            }
            // Gone for good before anything is in hand: a relay that freezes with messages must not keep rows of tasks besides.
            fail(&session, &unreadable).await?;
            void.extend(unreadable.into_iter().map(|(id, _)| id));
            session.execute(WHAT, FORGET, &[&void]).await?;
            session.commit(WHAT).await?;
        }
    }
}

enum Taken {
    Message(OutboxMessage),
    Void(i64),
    Unreadable(i64, String),
}

/// Ends the tasks of these messages.
async fn fail(session: &Session, unreadable: &[(i64, String)]) -> Result<(), StoreError> {
    const WHAT: &str = "ending tasks whose messages cannot be read";
    if unreadable.is_empty() {
        return Ok(());
    }
    for (message, why) in unreadable {
        tracing::error!(message, why, "a message of the outbox cannot be sent: its task ends with an error");
    }
    let (ids, whys): (Vec<i64>, Vec<&str>) = unreadable.iter().map(|(id, why)| (*id, why.as_str())).unzip();
    session.execute(WHAT, FAIL, &[&ids, &whys]).await?;
    session.query(WHAT, WAKE, &[]).await.map(drop)
}

fn message(row: &Row) -> Result<Taken, StoreError> {
    let columns = &mut Columns::of(row);
    let id: i64 = columns.next()?;
    if !columns.next::<bool>()? {
        return Ok(Taken::Void(id));
    }
    Ok(match dispatch(columns) {
        Ok(dispatch) => Taken::Message(OutboxMessage { id: OutboxId(id), dispatch }),
        Err(error) => Taken::Unreadable(id, format!("it could not be dispatched: {error}")),
    })
}

fn dispatch(columns: &mut Columns<'_>) -> Result<Dispatch, StoreError> {
    let task = columns.next::<i64>()?.into();
    let dispatch = columns.next::<i64>()?.into();
    let queue = columns.next_id()?.map_or(Queue::Shared, Queue::Node);
    let kind = columns.next_token()?;
    let handler: &str = columns.next()?;
    let handler = HandlerName::try_from(handler).map_err(unreadable)?;
    let trace: Option<String> = columns.next()?;
    let trace = trace.and_then(|trace| TraceContext::try_from(trace).ok());
    Ok(Dispatch { task, dispatch, kind, handler, queue, trace })
}

/// Messages in hand, with the transaction that keeps them there; without one when there are none.
struct Batch {
    session: Option<Session>,
    messages: Vec<OutboxMessage>,
}

#[async_trait]
impl OutboxBatch for Batch {
    fn messages(&self) -> &[OutboxMessage] {
        &self.messages
    }

    async fn settle(self: Box<Self>, sent: &[OutboxId]) -> Result<(), StoreError> {
        const WHAT: &str = "settling messages of the outbox";
        let Self { session, messages } = *self;
        let Some(mut session) = session else { return Ok(()) };
        let sent: std::collections::HashSet<OutboxId> = sent.iter().copied().collect();
        let (gone, back): (Vec<OutboxId>, Vec<OutboxId>) =
            messages.iter().map(|message| message.id).partition(|id| sent.contains(id));
        let gone: Vec<i64> = gone.into_iter().map(|id| id.0).collect();
        let back: Vec<i64> = back.into_iter().map(|id| id.0).collect();
        session.execute(WHAT, FORGET, &[&gone]).await?;
        if !back.is_empty() {
            session.execute(WHAT, REST, &[&back, &REST_AFTER_RETURN.as_secs_f64()]).await?;
        }
        session.commit(WHAT).await
    }
}
