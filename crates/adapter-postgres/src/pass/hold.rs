//! Stored holds: why a task was held when that last changed, for operators; and those of before, for its history.
//!
//! Written when what a task waits for changed ([`Reason::wait_key`]), not when a number wavers or a resource passes from holder to
//! holder: neither a full cluster nor a long queue may cost a write per task and pass. And at most [`MOST`] rows a pass, the tasks considered first before others: a pass over a long new queue stays
//! short, and the rest follows with the next passes.

use std::borrow::Cow;
use std::collections::HashSet;

use control_plane::ports::StoreError;
use scheduler_core::{Action, Plan, Reason, TaskId, TaskRef};

use super::read::Digests;
use crate::error::unreadable;
use crate::limits::{FOR_A_ROW, millis};
use crate::session::{Params, Session};

/// How many stored holds one pass changes at most.
const MOST: usize = 2000;

const WHAT: &str = "storing why tasks are held";

/// The first part sees what was stored before the second replaces it.
const STORE: &str = "
    WITH new AS MATERIALIZED (
        SELECT h.* FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::jsonb[]) AS h (task_id, digest, token, reason)
            JOIN {schema}.task t ON t.id = h.task_id AND t.finished IS NULL
    ), past AS (
        INSERT INTO {schema}.past_wait (task_id, since, finished, reason)
        SELECT h.task_id, h.since, statement_timestamp(), h.reason
        FROM {schema}.held h JOIN new ON new.task_id = h.task_id
    )
    INSERT INTO {schema}.held (task_id, digest, token, reason, since)
    SELECT task_id, digest, token, reason, statement_timestamp() FROM new
    ON CONFLICT (task_id) DO UPDATE
    SET digest = excluded.digest, token = excluded.token, reason = excluded.reason, since = excluded.since";

const FORGET: &str = "
    WITH over AS (DELETE FROM {schema}.held WHERE task_id = ANY ($1) RETURNING task_id, since, reason)
    INSERT INTO {schema}.past_wait (task_id, since, finished, reason)
    SELECT task_id, since, statement_timestamp(), reason FROM over";

/// The changes of stored holds that a plan brings.
#[derive(Default)]
pub(super) struct Holds {
    tasks: Vec<i64>,
    digests: Vec<i64>,
    tokens: Vec<&'static str>,
    reasons: Vec<serde_json::Value>,
    over: Vec<i64>,
}

impl Holds {
    /// What differs from what is stored, without the rows that are left out. Reasons that name a task of the plan itself are told by `id`.
    pub(super) fn of(
        plan: &Plan,
        stored: &Digests,
        left_out: &HashSet<TaskId>,
        id: impl Fn(TaskRef) -> Option<TaskId>,
    ) -> Result<Self, StoreError> {
        let mut holds = Self::default();
        for decision in plan.decisions.iter().filter(|decision| !left_out.contains(&decision.task)) {
            let task = decision.task;
            match reason(&decision.action) {
                Some(_) if holds.tasks.len() >= MOST => {}
                Some(reason) => {
                    let reason = known(&reason, &id);
                    let digest = reason.wait_key().get().cast_signed();
                    if stored.get(&task) != Some(&digest) {
                        holds.tasks.push(task.get());
                        holds.digests.push(digest);
                        holds.tokens.push(reason.token());
                        holds.reasons.push(serde_json::to_value(&reason).map_err(unreadable)?);
                    }
                }
                None if decision.action.changes_something() && stored.contains_key(&task) => {
                    holds.over.push(task.get());
                }
                None => {}
            }
        }
        Ok(holds)
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.over.is_empty()
    }

    /// Somebody who keeps one of the rows keeps these from being stored, and nothing else of the plan.
    pub(super) async fn write(&self, session: &Session) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let row = millis(FOR_A_ROW);
        session.run(WHAT, &format!("SAVEPOINT holds; SET LOCAL lock_timeout = {row}")).await?;
        if !self.write_in_time(session).await? {
            tracing::warn!("somebody keeps a row of a task that is held: why tasks are held is stored later");
            session.run(WHAT, "ROLLBACK TO SAVEPOINT holds").await?;
        }
        Ok(())
    }

    async fn write_in_time(&self, session: &Session) -> Result<bool, StoreError> {
        let forgotten =
            self.over.is_empty() || session.query_in_time(WHAT, FORGET, &[&self.over]).await?.is_some();
        if !forgotten || self.tasks.is_empty() {
            return Ok(forgotten);
        }
        let params: &Params<'_> = &[&self.tasks, &self.digests, &self.tokens, &self.reasons];
        Ok(session.query_in_time(WHAT, STORE, params).await?.is_some())
    }
}

/// Why a task does not go on, if that is what a plan says of it.
fn reason(action: &Action) -> Option<Cow<'_, Reason>> {
    match action {
        Action::Leave(malformed) => Some(Cow::Owned(Reason::Malformed(malformed.clone()))),
        other => other.hold().map(Cow::Borrowed),
    }
}

/// The reason with the ids that the store gave to new tasks; one that was left out keeps its place in the plan.
fn known(reason: &Reason, id: &impl Fn(TaskRef) -> Option<TaskId>) -> Reason {
    let known = |on: TaskRef| match (on, id(on)) {
        (TaskRef::New { kind, .. }, Some(id)) => TaskRef::Task { id, kind },
        (same, _) => same,
    };
    match reason {
        Reason::Dependency { on } => Reason::Dependency { on: known(*on) },
        Reason::Circle { waits, circle } => Reason::Circle {
            waits: Box::new(self::known(waits, id)),
            circle: circle.iter().map(|&task| known(task)).collect(),
        },
        other => other.clone(),
    }
}
