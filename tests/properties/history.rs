//! A cluster over time: tasks come, run for as long as they are said to, and end; after every second passes are made until
//! they rest. Every plan is audited.

use std::collections::BTreeMap;

use scheduler_core::{
    Convergence, Edge, EdgeKind, Forks, Graph, GroupId, Instance, InstanceGroup, InstanceId, Members, Node,
    NodeId, NodeType, Outcome, Priority, Progress, RuleSet, Snapshot, State, Task, TaskCount, TaskId,
    Timestamp, Work, audit, plan, strategies,
};

use crate::apply::apply;

/// A moment, in seconds from the beginning.
pub(crate) type Second = u32;

pub(crate) struct History {
    pub(crate) snapshot: Snapshot,
    pub(crate) rules: RuleSet,
    pub(crate) second: Second,
    /// How long each task runs that was launched; what passes create runs for as long as `created_run`.
    lengths: BTreeMap<TaskId, Second>,
    pub(crate) created_run: Second,
    pub(crate) started: BTreeMap<TaskId, Second>,
    next: i64,
}

impl History {
    pub(crate) fn new(rules: RuleSet) -> Self {
        let snapshot = Snapshot { now: strategies::now(), ..Snapshot::default() };
        Self {
            snapshot,
            rules,
            second: 0,
            lengths: BTreeMap::new(),
            created_run: 1,
            started: BTreeMap::new(),
            next: 1,
        }
    }

    /// Adds an instance.
    pub(crate) fn instance(&mut self, id: i64, node_type: NodeType, capacity: u32) {
        self.snapshot.instances.push(Instance {
            id: InstanceId::new(id),
            hostname: format!("node-{id}"),
            node_type,
            capacity: Forks::new(capacity),
            enabled: true,
            last_heartbeat: Some(self.snapshot.now),
        });
    }

    /// Adds a group of instances, or a container group for none, and a limit of its forks, 0 for none.
    pub(crate) fn group(&mut self, id: i64, instances: &[i64], max_forks: u32) {
        let members: Vec<_> = instances.iter().map(|&id| InstanceId::new(id)).collect();
        self.snapshot.groups.push(InstanceGroup {
            id: GroupId::new(id),
            name: format!("group {id}"),
            members: if members.is_empty() { Members::Container } else { Members::Instances(members) },
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::new(max_forks),
        });
    }

    /// Launches a task of this group, impact and length.
    pub(crate) fn launch(&mut self, work: Work, group: i64, impact: u32, length: Second) -> &mut Task {
        let id = TaskId::new(self.next);
        self.next += 1;
        self.lengths.insert(id, length);
        self.snapshot.tasks.push(Task {
            priority: Priority::new(0),
            impact: Forks::new(impact),
            groups: [GroupId::new(group)].into(),
            dependencies: [].into_iter().collect(),
            dependencies_derived: true,
            own_keys: [].into_iter().collect(),
            ..Task::new(id, self.snapshot.now, work)
        });
        self.snapshot.tasks.last_mut().expect("it was pushed")
    }

    /// Launches a workflow that runs at once: its nodes start the same, one after the other.
    pub(crate) fn launch_chain(&mut self, work: Work, starts: &Work, nodes: i64) {
        let task = self.launch(work, 1, 0, 0);
        task.state = State::Running(Box::default());
        let workflow = task.id;
        let node = |id| Node {
            id: NodeId::new(id),
            starts: Some(starts.clone().into()),
            convergence: Convergence::Any,
            progress: Progress::Untouched,
        };
        let edge = |id| Edge { from: NodeId::new(id), to: NodeId::new(id + 1), on: EdgeKind::Always };
        self.snapshot.graphs.push(Graph {
            workflow,
            nodes: (1..=nodes).map(node).collect(),
            edges: (1..nodes).map(edge).collect(),
        });
    }

    /// Ends what has run for long enough, and makes passes until they rest.
    pub(crate) fn settle(&mut self) {
        self.end_tasks();
        loop {
            let plan = plan(&self.snapshot, &self.rules);
            let violations = audit(&self.snapshot, &self.rules, &plan);
            assert!(violations.is_empty(), "at {}: {violations:#?}", self.second);
            self.snapshot = apply(&self.snapshot, &plan).expect("a plan fits its snapshot");
            self.take_up();
            if !plan.more {
                return;
            }
        }
    }

    /// A second goes by.
    pub(crate) fn tick(&mut self) {
        self.second += 1;
        let now = strategies::now().timestamp() + i64::from(self.second);
        self.snapshot.now = Timestamp::from_timestamp(now, 0).expect("a moment of this century");
        for instance in &mut self.snapshot.instances {
            instance.last_heartbeat = Some(self.snapshot.now);
        }
    }

    fn take_up(&mut self) {
        for task in &mut self.snapshot.tasks {
            if let State::Waiting(dispatch) = &task.state {
                task.state = State::Running(Box::new(dispatch.placement));
            }
            if matches!(task.state, State::Running(_)) {
                self.started.entry(task.id).or_insert(self.second);
            }
            self.next = self.next.max(task.id.get() + 1);
        }
    }

    fn end_tasks(&mut self) {
        let now: Timestamp = self.snapshot.now;
        for task in self.snapshot.tasks.iter_mut().filter(|task| task.kind().needs_place()) {
            let length = self.lengths.get(&task.id).copied().unwrap_or(self.created_run);
            let over = self.started.get(&task.id).is_some_and(|started| started + length <= self.second);
            if over && task.state.is_holding() {
                task.state = State::Finished { outcome: Outcome::Successful, at: Some(now) };
            }
        }
        // A store keeps what a workflow's nodes ask for.
        let nodes = self.snapshot.graphs.iter().flat_map(|graph| &graph.nodes);
        let asked: Vec<_> = nodes.filter_map(|node| node.progress.job()).collect();
        self.snapshot
            .tasks
            .retain(|task| !matches!(task.state, State::Finished { .. }) || asked.contains(&task.id));
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = &Task> {
        self.snapshot.tasks.iter().filter(|task| task.state == State::Pending)
    }

    /// How many tasks hold a place.
    pub(crate) fn running(&self) -> usize {
        self.snapshot.tasks.iter().filter(|task| task.state.is_holding() && task.kind().needs_place()).count()
    }
}
