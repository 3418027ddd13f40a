//! Launches: rows filled in from what is defined, all of a batch or none.

use std::sync::Mutex;

use control_plane::definition::{PAYLOAD_LIMIT, Run};
use control_plane::ports::{Launch, Launchable, TaskStatus};
use scheduler_core::{
    GroupId, Kind, LaunchType, Mode, OwnKey, Priority, ProjectUpdateType, State, Task, TaskId, Work,
    WorkflowOf,
};
use serde_json::json;

use super::{Subject, World};
use crate::cluster::{definitions, refusal, template, workflow};
use crate::world::{forks, seen};

async fn launched(world: &World, launch: Launch) -> Task {
    let id = world.launch(launch).await;
    seen(&world.store.read().await.unwrap(), id).clone()
}

async fn group(world: &World, name: &str) -> GroupId {
    let reading = world.store.read().await.unwrap();
    reading.snapshot.groups.iter().find(|group| group.name == name).unwrap().id
}

pub(super) async fn a_job_is_filled_in_from_its_template(subject: Subject) {
    let world = World::new(subject).await;
    let task = launched(&world, template("alone")).await;
    assert_eq!(task.name.as_ref(), "alone");
    assert_eq!(task.state, State::Pending);
    assert_eq!(task.priority, Priority::new(3));
    assert_eq!(task.impact, forks(2));
    assert_eq!(task.launch_type, LaunchType::Manual);
    assert!(!task.dependencies_derived && !task.cancel_requested);
    let Work::Job { project, inventory, template: of, allow_simultaneous, .. } = task.work else {
        panic!("a job: {:?}", task.work)
    };
    assert!(project.is_some() && inventory.is_some() && of.is_some());
    assert!(!allow_simultaneous);
    let other = launched(&world, template("on-b")).await;
    assert_eq!(other.groups.as_ref(), [group(&world, "only-b").await]);
    assert!(matches!(other.work, Work::Job { allow_simultaneous: true, .. }));
    let Work::Job { project: same, template: another, .. } = other.work else { panic!("a job") };
    assert_eq!(same, project);
    assert_ne!(another, of);
}

pub(super) async fn r6_6_a_job_costs_what_hosts_and_forks_make_of_it(subject: Subject) {
    let world = World::with(
        subject,
        &[json!({ "template": [
            { "name": "wide", "inventory": "cloud-hosts", "forks": 30, "run": { "handler": "work" } },
            { "name": "five", "inventory": "cloud-hosts", "run": { "handler": "work" } },
            { "name": "bare", "run": { "handler": "work" } },
        ]})],
    )
    .await;
    assert_eq!(launched(&world, template("wide")).await.impact, forks(31));
    assert_eq!(launched(&world, template("five")).await.impact, forks(6));
    assert_eq!(launched(&world, template("build")).await.impact, forks(4), "three hosts");
    assert_eq!(launched(&world, template("bare")).await.impact, forks(1), "no inventory has no hosts");
}

pub(super) async fn a_project_update_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let task = launched(&world, Launch::of(Launchable::Project("fresh".into()))).await;
    assert_eq!((task.name.as_ref(), task.impact), ("fresh", forks(1)));
    assert!(matches!(
        task.work,
        Work::ProjectUpdate { project: Some(_), job_type: ProjectUpdateType::Check }
    ));
    assert_eq!(task.groups.as_ref(), [group(&world, "only-b").await]);
}

pub(super) async fn an_inventory_update_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let task = launched(&world, Launch::of(Launchable::InventorySource("cloud".into()))).await;
    assert_eq!((task.name.as_ref(), task.impact), ("cloud", forks(1)));
    assert!(matches!(
        task.work,
        Work::InventoryUpdate { source: Some(_), inventory: Some(_), source_project: Some(_) }
    ));
}

pub(super) async fn a_system_job_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let task = launched(&world, Launch::of(Launchable::SystemJob("clean".into()))).await;
    assert_eq!((task.name.as_ref(), task.impact, task.kind()), ("clean", forks(5), Kind::SystemJob));
}

pub(super) async fn an_ad_hoc_command_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let run: Run = serde_json::from_value(json!({ "command": ["uptime"] })).unwrap();
    let command = |forks| Launchable::AdHocCommand {
        inventory: "cloud-hosts".into(),
        run: run.clone(),
        groups: vec!["only-b".into()],
        forks,
    };
    let task = launched(&world, Launch::of(command(Some(20)))).await;
    assert!(matches!(task.work, Work::AdHocCommand { inventory: Some(_) }));
    assert_eq!(task.impact, forks(21));
    assert_eq!(task.groups.as_ref(), [group(&world, "only-b").await]);
    world.pass().await;
    let assignment = world.take_up(task.id).await;
    assert_eq!(assignment.run, run);
    assert_eq!(assignment.kind, Kind::AdHocCommand);
}

