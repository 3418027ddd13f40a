//! The pass and the slow model must agree (R1 to R11), on snapshots made to be crowded: few ids, so that tasks meet in
//! every resource, and everything that can be malformed is now and then.
//!
//! A snapshot follows from one number, so that a failure can be run again; before it is shown, every row that the
//! difference does not need is left out. `DIFFERENTIAL_CASES` runs more cases, `DIFFERENTIAL_FIRST` begins elsewhere.

use std::fmt::{Debug, Write};

use proptest::prelude::{ProptestConfig, prop_assert, proptest};
use scheduler_core::strategies;
use scheduler_core::{Claim, Claimant, ControlPlane, Matrix, Mode, NodeId, Resource, Simultaneous};
use scheduler_core::{
    Convergence, Dispatch, Edge, EdgeKind, Forks, Graph, GroupId, Instance, InstanceGroup, InstanceId,
    InventorySource, LastUpdate, LaunchType, Members, Node, NodeType, Outcome, OwnKey, Placement, Plan,
    Priority, Progress, Project, ProjectUpdateType, RuleSet, Seconds, Snapshot, State, Task, TaskCount,
    TaskId, Timestamp, Work, WorkflowOf,
};
use testkit::model;

#[test]
fn r1_to_r11_the_pass_and_the_model_agree_on_tower_2018() {
    compare("tower-2018", RuleSet::tower_2018);
}

#[test]
fn r1_to_r11_the_pass_and_the_model_agree_on_awx_2024() {
    compare("awx-2024", RuleSet::awx_2024);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r1_to_r11_the_pass_and_the_model_agree_on_the_published_strategies(
        snapshot in strategies::snapshot(),
        rules in strategies::rules(),
    ) {
        prop_assert!(!differ(&snapshot, &rules), "{}", report(&snapshot, &rules));
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn compare(name: &str, preset: fn() -> RuleSet) {
    let first = setting("DIFFERENTIAL_FIRST", 0);
    for seed in first..first + setting("DIFFERENTIAL_CASES", 4000) {
        let mut dice = Dice(seed);
        let rules = dice.rules(preset());
        let snapshot = dice.snapshot();
        if differ(&snapshot, &rules) {
            let (snapshot, rules) = smallest(snapshot, rules);
            panic!("{name}, case {seed}:\n{}", report(&snapshot, &rules));
        }
    }
}

fn differ(snapshot: &Snapshot, rules: &RuleSet) -> bool {
    scheduler_core::plan(snapshot, rules) != model::plan(snapshot, rules)
}

/// The same difference with as little as it needs.
fn smallest(mut snapshot: Snapshot, mut rules: RuleSet) -> (Snapshot, RuleSet) {
    loop {
        let before = (snapshot.clone(), rules.clone());
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.tasks);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.projects);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.inventory_sources);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.instances);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.groups);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.graphs);
        for at in 0..snapshot.graphs.len() {
            leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.graphs[at].nodes);
            leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.graphs[at].edges);
        }
        let simpler: [fn(&mut Task); 9] = [
            |task| task.dependencies.clear(),
            |task| task.cancel_requested = false,
            |task| task.dependencies_derived = true,
            |task| task.impact = Forks::new(1),
            |task| task.priority = Priority::new(0),
            |task| task.own_keys.clear(),
            |task| task.created = moment(0),
            |task| task.state = State::Pending,
            |task| {
                if !matches!(task.work, Work::WorkflowJob { .. }) {
                    task.work = Work::AdHocCommand { inventory: None };
                }
            },
        ];
        for simplify in simpler {
            for at in 0..snapshot.tasks.len() {
                let mut without = snapshot.clone();
                simplify(&mut without.tasks[at]);
                if differ(&without, &rules) {
                    snapshot = without;
                }
            }
        }
        let plainer: [fn(&mut RuleSet); 4] = [
            |rules| rules.control_plane = None,
            |rules| rules.reserve_after = None,
            |rules| rules.start_limit = TaskCount::new(0),
            |rules| rules.chronological = false,
        ];
        for simplify in plainer {
            let mut without = rules.clone();
            simplify(&mut without);
            if differ(&snapshot, &without) {
                rules = without;
            }
        }
        if before == (snapshot.clone(), rules.clone()) {
            return before;
        }
    }
}

