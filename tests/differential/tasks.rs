//! Tasks in every state.

use scheduler_core::{
    Dispatch, Forks, LaunchType, Mode, Outcome, OwnKey, Placement, Priority, ProjectUpdateType, State, Task,
    TaskId, Work, WorkflowOf,
};

use crate::dice::{Dice, NOW, moment};

impl Dice {
    pub(crate) fn task(&mut self, id: u32, count: u32, careful: bool) -> Task {
        let work = self.work();
        let needs_place = work.kind().needs_place();
        Task {
            id: TaskId::new(i64::from(id)),
            name: format!("task {id}").into(),
            created: moment(NOW - i64::from(self.from(0, 6))),
            priority: Priority::new(if self.one_in(4) { self.from(0, 2) as i32 - 1 } else { 0 }),
            impact: Forks::new(self.of(&[0, 1, 1, 2, 3, 5, 9])),
            state: self.state(needs_place),
            work,
            launch_type: self.of(&[
                LaunchType::Manual,
                LaunchType::Manual,
                LaunchType::Manual,
                LaunchType::Workflow,
                LaunchType::Dependency,
                LaunchType::Sync,
            ]),
            groups: self.several(2, |dice| dice.id(if careful { 3 } else { 4 })).into(),
            dependencies: {
                let most = if self.one_in(2) { 2 } else { 0 };
                let last = if careful { count } else { count + 1 };
                self.several(most, |dice| dice.id(last)).into_iter().collect()
            },
            dependencies_derived: self.one_in(3),
            cancel_requested: self.one_in(10),
            own_keys: self
                .several(3, |dice| OwnKey {
                    resource: dice.of(&["licence", "licence", "seat"]).into(),
                    key: dice.id(2),
                    mode: dice.maybe(2, |dice| {
                        dice.of(&[Mode::Exclusive, Mode::Shared, Mode::Shared, Mode::Update, Mode::Slices])
                    }),
                })
                .into_iter()
                .collect(),
        }
    }

    pub(crate) fn work(&mut self) -> Work {
        let (none_in, last) = (6, 2);
        match self.below(12) {
            0..=3 => Work::Job {
                project: self.maybe(none_in, |dice| dice.id(last)),
                inventory: self.maybe(none_in, |dice| dice.id(last)),
                template: self.maybe(none_in, |dice| dice.id(3)),
                allow_simultaneous: self.one_in(2),
                sources_already_updated: if self.one_in(4) {
                    [self.id(3)].into_iter().collect()
                } else {
                    Default::default()
                },
            },
            4 | 5 => Work::ProjectUpdate {
                project: self.maybe(none_in, |dice| dice.id(last)),
                job_type: if self.one_in(5) { ProjectUpdateType::Run } else { ProjectUpdateType::Check },
            },
            6 | 7 => Work::InventoryUpdate {
                source: self.maybe(none_in, |dice| dice.id(3)),
                inventory: self.maybe(none_in, |dice| dice.id(last)),
                source_project: self.maybe(2, |dice| dice.id(last)),
            },
            8 => Work::AdHocCommand { inventory: self.maybe(none_in, |dice| dice.id(last)) },
            9 => {
                if self.one_in(2) {
                    Work::SystemJob {}
                } else {
                    Work::WorkflowApproval {
                        expires: self.maybe(3, |dice| moment(NOW - 2 + i64::from(dice.from(0, 3)))),
                    }
                }
            }
            _ => self.workflow_work(),
        }
    }

    fn workflow_work(&mut self) -> Work {
        let of = if self.one_in(3) {
            WorkflowOf::Slices(self.maybe(5, |dice| dice.id(3)))
        } else {
            WorkflowOf::Template(self.maybe(5, |dice| dice.id(2)))
        };
        Work::WorkflowJob { of, allow_simultaneous: self.one_in(2) }
    }

    fn state(&mut self, needs_place: bool) -> State {
        let placement = if needs_place {
            Placement {
                group: self.maybe(5, |dice| dice.id(3)),
                node: self.maybe(5, |dice| dice.id(4)),
                controller: self.maybe(2, |dice| dice.id(4)),
            }
        } else {
            Placement::default()
        };
        match self.below(12) {
            0..=5 => State::Pending,
            6 | 7 if needs_place => State::Waiting(
                Dispatch { id: self.id(99), since: moment(NOW - i64::from(self.from(0, 9))), placement }
                    .into(),
            ),
            6..=9 => State::Running(placement.into()),
            _ => State::Finished {
                outcome: self.outcome(),
                at: self.maybe(5, |dice| moment(NOW - i64::from(dice.from(0, 9)))),
            },
        }
    }

    pub(crate) fn outcome(&mut self) -> Outcome {
        self.of(&[
            Outcome::Successful,
            Outcome::Successful,
            Outcome::Failed,
            Outcome::Error,
            Outcome::Canceled,
        ])
    }
}