pub(super) async fn a_workflow_job_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let task = launched(&world, workflow("release")).await;
    assert_eq!((task.name.as_ref(), task.priority), ("release", Priority::new(2)));
    assert_eq!(task.cost(), forks(0));
    assert!(matches!(
        task.work,
        Work::WorkflowJob { of: WorkflowOf::Template(Some(_)), allow_simultaneous: false }
    ));
}

pub(super) async fn a_template_with_slices_is_launched_as_their_workflow(subject: Subject) {
    let world = World::new(subject).await;
    let task = launched(&world, template("sliced")).await;
    assert_eq!(task.priority, Priority::new(4));
    assert!(matches!(
        task.work,
        Work::WorkflowJob { of: WorkflowOf::Slices(Some(_)), allow_simultaneous: false }
    ));
}

pub(super) async fn the_keys_of_own_resources_are_carried(subject: Subject) {
    let keys = json!([{ "resource": "licence", "key": 7 }]);
    let licensed = json!({ "name": "licensed", "own_keys": keys, "run": { "handler": "work" } });
    let world = World::with(subject, &[json!({ "template": [licensed] })]).await;
    let task = launched(&world, template("licensed")).await;
    assert_eq!(serde_json::to_value(task.own_keys.to_vec()).unwrap(), keys);
    assert_eq!(world.view(task.id).await.own_keys, task.own_keys.to_vec());
}

pub(super) async fn keys_of_own_resources_can_be_given_with_a_launch(subject: Subject) {
    let defined = json!([{ "resource": "licence", "key": 7 }]);
    let licensed = json!({ "name": "licensed", "own_keys": defined, "run": { "handler": "work" } });
    let world = World::with(subject, &[json!({ "template": [licensed] })]).await;
    let given = || vec![OwnKey::new("licence", 8), OwnKey::new("table", -1).in_mode(Mode::Shared)];
    let all = [
        OwnKey::new("licence", 7),
        OwnKey::new("licence", 8),
        OwnKey::new("table", -1).in_mode(Mode::Shared),
    ];

    let job = launched(&world, Launch { own_keys: given(), ..template("licensed") }).await;
    assert_eq!(job.own_keys[..], all, "beside those of the definition");
    assert_eq!(world.view(job.id).await.own_keys, all);
    let on_hosts = || {
        let run: Run = serde_json::from_value(json!({ "command": ["uptime"] })).unwrap();
        Launch::of(Launchable::AdHocCommand {
            inventory: "cloud-hosts".into(),
            run,
            groups: Vec::new(),
            forks: None,
        })
    };
    // Whatever the kind; a workflow job has them for all of its jobs.
    for launch in
        [workflow("release"), template("sliced"), on_hosts(), Launch::of(Launchable::Project("fresh".into()))]
    {
        let what = format!("{:?}", launch.of);
        let task = launched(&world, Launch { own_keys: given(), ..launch }).await;
        assert_eq!(task.own_keys[..], given(), "{what}");
    }
    let sliced = world.launch(Launch { own_keys: given(), ..template("sliced") }).await;
    world.passes().await;
    for slice in world.jobs_of(sliced, TaskStatus::Waiting).await {
        assert_eq!(world.view(slice).await.own_keys, []);
    }
}

pub(super) async fn keys_of_own_resources_have_a_limit_and_a_name(subject: Subject) {
    let world = World::new(subject).await;
    let many = (0..=100).map(|key| OwnKey::new("licence", key)).collect();
    let message = refusal(world.port.launch(&[Launch { own_keys: many, ..template("deploy") }]).await);
    assert!(message.contains("101 keys"), "{message}");
    for name in ["", "a\0b"] {
        let own_keys = vec![OwnKey::new(name, 1)];
        let message = refusal(world.port.launch(&[Launch { own_keys, ..template("deploy") }]).await);
        assert!(message.contains("names no resource"), "{message}");
    }
}

pub(super) async fn a_launch_may_name_its_priority_and_why_it_is(subject: Subject) {
    let world = World::new(subject).await;
    let launch =
        Launch { priority: Some(Priority::new(-9)), launch_type: LaunchType::Webhook, ..template("alone") };
    let task = launched(&world, launch).await;
    assert_eq!((task.priority, task.launch_type), (Priority::new(-9), LaunchType::Webhook));
}

