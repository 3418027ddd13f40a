//! What tasks meet in: graphs of workflows, projects, inventory sources, instances and groups.

use scheduler_core::{
    Convergence, Edge, EdgeKind, Forks, Graph, GroupId, Instance, InstanceGroup, InstanceId, InventorySource,
    LastUpdate, Members, Node, NodeId, NodeType, Progress, Project, Seconds, TaskCount, TaskId,
};

use crate::dice::{Dice, NOW, moment};

impl Dice {
    pub(crate) fn graph(&mut self, workflow: TaskId, jobs: &mut Vec<i64>, careful: bool) -> Graph {
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
                let last = if dice.one_in(8) { 44 } else { 12 };
                return dice.id(last);
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

    pub(crate) fn project(&mut self, id: i64) -> Project {
        Project {
            id: id.into(),
            update_on_launch: !self.one_in(4),
            cache_timeout: Seconds::new(self.from(0, 6)),
            last_update: self.last_update(),
        }
    }

    pub(crate) fn source(&mut self, id: i64) -> InventorySource {
        InventorySource {
            id: id.into(),
            inventory: self.id(2),
            update_on_launch: !self.one_in(4),
            cache_timeout: Seconds::new(self.from(0, 6)),
            source_project: self.maybe(2, |dice| dice.id(2)),
            last_update: self.last_update(),
        }
    }

    pub(crate) fn instance(&mut self, id: i64) -> Instance {
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

    pub(crate) fn group(&mut self, id: i64) -> InstanceGroup {
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
