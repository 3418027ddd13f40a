//! Launches: rows filled in from what is defined, all of a batch or none.

use std::sync::{Arc, Mutex};

use control_plane::definition::{PAYLOAD_LIMIT, Run};
use control_plane::ports::{Launch, Launchable, SliceNumber, Store, TaskStatus, TraceContext};
use scheduler_core::{
    GroupId, Kind, LaunchType, Mode, Outcome, OwnKey, Priority, ProjectUpdateType, State, Task, TaskId, Work,
    WorkflowOf,
};
use serde_json::json;

use super::world::{World, definitions, forks, refusal, seen, template, workflow};

async fn launched(world: &World, launch: Launch) -> Task {
    let id = world.launch(launch).await;
    seen(&world.store.read().await.unwrap(), id).clone()
}

async fn group(world: &World, name: &str) -> GroupId {
    let reading = world.store.read().await.unwrap();
    reading.snapshot.groups.iter().find(|group| group.name == name).unwrap().id
}

pub async fn a_job_is_filled_in_from_its_template(store: Arc<dyn Store>) {
    let world = World::new(store).await;
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

pub async fn r6_6_a_job_costs_what_hosts_and_forks_make_of_it(store: Arc<dyn Store>) {
    let world = World::with(
        store,
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

pub async fn a_project_update_is_filled_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = launched(&world, Launch::of(Launchable::Project("fresh".into()))).await;
    assert_eq!((task.name.as_ref(), task.impact), ("fresh", forks(1)));
    assert!(matches!(
        task.work,
        Work::ProjectUpdate { project: Some(_), job_type: ProjectUpdateType::Check }
    ));
    assert_eq!(task.groups.as_ref(), [group(&world, "only-b").await]);
}

pub async fn an_inventory_update_is_filled_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = launched(&world, Launch::of(Launchable::InventorySource("cloud".into()))).await;
    assert_eq!((task.name.as_ref(), task.impact), ("cloud", forks(1)));
    assert!(matches!(
        task.work,
        Work::InventoryUpdate { source: Some(_), inventory: Some(_), source_project: Some(_) }
    ));
}

pub async fn a_system_job_is_filled_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = launched(&world, Launch::of(Launchable::SystemJob("clean".into()))).await;
    assert_eq!((task.name.as_ref(), task.impact, task.kind()), ("clean", forks(5), Kind::SystemJob));
}

pub async fn an_ad_hoc_command_is_filled_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
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

pub async fn a_workflow_job_is_filled_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = launched(&world, workflow("release")).await;
    assert_eq!((task.name.as_ref(), task.priority), ("release", Priority::new(2)));
    assert_eq!(task.cost(), forks(0));
    assert!(matches!(
        task.work,
        Work::WorkflowJob { of: WorkflowOf::Template(Some(_)), allow_simultaneous: false }
    ));
}

pub async fn a_template_with_slices_is_launched_as_their_workflow(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = launched(&world, template("sliced")).await;
    assert_eq!(task.priority, Priority::new(4));
    assert!(matches!(
        task.work,
        Work::WorkflowJob { of: WorkflowOf::Slices(Some(_)), allow_simultaneous: false }
    ));
}

pub async fn the_keys_of_own_resources_are_carried(store: Arc<dyn Store>) {
    let keys = json!([{ "resource": "licence", "key": 7 }]);
    let licensed = json!({ "name": "licensed", "own_keys": keys, "run": { "handler": "work" } });
    let world = World::with(store, &[json!({ "template": [licensed] })]).await;
    let task = launched(&world, template("licensed")).await;
    assert_eq!(serde_json::to_value(task.own_keys.to_vec()).unwrap(), keys);
    assert_eq!(world.view(task.id).await.own_keys, task.own_keys.to_vec());
}

