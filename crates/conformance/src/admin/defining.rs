//! Definitions: all of a set or none, by name, and nothing that is needed is ever missing.

use control_plane::definition::{DefinitionKind, Definitions};
use control_plane::ports::Wake;
use serde_json::{Value, json};

use super::{Subject, World};
use crate::cluster::{cluster, definitions, everything, refusal};
use crate::world::{hear, quiet};

/// In the order of names, which is nobody's promise.
pub(super) fn sorted(mut set: Definitions) -> Definitions {
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

pub(super) async fn what_is_defined_comes_back_as_it_was(subject: Subject) {
    let applied = subject.port.define(&everything()).await.unwrap();
    assert_eq!(sorted(subject.port.definitions().await.unwrap()), sorted(everything()));
    assert_eq!((applied.created.len(), applied.changed.len(), applied.unchanged), (10, 0, 0));
    assert!(applied.rules_changed);
    assert!(applied.created.contains(&(DefinitionKind::InventorySource, "source".into())));
}

pub(super) async fn defining_the_same_again_changes_nothing(subject: Subject) {
    subject.port.define(&everything()).await.unwrap();
    let applied = subject.port.define(&everything()).await.unwrap();
    assert_eq!(
        (applied.created.as_slice(), applied.changed.as_slice(), applied.unchanged),
        ([].as_slice(), [].as_slice(), 10)
    );
    assert!(!applied.rules_changed);
    assert_eq!(sorted(subject.port.definitions().await.unwrap()), sorted(everything()));
}

pub(super) async fn a_change_touches_what_it_names_and_nothing_else(subject: Subject) {
    subject.port.define(&everything()).await.unwrap();
    let change = definitions(json!({
        "inventory": [{ "name": "hosts", "hosts": 70 }, { "name": "more" }],
        "template": [{ "name": "job", "run": { "handler": "play" } }],
        "workflow": [{ "name": "flow", "node": [{ "name": "only", "starts": { "template": "job" } }] }],
    }));
    let applied = subject.port.define(&change).await.unwrap();
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
    assert_eq!(sorted(subject.port.definitions().await.unwrap()), sorted(expected));
}

pub(super) async fn an_empty_store_has_no_definitions(subject: Subject) {
    let found = subject.port.definitions().await.unwrap();
    assert_eq!(found.names(), []);
    let applied = subject.port.define(&Definitions::default()).await.unwrap();
    assert_eq!((applied.created.len(), applied.changed.len(), applied.unchanged), (0, 0, 0));
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

pub(super) async fn names_that_are_nowhere_are_refused_and_nothing_is_defined(subject: Subject) {
    subject.port.define(&cluster()).await.unwrap();
    let before = sorted(subject.port.definitions().await.unwrap());
    for (wrong, name) in dangling() {
        let mut set = definitions(wrong);
        let with_it = definitions(json!({ "inventory": [{ "name": "innocent" }] }));
        set.inventories.extend(with_it.inventories);
        let message = refusal(subject.port.define(&set).await);
        assert!(message.contains(name), "{message}");
    }
    assert_eq!(sorted(subject.port.definitions().await.unwrap()), before);
}

pub(super) async fn what_is_wrong_by_itself_is_refused(subject: Subject) {
    let twice = definitions(json!({ "inventory": [{ "name": "same" }, { "name": "same" }] }));
    assert!(refusal(subject.port.define(&twice).await).contains("same"));
    let circle = definitions(json!({ "workflow": [{ "name": "round", "node": [
        { "name": "a", "starts": { "approval": {} }, "always": ["b"] },
        { "name": "b", "starts": { "approval": {} }, "always": ["a"] },
    ]}]}));
    assert!(refusal(subject.port.define(&circle).await).contains("round"));
    assert_eq!(subject.port.definitions().await.unwrap().names(), []);
}

pub(super) async fn one_file_may_define_in_any_order(subject: Subject) {
    let knot = definitions(json!({ "workflow": [
        { "name": "a", "node": [{ "name": "n", "starts": { "workflow": "b" } }] },
        { "name": "b", "node": [{ "name": "n", "starts": { "workflow": "a" } }] },
    ]}));
    subject.port.define(&knot).await.unwrap();
    assert_eq!(sorted(subject.port.definitions().await.unwrap()).workflows, knot.workflows);
}

pub(super) async fn r12_2_a_change_of_instances_wakes_the_schedulers(subject: Subject) {
    let world = World::new(subject).await;
    let mut ear = world.store.wakeups().await.unwrap();
    quiet(&mut ear).await;
    let more = json!({ "instance": [{ "hostname": "node-a", "capacity": 99 }] });
    world.port.define(&definitions(more)).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
}
