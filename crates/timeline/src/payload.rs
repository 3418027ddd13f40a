//! What the page reads: a picture as columns, tasks by their positions, words once each.
//!
//! Moments are counted in the largest of a second, a tenth, a hundredth and a thousandth that all of them are multiples of.
//! Columns of tasks are in the order of the bars. A value that may be missing is one more than it is, and 0 when it is missing.

use std::fmt::Display;

use rustc_hash::FxHashMap;
use serde::Serialize;
use simulator::{Bar, Moment, Place, ReasonId, TemplateKey};

use crate::Picture;
use crate::columns::{Column, Lists, length};
use crate::lanes::{Lanes, Section, Stand};

/// The number of the format; the page refuses others.
const VERSION: u32 = 1;

/// The whole.
#[derive(Debug, Serialize)]
pub(crate) struct Payload<'p> {
    version: u32,
    title: &'p str,
    about: &'p str,
    /// Milliseconds since 1970 of moment 0.
    origin: Option<i64>,
    /// How many milliseconds a unit of time is.
    unit: i64,
    end: i64,
    control_impact: u32,
    sections: Vec<Section>,
    capacities: Vec<Steps<'p>>,
    words: Vec<String>,
    tasks: Tasks,
    reasons: Reasons,
}

/// What an instance or a group had.
#[derive(Debug, Serialize)]
struct Steps<'p> {
    name: &'p str,
    group: bool,
    /// When it changed, as differences.
    at: Column,
    /// To what; 0 is no limit, otherwise one more than it was.
    forks: Column,
    /// The most tasks at once; 0 for no limit.
    tasks: u32,
}

#[derive(Debug, Default, Serialize)]
struct Tasks {
    /// As differences.
    id: Column,
    name: Column,
    kind: Column,
    /// Its template's name among the words; may be missing.
    template: Column,
    launch_type: Column,
    status: Column,
    impact: Column,
    priority: Column,
    /// As differences.
    launched: Column,
    /// From the launch; may be missing, as the next two.
    considered: Column,
    started: Column,
    /// From the start, or from the launch where there was none.
    finished: Column,
    /// The positions among the capacities; may be missing.
    group: Column,
    instance: Column,
    controller: Column,
    lane: Column,
    row: Column,
    wait_lane: Column,
    wait_row: Column,
    /// Why a pass ended it: a word; may be missing.
    end: Column,
    /// How many positions before it its workflow job stands; may be missing.
    workflow: Column,
    /// How many positions before it each dependency stands.
    dependencies: Lists,
    /// For each stretch of waiting: reason, how long after the one before it began, how long it was.
    waits: Lists,
}

#[derive(Debug, Default, Serialize)]
struct Reasons {
    token: Column,
    sentence: Column,
    never: Column,
    /// Positions of tasks.
    blockers: Lists,
}

/// Makes it.
pub(crate) fn payload<'p>(picture: &Picture<'p>) -> Payload<'p> {
    let lanes = Lanes::of(picture);
    let mut writer = Writer::new(picture);
    for (position, bar) in picture.timeline.bars.iter().enumerate() {
        let of = |stands: &[Option<Stand>]| stands.get(position).copied().flatten();
        writer.task(position, bar, of(&lanes.runs), of(&lanes.waits));
    }
    writer.tasks.id = writer.tasks.id.as_differences();
    writer.tasks.launched = writer.tasks.launched.as_differences();
    writer.reasons();
    Payload {
        version: VERSION,
        title: picture.title,
        about: picture.about,
        origin: picture.origin.map(|origin| origin.timestamp_millis()),
        unit: writer.unit,
        end: writer.count(picture.end),
        control_impact: picture.control_impact.get(),
        sections: lanes.sections,
        capacities: writer.capacities(),
        words: writer.words.list,
        tasks: writer.tasks,
        reasons: writer.reasons,
    }
}

/// Fills the columns.
struct Writer<'p> {
    picture: Picture<'p>,
    unit: i64,
    positions: FxHashMap<i64, usize>,
    places: FxHashMap<Place, usize>,
    templates: FxHashMap<TemplateKey, i64>,
    words: Words,
    tasks: Tasks,
    reasons: Reasons,
}

impl<'p> Writer<'p> {
    fn new(picture: &Picture<'p>) -> Self {
        let bars = &picture.timeline.bars;
        let ids = bars.iter().enumerate().map(|(position, bar)| (bar.task.get(), position));
        let places = picture.capacities.iter().enumerate().map(|(position, place)| (place.of, position));
        Self {
            picture: *picture,
            unit: unit(picture),
            positions: ids.collect(),
            places: places.collect(),
            templates: FxHashMap::default(),
            words: Words::default(),
            tasks: Tasks::default(),
            reasons: Reasons::default(),
        }
    }