pub async fn keys_of_own_resources_can_be_given_with_a_launch(store: Arc<dyn Store>) {
    let defined = json!([{ "resource": "licence", "key": 7 }]);
    let licensed = json!({ "name": "licensed", "own_keys": defined, "run": { "handler": "work" } });
    let world = World::with(store, &[json!({ "template": [licensed] })]).await;
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

pub async fn keys_of_own_resources_have_a_limit_and_a_name(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let many = (0..=100).map(|key| OwnKey::new("licence", key)).collect();
    let message = refusal(world.store.launch(&[Launch { own_keys: many, ..template("deploy") }]).await);
    assert!(message.contains("101 keys"), "{message}");
    for name in ["", "a\0b"] {
        let own_keys = vec![OwnKey::new(name, 1)];
        let message = refusal(world.store.launch(&[Launch { own_keys, ..template("deploy") }]).await);
        assert!(message.contains("names no resource"), "{message}");
    }
}

pub async fn a_launch_may_name_its_priority_and_why_it_is(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let launch =
        Launch { priority: Some(Priority::new(-9)), launch_type: LaunchType::Webhook, ..template("alone") };
    let task = launched(&world, launch).await;
    assert_eq!((task.priority, task.launch_type), (Priority::new(-9), LaunchType::Webhook));
}

pub async fn a_payload_is_laid_over_that_of_the_definition(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let over = json!({ "colour": "green", "extra": [1, 2] });
    let id = world.launch(Launch { payload: Some(over), ..template("deploy") }).await;
    let plain = world.launch(template("deploy")).await;
    world.pass().await;
    let run = world.take_up(id).await.run;
    assert_eq!(run.handler.as_str(), "deploy");
    assert_eq!(run.payload, json!({ "colour": "green", "size": 1, "extra": [1, 2] }));
    assert_eq!(world.take_up(plain).await.run.payload, json!({ "colour": "blue", "size": 1 }));
}

pub async fn a_payload_reaches_each_slice(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let over = json!({ "part": "one" });
    let id = world.launch(Launch { payload: Some(over.clone()), ..template("sliced") }).await;
    world.passes().await;
    let slices = world.jobs_of(id, TaskStatus::Waiting).await;
    assert_eq!(slices.len(), 3);
    for slice in slices {
        assert_eq!(world.take_up(slice).await.run.payload, over);
    }
}

pub async fn a_payload_above_the_limit_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let large = json!({ "part": "x".repeat(PAYLOAD_LIMIT) });
    let message =
        refusal(world.store.launch(&[Launch { payload: Some(large.clone()), ..template("deploy") }]).await);
    assert!(message.contains("1048576") && message.contains("payload"), "{message}");
    let message = refusal(
        world
            .store
            .define(&definitions(
                json!({ "template": [{ "name": "large", "run": { "handler": "work", "payload": large } }] }),
            ))
            .await,
    );
    assert!(message.contains("large") && message.contains("1048576"), "{message}");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);
}

pub async fn each_slice_is_told_which_it_is(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sliced = world.launch(template("sliced")).await;
    let whole = world.launch(template("alone")).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let mut numbers = Vec::new();
    for id in world.jobs_of(sliced, TaskStatus::Waiting).await {
        let slice = world.take_up(id).await.slice.expect("a slice");
        assert_eq!(slice.of, SliceNumber(3));
        numbers.push(slice.number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3].map(SliceNumber));
    assert_eq!(world.take_up(whole).await.slice, None);
    for id in world.jobs_of(release, TaskStatus::Waiting).await {
        assert_eq!(world.take_up(id).await.slice, None, "a node's job is no slice");
    }
}

pub async fn a_workflow_takes_no_payload(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let launch = Launch { payload: Some(json!({ "colour": "green" })), ..workflow("release") };
    assert!(refusal(world.store.launch(&[launch]).await).contains("release"));
}

pub async fn a_trace_is_carried_on_by_the_dispatch(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::try_from(text.to_owned()).unwrap();
    world.launch(Launch { trace: Some(trace.clone()), ..template("deploy") }).await;
    world.pass().await;
    assert_eq!(world.message().await.trace, Some(trace));
}

pub async fn a_trace_is_inherited_by_what_passes_create(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::try_from(text.to_owned()).unwrap();
    let job = world.launch(Launch { trace: Some(trace.clone()), ..template("build") }).await;
    let release = world.launch(Launch { trace: Some(trace.clone()), ..workflow("release") }).await;
    world.passes().await;
    let messages = world.relay().await;
    assert_eq!(messages.len(), 2, "the update for job {job}, and the first job of workflow {release}");
    for message in messages {
        assert_eq!(message.trace.as_ref(), Some(&trace), "task {}", message.task);
    }
}

