//! R1, R3, R6.7: over a history in which tasks end, nobody waits for ever for what others keep taking.
//!
//! A stream always has a task that is younger than the one that waits, so that whoever may be passed is passed all the
//! time. Each law states when the waiting one must have started.

use proptest::prelude::*;
use scheduler_core::{
    ControlPlane, GroupId, InventoryId, JobTemplateId, NodeType, Priority, ProjectId, ProjectUpdateType,
    RuleSet, Seconds, Task, TaskId, Work, WorkflowOf, WorkflowTemplateId,
};

use crate::cases;
use crate::history::{History, Second};

const RESERVE_AFTER: Second = 60;

fn rules() -> impl Strategy<Value = RuleSet> {
    prop_oneof![Just(RuleSet::tower_2018()), Just(RuleSet::awx_2024())]
}

fn reserving(rules: RuleSet) -> RuleSet {
    RuleSet { reserve_after: Some(Seconds::new(RESERVE_AFTER)), ..rules }
}

fn job(project: Option<i64>, template: Option<i64>) -> Work {
    Work::Job {
        project: project.map(ProjectId::new),
        inventory: None::<InventoryId>,
        template: template.map(JobTemplateId::new),
        allow_simultaneous: false,
        sources_already_updated: [].into_iter().collect(),
    }
}

fn update(project: i64) -> Work {
    Work::ProjectUpdate { project: Some(ProjectId::new(project)), job_type: ProjectUpdateType::Check }
}

fn workflow(template: i64) -> Work {
    let of = WorkflowOf::Template(Some(WorkflowTemplateId::new(template)));
    Work::WorkflowJob { of, allow_simultaneous: false }
}

/// Jobs of one fork that never let a group come to rest: there is always one that waits.
struct Stream {
    group: i64,
    priority: i32,
    lengths: Vec<Second>,
    launched: usize,
}

impl Stream {
    fn new(group: i64, lengths: &[Second]) -> Self {
        Self { group, priority: 0, lengths: lengths.to_vec(), launched: 0 }
    }

