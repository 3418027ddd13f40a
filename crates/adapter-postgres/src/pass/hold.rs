//! Stored holds: why a task was held when that last changed, for operators; and those of before, for its history.
//!
//! Written when what waits for what changed, not when a number wavers: a full cluster must not cost a write per task and
//! pass. And at most [`MOST`] rows a pass, the tasks considered first before others: a pass over a long new queue stays
//! short, and the rest follows with the next passes.

use std::borrow::Cow;

use control_plane::ports::StoreError;
use scheduler_core::{Action, Lack, Malformed, Plan, Reason, ResourceKey, Shortfall, TaskId, TaskRef};

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
    /// What differs from what is stored. Reasons that name a task of the plan itself are told by `id`.
    pub(super) fn of(
        plan: &Plan,
        stored: &Digests,
        id: impl Fn(TaskRef) -> Option<TaskId>,
    ) -> Result<Self, StoreError> {
        let mut holds = Self::default();
        for decision in &plan.decisions {
            let task = decision.task;
            match reason(&decision.action) {
                Some(_) if holds.tasks.len() >= MOST => {}
                Some(reason) => {
                    let reason = known(&reason, &id);
                    let digest = digest(&reason);
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

/// FNV-1a over what waits for what.
fn digest(reason: &Reason) -> i64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.reason(reason);
    hash.0.cast_signed()
}

struct Fnv(u64);

impl Fnv {
    fn text(&mut self, text: &str) {
        for &byte in text.as_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.number(-1);
    }

    fn number(&mut self, number: i64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn task(&mut self, task: TaskRef) {
        match task {
            TaskRef::Task { id, .. } => self.number(id.get()),
            TaskRef::New { id, .. } => self.text(&id.to_string()),
        }
    }

    fn reason(&mut self, reason: &Reason) {
        self.text(reason.token());
        match reason {
            Reason::Malformed(malformed) => self.malformed(malformed),
            Reason::Dependency { on } => self.task(*on),
            Reason::Blocked { resource, wanted, held, holder, .. } => {
                self.resource(resource);
                self.text(&wanted.to_string());
                self.text(&held.to_string());
                self.number(holder.get());
            }
            Reason::Behind { resource, wanted, older_wants, older, .. } => {
                self.resource(resource);
                self.text(&wanted.to_string());
                self.text(&older_wants.to_string());
                self.number(older.get());
            }
            Reason::NoCapacity(shortfalls) | Reason::NeverFits(shortfalls) => {
                shortfalls.iter().for_each(|shortfall| self.shortfall(shortfall));
            }
            Reason::Circle { waits, circle } => {
                self.reason(waits);
                circle.iter().for_each(|&task| self.task(task));
            }
        }
    }

    fn malformed(&mut self, malformed: &Malformed) {
        match malformed {
            Malformed::MissingDependency { on: task } | Malformed::DependencyCycle { by: task } => {
                self.number(task.get());
            }
            Malformed::GraphCycle { node }
            | Malformed::GraphEdge { node }
            | Malformed::GraphNode { node } => self.number(node.get()),
            Malformed::DuplicateId | Malformed::NoKnownGroup | Malformed::NoGraph => {}
        }
    }

    fn resource(&mut self, resource: &ResourceKey) {
        self.text(&resource.to_string());
    }

    /// Which group lacks what, and not how much.
    fn shortfall(&mut self, shortfall: &Shortfall) {
        self.number(shortfall.group.get());
        self.text(match &shortfall.lack {
            Lack::UnknownGroup => "unknown",
            Lack::LargerThanLimit { .. } => "larger",
            Lack::NoUsableInstance => "no instance",
            Lack::NoUsableController { .. } => "never controlled",
            Lack::TaskLimit { .. } => "tasks",
            Lack::ForkLimit { .. } => "forks",
            Lack::Full { .. } => "full",
            Lack::NoController { .. } => "no controller",
            Lack::Reserved { .. } => "reserved",
            Lack::OutOfUse(_) => "out of use",
            Lack::ControllersOutOfUse(_) => "controllers out of use",
        });
        match &shortfall.lack {
            Lack::Reserved { task, .. } => self.number(task.get()),
            Lack::OutOfUse(out) | Lack::ControllersOutOfUse(out) => self.text(&out.to_string()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scheduler_core::{Forks, GroupId, Kind};

    fn full(group: i64, free: u32) -> Reason {
        let lack = Lack::Full { needed: Forks::new(9), free: Forks::new(free), total: Forks::new(20) };
        Reason::NoCapacity([Shortfall { group: GroupId::new(group), name: "g".into(), lack }].into())
    }

    #[test]
    fn r10_a_number_that_wavers_is_no_new_reason() {
        assert_eq!(digest(&full(1, 3)), digest(&full(1, 4)));
        assert_ne!(digest(&full(1, 3)), digest(&full(2, 3)));
    }

    #[test]
    fn r10_another_dependency_is_a_new_reason() {
        let on = |id| Reason::Dependency { on: TaskRef::Task { id: TaskId::new(id), kind: Kind::Job } };
        assert_ne!(digest(&on(1)), digest(&on(2)));
    }
}