    fn task(&mut self, position: usize, bar: &Bar, runs: Option<Stand>, waits: Option<Stand>) {
        let name = self.words.number(&bar.name);
        let kind = self.words.number(&bar.kind);
        let template = bar.template.map(|key| match self.templates.get(&key) {
            Some(&known) => known,
            None => {
                let number = if bar.name.is_empty() { self.words.number(&template_name(key)) } else { name };
                *self.templates.entry(key).or_insert(number)
            }
        });
        let launch_type = self.words.number(bar.launch_type.token());
        let status = self.words.number(&self.status(bar));
        let end = bar.end.as_ref().map(|end| self.words.number(&end.sentence));
        let since = |moment: Option<Moment>, from: Moment| {
            moment.map(|moment| (moment.millis() - from.millis()) / self.unit)
        };
        let place =
            |place: Option<Place>| place.and_then(|place| self.places.get(&place)).map(|&at| length(at));
        let placement = &bar.placement;
        let before = |task: i64| self.positions.get(&task).map(|&other| length(position) - length(other));
        let tasks = &mut self.tasks;
        tasks.id.push(bar.task.get());
        tasks.name.push(name);
        tasks.kind.push(kind);
        tasks.template.push(or_missing(template));
        tasks.launch_type.push(launch_type);
        tasks.status.push(status);
        tasks.impact.push(i64::from(bar.impact.get()));
        tasks.priority.push(i64::from(bar.priority.get()));
        tasks.launched.push(bar.launched.millis() / self.unit);
        tasks.considered.push(or_missing(since(bar.considered, bar.launched)));
        tasks.started.push(or_missing(since(bar.started, bar.launched)));
        tasks.finished.push(or_missing(since(bar.finished, bar.started.unwrap_or(bar.launched))));
        tasks.group.push(or_missing(place(placement.group.map(Place::Group))));
        tasks.instance.push(or_missing(place(placement.node.map(Place::Instance))));
        tasks.controller.push(or_missing(place(placement.controller.map(Place::Instance))));
        tasks.lane.push(or_missing(runs.map(|stand| length(stand.lane))));
        tasks.row.push(runs.map_or(0, |stand| i64::from(stand.row)));
        tasks.wait_lane.push(or_missing(waits.map(|stand| length(stand.lane))));
        tasks.wait_row.push(waits.map_or(0, |stand| i64::from(stand.row)));
        tasks.end.push(or_missing(end));
        // Both signs occur, so what is missing is 0 here, which no task is to itself.
        tasks.workflow.push(bar.workflow.and_then(|workflow| before(workflow.get())).unwrap_or(0));
        tasks.dependencies.push(bar.dependencies.iter().filter_map(|task| before(task.get())));
        let mut last = bar.launched.millis();
        let unit = self.unit;
        tasks.waits.push(bar.waits.iter().flat_map(|wait| {
            let from = wait.from.millis();
            let gap = (from - last) / unit;
            last = from;
            [length(wait.reason.position()), gap, (wait.to.millis() - from) / unit]
        }));
    }

    /// How a task ended, or what it does at the end of the picture.
    fn status(&self, bar: &Bar) -> String {
        if let Some(outcome) = bar.outcome {
            return outcome.to_string();
        }
        let never = |reason: ReasonId| {
            self.picture.timeline.reasons.get(reason.position()).is_some_and(simulator::WaitReason::is_never)
        };
        match (bar.started, bar.waits.last()) {
            (Some(_), _) => "running",
            (None, Some(wait)) if never(wait.reason) => "can never run",
            (None, _) => "waiting",
        }
        .to_owned()
    }

    fn reasons(&mut self) {
        for reason in &self.picture.timeline.reasons {
            self.reasons.token.push(self.words.number(&reason.reason().token()));
            self.reasons.sentence.push(self.words.number(reason));
            self.reasons.never.push(i64::from(reason.is_never()));
            let blockers = reason.blockers();
            let known = blockers.iter().filter_map(|task| self.positions.get(&task.get()));
            self.reasons.blockers.push(known.map(|&position| length(position)));
        }
    }

    fn capacities(&self) -> Vec<Steps<'p>> {
        let steps = |capacity: &'p simulator::Capacity| Steps {
            name: &capacity.name,
            group: matches!(capacity.of, Place::Group(_)),
            at: capacity.steps.iter().map(|&(at, _)| self.count(at)).collect::<Column>().as_differences(),
            forks: capacity
                .steps
                .iter()
                .map(|&(_, forks)| or_missing(forks.map(|forks| i64::from(forks.get()))))
                .collect(),
            tasks: capacity.max_concurrent_jobs.get(),
        };
        self.picture.capacities.iter().map(steps).collect()
    }

    const fn count(&self, moment: Moment) -> i64 {
        moment.millis() / self.unit
    }
}

fn or_missing(value: Option<i64>) -> i64 {
    value.map_or(0, |value| value.saturating_add(1))
}

/// The largest unit of time that loses nothing.
fn unit(picture: &Picture<'_>) -> i64 {
    let bars = picture.timeline.bars.iter();
    let moments = bars.flat_map(|bar| {
        let own = [Some(bar.launched), bar.considered, bar.started, bar.finished];
        own.into_iter().flatten().chain(bar.waits.iter().flat_map(|wait| [wait.from, wait.to]))
    });
    let capacities = picture.capacities.iter().flat_map(|capacity| capacity.steps.iter().map(|&(at, _)| at));
    let mut unit = 1000;
    for moment in moments.chain(capacities).chain([picture.end]) {
        while moment.millis() % unit != 0 {
            unit /= 10;
        }
    }
    unit
}

/// What to call a template whose tasks have no name.
fn template_name(key: TemplateKey) -> String {
    let number = match key {
        TemplateKey::Job(id) | TemplateKey::SlicedWorkflow(id) => id.get(),
        TemplateKey::ProjectUpdate(id) => id.get(),
        TemplateKey::InventoryUpdate(id) => id.get(),
        TemplateKey::Workflow(id) => id.get(),
        TemplateKey::AdHocCommand | TemplateKey::SystemJob | TemplateKey::Approval => {
            return format!("{}s", key.kind());
        }
    };
    format!("{}s of {number}", key.kind())
}

/// Words, each once.
#[derive(Default)]
struct Words {
    list: Vec<String>,
    numbers: FxHashMap<String, i64>,
}

impl Words {
    fn number(&mut self, word: &(impl Display + ?Sized)) -> i64 {
        let word = word.to_string();
        if let Some(&known) = self.numbers.get(&word) {
            return known;
        }
        let number = length(self.list.len());
        self.list.push(word.clone());
        self.numbers.insert(word, number);
        number
    }
}
