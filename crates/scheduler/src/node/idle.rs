//! `--until-idle`: when all work has come to its end, and how it ended.
//!
//! Looks at the counts now and then, which costs little however many tasks there are. What is left when nothing runs and a pass would
//! change nothing can wait for ever; it is said and counts as not successful.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use control_plane::ports::{Statistics, Store, TaskFilter, TaskStatus, TaskView};
use scheduler_core::{Plan, State, TaskId, Work};

use crate::Found;
use crate::failure::Failure;
use crate::live::{title, tone};
use crate::output::Output;

const PATIENCE: Duration = Duration::from_millis(50);

/// So many looks in a row must find nothing that moves.
const LOOKS: u32 = 10;

/// The statuses of tasks that have ended.
const FINISHED: [TaskStatus; 4] =
    [TaskStatus::Successful, TaskStatus::Failed, TaskStatus::Error, TaskStatus::Canceled];

/// Waits, telling each end as it comes.
pub(super) async fn wait(store: &dyn Store, launched: &[TaskId]) -> Result<Found, Failure> {
    let mut told = Told { out: Output::stdout(), tasks: BTreeSet::new() };
    let mut still = 0;
    loop {
        let statistics = store.statistics().await?;
        let unfinished: u64 = statistics.tasks.values().sum();
        told.news(store).await?;
        if unfinished == 0 {
            break;
        }
        still = if moves(&statistics) { 0 } else { still + 1 };
        if still >= LOOKS && told.stuck(store).await? {
            told.out.finish()?;
            return Ok(Found::Something);
        }
        tokio::time::sleep(PATIENCE).await;
    }
    told.out.finish()?;
    for &id in launched {
        let task = store.task(id).await?;
        if task.is_none_or(|task| task.status != TaskStatus::Successful) {
            return Ok(Found::Something);
        }
    }
    Ok(Found::Nothing)
}

/// Whether anything is under way that ends by itself.
fn moves(statistics: &Statistics) -> bool {
    let count = |status| statistics.tasks.get(&status).copied().unwrap_or_default();
    count(TaskStatus::Waiting) > 0 || statistics.outbox > 0
}

struct Told {
    out: Output,
    tasks: BTreeSet<TaskId>,
}

impl Told {
    /// Tells the ends that were not told yet, oldest first.
    async fn news(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let mut limit = 100;
        let mut ended = loop {
            let ended = store.tasks(&TaskFilter { statuses: FINISHED.to_vec(), limit }).await?;
            // The latest come first: further back only while all of these are news.
            let all_new = ended.iter().all(|task| !self.tasks.contains(&task.id));
            if ended.len() < limit || !all_new {
                break ended;
            }
            limit *= 10;
        };
        ended.retain(|task| self.tasks.insert(task.id));
        for task in ended.iter().rev() {
            self.tell(task)?;
        }
        self.out.flush()?;
        Ok(())
    }

    fn tell(&mut self, task: &TaskView) -> Result<(), Failure> {
        let style = tone(task.status).style();
        let why = if task.explanation.is_empty() { String::new() } else { format!(": {}", task.explanation) };
        writeln!(self.out, "{style}{:<10}{style:#} {}{why}", task.status.token(), title(task))?;
        Ok(())
    }

    /// Whether what is left waits for something that no task and no time brings: then it is said.
    async fn stuck(&mut self, store: &dyn Store) -> Result<bool, Failure> {
        let reading = store.read().await?;
        let unfinished = || reading.snapshot.tasks.iter().filter(|task| task.state.is_unfinished());
        let ends_by_itself = |work: &Work, state: &State| match work {
            Work::WorkflowApproval { expires } => expires.is_some(),
            Work::WorkflowJob { .. } => false,
            _ => !matches!(state, State::Pending),
        };
        let plan: Plan = scheduler_core::plan(&reading.snapshot, &reading.rules);
        // The last task may have ended since the counts were read: then nothing is left to be stuck.
        let over = unfinished().next().is_none();
        if over || !plan.is_idle() || unfinished().any(|task| ends_by_itself(&task.work, &task.state)) {
            return Ok(false);
        }
        let explainer = plan.explainer();
        writeln!(self.out, "nothing moves any more, and this is left:")?;
        for task in unfinished() {
            let hold = explainer.decision(task.id).and_then(|decision| decision.action.hold());
            let why = match hold {
                Some(reason) => reason.to_string(),
                None if matches!(task.work, Work::WorkflowApproval { .. }) => {
                    "waits for a person's word".to_owned()
                }
                None => "waits for its jobs".to_owned(),
            };
            writeln!(self.out, "  {} {} {}: {why}", task.kind(), task.id, task.name)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use control_plane::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn what_ended_after_it_was_counted_is_not_stuck() {
        let store = MemoryStore::new(Arc::new(control_plane::ports::SystemClock));
        let mut told = Told { out: Output::stdout(), tasks: BTreeSet::new() };
        assert!(!told.stuck(&store).await.unwrap());
    }
}
