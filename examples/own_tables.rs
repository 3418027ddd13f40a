//! A control plane that has tables already: load, plan, and a commit in which each row is guarded.
//!
//! `cargo run --example own_tables`
//!
//! Maps stand for the tables, so that it needs no server; where a database has `BEGIN`, `UPDATE … WHERE version = …` and `COMMIT`, the
//! comments say so. The numbers are those of the rules, in `docs/rules.md`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use scheduler_core::chrono::TimeDelta;
use scheduler_core::{
    Action, Create, Dispatch, DispatchId, Fill, Forks, GroupId, Instance, InstanceGroup, InstanceId, Kind,
    Members, NodeType, Origin, Placement, Plan, Project, ProjectId, ProjectUpdateType, RuleSet, Seconds,
    Snapshot, State, Task, TaskCount, TaskId, ThinVec, Timestamp, Work, plan,
};

/// A row of a table of tasks, as somebody else has designed it.
#[derive(Clone, Default)]
struct Row {
    /// Counts every change of the row: the guard.
    version: u32,
    kind: String,
    project: i64,
    forks: u32,
    /// `pending`, `waiting`, `running`, or how it ended.
    status: String,
    dispatch: Option<i64>,
    since: i64,
    node: Option<i64>,
    depends_on: Vec<i64>,
    dependencies_derived: bool,
    /// For people; nothing depends on it.
    why: String,
}

#[derive(Default)]
struct Tables {
    now: i64,
    heartbeat: i64,
    /// Ids of tasks and dispatches.
    sequence: i64,
    tasks: BTreeMap<i64, Row>,
    /// Dispatches to send; who sends one deletes it after the broker has confirmed it (R12.4).
    outbox: Vec<(DispatchId, TaskId)>,
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// A row as the pass wants it. Tokens lead both ways.
fn task(id: i64, row: &Row) -> Task {
    let project = Some(ProjectId::new(row.project));
    let work = match row.kind.parse() {
        Ok(Kind::ProjectUpdate) => Work::ProjectUpdate { project, job_type: ProjectUpdateType::Check },
        _ => Work::Job {
            project,
            inventory: None,
            template: None,
            allow_simultaneous: true,
            sources_already_updated: ThinVec::new(),
        },
    };
    let placement =
        Placement { group: Some(GroupId::new(1)), node: row.node.map(InstanceId::new), controller: None };
    let state = match (row.status.as_str(), row.dispatch) {
        ("waiting", Some(dispatch)) => {
            let id = DispatchId::new(dispatch);
            State::Waiting(Box::new(Dispatch { id, since: moment(row.since), placement }))
        }
        ("running", _) => State::Running(Box::new(placement)),
        (ended, _) => ended.parse().map_or(State::Pending, |outcome| State::Finished { outcome, at: None }),
    };
    Task {
        impact: Forks::new(row.forks),
        state,
        groups: [GroupId::new(1)].into(),
        dependencies: row.depends_on.iter().copied().map(TaskId::new).collect(),
        dependencies_derived: row.dependencies_derived,
        ..Task::new(TaskId::new(id), moment(id), work)
    }
}

impl Tables {
    fn launch(&mut self, id: i64, project: i64, forks: u32) {
        let (kind, status) = ("job".to_owned(), "pending".to_owned());
        self.tasks.insert(id, Row { kind, project, forks, status, ..Row::default() });
    }

    /// What anybody else does to a row: a worker, a person.
    fn set(&mut self, id: i64, status: &str) {
        let row = self.tasks.get_mut(&id).expect("the row exists");
        row.version += 1;
        row.status = status.to_owned();
    }

    /// R12.3, in one consistent transaction: everything that a pass may know, and the version of each row.
    fn load(&self) -> (Snapshot, BTreeMap<TaskId, u32>) {
        let last_heartbeat = Some(moment(self.heartbeat));
        let snapshot = Snapshot {
            now: moment(self.now),
            tasks: self.tasks.iter().map(|(id, row)| task(*id, row)).collect(),
            projects: vec![Project {
                id: ProjectId::new(3),
                update_on_launch: true,
                cache_timeout: Seconds::new(3600),
                last_update: None,
            }],
            instances: vec![Instance {
                id: InstanceId::new(1),
                hostname: "node-a".to_owned(),
                node_type: NodeType::Hybrid,
                capacity: Forks::new(10),
                enabled: true,
                last_heartbeat,
            }],
            groups: vec![InstanceGroup {
                id: GroupId::new(1),
                name: "all".to_owned(),
                members: Members::Instances(vec![InstanceId::new(1)]),
                max_concurrent_jobs: TaskCount::default(),
                max_forks: Forks::ZERO,
            }],
            ..Snapshot::default()
        };
        let versions = self.tasks.iter().map(|(id, row)| (TaskId::new(*id), row.version)).collect();
        (snapshot, versions)
    }