fn leave_out<T>(snapshot: &mut Snapshot, rules: &RuleSet, of: impl Fn(&mut Snapshot) -> &mut Vec<T>) {
    for at in (0..of(snapshot).len()).rev() {
        let mut without = snapshot.clone();
        of(&mut without).remove(at);
        if differ(&without, rules) {
            *snapshot = without;
        }
    }
}

type PartOfPlan = fn(&Plan) -> Vec<String>;

fn report(snapshot: &Snapshot, rules: &RuleSet) -> String {
    let (pass, model) = (scheduler_core::plan(snapshot, rules), model::plan(snapshot, rules));
    let mut text = String::new();
    let mut section = |title: &str, rows: Vec<String>| {
        for row in rows {
            _ = writeln!(text, "{title:>10}  {row}");
        }
    };
    section("task", snapshot.tasks.iter().map(task_line).collect());
    section("project", debugs(&snapshot.projects));
    section("source", debugs(&snapshot.inventory_sources));
    section("instance", debugs(&snapshot.instances));
    section("group", debugs(&snapshot.groups));
    section("graph", debugs(&snapshot.graphs));
    let plain = RuleSet { claims: Vec::new(), matrices: Vec::new(), ..rules.clone() };
    section("rules", debugs(&[plain]));
    let parts: [(&str, PartOfPlan); 6] = [
        ("decision", |plan| debugs(&plan.decisions)),
        ("node", |plan| debugs(&plan.nodes)),
        ("create", |plan| debugs(&plan.creates)),
        ("derived", |plan| debugs(&plan.derived)),
        ("more", |plan| debugs(&[plan.more])),
        ("left over", |plan| debugs(&[plan.unconsidered])),
    ];
    for (title, part) in parts {
        let (pass, model) = (part(&pass), part(&model));
        let lengths = format!("{} in the pass, {} in the model", pass.len(), model.len());
        let differing = (0..pass.len().max(model.len())).filter(|&at| pass.get(at) != model.get(at));
        for at in differing {
            section(title, vec![format!("{at} differs; {lengths}")]);
            section("the pass", vec![pass.get(at).cloned().unwrap_or_default()]);
            section("the model", vec![model.get(at).cloned().unwrap_or_default()]);
        }
    }
    text
}