pub async fn unknown_names_are_refused_by_name(store: Arc<dyn Store>) {
    let world = World::new(store).await;
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
        let message = refusal(world.store.launch(&[Launch::of(of.clone())]).await);
        assert!(message.contains("nowhere"), "{of:?}: {message}");
    }
}

pub async fn all_of_a_batch_are_launched_or_none(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    refusal(world.store.launch(&[template("deploy"), template("nowhere")]).await);
    let dependent = Launch { dependencies: vec![TaskId::new(4711)], ..template("deploy") };
    let message = refusal(world.store.launch(&[template("deploy"), dependent]).await);
    assert!(message.contains("4711"), "{message}");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks, []);

    let ids =
        world.store.launch(&[template("deploy"), template("alone"), workflow("release")]).await.unwrap();
    let mut names = Vec::new();
    for &id in &ids {
        names.push(world.view(id).await.name);
    }
    assert_eq!(names, ["deploy", "alone", "release"], "in the order of the launches");
    assert!(ids.is_sorted(), "a later launch has a higher id");
    assert_eq!(world.store.launch(&[]).await.unwrap(), []);
}

pub async fn many_are_launched_or_none_and_it_is_told_how_far_they_are(store: Arc<dyn Store>) {
    const MANY: usize = 6_000;
    let world = World::new(store).await;
    let told = Mutex::new(Vec::new());
    let tell = |count| told.lock().unwrap().push(count);
    let mut launches = vec![template("alone"); MANY];
    launches.push(template("nowhere"));
    let message = refusal(world.store.launch_many(&launches, &tell).await);
    assert!(message.contains("nowhere"), "{message}");
    assert_eq!(world.store.read().await.unwrap().snapshot.tasks.len(), 0, "none of them");
    told.lock().unwrap().clear();
    launches.pop();
    let ids = world.store.launch_many(&launches, &tell).await.unwrap();
    assert_eq!(ids.len(), MANY);
    assert!(ids.is_sorted());
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted());
    assert_eq!(told.last(), Some(&MANY));
    assert_eq!(world.store.launch_many(&[], &|_| ()).await.unwrap(), []);
}

pub async fn r5_a_dependency_is_awaited(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let first = world.launch(template("deploy")).await;
    let second = world.launch(Launch { dependencies: vec![first], ..template("deploy") }).await;
    world.passes().await;
    assert_eq!(world.status(second).await, TaskStatus::Pending);
    world.finish(first, Outcome::Successful).await;
    let passed = world.pass().await;
    assert_eq!(passed.seen(second).dependencies.as_slice(), [first]);
    assert!(!passed.seen(first).state.is_unfinished(), "a finished task is read when one depends on it");
    assert_eq!(world.status(second).await, TaskStatus::Waiting);
    let next = world.pass().await;
    assert!(next.reading.snapshot.tasks.iter().any(|task| task.id == second));
}

pub async fn r5_a_failed_dependency_fails_with_awx_text(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let first = world.launch(template("deploy")).await;
    let second = world.launch(Launch { dependencies: vec![first], ..template("deploy") }).await;
    world.passes().await;
    world.finish(first, Outcome::Error).await;
    let third = world.launch(Launch { dependencies: vec![first, second], ..template("deploy") }).await;
    world.passes().await;
    for task in [second, third] {
        let view = world.view(task).await;
        assert_eq!(view.status, TaskStatus::Failed);
        let text = format!(
            "Previous Task Failed: {{\"job_type\": \"job\", \"job_name\": \"deploy\", \"job_id\": \"{first}\"}}"
        );
        assert_eq!(view.explanation, text);
    }
}

pub async fn a_definition_that_changes_leaves_launched_tasks_as_they_are(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let task = world.launch(template("on-b")).await;
    let changed = json!({ "template": [
        { "name": "on-b", "inventory": "web", "impact": 9, "run": { "handler": "other" } },
    ]});
    world.store.define(&definitions(changed)).await.unwrap();
    let passed = world.pass().await;
    assert_eq!(passed.seen(task).impact, forks(2));
    assert_eq!(passed.seen(task).groups.as_ref(), [group(&world, "only-b").await]);
    assert_eq!(world.take_up(task).await.run.handler.as_str(), "work");
    assert_eq!(launched(&world, template("on-b")).await.impact, forks(9));
}
