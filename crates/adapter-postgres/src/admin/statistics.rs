//! Instances, and counts for metrics.

use control_plane::definition::RulesDefinition;
use control_plane::ports::{NodeView, Statistics, StoreError};
use scheduler_core::Forks;

use crate::row::Columns;
use crate::store::PostgresStore;

/// What a holding task costs is its impact where it runs, and the control impact where it is controlled (R6.1).
const NODES: &str = "
    SELECT i.id, i.hostname, i.node_type, i.capacity,
        LEAST(COALESCE(runs.impact, 0) + COALESCE(controls.count, 0) * $1::bigint, 4294967295),
        i.enabled, i.takes_work, i.last_heartbeat, i.version
    FROM {schema}.instance i
        LEFT JOIN (SELECT node_id, sum(impact)::bigint AS impact FROM {schema}.task
            WHERE finished IS NULL AND status IN ('waiting', 'running') GROUP BY node_id) AS runs ON runs.node_id = i.id
        LEFT JOIN (SELECT controller_id, count(*) AS count FROM {schema}.task
            WHERE finished IS NULL AND status IN ('waiting', 'running') GROUP BY controller_id) AS controls
            ON controls.controller_id = i.id
    ORDER BY i.hostname";

const RULES: &str = "SELECT definition FROM {schema}.rules";

const TASKS: &str = "SELECT status, count(*) FROM {schema}.task WHERE finished IS NULL GROUP BY status";

const HOLDS: &str = "
    SELECT h.token, count(*) FROM {schema}.held h JOIN {schema}.task t ON t.id = h.task_id AND t.finished IS NULL
    GROUP BY h.token";

const OUTBOX: &str = "SELECT count(*), min(written), clock_timestamp() FROM {schema}.outbox";

const GROUPS: &str = "
    SELECT g.name,
        LEAST((SELECT COALESCE(sum(i.capacity), 0) FROM {schema}.group_member m
            JOIN {schema}.instance i ON i.id = m.instance_id AND i.enabled WHERE m.group_id = g.id),
            4294967295)::bigint,
        LEAST(COALESCE(uses.impact, 0), 4294967295)::bigint, g.id
    FROM {schema}.instance_group g
        LEFT JOIN (SELECT group_id, sum(impact) AS impact FROM {schema}.task
            WHERE finished IS NULL AND status IN ('waiting', 'running') GROUP BY group_id) AS uses ON uses.group_id = g.id";

const WHAT: &str = "counting";

pub(super) async fn nodes(store: &PostgresStore) -> Result<Vec<NodeView>, StoreError> {
    let session = store.session(WHAT).await?;
    // A view goes on without rules that cannot be read; passes do not, and say why.
    let rules = match session.query(WHAT, RULES, &[]).await?.first() {
        Some(row) => Columns::of(row).next_json::<RulesDefinition>().unwrap_or_default().unwrap_or_default(),
        None => RulesDefinition::default(),
    };
    let control = rules.control_plane.map_or(0, |plane| i64::from(plane.impact.get()));
    let mut nodes = Vec::new();
    for row in session.query(WHAT, NODES, &[&control]).await? {
        let columns = &mut Columns::of(&row);
        nodes.push(NodeView {
            id: columns.next::<i64>()?.into(),
            hostname: columns.next()?,
            node_type: columns.next_token()?,
            capacity: columns.next_forks()?,
            used: columns.next_forks()?,
            enabled: columns.next()?,
            takes_work: columns.next()?,
            last_heartbeat: columns.next_time_if_any()?,
            version: columns.next()?,
        });
    }
    nodes.sort_by(|one, other| one.hostname.cmp(&other.hostname));
    Ok(nodes)
}

pub(super) async fn statistics(store: &PostgresStore) -> Result<Statistics, StoreError> {
    let session = store.session(WHAT).await?;
    let mut statistics = Statistics::default();
    for row in session.query(WHAT, TASKS, &[]).await? {
        let columns = &mut Columns::of(&row);
        statistics.tasks.insert(columns.next_token()?, count(columns.next()?));
    }
    for row in session.query(WHAT, HOLDS, &[]).await? {
        let columns = &mut Columns::of(&row);
        statistics.holds.insert(columns.next()?, count(columns.next()?));
    }
    for row in session.query(WHAT, GROUPS, &[]).await? {
        let columns = &mut Columns::of(&row);
        let name: String = columns.next()?;
        let (capacity, used): (Forks, Forks) = (columns.next_forks()?, columns.next_forks()?);
        statistics.group_names.insert(columns.next::<i64>()?.into(), name.clone());
        statistics.groups.insert(name, (capacity, used));
    }
    let row = session.one(WHAT, OUTBOX, &[]).await?;
    let columns = &mut Columns::of(&row);
    statistics.outbox = count(columns.next()?);
    statistics.outbox_oldest = columns.next_time_if_any()?;
    statistics.now = columns.next_time()?;
    Ok(statistics)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