fn debugs<T: Debug>(rows: &[T]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn task_line(task: &Task) -> String {
    format!(
        "{} {:?} {:?} created {} priority {} impact {} {:?} after {:?}{}{} groups {:?} own {:?}",
        task.id,
        task.work,
        task.state,
        task.created.timestamp(),
        task.priority.get(),
        task.impact.get(),
        task.launch_type,
        task.dependencies,
        if task.dependencies_derived { " derived" } else { "" },
        if task.cancel_requested { " cancel" } else { "" },
        task.groups,
        task.own_keys,
    )
}

const NOW: i64 = 1000;

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Numbers that follow from the first one (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn from(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(u64::from(last - first) + 1) as u32
    }

    fn id<T: From<i64>>(&mut self, last: u32) -> T {
        i64::from(self.from(1, last)).into()
    }

    /// True in one case of so many.
    fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    fn maybe<T>(&mut self, none_in: u64, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.one_in(none_in) { None } else { Some(some(self)) }
    }

    fn several<T>(&mut self, most: u32, mut each: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.from(0, most)).map(|_| each(self)).collect()
    }

    fn rules(&mut self, preset: RuleSet) -> RuleSet {
        let mut rules = preset;
        rules.default_groups = self.several(2, |dice| dice.id(3));
        if self.one_in(2) {
            let last = if self.one_in(8) { 4 } else { 2 };
            rules.control_plane =
                Some(ControlPlane { group: self.id(last), impact: Forks::new(self.from(0, 3)) });
        }
        if self.one_in(3) {
            let licence = Resource::Own("licence".into());
            let own = |by, mode, simultaneous| Claim { by, resource: licence.clone(), mode, simultaneous };
            rules.claims.insert(0, own(Claimant::AdHocCommand, Mode::Shared, Simultaneous::Same));
            rules.claims.push(own(Claimant::Job, Mode::Exclusive, Simultaneous::As(Mode::Shared)));
            let forbidden = vec![(Mode::Exclusive, Mode::Exclusive), (Mode::Exclusive, Mode::Shared)];
            rules.matrices.push(Matrix { resource: licence, forbidden });
        }
        rules.heartbeat_grace = Seconds::new(10);
        rules.dispatch_grace = Seconds::new(5);
        rules.start_limit = TaskCount::new(if self.one_in(4) { self.from(1, 3) } else { 0 });
        rules.reserve_after = if self.one_in(3) { Some(Seconds::new(self.from(0, 8))) } else { None };
        rules
    }

    fn snapshot(&mut self) -> Snapshot {
        let careful = !self.one_in(3);
        let count = self.from(1, 12);
        let mut tasks: Vec<Task> = (1..=count).map(|id| self.task(id, count, careful)).collect();
        if careful {
            for task in &mut tasks {
                // Mostly backwards, so that cycles are rare.
                let id = task.id;
                task.dependencies.retain(|on| *on < id);
            }
        }
        let mut graphs = Vec::new();
        let mut jobs: Vec<i64> = (1..=i64::from(count)).collect();
        for task in &tasks {
            if task.work.kind() == scheduler_core::Kind::WorkflowJob && !self.one_in(6) {
                graphs.push(self.graph(task.id, &mut jobs, careful));
            }
        }
        if !careful && self.one_in(4) {
            graphs.push(self.graph(TaskId::new(i64::from(count) + 1), &mut jobs, careful));
        }
        let projects = (1..=3).filter_map(|id| self.maybe(4, |dice| dice.project(id))).collect();
        let inventory_sources = (1..=3).filter_map(|id| self.maybe(3, |dice| dice.source(id))).collect();
        let instances = (1..=4).filter_map(|id| self.maybe(4, |dice| dice.instance(id))).collect();
        let groups = (1..=3).filter_map(|id| self.maybe(8, |dice| dice.group(id))).collect();
        let mut snapshot = Snapshot {
            version: Default::default(),
            now: moment(NOW),
            tasks,
            projects,
            inventory_sources,
            instances,
            groups,
            graphs,
        };
        if !careful {
            self.duplicate(&mut snapshot);
        }
        for at in (1..snapshot.tasks.len()).rev() {
            let other = self.below(at as u64 + 1) as usize;
            snapshot.tasks.swap(at, other);
        }
        snapshot
    }

    /// Gives rows the id of another.
    fn duplicate(&mut self, snapshot: &mut Snapshot) {
        let count = snapshot.tasks.len() as u32;
        if self.one_in(3) {
            let at = self.below(u64::from(count)) as usize;
            snapshot.tasks[at].id = self.id(count);
        }
        if self.one_in(6) && !snapshot.instances.is_empty() {
            snapshot.instances.push(snapshot.instances[0].clone());
        }
        if self.one_in(6) && !snapshot.groups.is_empty() {
            snapshot.groups.push(snapshot.groups[0].clone());
        }
        if self.one_in(6) && !snapshot.projects.is_empty() {
            snapshot.projects.push(snapshot.projects[0].clone());
        }
        if self.one_in(6) && !snapshot.inventory_sources.is_empty() {
            snapshot.inventory_sources.push(snapshot.inventory_sources[0].clone());
        }
        if self.one_in(6) && !snapshot.graphs.is_empty() {
            snapshot.graphs.push(snapshot.graphs[0].clone());
        }
    }

    fn task(&mut self, id: u32, count: u32, careful: bool) -> Task {
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
                .several(1, |dice| OwnKey { resource: "licence".into(), key: dice.id(2) })
                .into_iter()
                .collect(),
        }
    }

    fn work(&mut self) -> Work {
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

    fn outcome(&mut self) -> Outcome {
        self.of(&[
            Outcome::Successful,
            Outcome::Successful,
            Outcome::Failed,
            Outcome::Error,
            Outcome::Canceled,
        ])
    }

    fn graph(&mut self, workflow: TaskId, jobs: &mut Vec<i64>, careful: bool) -> Graph {
        let count = self.from(0, 4);
        let nodes: Vec<Node> = (1..=count)
            .map(|id| Node {
                id: NodeId::new(if !careful && self.one_in(12) { 1 } else { i64::from(id) }),
                starts: self.maybe(6, |dice| dice.work().into()),
                convergence: self.of(&[Convergence::Any, Convergence::All]),
                progress: self.progress(workflow, jobs, careful),
            })
            .collect();
        let edges = self.several(5, |dice| {
            let (one, other) = (dice.from(1, count.max(1)), dice.from(1, count.max(1)));
            let (from, to) = if careful { (one.min(other), one.max(other)) } else { (one, other) };
            let stray = !careful && dice.one_in(16);
            Edge {
                from: NodeId::new(if stray { 9 } else { from.into() }),
                to: NodeId::new(to.into()),
                on: dice.of(&[EdgeKind::Success, EdgeKind::Failure, EdgeKind::Always]),
            }
        });
        let edges = edges.into_iter().filter(|edge| !careful || edge.from != edge.to).collect();
        Graph { workflow, nodes, edges }
    }

    fn progress(&mut self, workflow: TaskId, jobs: &mut Vec<i64>, careful: bool) -> Progress {
        let mut job = |dice: &mut Self| {
            if !careful {
                return dice.id(12);
            }
            let at = dice.below(jobs.len() as u64) as usize;
            if jobs.is_empty() || jobs[at] == workflow.get() {
                TaskId::new(77)
            } else {
                TaskId::new(jobs.remove(at))
            }
        };
        match self.below(8) {
            0..=2 => Progress::Untouched,
            3 => Progress::Skipped,
            4 => Progress::TemplateMissing,
            5 | 6 => match job(self) {
                task if task.get() == 77 => Progress::Untouched,
                task => Progress::Job(task),
            },
            _ => Progress::Ended { task: job(self), outcome: self.outcome() },
        }
    }

    fn last_update(&mut self) -> Option<LastUpdate> {
        self.maybe(3, |dice| LastUpdate {
            task: dice.id(16),
            outcome: dice.outcome(),
            at: dice.maybe(5, |dice| moment(NOW - i64::from(dice.from(0, 9)))),
        })
    }

    fn project(&mut self, id: i64) -> Project {
        Project {
            id: id.into(),
            update_on_launch: !self.one_in(4),
            cache_timeout: Seconds::new(self.from(0, 6)),
            last_update: self.last_update(),
        }
    }

    fn source(&mut self, id: i64) -> InventorySource {
        InventorySource {
            id: id.into(),
            inventory: self.id(2),
            update_on_launch: !self.one_in(4),
            cache_timeout: Seconds::new(self.from(0, 6)),
            source_project: self.maybe(2, |dice| dice.id(2)),
            last_update: self.last_update(),
        }
    }

    fn instance(&mut self, id: i64) -> Instance {
        Instance {
            id: InstanceId::new(id),
            hostname: self.of(&["a", "b", "c"]).into(),
            node_type: self.of(&[
                NodeType::Hybrid,
                NodeType::Hybrid,
                NodeType::Execution,
                NodeType::Execution,
                NodeType::Control,
                NodeType::Hop,
            ]),
            capacity: Forks::new(self.of(&[0, 1, 2, 4, 6, 10])),
            enabled: !self.one_in(8),
            last_heartbeat: self.maybe(10, |dice| moment(NOW - i64::from(dice.from(0, 11)))),
        }
    }

    fn group(&mut self, id: i64) -> InstanceGroup {
        let members = if self.one_in(5) {
            Members::Container
        } else {
            Members::Instances(self.several(4, |dice| dice.id(4)))
        };
        InstanceGroup {
            id: GroupId::new(id),
            name: format!("group {id}"),
            members,
            max_concurrent_jobs: TaskCount::new(if self.one_in(3) { self.from(1, 3) } else { 0 }),
            max_forks: Forks::new(if self.one_in(3) { self.from(1, 9) } else { 0 }),
        }
    }
}
