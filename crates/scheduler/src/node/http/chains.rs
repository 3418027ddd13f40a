//! What one task waits for, to the end of its chain, as `scheduler explain` says it.
//!
//! That takes what a pass takes: a reading of everything unfinished, and a plan. Both are shared by everybody who asks, counted
//! for ten times as long as they took, and let go soon after, since they may be large. Each task costs a look at its row, too: they
//! are asked for at a pace, whether there are such tasks or not. What is said of one is bounded, however much waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Reading, Store, TaskView};
use hyper::StatusCode;
use scheduler_core::{Plan, TaskId};
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use super::answer::Refusal;
use super::pace::Pace;
use super::prepared::Prepared;
use crate::explain;
use crate::overview::VERSION;
use crate::overview::source::Source;

/// A store that takes longer does not answer.
const WITHIN: Duration = Duration::from_secs(60);

/// The least time between two looks at rows: somebody who clicks does not notice, and a stranger gets no more.
const BETWEEN: Duration = Duration::from_millis(100);

/// So many may wait for their turn; more would wait too long.
const MOST_WAITING: usize = 32;

/// The most lines of a chain that are said, and the most bytes of them.
const MOST_LINES: usize = 500;
const MOST_BYTES: usize = 64 << 10;

/// How long a reading is kept once it counts no more.
const KEPT: Duration = Duration::from_secs(1);

/// What tasks wait for.
pub(super) struct Chains {
    store: Arc<dyn Store>,
    source: Arc<Source>,
    known: Arc<Mutex<Known>>,
    queue: Semaphore,
}

/// What was asked lately.
struct Known {
    /// Of looks at rows.
    rows: Pace,
    /// Of readings.
    pace: Pace,
    planned: Option<Arc<Planned>>,
    answers: BTreeMap<TaskId, (Pace, Arc<Prepared>)>,
}

/// A reading with its plan.
struct Planned {
    reading: Reading,
    plan: Plan,
}

impl Chains {
    /// Of this store's tasks.
    pub(super) fn new(store: Arc<dyn Store>, source: Arc<Source>) -> Self {
        let (rows, pace) = (Pace::every(BETWEEN), Pace::new());
        let known = Known { rows, pace, planned: None, answers: BTreeMap::new() };
        Self { store, source, known: Arc::new(Mutex::new(known)), queue: Semaphore::new(MOST_WAITING) }
    }

    /// What is to be said of this task. One question at a time, so that they never take more than one connection.
    pub(super) async fn answer(&self, id: TaskId) -> Result<Arc<Prepared>, Refusal> {
        let Ok(_turn) = self.queue.try_acquire() else { return Err(busy()) };
        let mut known = self.known.lock().await;
        known.answers.retain(|_, (pace, _)| !pace.is_due());
        if let Some((_, answer)) = known.answers.get(&id) {
            return Ok(answer.clone());
        }
        tokio::time::sleep_until(known.rows.again()).await;
        let mut pace = Pace::new();
        let began = pace.begin();
        let asked = timeout(WITHIN, self.ask(id, &mut known)).await;
        let prepared = Arc::new(asked.unwrap_or_else(|_| Err(Refusal::no_answer()))?);
        pace.answered(began);
        known.answers.insert(id, (pace, prepared.clone()));
        Ok(prepared)
    }

    async fn ask(&self, id: TaskId, known: &mut Known) -> Result<Prepared, Refusal> {
        let failed = |error| Refusal::from(&error);
        let began = known.rows.begin();
        let row = self.store.task(id).await.map_err(failed)?;
        known.rows.answered(began);
        let row = row.ok_or_else(|| unknown(id))?;
        let planned = if row.status.is_finished() { None } else { Some(self.planned(known).await?) };
        let shown = self.source.row(&row);
        let as_of = planned.as_ref().map(|planned| planned.reading.snapshot.now);
        let lines = tokio::task::spawn_blocking(move || chain(&row, planned.as_deref())).await;
        let lines = bounded(lines.map_err(|_| fault("the explanation"))?);
        let content = json!({ "task": shown, "chain": lines });
        Ok(Prepared::json(&json!({ "version": VERSION, "as_of": as_of }), &content.to_string()))
    }

    /// What a pass would read and decide now, or a moment ago.
    async fn planned(&self, known: &mut Known) -> Result<Arc<Planned>, Refusal> {
        if !known.pace.is_due() {
            if let Some(planned) = &known.planned {
                return Ok(planned.clone());
            }
            tokio::time::sleep_until(known.pace.again()).await;
        }
        known.planned = None;
        let began = known.pace.begin();
        let reading = self.store.read().await.map_err(|error| Refusal::from(&error))?;
        let plan = |reading: Reading| {
            let plan = scheduler_core::plan(&reading.snapshot, &reading.rules);
            Planned { reading, plan }
        };
        let planned =
            tokio::task::spawn_blocking(move || plan(reading)).await.map_err(|_| fault("the plan"))?;
        known.pace.answered(began);
        let planned = Arc::new(planned);
        known.planned = Some(planned.clone());
        self.forget(known.pace.again() + KEPT);
        Ok(planned)
    }

    /// Lets the reading go then, unless a later one has taken its place.
    fn forget(&self, then: Instant) {
        let known = Arc::downgrade(&self.known);
        tokio::spawn(async move {
            tokio::time::sleep_until(then).await;
            let Some(known) = known.upgrade() else { return };
            let mut known = known.lock().await;
            if known.pace.again() + KEPT <= then {
                known.planned = None;
            }
        });
    }
}

fn chain(row: &TaskView, planned: Option<&Planned>) -> Vec<String> {
    let seen = planned.filter(|planned| planned.reading.snapshot.tasks.iter().any(|task| task.id == row.id));
    match seen {
        Some(Planned { reading, plan, .. }) => {
            explain::lines(&reading.snapshot, &reading.rules, plan, row.id)
        }
        None => vec![anstream::adapter::strip_str(&explain::ended(row)).to_string()],
    }
}

/// The first lines, and how many more there are.
fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let mut room = MOST_BYTES;
    let fits = |line: &&String| room.checked_sub(line.len()).map(|left| room = left).is_some();
    let kept = lines.iter().take(MOST_LINES).take_while(fits).count();
    let more = lines.len().saturating_sub(kept);
    if more > 0 {
        lines.truncate(kept);
        lines.push(format!("… and {more} more lines; `scheduler explain` prints them all"));
    }
    lines
}

fn busy() -> Refusal {
    let what = format!("{MOST_WAITING} others wait for what is said of a task");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "/api/tasks/ID", what)
        .remedy("ask again in a moment")
}

/// There is no such task.
pub(super) fn unknown(id: TaskId) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "unknown_task",
        format!("task {id}"),
        format!("there is no task {id}"),
    )
    .remedy("/api/overview lists those that have not ended, and those that ended last")
}

fn fault(what: &'static str) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", what, "ended by a fault of this program")
        .remedy("see the log of the node, and report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_task_is_bounded_in_lines_and_bytes() {
        let few = vec!["a line".to_owned(); 3];
        assert_eq!(bounded(few.clone()), few);
        let many = bounded(vec!["a line".to_owned(); 100_000]);
        assert_eq!(many.len(), MOST_LINES + 1);
        assert!(many[MOST_LINES].contains("99500 more lines"), "{}", many[MOST_LINES]);
        let long = bounded(vec!["x".repeat(40_000); 50]);
        assert_eq!((long.len(), long[1].contains("49 more lines")), (2, true));
    }
}