    /// R12.3, in one transaction: writes the plan, each row under its guard. Whether it was written; if not, plan anew.
    ///
    /// A row that changed is left out, since every subset of the starts is safe (R11); unless the plan ends it or takes it back, or creates
    /// a task for it: then all of the plan is dropped, which is always right.
    fn commit(&mut self, seen: &BTreeMap<TaskId, u32>, snapshot: &Snapshot, plan: &Plan) -> bool {
        let mut ids = Ids(self.sequence);
        let next = plan.apply(snapshot, &mut ids).expect("the plan was made of this snapshot");
        let changed: Vec<TaskId> = {
            let version = |id: &TaskId| self.tasks.get(&id.get()).map(|row| row.version);
            seen.iter().filter(|(id, seen)| version(id) != Some(**seen)).map(|(id, _)| *id).collect()
        };
        let ends =
            plan.decisions.iter().filter(|one| matches!(one.action, Action::End(_) | Action::TakeBack(_)));
        let asks = plan.creates.iter().filter_map(|create| match create.origin {
            Origin::Dependency { of } => of.task(),
            Origin::Node { workflow, .. } => Some(workflow),
        });
        if ends.map(|decision| decision.task).chain(asks).any(|task| changed.contains(&task)) {
            return false; // ROLLBACK
        }
        let before = snapshot.tasks.iter().map(Some).chain(std::iter::repeat(None));
        for (before, after) in before.zip(&next.tasks) {
            if before != Some(after) && !changed.contains(&after.id) {
                self.write(after);
            }
        }
        for (task, reason) in plan.holds().filter(|(task, _)| !changed.contains(task)) {
            self.tasks.entry(task.get()).and_modify(|row| row.why = reason.to_string());
        }
        self.sequence = ids.0;
        true // COMMIT
    }

    fn write(&mut self, task: &Task) {
        let row = self.tasks.entry(task.id.get()).or_default();
        row.version += 1;
        row.kind = task.kind().token().to_owned();
        row.forks = task.impact.get();
        if let Work::ProjectUpdate { project: Some(project), .. } = task.work {
            row.project = project.get();
        }
        row.depends_on = task.dependencies.iter().map(|on| on.get()).collect();
        row.dependencies_derived = task.dependencies_derived;
        row.node = task.state.placement().and_then(|placement| placement.node).map(InstanceId::get);
        row.status = match &task.state {
            State::Finished { outcome, .. } => outcome.token(),
            state => state.token(),
        }
        .to_owned();
        if let State::Waiting(dispatch) = &task.state {
            (row.dispatch, row.since) = (Some(dispatch.id.get()), self.now);
            // R12.4: the message stands in the same transaction as the row, so that neither is without the other.
            self.outbox.push((dispatch.id, task.id));
        }
    }
}

/// What only the store can say: here, numbers out of one sequence.
struct Ids(i64);

impl Fill for Ids {
    fn task(&mut self, _: &Create, task: &mut Task) {
        self.0 += 1;
        (task.id, task.groups) = (TaskId::new(self.0), [GroupId::new(1)].into());
    }

    fn dispatch(&mut self, _: TaskId) -> DispatchId {
        self.0 += 1;
        DispatchId::new(self.0)
    }
}

/// One pass, on whichever node asks. `meanwhile` stands for what others commit between its two transactions.
fn schedule(lock: &Mutex<()>, tables: &mut Tables, meanwhile: impl FnOnce(&mut Tables)) -> bool {
    // R12.1: one pass at a time; the lock is tried and never waited for.
    let Ok(_held) = lock.try_lock() else { return false };
    let (snapshot, seen) = tables.load();
    let plan = plan(&snapshot, &RuleSet::default());
    meanwhile(tables);
    tables.commit(&seen, &snapshot, &plan)
}

pub(crate) fn main() {
    let lock = Mutex::new(());
    let mut tables = Tables { now: 1000, heartbeat: 1000, sequence: 100, ..Tables::default() };
    tables.launch(1, 3, 6);
    tables.launch(2, 4, 4);
    tables.launch(3, 4, 4);
    let status = |tables: &Tables, id: i64| tables.tasks[&id].status.clone();

    // Job 1 needs an update of its project first (R4), jobs 2 and 3 start; but somebody cancels 3 before the commit.
    assert!(schedule(&lock, &mut tables, |tables| tables.set(3, "canceled")));
    assert_eq!([1, 2, 3].map(|id| status(&tables, id)), ["pending", "waiting", "canceled"]);
    assert_eq!(tables.outbox.len(), 1, "no message for the start that was left out");
    let update = tables.tasks[&1].depends_on[0];

    // Workers claim under the dispatch, run, and report.
    assert!(schedule(&lock, &mut tables, |_| {}));
    assert_eq!(status(&tables, update), "waiting");
    println!("job 1 {}", tables.tasks[&1].why);
    assert_eq!(tables.tasks[&1].why, format!("waits for project update {update}, on which it depends"));
    tables.set(2, "running");
    tables.set(update, "successful");
    assert!(schedule(&lock, &mut tables, |_| {}));
    assert_eq!(status(&tables, 1), "waiting");
    tables.set(1, "running");

    // The node falls silent, and the pass would fail its jobs (R8.1). One of them reports after all: the plan is dropped, and the next
    // one is about what is there.
    tables.now += 600;
    assert!(!schedule(&lock, &mut tables, |tables| tables.set(2, "successful")));
    assert_eq!([1, 2].map(|id| status(&tables, id)), ["running", "successful"]);
    assert!(schedule(&lock, &mut tables, |_| {}));
    assert_eq!([1, 2].map(|id| status(&tables, id)), ["failed", "successful"]);

    // A second node that asks while a pass runs goes away.
    let _pass = lock.lock().expect("nobody panicked");
    assert!(!schedule(&lock, &mut tables, |_| unreachable!("it is busy")));
}
