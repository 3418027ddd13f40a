//! Two outcomes of one workload side by side: what a change of the cluster or of the rules does to whom.

use std::collections::HashMap;
use std::sync::Arc;

use scheduler_core::{Kind, TaskId};
use serde::Serialize;

use crate::{Bar, Moment, Outcome, Quantiles, Span};

/// What is different between two outcomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Before the change.
    pub before: Summary,
    /// After it.
    pub after: Summary,
    /// How many tasks that are in both start earlier, later, and at the same moment.
    pub earlier: usize,
    /// See [`Self::earlier`].
    pub later: usize,
    /// See [`Self::earlier`].
    pub same: usize,
    /// Every task that starts at another moment, the largest difference first.
    pub movers: Vec<Mover>,
}

/// An outcome in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How long tasks waited.
    pub waited: Quantiles,
    /// From the first launch to the last end.
    pub makespan: Span,
    /// The share of each instance and group that was used, by name.
    pub used: Vec<(String, Option<f64>)>,
    /// How many tasks ended, and how many never did.
    pub ended: usize,
    /// See [`Self::ended`].
    pub stuck: usize,
}

/// A task that starts at another moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mover {
    /// Which.
    pub task: TaskId,
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// When it started before the change, if it did.
    pub before: Option<Moment>,
    /// When it starts after it, if it does.
    pub after: Option<Moment>,
}

impl Mover {
    /// How many seconds later it starts; less than 0 for earlier. One that starts in one outcome only moved for ever.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        match (self.before, self.after) {
            (Some(before), Some(after)) => after.seconds() - before.seconds(),
            (Some(_), None) => f64::INFINITY,
            (None, Some(_)) => f64::NEG_INFINITY,
            (None, None) => 0.0,
        }
    }
}

impl Summary {
    /// Of this outcome.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        Self {
            waited: outcome.waiting().all,
            makespan: outcome.makespan(),
            used: outcome.usage().into_iter().map(|curve| (curve.name, curve.share)).collect(),
            ended: outcome.timeline.bars.iter().filter(|bar| bar.finished.is_some()).count(),
            stuck: outcome.stuck.len(),
        }
    }
}

impl Comparison {
    /// Of two outcomes of one workload. Tasks are the same when they have the same id, name and moment of launch, so that tasks
    /// that passes created count where they were created alike.
    #[must_use]
    pub fn of(before: &Outcome, after: &Outcome) -> Self {
        let index: HashMap<TaskId, &Bar> = after.timeline.bars.iter().map(|bar| (bar.task, bar)).collect();
        let (mut earlier, mut later, mut same) = (0, 0, 0);
        let mut movers = Vec::new();
        for bar in &before.timeline.bars {
            let Some(other) = index.get(&bar.task).filter(|other| is_same(bar, other)) else { continue };
            let mover = Mover {
                task: bar.task,
                name: Arc::clone(&bar.name),
                kind: bar.kind,
                before: bar.started,
                after: other.started,
            };
            let seconds = mover.seconds();
            let counter = match seconds {
                _ if seconds < 0.0 => &mut earlier,
                _ if seconds > 0.0 => &mut later,
                _ => &mut same,
            };
            *counter += 1;
            if seconds != 0.0 {
                movers.push(mover);
            }
        }
        movers.sort_by(|one, other| {
            other.seconds().abs().total_cmp(&one.seconds().abs()).then(one.task.cmp(&other.task))
        });
        Self { before: Summary::of(before), after: Summary::of(after), earlier, later, same, movers }
    }
}

fn is_same(one: &Bar, other: &Bar) -> bool {
    one.kind == other.kind && one.launched == other.launched && one.name == other.name
}
