//! R6: no start breaks a limit, and no task is held that fits.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scheduler_core::{
    Forks, GroupId, Instance, InstanceGroup, InstanceId, Kind, Members, NodeType, Place, Placement, Reason,
    RuleSet, Snapshot, State, Task, TaskId, plan, strategies,
};

use crate::cases;
use crate::view::{instance, is_heard, row};

/// What is used, of every instance and by every group.
#[derive(Default)]
struct Usage {
    forks: BTreeMap<InstanceId, u64>,
    /// How many tasks an instance runs.
    runs: BTreeMap<InstanceId, usize>,
    by_group: BTreeMap<GroupId, (u64, u64)>,
}

impl Usage {
    fn of(snapshot: &Snapshot, rules: &RuleSet) -> Self {
        let mut usage = Self::default();
        for task in &snapshot.tasks {
            if let Some(placement) = task.state.placement() {
                usage.add(task, *placement, rules);
            }
        }
        usage
    }

    fn add(&mut self, task: &Task, placement: Placement, rules: &RuleSet) {
        self.change(task, placement, rules, |value, by| *value += by);
        if let Some(node) = placement.node.filter(|_| task.kind().needs_place()) {
            *self.runs.entry(node).or_default() += 1;
        }
    }

    fn take_out(&mut self, task: &Task, placement: Placement, rules: &RuleSet) {
        self.change(task, placement, rules, |value, by| *value -= by);
        if let Some(node) = placement.node.filter(|_| task.kind().needs_place()) {
            *self.runs.entry(node).or_default() -= 1;
        }
    }

    fn change(&mut self, task: &Task, placement: Placement, rules: &RuleSet, apply: impl Fn(&mut u64, u64)) {
        if !task.kind().needs_place() {
            return;
        }
        let cost = u64::from(task.cost().get());
        if let Some(node) = placement.node {
            apply(self.forks.entry(node).or_default(), cost);
        }
        if let Some(controller) = placement.controller {
            apply(self.forks.entry(controller).or_default(), control_impact(rules));
        }
        if let Some(group) = placement.group {
            let (jobs, forks) = self.by_group.entry(group).or_default();
            apply(jobs, 1);
            apply(forks, cost);
        }
    }

    /// Adds a task; what is wrong with where it is.
    fn start(&mut self, snapshot: &Snapshot, rules: &RuleSet, task: &Task, at: Placement) -> Option<String> {
        let was_idle = at.node.is_some_and(|node| self.is_idle(node));
        let used_before = self.forks.clone();
        self.add(task, at, rules);
        // What costs nothing fits on an instance that is too full already.
        let fits = |node: &Instance| {
            self.used(node.id) <= u64::from(node.capacity.get())
                || used_before.get(&node.id).copied().unwrap_or(0) == self.used(node.id)
        };
        if let Some(id) = at.node {
            let node = instance(snapshot, id).filter(|node| is_usable(snapshot, rules, node));
            match node.filter(|node| may_run(node, task.kind())) {
                None => return Some(format!("{id} may not run it")),
                Some(node) if !was_idle && !fits(node) => return Some(format!("{id} is too full to run it")),
                Some(_) => {}
            }
        }
        if let Some(id) = at.controller {
            let node = instance(snapshot, id).filter(|node| is_usable(snapshot, rules, node));
            let controls = |node: &&Instance| matches!(node.node_type, NodeType::Control | NodeType::Hybrid);
            let controls_itself_alone = was_idle && at.node == at.controller;
            match node.filter(controls) {
                None => return Some(format!("{id} may not control it")),
                Some(node) if !controls_itself_alone && !fits(node) => {
                    return Some(format!("{id} is too full to control it"));
                }
                Some(_) => {}
            }
        }
        let group = at.group.and_then(|id| snapshot.groups.iter().find(|group| group.id == id));
        let over = group.filter(|group| !self.keeps_limits(group))?;
        Some(format!("{} is over its limits", over.id))
    }

    fn used(&self, id: InstanceId) -> u64 {
        self.forks.get(&id).copied().unwrap_or(0)
    }

    fn is_idle(&self, id: InstanceId) -> bool {
        self.runs.get(&id).copied().unwrap_or(0) == 0
    }

    fn keeps_limits(&self, group: &InstanceGroup) -> bool {
        self.takes(group, 0, Forks::ZERO)
    }

    /// Whether so many more tasks of this cost stay within a group's limits.
    fn takes(&self, group: &InstanceGroup, more: u64, cost: Forks) -> bool {
        let (jobs, forks) = self.by_group.get(&group.id).copied().unwrap_or_default();
        let within = |limit: u32, used: u64| limit == 0 || used <= u64::from(limit);
        within(group.max_concurrent_jobs.get(), jobs + more)
            && within(group.max_forks.get(), forks + u64::from(cost.get()))
    }
}

fn control_impact(rules: &RuleSet) -> u64 {
    rules.control_plane.map_or(0, |plane| u64::from(plane.impact.get()))
}

