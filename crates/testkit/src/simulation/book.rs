//! What really happened in a run, apart from what the store says: who ran what, what was reported, and which promises broke.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use control_plane::ports::{Report, TaskStatus, TaskView, Verdict};
use scheduler_core::{DispatchId, Outcome, TaskId};

/// The book of one run.
#[derive(Debug, Default)]
pub struct Book(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    /// Each run of a handler, in the order of their beginnings.
    runs: BTreeMap<TaskId, Vec<Run>>,
    /// The end of each task as its worker was told that it is written.
    ends: BTreeMap<TaskId, (DispatchId, Outcome)>,
    broken: Vec<String>,
}

#[derive(Debug)]
struct Run {
    dispatch: DispatchId,
    /// Whether its handler came to its end, in a process that lived.
    complete: bool,
    handed_back: bool,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A promise is broken.
    pub fn broken(&self, how: String) {
        self.pages().broken.push(how);
    }

    /// A handler begins to run a task. Under each dispatch it may once; under another only when the last was handed back.
    pub fn began(&self, task: TaskId, dispatch: DispatchId) {
        let pages = &mut *self.pages();
        let runs = pages.runs.entry(task).or_default();
        if runs.iter().any(|run| run.dispatch == dispatch) {
            pages.broken.push(format!("task {task} runs twice under dispatch {dispatch}"));
        }
        if let Some(last) = runs.last()
            && !last.handed_back
        {
            let before = last.dispatch;
            pages.broken.push(format!("task {task} runs under {dispatch} and ran under {before} before"));
        }
        runs.push(Run { dispatch, complete: false, handed_back: false });
    }

    /// A handler has come to its end.
    pub fn completed(&self, task: TaskId, dispatch: DispatchId) {
        if let Some(run) = self.pages().run(task, dispatch) {
            run.complete = true;
        }
    }

    /// A report is written.
    pub fn reported(&self, report: &Report) {
        let pages = &mut *self.pages();
        match &report.verdict {
            Verdict::HandedBack => {
                if let Some(run) = pages.run(report.task, report.dispatch) {
                    run.handed_back = true;
                }
            }
            Verdict::Ended(ended) => {
                let end = (report.dispatch, ended.outcome);
                if let Some(before) = pages.ends.insert(report.task, end)
                    && before != end
                {
                    pages.broken.push(format!("task {} ended as {before:?} and as {end:?}", report.task));
                }
            }
        }
    }

    /// Compares what the store says of a task in the end with what happened.
    pub fn compare(&self, view: &TaskView, has_handler: bool) {
        let pages = &mut *self.pages();
        let end = pages.ends.get(&view.id).map(|&(_, outcome)| outcome);
        if let Some(outcome) = end
            && status_of(outcome) != view.status
        {
            pages.broken.push(format!("task {} was reported {outcome:?} and is {:?}", view.id, view.status));
        }
        if has_handler && view.status == TaskStatus::Successful {
            let complete = pages.runs.get(&view.id).is_some_and(|runs| runs.iter().any(|run| run.complete));
            if !complete {
                pages.broken.push(format!("task {} is successful and no handler came to its end", view.id));
            }
        }
    }

    /// How many handlers began.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.pages().runs.values().map(Vec::len).sum()
    }

    /// Every run that began, by its task and dispatch.
    #[must_use]
    pub fn dispatches(&self) -> Vec<(TaskId, DispatchId)> {
        let pages = self.pages();
        let runs =
            pages.runs.iter().flat_map(|(&task, runs)| runs.iter().map(move |run| (task, run.dispatch)));
        runs.collect()
    }

    /// The promises that broke.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.pages().broken.clone()
    }
}

impl Pages {
    fn run(&mut self, task: TaskId, dispatch: DispatchId) -> Option<&mut Run> {
        self.runs.get_mut(&task)?.iter_mut().find(|run| run.dispatch == dispatch)
    }
}

const fn status_of(outcome: Outcome) -> TaskStatus {
    match outcome {
        Outcome::Successful => TaskStatus::Successful,
        Outcome::Failed => TaskStatus::Failed,
        Outcome::Error => TaskStatus::Error,
        Outcome::Canceled => TaskStatus::Canceled,
    }
}
