//! The past as the outcome of a simulation that nobody ran.

use std::collections::HashMap;
use std::sync::Arc;

use control_plane::ports::PastTask;
use scheduler_core::{Forks, Placement, Reason};
use simulator::{
    Bar, Capacity, EndNote, Moment, Outcome, PictureKey, ReasonId, Seed, TemplateKey, Timeline, Wait,
    WaitReason,
};

use super::Past;

/// What happened within the span; what goes on at its end goes on.
pub(super) fn of(past: &Past) -> Outcome {
    let (start, end) = (past.since, Moment::of(past.until, past.since));
    let mut timeline = Timeline::default();
    let mut book = Book { past, end, reasons: HashMap::new(), ends: HashMap::new(), places: Vec::new() };
    timeline.bars.reserve_exact(past.tasks.len());
    for task in &past.tasks {
        let bar = book.bar(task, &mut timeline.reasons);
        timeline.bars.push(bar);
    }
    let snapshot = &past.reading.snapshot;
    Outcome {
        workload: "history".to_owned(),
        rules: past.reading.rules.name.clone(),
        seed: Seed::default(),
        start,
        end,
        control_impact: past.reading.rules.control_plane.map_or(Forks::ZERO, |plane| plane.impact),
        capacities: Capacity::of(&snapshot.instances, &snapshot.groups),
        passes: Vec::new(),
        audited: 0,
        stuck: Vec::new(),
        timeline,
    }
}

/// What many bars share.
struct Book<'p> {
    past: &'p Past,
    end: Moment,
    reasons: HashMap<PictureKey, ReasonId>,
    ends: HashMap<&'p str, Arc<EndNote>>,
    /// The places of the last bars: most tasks run where another has just run.
    places: Vec<Arc<Placement>>,
}

impl<'p> Book<'p> {
    fn bar(&mut self, past: &'p PastTask, reasons: &mut Vec<WaitReason>) -> Bar {
        let moment = |at| Moment::of(at, self.past.since);
        // What happened after the span is not told.
        let within = |at: Option<_>| at.map(moment).filter(|&at| at <= self.end);
        let task = &past.task;
        let finished = within(past.finished());
        let started = within(past.started);
        let waits = past.waits.iter().filter(|wait| moment(wait.since) <= self.end);
        let waits: Vec<_> = waits.map(|wait| (wait, moment(wait.since), within(wait.until))).collect();
        let waits = waits.into_iter().map(|(wait, from, to)| Wait {
            reason: self.reason(&wait.reason, reasons),
            from,
            to: to.unwrap_or(self.end),
        });
        Bar {
            task: task.id,
            name: Arc::clone(&task.name),
            kind: task.kind(),
            template: TemplateKey::of(&task.work),
            launch_type: task.launch_type,
            priority: task.priority,
            impact: task.impact,
            workflow: past.workflow,
            dependencies: task.dependencies.clone(),
            launched: moment(task.created),
            considered: None,
            started,
            finished,
            waits: waits.collect(),
            placement: self.place(past.placement),
            outcome: past.outcome().filter(|_| finished.is_some()),
            end: finished.and_then(|_| self.note(&past.explanation)),
        }
    }

    fn reason(&mut self, reason: &Reason, reasons: &mut Vec<WaitReason>) -> ReasonId {
        *self.reasons.entry(PictureKey::of(reason)).or_insert_with(|| {
            reasons.push(WaitReason::AtFirst(reason.clone()));
            ReasonId::new(u32::try_from(reasons.len() - 1).unwrap_or(u32::MAX))
        })
    }

    fn note(&mut self, explanation: &'p str) -> Option<Arc<EndNote>> {
        if explanation.is_empty() {
            return None;
        }
        let note = || Arc::new(EndNote { token: "explained", sentence: explanation.to_owned() });
        Some(Arc::clone(self.ends.entry(explanation).or_insert_with(note)))
    }

    fn place(&mut self, placement: Placement) -> Arc<Placement> {
        if let Some(known) = self.places.iter().find(|known| ***known == placement) {
            return Arc::clone(known);
        }
        const KEPT: usize = 64;
        self.places.truncate(KEPT);
        let new = Arc::new(placement);
        self.places.insert(0, Arc::clone(&new));
        new
    }
}