fn is_usable(snapshot: &Snapshot, rules: &RuleSet, instance: &Instance) -> bool {
    instance.enabled
        && instance.capacity > Forks::ZERO
        && instance.node_type != NodeType::Hop
        && is_heard(snapshot, rules, instance)
}

fn may_run(instance: &Instance, kind: Kind) -> bool {
    match instance.node_type {
        NodeType::Hybrid => true,
        NodeType::Control => kind.is_control(),
        NodeType::Execution => !kind.is_control(),
        NodeType::Hop => false,
    }
}

/// The first of these starts, one after the other, that finds no room, or may not be where it is.
pub(crate) fn excess(snapshot: &Snapshot, rules: &RuleSet, starts: &[(TaskId, Place)]) -> Option<String> {
    let mut usage = Usage::of(snapshot, rules);
    starts.iter().find_map(|&(id, place)| {
        let task = row(snapshot, id)?;
        // A task that was taken back does not count against its own replacement.
        let before = task.state.placement().copied();
        if let Some(before) = before {
            usage.take_out(task, before, rules);
        }
        let excess = usage.start(snapshot, rules, task, Placement::from(place));
        if let Some(before) = before {
            usage.add(task, before, rules);
        }
        excess.map(|excess| format!("task {id}: {excess}"))
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn r6_no_start_exceeds_an_instance_or_a_limit(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let starts: Vec<_> = plan(&snapshot, &rules).starts().map(|(id, place)| (id, *place)).collect();
        prop_assert_eq!(excess(&snapshot, &rules, &starts), None);
    }

    #[test]
    fn r6_a_task_without_capacity_fits_nowhere(
        mut snapshot in strategies::snapshot(), mut rules in strategies::rules(),
    ) {
        rules.control_plane = None;
        rules.reserve_after = None;
        snapshot.tasks.retain(|task| !matches!(task.state, State::Waiting(_)));
        let plan = plan(&snapshot, &rules);
        let mut usage = Usage::of(&snapshot, &rules);
        for decision in &plan.decisions {
            let Some(task) = row(&snapshot, decision.task) else { continue };
            if let Some(place) = decision.action.start() {
                usage.add(task, Placement::from(*place), &rules);
            }
            let Some(Reason::NoCapacity(_) | Reason::NeverFits(_)) = decision.action.hold() else { continue };
            let named = if task.groups.is_empty() { &rules.default_groups[..] } else { &task.groups[..] };
            for group in snapshot.groups.iter().filter(|group| named.contains(&group.id)) {
                let unique = snapshot.groups.iter().filter(|other| other.id == group.id).count() == 1;
                if !unique || !usage.takes(group, 1, task.cost()) {
                    continue;
                }
                let Members::Instances(members) = &group.members else {
                    prop_assert!(false, "{} fits into container group {}", task.id, group.id);
                    continue;
                };
                for node in members.iter().filter_map(|id| instance(&snapshot, *id)) {
                    let usable = is_usable(&snapshot, &rules, node) && may_run(node, task.kind());
                    let full = usage.used(node.id) + u64::from(task.cost().get()) > u64::from(node.capacity.get());
                    prop_assert!(!usable || (full && !usage.is_idle(node.id)), "{} fits on {}", task.id, node.id);
                }
            }
        }
    }
}

/// It would be pleasant if more capacity never started fewer tasks. It is not so: room for a large task is room that
/// small ones do not get.
#[test]
fn r6_more_capacity_can_start_fewer_tasks() {
    use scheduler_core::{InventoryId, Work};
    let task = |id: i64, impact: u32, state: State| Task {
        priority: scheduler_core::Priority::new(0),
        impact: Forks::new(impact),
        state,
        groups: [GroupId::new(1)].into(),
        dependencies: [].into_iter().collect(),
        dependencies_derived: true,
        own_keys: [].into_iter().collect(),
        ..Task::new(
            TaskId::new(id),
            strategies::now(),
            Work::Job {
                project: None,
                inventory: None::<InventoryId>,
                template: None,
                allow_simultaneous: false,
                sources_already_updated: [].into_iter().collect(),
            },
        )
    };
    let started = |capacity: u32| {
        let node = InstanceId::new(1);
        let running = Placement { group: Some(GroupId::new(1)), node: Some(node), controller: None };
        let mut tasks = vec![task(1, 1, State::Running(Box::new(running)))];
        tasks.extend([(2, 6), (3, 1), (4, 1), (5, 1)].map(|(id, impact)| task(id, impact, State::Pending)));
        let snapshot = Snapshot {
            now: strategies::now(),
            tasks,
            instances: vec![Instance {
                id: node,
                hostname: "a".into(),
                node_type: NodeType::Hybrid,
                capacity: Forks::new(capacity),
                enabled: true,
                last_heartbeat: Some(strategies::now()),
            }],
            groups: vec![InstanceGroup {
                id: GroupId::new(1),
                name: "group".into(),
                members: Members::Instances(vec![node]),
                max_concurrent_jobs: 0.into(),
                max_forks: Forks::ZERO,
            }],
            ..Snapshot::default()
        };
        plan(&snapshot, &RuleSet::default()).starts().count()
    };
    assert_eq!((started(6), started(7)), (3, 1));
}
