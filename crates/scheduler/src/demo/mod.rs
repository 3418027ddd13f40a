//! `scheduler demo`: a small, made-up cluster through real passes in virtual time, until all is done.
//!
//! The same pass decides here as in production, and every plan is audited before it is applied. Only the machines, the
//! people who launch and the workers are made up.

mod catalogue;
mod executor;
mod narrator;

use chrono::DateTime;
use scheduler_core::{
    Forks, Instance, InstanceGroup, InstanceId, InventorySource, Members, NodeType, Project, RuleSet,
    Seconds, Snapshot, TaskCount, Work,
};

use crate::Found;
use crate::failure::Failure;
use crate::output::Output;
use executor::Executor;
use narrator::Narrator;

/// Far more passes than the demonstration takes: a defect must not make it run for ever.
const MOST_PASSES: usize = 1000;

/// Runs it.
pub(crate) fn run() -> Result<Found, Failure> {
    let rules = RuleSet::tower_2018();
    let mut world = Executor::new(cluster(), launches());
    let mut narrator = Narrator::new(Output::stdout(), &world.snapshot);
    narrator.introduce(&world.snapshot)?;
    while let Some(events) = world.advance() {
        narrator.tell_events(&world, &events)?;
        loop {
            let plan = scheduler_core::plan(&world.snapshot, &rules);
            narrator.audit(&world.snapshot, &rules, &plan)?;
            let before = world.snapshot.clone();
            let created = world.apply(&plan);
            narrator.tell_plan(&before, &world, &plan, &created)?;
            if !plan.more {
                break;
            }
            if narrator.passes() >= MOST_PASSES {
                return Err(Failure::new(format!(
                    "the demonstration did not come to rest in {MOST_PASSES} passes"
                )));
            }
        }
    }
    let left = world.snapshot.tasks.iter().filter(|task| task.state.is_unfinished()).count();
    narrator.sum_up(&world.snapshot)?;
    if left > 0 {
        return Err(Failure::new(format!("the demonstration came to rest with {left} tasks unfinished")));
    }
    Ok(Found::Nothing)
}

/// Two machines in a datacentre and a small one at the edge, a project and an inventory source that update on launch.
fn cluster() -> Snapshot {
    // Monday, 5 January 2026, 9 o'clock.
    let now = DateTime::from_timestamp(1_767_603_600, 0).unwrap_or_default();
    let instance = |id, hostname: &str, capacity| Instance {
        id: InstanceId::new(id),
        hostname: hostname.to_owned(),
        node_type: NodeType::Hybrid,
        capacity: Forks::new(capacity),
        enabled: true,
        last_heartbeat: Some(now),
    };
    let group = |id, name: &str, members: &[i64], most| InstanceGroup {
        id,
        name: name.to_owned(),
        members: Members::Instances(members.iter().copied().map(InstanceId::new).collect()),
        max_concurrent_jobs: TaskCount::new(most),
        max_forks: Forks::ZERO,
    };
    Snapshot {
        now,
        projects: vec![Project {
            id: catalogue::SITE,
            update_on_launch: true,
            cache_timeout: Seconds::new(30),
            last_update: None,
        }],
        inventory_sources: vec![InventorySource {
            id: catalogue::CLOUD,
            inventory: catalogue::PRODUCTION,
            update_on_launch: true,
            cache_timeout: Seconds::new(300),
            source_project: None,
            last_update: None,
        }],
        instances: vec![instance(1, "node-a", 10), instance(2, "node-b", 8), instance(3, "edge-1", 4)],
        groups: vec![
            group(catalogue::DATACENTRE, "datacentre", &[1, 2], 0),
            group(catalogue::EDGE, "edge", &[3], 2),
        ],
        ..Snapshot::default()
    }
}

/// What people launch, by the second.
fn launches() -> Vec<(i64, Work)> {
    vec![
        (0, catalogue::DEPLOY.job()),
        (0, catalogue::METRICS.job()),
        (1, catalogue::METRICS.job()),
        (2, catalogue::METRICS.job()),
        (5, catalogue::release()),
        // Larger than any machine: waits until one is idle.
        (7, catalogue::PATCH.job()),
        (8, catalogue::command()),
        // Waits for the jobs that use the fleet's project; the next job of it may not overtake it.
        (9, catalogue::fleet_update()),
        (10, catalogue::METRICS.job()),
        (12, catalogue::site_update()),
        (14, catalogue::DEPLOY.job()),
        (20, catalogue::command()),
        (22, Work::SystemJob {}),
        (24, Work::SystemJob {}),
    ]
}
