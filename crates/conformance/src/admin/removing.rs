//! What is removed was needed by nobody, and nothing is lost with it.

use control_plane::definition::DefinitionKind;
use control_plane::ports::{Claimed, Claims, Standing, TaskStatus};
use scheduler_core::Outcome;
use serde_json::json;

use super::defining::sorted;
use super::{Subject, World};
use crate::cluster::{cluster, definitions, everything, refusal, template};
use crate::flow::{begun, count, end_one, node};

pub(super) async fn what_is_needed_is_not_removed(subject: Subject) {
    subject.port.define(&everything()).await.unwrap();
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
        let message = refusal(subject.port.remove(kind, name).await);
        assert!(message.contains(name) && message.contains(by), "{message}");
    }
    assert_eq!(sorted(subject.port.definitions().await.unwrap()), sorted(everything()));
}

pub(super) async fn a_group_that_the_rules_need_is_not_removed(subject: Subject) {
    let set = json!({ "group": [{ "name": "default" }], "rules": { "default_groups": ["default"] } });
    subject.port.define(&definitions(set)).await.unwrap();
    assert!(refusal(subject.port.remove(DefinitionKind::Group, "default").await).contains("rules"));
}

pub(super) async fn what_nobody_needs_is_removed(subject: Subject) {
    subject.port.define(&everything()).await.unwrap();
    subject.port.define(&definitions(json!({ "rules": {} }))).await.unwrap();
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
        assert!(subject.port.remove(kind, name).await.unwrap(), "{name} was there");
        assert!(!subject.port.remove(kind, name).await.unwrap(), "{name} is gone");
    }
    assert_eq!(subject.port.definitions().await.unwrap().names(), []);
    let kinds = everything();
    subject.port.define(&kinds).await.unwrap();
    assert_eq!(sorted(subject.port.definitions().await.unwrap()), sorted(kinds));
}

pub(super) async fn what_is_removed_leaves_its_tasks(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("alone")).await;
    assert!(world.port.remove(DefinitionKind::JobTemplate, "alone").await.unwrap());
    refusal(world.port.launch(&[template("alone")]).await);
    world.pass().await;
    assert_eq!(world.take_up(task).await.name, "alone");
    world.port.define(&cluster()).await.unwrap();
    let again = world.launch(template("alone")).await;
    world.pass().await;
    let status = world.status(again).await;
    assert_eq!(
        status,
        TaskStatus::Waiting,
        "a template of the same name is another one, so nothing blocks its job"
    );
}

pub(super) async fn r8_1_what_runs_on_an_instance_that_was_removed_fails(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("on-b")).await;
    world.pass().await;
    let dispatch = world.dispatch(task).await;
    assert!(matches!(world.claim(world.b, task, dispatch).await, Claimed::Run(_)));
    let without = json!({ "group": [
        { "name": "default", "instances": ["node-a"] },
        { "name": "only-b", "instances": [] },
    ]});
    world.port.define(&definitions(without)).await.unwrap();
    let kind = DefinitionKind::Instance;
    assert!(world.port.remove(kind, "node-b").await.unwrap());
    assert_eq!(world.store.beat(world.b).await.unwrap(), Standing::Replaced);
    assert_eq!(world.store.claim(world.b, &[(task, dispatch)]).await.unwrap(), Claims::Replaced);
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Failed);
}

pub(super) async fn r7_2_a_node_whose_template_was_removed_counts_as_failed(subject: Subject) {
    let (world, flow) = begun(
        subject,
        json!([
            node("first", json!({ "on_success": ["second"] })),
            { "name": "second", "starts": { "template": "alone" }, "on_failure": ["mop"] },
            node("mop", json!({})),
        ]),
    )
    .await;
    let changed = json!({ "workflow": [{ "name": "flow", "node": [] }] });
    world.port.define(&definitions(changed)).await.unwrap();
    let kind = DefinitionKind::JobTemplate;
    assert!(world.port.remove(kind, "alone").await.unwrap());
    end_one(&world, flow, Outcome::Successful).await;
    end_one(&world, flow, Outcome::Successful).await;
    assert_eq!(world.status(flow).await, TaskStatus::Successful, "the mop handled it");
    assert_eq!(count(&world, flow, TaskStatus::Successful).await, 2);
}
