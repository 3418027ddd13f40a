//! Whoever follows a planner: rows in the simplest way there is, and what the news said.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use scheduler_core::{Action, Change, Place, Plan, Planner, RuleSet, Snapshot, TaskId, plan};

pub(crate) struct Follower {
    snapshot: Snapshot,
    rules: RuleSet,
    /// The tasks that start or are held by the news so far.
    told: BTreeMap<TaskId, Action>,
    derived: BTreeSet<TaskId>,
}

macro_rules! put {
    ($rows:expr, $row:ident, $id:ident) => {{
        $rows.retain(|other| other.$id != $row.$id);
        $rows.push($row);
        true
    }};
}

macro_rules! gone {
    ($rows:expr, $gone:ident, $id:ident) => {{
        let before = $rows.len();
        $rows.retain(|other| other.$id != $gone);
        $rows.len() < before
    }};
}

impl Follower {
    pub(crate) fn new(snapshot: Snapshot, rules: RuleSet) -> Self {
        Self { snapshot, rules, told: BTreeMap::new(), derived: BTreeSet::new() }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Makes a change on both sides; what does not fit is refused and leaves no trace.
    pub(crate) fn change(&mut self, planner: &mut Planner, change: Change) -> Result<(), TestCaseError> {
        if let Change::Task(task) = &change
            && !self.snapshot.tasks.contains(task)
        {
            self.forget(task.id);
        }
        if let Change::TaskGone(id) = &change {
            self.forget(*id);
        }
        let fits = self.make(change.clone());
        prop_assert_eq!(planner.apply(change.clone()).is_ok(), fits, "{:?}", change);
        Ok(())
    }

    /// What is told of a task counts no longer once its row changes.
    fn forget(&mut self, task: TaskId) {
        self.told.remove(&task);
        self.derived.remove(&task);
    }

    fn make(&mut self, change: Change) -> bool {
        let Snapshot { tasks, projects, inventory_sources, instances, groups, graphs, now, .. } =
            &mut self.snapshot;
        match change {
            Change::Clock(moment) => {
                *now = moment;
                true
            }
            Change::Rules(rules) => {
                self.rules = *rules;
                true
            }
            Change::Task(task) => put!(tasks, task, id),
            Change::TaskGone(id) => gone!(tasks, id, id),
            Change::Project(row) => put!(projects, row, id),
            Change::ProjectGone(id) => gone!(projects, id, id),
            Change::Source(row) => put!(inventory_sources, row, id),
            Change::SourceGone(id) => gone!(inventory_sources, id, id),
            Change::Instance(row) => put!(instances, row, id),
            Change::InstanceGone(id) => gone!(instances, id, id),
            Change::Group(row) => put!(groups, row, id),
            Change::GroupGone(id) => gone!(groups, id, id),
            Change::Graph(row) => put!(graphs, row, workflow),
            Change::GraphGone(id) => gone!(graphs, id, workflow),
        }
    }

    /// Both have the same rows, in whatever order.
    pub(crate) fn check_snapshot(&self, planner: &Planner) -> Result<(), TestCaseError> {
        prop_assert_eq!(in_order(planner.snapshot()), in_order(&self.snapshot));
        prop_assert_eq!(planner.rules(), &self.rules);
        Ok(())
    }

    pub(crate) fn check_plan(&self, planner: &mut Planner, expected: &Plan) -> Result<(), TestCaseError> {
        prop_assert_eq!(&planner.plan(), expected);
        Ok(())
    }

    /// The planner tells of each task what the plan tells.
    pub(crate) fn check_reasons(&self, planner: &mut Planner, expected: &Plan) -> Result<(), TestCaseError> {
        for task in self.snapshot.tasks.iter().map(|task| task.id).chain([TaskId::new(-77)]) {
            let reason = expected.decision(task).and_then(|decision| decision.action.hold());
            let told = planner.reason(task);
            prop_assert_eq!(told.as_ref(), reason, "of task {}", task);
        }
        Ok(())
    }

    /// Whoever follows the news knows what starts where, what is held, and what is derived; every reason told is the plan's.
    pub(crate) fn check_news(&mut self, planner: &mut Planner) -> Result<(), TestCaseError> {
        let expected = plan(planner.snapshot(), planner.rules());
        let news = planner.step();
        if news.anew {
            prop_assert_eq!(&news.plan, &expected);
            (self.told, self.derived) = (BTreeMap::new(), BTreeSet::new());
        }
        prop_assert_eq!(news.plan.more, expected.more);
        for decision in &news.plan.decisions {
            let twin = expected.decisions.iter().any(|other| other == decision);
            prop_assert!(twin, "told, but not of the plan: {:?}", decision);
            self.told.insert(decision.task, decision.action.clone());
        }
        let order: Vec<_> = expected.decisions.iter().map(|decision| decision.task).collect();
        let places: Vec<_> =
            news.plan.decisions.iter().map(|told| order.iter().position(|task| *task == told.task)).collect();
        prop_assert!(news.anew || places.is_sorted(), "the news stand in the order of the plan");
        self.derived.extend(news.plan.derived.iter().map(|derived| derived.task));
        let derived: BTreeSet<_> = expected.derived.iter().map(|derived| derived.task).collect();
        prop_assert_eq!(&self.derived, &derived);
        let told = self.told.iter().map(|(&task, action)| (task, outline(action)));
        let known = expected.decisions.iter().map(|decision| (decision.task, outline(&decision.action)));
        prop_assert_eq!(told.collect::<BTreeMap<_, _>>(), known.collect::<BTreeMap<_, _>>());
        let again = planner.step();
        prop_assert!(!again.anew && again.plan.decisions.is_empty(), "nothing is told twice");
        Ok(())
    }
}

/// Where a task starts, if it does; whether it is held.
fn outline(action: &Action) -> (Option<Place>, bool) {
    (action.start().copied(), action.hold().is_some())
}

/// The rows by their ids; those of one id as they stand.
fn in_order(snapshot: &Snapshot) -> Snapshot {
    let mut sorted = snapshot.clone();
    sorted.tasks.sort_by_key(|row| row.id);
    sorted.projects.sort_by_key(|row| row.id);
    sorted.inventory_sources.sort_by_key(|row| row.id);
    sorted.instances.sort_by_key(|row| row.id);
    sorted.groups.sort_by_key(|row| row.id);
    sorted.graphs.sort_by_key(|row| row.workflow);
    sorted
}