pub(super) async fn a_payload_is_laid_over_that_of_the_definition(subject: Subject) {
    let world = World::new(subject).await;
    let over = json!({ "colour": "green", "extra": [1, 2] });
    let id = world.launch(Launch { payload: Some(over), ..template("deploy") }).await;
    let plain = world.launch(template("deploy")).await;
    world.pass().await;
    let run = world.take_up(id).await.run;
    assert_eq!(run.handler.as_str(), "deploy");
    assert_eq!(run.payload, json!({ "colour": "green", "size": 1, "extra": [1, 2] }));
    assert_eq!(world.take_up(plain).await.run.payload, json!({ "colour": "blue", "size": 1 }));
}

pub(super) async fn a_payload_above_the_limit_is_refused(subject: Subject) {
    let world = World::new(subject).await;
    let large = json!({ "part": "x".repeat(PAYLOAD_LIMIT) });
    let message =
        refusal(world.port.launch(&[Launch { payload: Some(large.clone()), ..template("deploy") }]).await);
    assert!(message.contains("1048576") && message.contains("payload"), "{message}");
    let message = refusal(
        world
            .port
            .define(&definitions(
                json!({ "template": [{ "name": "large", "run": { "handler": "work", "payload": large } }] }),
            ))
            .await,
    );
    assert!(message.contains("large") && message.contains("1048576"), "{message}");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub(super) async fn a_workflow_takes_no_payload(subject: Subject) {
    let world = World::new(subject).await;
    let launch = Launch { payload: Some(json!({ "colour": "green" })), ..workflow("release") };
    assert!(refusal(world.port.launch(&[launch]).await).contains("release"));
}

pub(super) async fn unknown_names_are_refused_by_name(subject: Subject) {
    let world = World::new(subject).await;
    let run: Run = serde_json::from_value(json!({ "handler": "work" })).unwrap();
    let command = |inventory: &str, group: &str| Launchable::AdHocCommand {
        inventory: inventory.into(),
        run: run.clone(),
        groups: vec![group.into()],
        forks: None,
    };
    let unknown = [
        Launchable::JobTemplate("nowhere".into()),
        Launchable::Project("nowhere".into()),
        Launchable::InventorySource("nowhere".into()),
        Launchable::SystemJob("nowhere".into()),
        Launchable::Workflow("nowhere".into()),
        command("nowhere", "default"),
        command("web", "nowhere"),
    ];
    for of in unknown {
        let message = refusal(world.port.launch(&[Launch::of(of.clone())]).await);
        assert!(message.contains("nowhere"), "{of:?}: {message}");
    }
}

pub(super) async fn all_of_a_batch_are_launched_or_none(subject: Subject) {
    let world = World::new(subject).await;
    refusal(world.port.launch(&[template("deploy"), template("nowhere")]).await);
    let dependent = Launch { dependencies: vec![TaskId::new(4711)], ..template("deploy") };
    let message = refusal(world.port.launch(&[template("deploy"), dependent]).await);
    assert!(message.contains("4711"), "{message}");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);

    let ids = world.port.launch(&[template("deploy"), template("alone"), workflow("release")]).await.unwrap();
    let mut names = Vec::new();
    for &id in &ids {
        names.push(world.view(id).await.name);
    }
    assert_eq!(names, ["deploy", "alone", "release"], "in the order of the launches");
    assert!(ids.is_sorted(), "a later launch has a higher id");
    assert_eq!(world.port.launch(&[]).await.unwrap(), []);
}

pub(super) async fn many_are_launched_or_none_and_it_is_told_how_far_they_are(subject: Subject) {
    const MANY: usize = 6_000;
    let world = World::new(subject).await;
    let told = Mutex::new(Vec::new());
    let tell = |count| told.lock().unwrap().push(count);
    let mut launches = vec![template("alone"); MANY];
    launches.push(template("nowhere"));
    let message = refusal(world.port.launch_many(&launches, &tell).await);
    assert!(message.contains("nowhere"), "{message}");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks.len(), 0, "none of them");
    told.lock().unwrap().clear();
    launches.pop();
    let ids = world.port.launch_many(&launches, &tell).await.unwrap();
    assert_eq!(ids.len(), MANY);
    assert!(ids.is_sorted());
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted());
    assert_eq!(told.last(), Some(&MANY));
    assert_eq!(world.port.launch_many(&[], &|_| ()).await.unwrap(), []);
}

pub(super) async fn a_definition_that_changes_leaves_launched_tasks_as_they_are(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("on-b")).await;
    let changed = json!({ "template": [
        { "name": "on-b", "inventory": "web", "impact": 9, "run": { "handler": "other" } },
    ]});
    world.port.define(&definitions(changed)).await.unwrap();
    let passed = world.pass().await;
    assert_eq!(passed.seen(task).impact, forks(2));
    assert_eq!(passed.seen(task).groups.as_ref(), [group(&world, "only-b").await]);
    assert_eq!(world.take_up(task).await.run.handler.as_str(), "work");
    assert_eq!(launched(&world, template("on-b")).await.impact, forks(9));
}
