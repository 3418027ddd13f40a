//! What comes out of a simulation: plain values that serialize, from which everything else is counted.

use scheduler_core::{
    Action, Forks, GroupId, Instance, InstanceGroup, InstanceId, Malformed, Plan, TaskCount, TaskId,
    Timestamp,
};
use serde::{Serialize, Serializer};

use crate::{Moment, ReasonId, Seed, Timeline};

/// What came of a workload. [`Outcome::waiting`] and [`Outcome::usage`] count it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The workload's name.
    pub workload: String,
    /// The rule set's name.
    pub rules: String,
    /// From which everything was drawn.
    pub seed: Seed,
    /// When it began, on the calendar; moments count from here.
    pub start: Timestamp,
    /// The moment after which nothing happens any more.
    pub end: Moment,
    /// What controlling a task costs its controller.
    pub control_impact: Forks,
    /// What instances and groups had, from when on.
    pub capacities: Vec<Capacity>,
    /// The passes, in order.
    pub passes: Vec<PassRecord>,
    /// How many of their plans were audited; each that was, was clean.
    pub audited: usize,
    /// The tasks that never ended, and why.
    pub stuck: Vec<Stuck>,
    /// What happened to each task.
    pub timeline: Timeline,
}

impl Outcome {
    /// From the first launch to the last end.
    #[must_use]
    pub fn makespan(&self) -> crate::Span {
        let launched = self.timeline.bars.iter().map(|bar| bar.launched).min();
        let finished = self.timeline.bars.iter().filter_map(|bar| bar.finished).max();
        finished.unwrap_or(self.end).since(launched.unwrap_or(Moment::START))
    }

    /// What an instance or a group was called.
    #[must_use]
    pub fn name(&self, of: Place) -> Option<&str> {
        self.capacities.iter().find(|capacity| capacity.of == of).map(|capacity| capacity.name.as_str())
    }

    /// How many tasks started.
    #[must_use]
    pub fn started(&self) -> usize {
        self.timeline.bars.iter().filter(|bar| bar.started.is_some()).count()
    }
}

/// An instance or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A machine.
    Instance(InstanceId),
    /// A group.
    Group(GroupId),
}

impl Place {
    /// The instance, if it is one.
    #[must_use]
    pub const fn instance(self) -> Option<InstanceId> {
        match self {
            Self::Instance(id) => Some(id),
            Self::Group(_) => None,
        }
    }
}

/// What an instance or a group had, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capacity {
    /// Of which.
    pub of: Place,
    /// Its name.
    pub name: String,
    /// From when on so many forks: of an instance, what it may give to new tasks (0 while it is disabled or gone); of a group, that
    /// of its instances together, within its own limit. `None` is a container platform without a limit.
    pub steps: Vec<(Moment, Option<Forks>)>,
    /// The most tasks at once that the group may hold, as it was last; 0 for no limit.
    pub max_concurrent_jobs: TaskCount,
}

impl Capacity {
    /// Of a cluster that never changed.
    #[must_use]
    pub fn of(instances: &[Instance], groups: &[InstanceGroup]) -> Vec<Self> {
        Self::noted(Vec::new(), Moment::START, instances, groups)
    }

    /// With what there is from now on, where that is new.
    pub(crate) fn noted(
        mut known: Vec<Self>,
        now: Moment,
        instances: &[Instance],
        groups: &[InstanceGroup],
    ) -> Vec<Self> {
        let usable = |instance: &Instance| if instance.enabled { instance.capacity } else { Forks::ZERO };
        for capacity in &mut known {
            let gone =
                matches!(capacity.of, Place::Instance(id) if !instances.iter().any(|one| one.id == id));
            if gone {
                capacity.step(now, Some(Forks::ZERO));
            }
        }
        for instance in instances {
            let place = Place::Instance(instance.id);
            entry(&mut known, place, &instance.hostname).step(now, Some(usable(instance)));
        }
        for group in groups {
            let own = match &group.members {
                scheduler_core::Members::Container => None,
                scheduler_core::Members::Instances(ids) => {
                    let members = instances.iter().filter(|instance| ids.contains(&instance.id));
                    Some(members.fold(Forks::ZERO, |sum, instance| sum.plus(usable(instance))))
                }
            };
            let limit = Some(group.max_forks).filter(|&limit| limit > Forks::ZERO);
            let capacity = entry(&mut known, Place::Group(group.id), &group.name);
            capacity.step(now, [own, limit].into_iter().flatten().min());
            capacity.max_concurrent_jobs = group.max_concurrent_jobs;
        }
        known
    }

    fn step(&mut self, now: Moment, forks: Option<Forks>) {
        match self.steps.last_mut() {
            Some((_, last)) if *last == forks => {}
            Some((at, last)) if *at == now => *last = forks,
            _ => self.steps.push((now, forks)),
        }
    }
}

fn entry<'k>(known: &'k mut Vec<Capacity>, of: Place, name: &str) -> &'k mut Capacity {
    let at = known.iter().position(|capacity| capacity.of == of).unwrap_or(known.len());
    if at == known.len() {
        known.push(Capacity {
            of,
            name: name.to_owned(),
            steps: Vec::new(),
            max_concurrent_jobs: TaskCount::new(0),
        });
    }
    #[expect(clippy::indexing_slicing, reason = "the entry is there, or was pushed just now")]
    &mut known[at]
}

/// A pass, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PassRecord {
    /// When.
    pub at: Moment,
    /// How many tasks were pending before it.
    pub pending: u32,
    /// How many decisions it took.
    pub decisions: u32,
    /// How many tasks it started.
    pub started: u32,
    /// How many it held.
    pub held: u32,
    /// How many it ended.
    pub ended: u32,
    /// How many it created.
    pub created: u32,
}

impl PassRecord {
    pub(crate) fn of(plan: &Plan, at: Moment, pending: usize) -> Self {
        let mut record = Self {
            at,
            pending: count(pending),
            decisions: count(plan.decisions.len()),
            started: 0,
            held: 0,
            ended: 0,
            created: count(plan.creates.len()),
        };
        for decision in &plan.decisions {
            let counter = match &decision.action {
                Action::Start(_) => &mut record.started,
                Action::Hold(_) => &mut record.held,
                Action::End(_) => &mut record.ended,
                _ => continue,
            };
            *counter = counter.saturating_add(1);
        }
        record
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A task that never ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stuck {
    /// Which.
    pub task: TaskId,
    /// Why.
    #[serde(serialize_with = "as_words")]
    pub why: Why,
}

/// Why a task never ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It never started: a position among the timeline's reasons.
    Waits(ReasonId),
    /// A running workflow job that is malformed (R7.7).
    Malformed(Malformed),
    /// It ran when the simulation stopped.
    StillRuns,
    /// No pass considered it.
    NotConsidered,
}

fn as_words<S: Serializer>(why: &Why, serializer: S) -> Result<S::Ok, S::Error> {
    match why {
        Why::Waits(reason) => serializer.serialize_newtype_variant("Why", 0, "waits", reason),
        Why::Malformed(malformed) => {
            serializer.serialize_newtype_variant("Why", 1, "malformed", &malformed.to_string())
        }
        Why::StillRuns => serializer.serialize_str("still_runs"),
        Why::NotConsidered => serializer.serialize_str("not_considered"),
    }
}
