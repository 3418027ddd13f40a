//! Nodes as members: joining, heartbeats, leaving.

use async_trait::async_trait;
use control_plane::definition::RulesDefinition;
use control_plane::ports::{
    ControlPlaneId, Incarnation, Joined, Joining, Members, Membership, Standing, StoreError,
};
use scheduler_core::{Seconds, TaskId};

use crate::error::unreadable;
use crate::row::Columns;
use crate::session::Mode;
use crate::store::PostgresStore;

const JOIN_KNOWN: &str = "
    UPDATE {schema}.instance
    SET incarnation = incarnation + 1, last_heartbeat = clock_timestamp(), version = $2, takes_work = $3
    WHERE hostname = $1
    RETURNING id, incarnation";

const JOIN_NEW: &str = "
    INSERT INTO {schema}.instance AS i (hostname, version, node_type, capacity, takes_work, incarnation, last_heartbeat)
    VALUES ($1, $2, $3, $4, $5, 1, clock_timestamp())
    ON CONFLICT (hostname) DO UPDATE
    SET incarnation = i.incarnation + 1, last_heartbeat = excluded.last_heartbeat, version = excluded.version,
        takes_work = excluded.takes_work
    RETURNING id, incarnation";

const FAIL_ORPHANS: &str = "
    WITH orphan AS MATERIALIZED (
        SELECT id FROM {schema}.task
        WHERE finished IS NULL AND status = 'running' AND taken_by = $1 AND incarnation < $2
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE {schema}.task t SET status = 'failed', finished = clock_timestamp(),
        explanation = 'the node ' || $3 || ' restarted while it ran the task'
    FROM orphan WHERE t.id = orphan.id
    RETURNING t.id";

const BEAT: &str = "
    UPDATE {schema}.instance SET last_heartbeat = clock_timestamp() WHERE id = $1 AND incarnation = $2
    RETURNING last_heartbeat";

/// As a report that hands back does it.
const DRAIN: &str = "
    WITH drained AS MATERIALIZED (
        UPDATE {schema}.instance SET takes_work = false WHERE id = $1 AND incarnation = $2 RETURNING id
    ), locked AS MATERIALIZED (
        SELECT t.id FROM {schema}.task t JOIN drained d ON d.id IN (t.node_id, t.controller_id)
        WHERE t.finished IS NULL AND t.status = 'waiting'
        ORDER BY t.id FOR NO KEY UPDATE OF t
    ), back AS (
        UPDATE {schema}.task t SET status = 'pending', dispatch_id = NULL, dispatched = NULL, group_id = NULL,
            node_id = NULL, controller_id = NULL
        FROM locked l WHERE t.id = l.id
    )
    SELECT pg_notify('{channel}', 'schedule')::text FROM drained";

const LEAVE: &str = "
    WITH gone AS (
        UPDATE {schema}.instance SET last_heartbeat = NULL WHERE id = $1 AND incarnation = $2 RETURNING id
    )
    SELECT pg_notify('{channel}', 'schedule')::text FROM gone";

const IDENTITY: &str = "SELECT id::text FROM {schema}.control_plane";

const RULES: &str = "SELECT definition FROM {schema}.rules";

/// The members are woken too: one of them may have been replaced.
const NOTIFY: &str = "SELECT pg_notify('{channel}', 'schedule,members')::text";

#[async_trait]
impl Members for PostgresStore {
    async fn control_plane(&self) -> Result<ControlPlaneId, StoreError> {
        const WHAT: &str = "asking which control plane this is";
        let row = self.session(WHAT).await?.one(WHAT, IDENTITY, &[]).await?;
        let identity: String = Columns::of(&row).next()?;
        identity.parse().map_err(unreadable)
    }

    async fn join(&self, node: &Joining) -> Result<Joined, StoreError> {
        const WHAT: &str = "joining the cluster";
        let mut session = self.session(WHAT).await?;
        session.begin(WHAT, Mode::Write, "").await?;
        let rows = match node.capacity {
            Some(capacity) => {
                let capacity = i64::from(capacity.get());
                let node_type = node.node_type.token();
                let params: &crate::session::Params<'_> =
                    &[&node.hostname, &node.version, &node_type, &capacity, &node.takes_work];
                session.query(WHAT, JOIN_NEW, params).await?
            }
            None => {
                session.query(WHAT, JOIN_KNOWN, &[&node.hostname, &node.version, &node.takes_work]).await?
            }
        };
        let Some(row) = rows.first() else {
            return Err(StoreError::Refused(format!(
                "instance {:?} is not defined: define it, or join with a capacity so that it is defined on the spot",
                node.hostname
            )));
        };
        let columns = &mut Columns::of(row);
        let (instance, incarnation): (i64, i64) = (columns.next()?, columns.next()?);
        let orphans = session.query(WHAT, FAIL_ORPHANS, &[&instance, &incarnation, &node.hostname]).await?;
        let mut orphans: Vec<TaskId> =
            orphans.iter().map(|row| Columns::of(row).next().map(TaskId::new)).collect::<Result<_, _>>()?;
        orphans.sort_unstable();
        session.query(WHAT, NOTIFY, &[]).await?;
        session.commit(WHAT).await?;
        let member = Membership { instance: instance.into(), incarnation: Incarnation(incarnation) };
        Ok(Joined { member, orphans })
    }

    async fn beat(&self, member: Membership) -> Result<Standing, StoreError> {
        const WHAT: &str = "sending a heartbeat";
        let (instance, incarnation) = (member.instance.get(), member.incarnation.0);
        let beaten =
            self.heartbeat_session(WHAT).await?.query(WHAT, BEAT, &[&instance, &incarnation]).await?;
        Ok(match beaten.first() {
            Some(row) => Standing::Member { now: Columns::of(row).next()? },
            None => Standing::Replaced,
        })
    }

    async fn heartbeat_grace(&self) -> Result<Seconds, StoreError> {
        const WHAT: &str = "reading the grace of the rules";
        let session = self.heartbeat_session(WHAT).await?;
        let rules: RulesDefinition = match session.query(WHAT, RULES, &[]).await?.first() {
            Some(row) => {
                let json = Columns::of(row).next()?;
                serde_json::from_value(json).map_err(|error| unreadable(format!("the rules: {error}")))?
            }
            None => RulesDefinition::default(),
        };
        let grace = rules.heartbeat_grace();
        self.learn_grace(grace);
        Ok(grace)
    }

    async fn drain(&self, member: Membership) -> Result<(), StoreError> {
        const WHAT: &str = "draining the node";
        let (instance, incarnation) = (member.instance.get(), member.incarnation.0);
        self.session(WHAT).await?.query(WHAT, DRAIN, &[&instance, &incarnation]).await?;
        Ok(())
    }

    async fn leave(&self, member: Membership) -> Result<(), StoreError> {
        const WHAT: &str = "leaving the cluster";
        let (instance, incarnation) = (member.instance.get(), member.incarnation.0);
        self.session(WHAT).await?.query(WHAT, LEAVE, &[&instance, &incarnation]).await?;
        Ok(())
    }
}
