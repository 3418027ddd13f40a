//! How much of the capacity was used, over time: a step function for each instance and each group, counted from the bars.

use std::collections::BTreeMap;

use scheduler_core::Forks;
use serde::Serialize;

use crate::{Moment, Outcome, Place};

/// What was used of an instance or a group, over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Of which.
    pub of: Place,
    /// Its name.
    pub name: String,
    /// From when on so many forks were in use.
    pub used: Vec<(Moment, Forks)>,
    /// From when on it had so many; `None` for a container platform without a limit.
    pub capacity: Vec<(Moment, Option<Forks>)>,
    /// The share of its capacity that was used, over the whole simulation; `None` where there is no capacity to share.
    pub share: Option<f64>,
    /// The most that was used at once.
    pub peak: Forks,
}

impl Outcome {
    /// What was used of every instance and every group. Costs a sort of all starts and ends.
    #[must_use]
    pub fn usage(&self) -> Vec<Curve> {
        let mut changes: BTreeMap<Place, Vec<(Moment, i64)>> = BTreeMap::new();
        for bar in &self.timeline.bars {
            let Some(started) = bar.started else { continue };
            let finished = bar.finished.unwrap_or(self.end);
            let mut change = |place: Place, forks: Forks| {
                if forks > Forks::ZERO && finished > started {
                    let forks = i64::from(forks.get());
                    let changes = changes.entry(place).or_default();
                    changes.push((started.max(Moment::START), forks));
                    changes.push((finished.max(Moment::START), -forks));
                }
            };
            if let Some(group) = bar.placement.group {
                change(Place::Group(group), bar.impact);
            }
            if let Some(node) = bar.placement.node {
                change(Place::Instance(node), bar.impact);
            }
            if let Some(controller) = bar.placement.controller {
                change(Place::Instance(controller), self.control_impact);
            }
        }
        let curve = |capacity: &crate::Capacity| {
            let used = steps(changes.remove(&capacity.of).unwrap_or_default());
            Curve {
                of: capacity.of,
                name: capacity.name.clone(),
                share: share(&used, &capacity.steps, self.end),
                peak: used.iter().map(|&(_, forks)| forks).max().unwrap_or_default(),
                used,
                capacity: capacity.steps.clone(),
            }
        };
        self.capacities.iter().map(curve).collect()
    }
}

/// Changes, added up.
fn steps(mut changes: Vec<(Moment, i64)>) -> Vec<(Moment, Forks)> {
    changes.sort_unstable();
    let mut steps: Vec<(Moment, Forks)> = Vec::new();
    let mut sum = 0_i64;
    for (at, change) in changes {
        sum = sum.saturating_add(change);
        let forks = Forks::new(u32::try_from(sum).unwrap_or(0));
        match steps.last_mut() {
            Some((last, used)) if *last == at => *used = forks,
            _ => steps.push((at, forks)),
        }
    }
    steps
}

/// Fork-seconds used by fork-seconds there were.
fn share(used: &[(Moment, Forks)], capacity: &[(Moment, Option<Forks>)], end: Moment) -> Option<f64> {
    if capacity.iter().any(|(_, forks)| forks.is_none()) {
        return None;
    }
    let used = area(used.iter().copied(), end);
    let had = area(capacity.iter().map(|&(at, forks)| (at, forks.unwrap_or_default())), end);
    (had > 0.0).then(|| used / had)
}

/// The area under steps, in fork-seconds.
fn area(steps: impl Iterator<Item = (Moment, Forks)>, end: Moment) -> f64 {
    let mut area = 0.0;
    let mut last: Option<(Moment, Forks)> = None;
    for (at, forks) in steps.map(Some).chain([None]).map(|step| step.unwrap_or((end, Forks::ZERO))) {
        if let Some((from, height)) = last {
            area += at.since(from).seconds() * f64::from(height.get());
        }
        last = Some((at, forks));
    }
    area
}
