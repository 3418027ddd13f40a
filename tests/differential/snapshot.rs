//! Rule sets, and snapshots as a whole.

use scheduler_core::{
    Claim, Claimant, ControlPlane, Forks, Matrix, Mode, Resource, RuleSet, Seconds, Simultaneous, Snapshot,
    Task, TaskCount, TaskId,
};

use crate::dice::{Dice, NOW, moment};

impl Dice {
    pub(crate) fn rules(&mut self, preset: RuleSet) -> RuleSet {
        let mut rules = preset;
        rules.default_groups = self.several(2, |dice| dice.id(3));
        if self.one_in(2) {
            let last = if self.one_in(8) { 4 } else { 2 };
            rules.control_plane =
                Some(ControlPlane { group: self.id(last), impact: Forks::new(self.from(0, 3)) });
        }
        match self.below(6) {
            0 | 1 => self.licence(&mut rules),
            2 => self.own_table(&mut rules),
            _ => {}
        }
        rules.heartbeat_grace = Seconds::new(10);
        rules.dispatch_grace = Seconds::new(5);
        rules.start_limit = TaskCount::new(if self.one_in(4) { self.from(1, 3) } else { 0 });
        rules.reserve_after = if self.one_in(3) { Some(Seconds::new(self.from(0, 8))) } else { None };
        rules
    }

    /// A row of one's own, as a user would write it.
    fn licence(&mut self, rules: &mut RuleSet) {
        let licence = Resource::Own("licence".into());
        let own = |by, mode, simultaneous| Claim { by, resource: licence.clone(), mode, simultaneous };
        rules.claims.insert(0, own(Claimant::AdHocCommand, Mode::Shared, Simultaneous::Same));
        rules.claims.push(own(Claimant::Job, Mode::Exclusive, Simultaneous::As(Mode::Shared)));
        let forbidden = vec![(Mode::Exclusive, Mode::Exclusive), (Mode::Exclusive, Mode::Shared)];
        rules.matrices.push(Matrix { resource: licence, forbidden });
    }

    /// Rows and cells that nobody would write: any claimant, any resource, any mode.
    fn own_table(&mut self, rules: &mut RuleSet) {
        let resources = [
            Resource::Own("licence".into()),
            Resource::Own("seat".into()),
            Resource::Project,
            Resource::Inventory,
            Resource::InventorySource,
            Resource::JobTemplate,
            Resource::WorkflowTemplate,
            Resource::SystemJobSlot,
        ];
        for _ in 0..self.from(1, 4) {
            let simultaneous = match self.below(3) {
                0 => Simultaneous::Same,
                1 => Simultaneous::Nothing,
                _ => Simultaneous::As(self.of(&Mode::ALL)),
            };
            let (by, resource) = (self.of(&Claimant::ALL), self.of(&resources));
            let claim = Claim { by, resource, mode: self.of(&Mode::ALL), simultaneous };
            let at = self.below(rules.claims.len() as u64 + 1) as usize;
            rules.claims.insert(at, claim);
        }
        for resource in &resources {
            if self.one_in(3) {
                rules.matrices.retain(|matrix| matrix.resource != *resource);
            }
            let forbidden = self.several(5, |dice| (dice.of(&Mode::ALL), dice.of(&Mode::ALL)));
            rules.matrices.push(Matrix { resource: resource.clone(), forbidden });
        }
    }

    /// A snapshot of up to a dozen tasks, and now and then of so many that they are read ahead in several portions.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let most = if self.one_in(20) { 44 } else { 12 };
        self.snapshot_of(most)
    }

    fn snapshot_of(&mut self, most: u32) -> Snapshot {
        let careful = !self.one_in(3);
        let count = self.from(1, most);
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
}
