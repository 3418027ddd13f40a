//! Definitions: all of a set or none, by name, and nothing that is needed is ever missing.

use std::sync::Arc;

use control_plane::definition::{DefinitionKind, Definitions};
use control_plane::ports::{Store, TaskStatus};
use scheduler_core::{ControlPlane, Forks, Seconds, TaskCount};
use serde_json::{Value, json};

use super::world::{World, cluster, definitions, refusal, template};

/// In the order of names, which is nobody's promise.
fn sorted(mut set: Definitions) -> Definitions {
    set.instances.sort_by(|one, other| one.hostname.cmp(&other.hostname));
    set.groups.sort_by(|one, other| one.name.cmp(&other.name));
    set.projects.sort_by(|one, other| one.name.cmp(&other.name));
    set.inventories.sort_by(|one, other| one.name.cmp(&other.name));
    set.inventory_sources.sort_by(|one, other| one.name.cmp(&other.name));
    set.job_templates.sort_by(|one, other| one.name.cmp(&other.name));
    set.system_jobs.sort_by(|one, other| one.name.cmp(&other.name));
    set.workflows.sort_by(|one, other| one.name.cmp(&other.name));
    set
}

/// Every field says something else than its default.
fn everything() -> Definitions {
    definitions(json!({
        "rules": {
            "preset": "awx-2024",
            "default_groups": ["second", "first"],
            "control_plane": { "group": "first", "impact": 2 },
            "chronological": true, "heartbeat_grace": 33, "dispatch_grace": 44, "start_limit": 55, "reserve_after": 66,
            "claims": [{ "by": "job", "resource": { "own": "licence" }, "mode": "exclusive" }],
            "matrices": [{ "resource": { "own": "licence" }, "forbidden": [["exclusive", "exclusive"]] }],
        },
        "instance": [{ "hostname": "one", "node_type": "control", "capacity": 3, "enabled": false }],
        "group": [
            { "name": "first", "instances": ["one"], "max_concurrent_jobs": 4, "max_forks": 5 },
            { "name": "second", "container": true },
        ],
        "project": [{ "name": "code", "update_on_launch": true, "cache_timeout": 6, "groups": ["second", "first"],
            "run": { "command": ["git", "pull"], "timeout": 30, "directory": "/srv", "environment": { "A": "b" } } }],
        "inventory": [{ "name": "hosts", "hosts": 7 }],
        "inventory-source": [{ "name": "source", "inventory": "hosts", "update_on_launch": true, "cache_timeout": 8,
            "source_project": "code", "groups": ["first"], "run": { "handler": "read", "payload": { "deep": [1, null] } } }],
        "template": [{ "name": "job", "project": "code", "inventory": "hosts", "allow_simultaneous": true, "forks": 9,
            "impact": 10, "slices": 11, "priority": -12, "groups": ["first", "second"],
            "own_keys": [{ "resource": "licence", "key": 13 }], "run": { "handler": "play", "payload": "text" } }],
        "system-job": [{ "name": "system", "groups": ["first"], "run": { "handler": "system" } }],
        "workflow": [
            { "name": "inner" },
            { "name": "flow", "allow_simultaneous": true, "priority": 14, "node": [
                { "name": "z", "starts": { "template": "job" }, "on_success": ["a", "b"], "on_failure": ["c"], "always": ["d"] },
                { "name": "a", "starts": { "project": "code" }, "convergence": "all" },
                { "name": "b", "starts": { "inventory-source": "source" } },
                { "name": "c", "starts": { "system-job": "system" } },
                { "name": "d", "starts": { "approval": { "timeout": 15 } }, "on_success": ["e"] },
                { "name": "e", "starts": { "workflow": "inner" }, "on_success": ["f"] },
                { "name": "f", "starts": { "approval": {} } },
            ]},
        ],
    }))
}

pub async fn what_is_defined_comes_back_as_it_was(store: Arc<dyn Store>) {
    let applied = store.define(&everything()).await.unwrap();
    assert_eq!(sorted(store.definitions().await.unwrap()), sorted(everything()));
    assert_eq!((applied.created.len(), applied.changed.len(), applied.unchanged), (10, 0, 0));
    assert!(applied.rules_changed);
    assert!(applied.created.contains(&(DefinitionKind::InventorySource, "source".into())));
}

pub async fn defining_the_same_again_changes_nothing(store: Arc<dyn Store>) {
    store.define(&everything()).await.unwrap();
    let applied = store.define(&everything()).await.unwrap();
    assert_eq!(
        (applied.created.as_slice(), applied.changed.as_slice(), applied.unchanged),
        ([].as_slice(), [].as_slice(), 10)
    );
    assert!(!applied.rules_changed);
    assert_eq!(sorted(store.definitions().await.unwrap()), sorted(everything()));
}

