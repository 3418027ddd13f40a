//! What a reading holds: what is defined, as a pass needs it, and what has not ended.

use scheduler_core::{ControlPlane, Forks, Outcome, Seconds, TaskCount};
use serde_json::json;

use crate::cluster::{definitions, everything, template};
use crate::world::{Subject, World};

pub(super) async fn r2_the_rules_are_those_that_are_defined(subject: Subject) {
    let before = subject.store.read().await.unwrap();
    assert_eq!(before.rules, scheduler_core::RuleSet::tower_2018(), "at first");
    subject.stage.define(&everything()).await.unwrap();
    let reading = subject.store.read().await.unwrap();
    let id = |name: &str| reading.snapshot.groups.iter().find(|group| group.name == name).unwrap().id;
    let rules = &reading.rules;
    assert_eq!(rules.default_groups, [id("second"), id("first")]);
    assert_eq!(rules.control_plane, Some(ControlPlane { group: id("first"), impact: Forks::new(2) }));
    assert!(rules.chronological);
    assert_eq!((rules.heartbeat_grace, rules.dispatch_grace), (Seconds::new(33), Seconds::new(44)));
    assert_eq!((rules.start_limit, rules.reserve_after), (TaskCount::new(55), Some(Seconds::new(66))));
    assert_eq!(rules.claims.len(), scheduler_core::RuleSet::awx_2024().claims.len() + 1);
    subject.stage.define(&definitions(json!({ "inventory": [{ "name": "more" }] }))).await.unwrap();
    assert_eq!(subject.store.read().await.unwrap().rules, reading.rules, "rules that are left out stay");
}

pub(super) async fn a_snapshot_holds_what_is_defined(subject: Subject) {
    subject.stage.define(&everything()).await.unwrap();
    let snapshot = subject.store.read().await.unwrap().snapshot;
    let [instance] = snapshot.instances.as_slice() else { panic!("one instance") };
    assert_eq!((instance.hostname.as_str(), instance.enabled, instance.last_heartbeat), ("one", false, None));
    let first = snapshot.groups.iter().find(|group| group.name == "first").unwrap();
    assert_eq!(first.members, scheduler_core::Members::Instances(vec![instance.id]));
    assert_eq!((first.max_concurrent_jobs, first.max_forks), (TaskCount::new(4), Forks::new(5)));
    let second = snapshot.groups.iter().find(|group| group.name == "second").unwrap();
    assert_eq!(second.members, scheduler_core::Members::Container);
    let project = snapshot.projects.iter().find(|project| project.update_on_launch).unwrap();
    assert_eq!((project.cache_timeout, project.last_update), (Seconds::new(6), None));
    let source = snapshot.inventory_sources.iter().find(|source| source.update_on_launch).unwrap();
    assert_eq!((source.cache_timeout, source.source_project), (Seconds::new(8), Some(project.id)));
}

pub(super) async fn finished_tasks_are_no_part_of_a_snapshot(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    world.finish(task, Outcome::Successful).await;
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}