    fn longest(&self) -> Second {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// Launches until some of its tasks wait.
    fn flow(&mut self, history: &mut History) {
        let is_own = |task: &&Task| {
            task.groups.first() == Some(&GroupId::new(self.group)) && task.work == job(None, None)
        };
        let waiting = history.pending().filter(is_own).count();
        for _ in waiting..3 {
            let length = self.lengths[self.launched % self.lengths.len()];
            self.launched += 1;
            history.launch(job(None, None), self.group, 1, length).priority = Priority::new(self.priority);
        }
    }
}

/// When a task started, if it did so by then. `each` acts before every pass.
fn start_of(
    history: &mut History,
    task: TaskId,
    until: Second,
    mut each: impl FnMut(&mut History),
) -> Option<Second> {
    while history.second <= until {
        each(history);
        history.settle();
        if let Some(&started) = history.started.get(&task) {
            return Some(started);
        }
        history.tick();
    }
    None
}

/// One task of a workload that comes to an end.
fn any_task() -> impl Strategy<Value = (Work, i64, u32, i32, Second, bool)> {
    let id = || 1..4_i64;
    let work = prop_oneof![
        4 => (prop::option::of(id()), prop::option::of(id())).prop_map(|(project, template)| job(project, template)),
        2 => id().prop_map(update),
        1 => id().prop_map(workflow),
        1 => id().prop_map(|inventory| Work::AdHocCommand { inventory: Some(InventoryId::new(inventory)) }),
        1 => Just(Work::SystemJob {}),
    ];
    (work, id(), 1..11_u32, 0..3_i32, 1..9_u32, any::<bool>())
}

proptest! {
    #![proptest_config(cases(24))]

    /// Whatever comes, as long as it comes to an end: while anybody waits, somebody runs, so that all is done after the time
    /// that one after the other would take.
    #[test]
    fn r6_while_anybody_waits_somebody_runs(
        rules in rules(), reserve_after in prop::option::of(0..20_u32), limit in 0..4_u32,
        tasks in prop::collection::vec(any_task(), 1..30),
    ) {
        let mut history = History::new(rules);
        history.rules.reserve_after = reserve_after.map(Seconds::new);
        history.rules.start_limit = limit.into();
        history.rules.default_groups = vec![GroupId::new(1)];
        for id in 1..4 {
            history.instance(id, NodeType::Hybrid, 10);
        }
        history.group(1, &[1, 2], 0);
        history.group(2, &[3], 10);
        history.group(3, &[], 10);
        let mut left = 0;
        for (work, group, impact, priority, length, at_once) in tasks {
            left += length + 2;
            match work {
                Work::WorkflowJob { .. } => history.launch_chain(work, &job(Some(1), Some(1)), 2),
                work => history.launch(work, group, impact, length).priority = Priority::new(priority),
            }
            if !at_once {
                history.settle();
                history.tick();
            }
        }
        while left > 0 {
            history.settle();
            let waiting = history.pending().count();
            prop_assert!(waiting == 0 || history.running() > 0, "{waiting} wait, and nobody runs");
            history.tick();
            left -= 1;
        }
        history.settle();
        prop_assert_eq!((history.pending().count(), history.running()), (0, 0));
    }

    /// The task wants a whole machine and a project: updates take the one while small jobs take the other.
    #[test]
    fn r3_a_task_that_waits_by_turns_for_claims_and_for_room_starts(
        rules in rules(), lengths in prop::collection::vec(3..15_u32, 4..9), updating in 5..20_u32,
    ) {
        let mut history = History::new(reserving(rules));
        history.instance(1, NodeType::Hybrid, 10);
        history.instance(2, NodeType::Hybrid, 10);
        history.group(1, &[1], 0);
        history.group(2, &[2], 0);
        let mut stream = Stream::new(1, &lengths);
        // The machine is full and the project is being updated when the task comes.
        history.launch(update(7), 2, 1, updating);
        for _ in 0..20 {
            stream.flow(&mut history);
            history.settle();
            history.tick();
        }
        let from = history.second;
        let waits = history.launch(job(Some(7), None), 1, 10, 5).id;
        let by = from + RESERVE_AFTER + updating + stream.longest() + 2;
        let started = start_of(&mut history, waits, by, |history| {
            stream.flow(history);
            if !history.pending().any(|task| task.work == update(7)) {
                history.launch(update(7), 2, 1, updating);
            }
        });
        prop_assert!(started.is_some(), "it waits still, {} s after it came", by - from);
    }

    /// The limit of a group, of instances or of containers, always has room for a small job and never for the large one.
    #[test]
    fn r6_7_a_task_that_waits_for_room_in_a_limit_starts(
        rules in rules(), lengths in prop::collection::vec(3..15_u32, 4..9), container: bool, wants in 4..11_u32,
    ) {
        let mut history = History::new(reserving(rules));
        history.instance(1, NodeType::Hybrid, 100);
        history.group(1, if container { &[] } else { &[1] }, 10);
        let mut stream = Stream::new(1, &lengths);
        for _ in 0..20 {
            stream.flow(&mut history);
            history.settle();
            history.tick();
        }
        let from = history.second;
        let waits = history.launch(job(None, Some(1)), 1, wants, 5).id;
        let by = from + RESERVE_AFTER + stream.longest() + 2;
        let started = start_of(&mut history, waits, by, |history| stream.flow(history));
        prop_assert!(started.is_some(), "it waits still, {} s after it came", by - from);
    }

    /// One machine can control what runs on the others. What waits for room on it leaves it to them.
    #[test]
    fn r6_7_what_waits_for_the_last_controller_stops_nobody_else(
        rules in rules(), machines in 1..10_i64, jobs in 1..50_u32,
    ) {
        let mut history = History::new(reserving(rules));
        history.rules.control_plane = Some(ControlPlane { group: GroupId::new(1), impact: 0.into() });
        history.instance(1, NodeType::Control, 10);
        history.group(1, &[1], 0);
        for id in 2..2 + machines {
            history.instance(id, NodeType::Execution, 10);
        }
        history.group(2, &(2..2 + machines).collect::<Vec<_>>(), 0);
        history.launch(update(1), 1, 9, 10_000);
        history.settle();
        history.launch(update(2), 1, 8, 5);
        for _ in 0..RESERVE_AFTER + 2 {
            history.settle();
            history.tick();
        }
        for _ in 0..jobs {
            history.launch(job(None, None), 2, 1, 5);
        }
        history.settle();
        let room = 10 * usize::try_from(machines).unwrap();
        prop_assert_eq!(history.running(), 1 + room.min(jobs as usize));
    }

    /// A workflow of priority 10 waits for one of priority 0, whose jobs compete with a stream of priority 5; in the chained
    /// case the next of these is a workflow that waits for a third, likewise.
    #[test]
    fn r1_a_task_that_a_workflow_holds_does_not_wait_behind_strangers(
        rules in rules(), lengths in prop::collection::vec(3..15_u32, 4..9), nodes in 1..5_i64, chained: bool,
    ) {
        let mut history = History::new(rules);
        history.rules.default_groups = vec![GroupId::new(1)];
        history.instance(1, NodeType::Hybrid, 10);
        history.group(1, &[1], 0);
        history.created_run = 2;
        let mut stream = Stream::new(1, &lengths);
        stream.priority = 5;
        for _ in 0..20 {
            stream.flow(&mut history);
            history.settle();
            history.tick();
        }
        let from = history.second;
        if chained {
            history.launch_chain(workflow(2), &job(None, Some(2)), nodes);
        }
        let starts = if chained { workflow(2) } else { job(None, Some(1)) };
        history.launch_chain(workflow(1), &starts, nodes);
        let high = history.launch(workflow(1), 1, 0, 0);
        high.priority = Priority::new(10);
        let high = high.id;
        let by = from + 2 * u32::try_from(nodes).unwrap() * (stream.longest() + 4);
        let started = start_of(&mut history, high, by, |history| stream.flow(history));
        prop_assert!(started.is_some(), "it waits still, {} s after it came", by - from);
    }
}