pub async fn a_change_touches_what_it_names_and_nothing_else(store: Arc<dyn Store>) {
    store.define(&everything()).await.unwrap();
    let change = definitions(json!({
        "inventory": [{ "name": "hosts", "hosts": 70 }, { "name": "more" }],
        "template": [{ "name": "job", "run": { "handler": "play" } }],
        "workflow": [{ "name": "flow", "node": [{ "name": "only", "starts": { "template": "job" } }] }],
    }));
    let applied = store.define(&change).await.unwrap();
    assert_eq!(applied.created, [(DefinitionKind::Inventory, "more".into())]);
    let mut changed = applied.changed.clone();
    changed.sort();
    assert_eq!(
        changed,
        [
            (DefinitionKind::Inventory, "hosts".into()),
            (DefinitionKind::JobTemplate, "job".into()),
            (DefinitionKind::Workflow, "flow".into()),
        ]
    );
    assert!(!applied.rules_changed);
    let mut expected = everything();
    expected.inventories = change.inventories.clone();
    expected.job_templates = change.job_templates.clone();
    expected.workflows.retain(|workflow| workflow.name == "inner");
    expected.workflows.extend(change.workflows.clone());
    assert_eq!(sorted(store.definitions().await.unwrap()), sorted(expected));
}

pub async fn an_empty_store_has_no_definitions(store: Arc<dyn Store>) {
    let found = store.definitions().await.unwrap();
    assert_eq!(found.names(), []);
    let applied = store.define(&Definitions::default()).await.unwrap();
    assert_eq!((applied.created.len(), applied.changed.len(), applied.unchanged), (0, 0, 0));
}

pub async fn r2_the_rules_are_those_that_are_defined(store: Arc<dyn Store>) {
    let before = store.read().await.unwrap();
    assert_eq!(before.rules, scheduler_core::RuleSet::tower_2018(), "at first");
    store.define(&everything()).await.unwrap();
    let reading = store.read().await.unwrap();
    let id = |name: &str| reading.snapshot.groups.iter().find(|group| group.name == name).unwrap().id;
    let rules = &reading.rules;
    assert_eq!(rules.default_groups, [id("second"), id("first")]);
    assert_eq!(rules.control_plane, Some(ControlPlane { group: id("first"), impact: Forks::new(2) }));
    assert!(rules.chronological);
    assert_eq!((rules.heartbeat_grace, rules.dispatch_grace), (Seconds::new(33), Seconds::new(44)));
    assert_eq!((rules.start_limit, rules.reserve_after), (TaskCount::new(55), Some(Seconds::new(66))));
    assert_eq!(rules.claims.len(), scheduler_core::RuleSet::awx_2024().claims.len() + 1);
    store.define(&definitions(json!({ "inventory": [{ "name": "more" }] }))).await.unwrap();
    assert_eq!(store.read().await.unwrap().rules, reading.rules, "rules that are left out stay");
}

