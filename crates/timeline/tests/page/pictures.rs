//! The pictures of the tests: a handful of tasks of which each shows one thing, and thousands that were simulated.

use std::sync::Arc;

use chrono::DateTime;
use scheduler_core::{
    Forks, GroupId, InstanceId, JobTemplateId, Kind, LaunchType, Mode, Outcome, Placement, Priority,
    ProjectId, Reason, ResourceKey, RuleSet, Shortfall, TaskCount, TaskId, TaskRef, ThinVec,
};
use simulator::generate::Mix;
use simulator::{
    Bar, Capacity, Moment, Place, ReasonId, Seed, Simulation, TemplateKey, Timeline, Wait, WaitReason,
    Workload,
};
use timeline::Picture;

/// A name that would be markup, if anything read it as such.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=\"document.title='gone'\"><b>";

const GROUP: GroupId = GroupId::new(1);
const NODE: InstanceId = InstanceId::new(1);

fn at(second: i64) -> Moment {
    Moment::from_seconds(second)
}

fn bar(id: i64, name: &str, launched: i64, ran: Option<(i64, i64)>) -> Bar {
    Bar {
        task: TaskId::new(id),
        name: name.into(),
        kind: Kind::Job,
        template: Some(TemplateKey::Job(JobTemplateId::new(id))),
        launch_type: LaunchType::Manual,
        priority: Priority::new(0),
        impact: Forks::new(4),
        workflow: None,
        dependencies: ThinVec::new(),
        launched: at(launched),
        considered: Some(at(launched)),
        started: ran.map(|(started, _)| at(started)),
        finished: ran.map(|(_, finished)| at(finished)),
        placement: Arc::new(match ran {
            Some(_) => Placement { group: Some(GROUP), node: Some(NODE), controller: None },
            None => Placement { group: None, node: None, controller: None },
        }),
        outcome: ran.map(|_| Outcome::Successful),
        end: None,
        waits: ThinVec::new(),
    }
}

fn waiting(mut bar: Bar, reason: u32, from: i64, to: i64) -> Bar {
    bar.waits.push(Wait { reason: ReasonId::new(reason), from: at(from), to: at(to) });
    bar
}

/// Task 11 runs and holds a project; the update 12 waits for it, task 13 depends on the update, 14 failed, 15 can never run, and
/// 16 has a name that is markup.
pub(crate) struct Small {
    timeline: Timeline,
    capacities: Vec<Capacity>,
}

impl Small {
    pub(crate) fn new() -> Self {
        let update = Bar { kind: Kind::ProjectUpdate, ..bar(12, "site-code", 10, Some((60, 80))) };
        let mut migrate = waiting(bar(13, "migrate", 12, Some((80, 200))), 1, 12, 80);
        migrate.dependencies.push(TaskId::new(12));
        let bars = vec![
            bar(11, "deploy", 0, Some((0, 60))),
            waiting(update, 0, 10, 60),
            migrate,
            Bar { outcome: Some(Outcome::Failed), ..bar(14, "report", 70, Some((70, 150))) },
            waiting(bar(15, "render", 90, None), 2, 90, 240),
            bar(16, HOSTILE, 100, Some((100, 240))),
        ];
        let held = Reason::Blocked {
            resource: ResourceKey::Project(ProjectId::new(3)),
            wanted: Mode::Update,
            held: Mode::Use,
            holder: TaskId::new(11),
            holder_kind: Kind::Job,
        };
        let depends =
            Reason::Dependency { on: TaskRef::Task { id: TaskId::new(12), kind: Kind::ProjectUpdate } };
        let lack = scheduler_core::Lack::NoUsableInstance;
        let never =
            Reason::NeverFits([Shortfall { group: GroupId::new(2), name: "gpu".into(), lack }].into());
        let capacity = |of, name: &str| Capacity {
            of,
            name: name.to_owned(),
            steps: vec![(at(0), Some(Forks::new(16)))],
            max_concurrent_jobs: TaskCount::new(0),
        };
        Self {
            timeline: Timeline { bars, reasons: [held, depends, never].map(WaitReason::Throughout).into() },
            capacities: vec![
                capacity(Place::Group(GROUP), "default"),
                capacity(Place::Instance(NODE), "node-a"),
            ],
        }
    }

    /// With one instance more, on which nothing ran.
    pub(crate) fn with_instance(name: &str, id: InstanceId) -> Self {
        let mut small = Self::new();
        let like = small.capacities[1].clone();
        small.capacities.push(Capacity { of: Place::Instance(id), name: name.to_owned(), ..like });
        small
    }

    pub(crate) const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    pub(crate) fn picture(&self) -> Picture<'_> {
        Picture {
            title: "six tasks",
            about: "made by hand",
            origin: DateTime::from_timestamp(1_772_452_800, 0),
            end: at(240),
            control_impact: Forks::new(1),
            timeline: &self.timeline,
            capacities: &self.capacities,
            groups: &[],
        }
    }
}

/// A workload of some parameters, simulated.
pub(crate) fn simulated(parameters: &str) -> (Workload, simulator::Outcome) {
    let workload = parameters.parse::<Mix>().unwrap().generate(Seed::new(1));
    let options =
        simulator::Options { auditing: simulator::Auditing::Sample(0), ..simulator::Options::default() };
    let outcome = Simulation::new(&workload, &RuleSet::tower_2018()).with(options).run().unwrap();
    (workload, outcome)
}