pub async fn a_snapshot_holds_what_is_defined(store: Arc<dyn Store>) {
    store.define(&everything()).await.unwrap();
    let snapshot = store.read().await.unwrap().snapshot;
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

/// A set that names what is not there, and what that is.
fn dangling() -> Vec<(Value, &'static str)> {
    let run = json!({ "handler": "work" });
    vec![
        (json!({ "group": [{ "name": "x", "instances": ["gone-1"] }] }), "gone-1"),
        (json!({ "project": [{ "name": "x", "groups": ["gone-2"], "run": run }] }), "gone-2"),
        (json!({ "inventory-source": [{ "name": "x", "inventory": "gone-3", "run": run }] }), "gone-3"),
        (
            json!({ "inventory-source": [{ "name": "x", "inventory": "web", "source_project": "gone-4", "run": run }] }),
            "gone-4",
        ),
        (json!({ "template": [{ "name": "x", "project": "gone-5", "run": run }] }), "gone-5"),
        (json!({ "template": [{ "name": "x", "inventory": "gone-6", "run": run }] }), "gone-6"),
        (json!({ "template": [{ "name": "x", "groups": ["gone-7"], "run": run }] }), "gone-7"),
        (json!({ "system-job": [{ "name": "x", "groups": ["gone-8"], "run": run }] }), "gone-8"),
        (
            json!({ "workflow": [{ "name": "x", "node": [{ "name": "n", "starts": { "template": "gone-9" } }] }] }),
            "gone-9",
        ),
        (json!({ "rules": { "default_groups": ["gone-10"] } }), "gone-10"),
        (json!({ "rules": { "control_plane": { "group": "gone-11", "impact": 1 } } }), "gone-11"),
    ]
}

pub async fn names_that_are_nowhere_are_refused_and_nothing_is_defined(store: Arc<dyn Store>) {
    store.define(&cluster()).await.unwrap();
    let before = sorted(store.definitions().await.unwrap());
    for (wrong, name) in dangling() {
        let mut set = definitions(wrong);
        let with_it = definitions(json!({ "inventory": [{ "name": "innocent" }] }));
        set.inventories.extend(with_it.inventories);
        let message = refusal(store.define(&set).await);
        assert!(message.contains(name), "{message}");
    }
    assert_eq!(sorted(store.definitions().await.unwrap()), before);
}

pub async fn what_is_wrong_by_itself_is_refused(store: Arc<dyn Store>) {
    let twice = definitions(json!({ "inventory": [{ "name": "same" }, { "name": "same" }] }));
    assert!(refusal(store.define(&twice).await).contains("same"));
    let circle = definitions(json!({ "workflow": [{ "name": "round", "node": [
        { "name": "a", "starts": { "approval": {} }, "always": ["b"] },
        { "name": "b", "starts": { "approval": {} }, "always": ["a"] },
    ]}]}));
    assert!(refusal(store.define(&circle).await).contains("round"));
    assert_eq!(store.definitions().await.unwrap().names(), []);
}

pub async fn one_file_may_define_in_any_order(store: Arc<dyn Store>) {
    let knot = definitions(json!({ "workflow": [
        { "name": "a", "node": [{ "name": "n", "starts": { "workflow": "b" } }] },
        { "name": "b", "node": [{ "name": "n", "starts": { "workflow": "a" } }] },
    ]}));
    store.define(&knot).await.unwrap();
    assert_eq!(sorted(store.definitions().await.unwrap()).workflows, knot.workflows);
}

pub async fn what_is_needed_is_not_removed(store: Arc<dyn Store>) {
    store.define(&everything()).await.unwrap();
    let needed = [
        (DefinitionKind::Instance, "one", "first"),
        (DefinitionKind::Group, "second", "code"),
        (DefinitionKind::Group, "first", "source"),
        (DefinitionKind::Project, "code", "source"),
        (DefinitionKind::Inventory, "hosts", "job"),
        (DefinitionKind::InventorySource, "source", "flow"),
        (DefinitionKind::JobTemplate, "job", "flow"),
        (DefinitionKind::SystemJob, "system", "flow"),
        (DefinitionKind::Workflow, "inner", "flow"),
    ];
    for (kind, name, by) in needed {
        let message = refusal(store.remove(kind, name).await);
        assert!(message.contains(name) && message.contains(by), "{message}");
    }
    assert_eq!(sorted(store.definitions().await.unwrap()), sorted(everything()));
}

pub async fn a_group_that_the_rules_need_is_not_removed(store: Arc<dyn Store>) {
    let set = json!({ "group": [{ "name": "default" }], "rules": { "default_groups": ["default"] } });
    store.define(&definitions(set)).await.unwrap();
    assert!(refusal(store.remove(DefinitionKind::Group, "default").await).contains("rules"));
}

pub async fn what_nobody_needs_is_removed(store: Arc<dyn Store>) {
    store.define(&everything()).await.unwrap();
    store.define(&definitions(json!({ "rules": {} }))).await.unwrap();
    let order = [
        (DefinitionKind::Workflow, "flow"),
        (DefinitionKind::Workflow, "inner"),
        (DefinitionKind::SystemJob, "system"),
        (DefinitionKind::JobTemplate, "job"),
        (DefinitionKind::InventorySource, "source"),
        (DefinitionKind::Inventory, "hosts"),
        (DefinitionKind::Project, "code"),
        (DefinitionKind::Group, "first"),
        (DefinitionKind::Group, "second"),
        (DefinitionKind::Instance, "one"),
    ];
    for (kind, name) in order {
        assert!(store.remove(kind, name).await.unwrap(), "{name} was there");
        assert!(!store.remove(kind, name).await.unwrap(), "{name} is gone");
    }
    assert_eq!(store.definitions().await.unwrap().names(), []);
    let kinds = everything();
    store.define(&kinds).await.unwrap();
    assert_eq!(sorted(store.definitions().await.unwrap()), sorted(kinds));
}

pub async fn what_is_removed_leaves_its_tasks(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = world.launch(template("alone")).await;
    assert!(world.store.remove(DefinitionKind::JobTemplate, "alone").await.unwrap());
    refusal(world.store.launch(&[template("alone")]).await);
    world.pass().await;
    assert_eq!(world.take_up(task).await.name, "alone");
    world.store.define(&cluster()).await.unwrap();
    let again = world.launch(template("alone")).await;
    world.pass().await;
    let status = world.status(again).await;
    assert_eq!(
        status,
        TaskStatus::Waiting,
        "a template of the same name is another one, so nothing blocks its job"
    );
}
