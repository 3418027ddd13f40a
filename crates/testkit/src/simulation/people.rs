//! What people do in a run: they define a cluster in which everything can happen, launch, cancel, and have their word on approvals.
//!
//! They talk to the store itself, without faults: what they are told is true, so that what was launched must be there.

use std::sync::Arc;
use std::time::Duration;

use control_plane::definition::Definitions;
use control_plane::ports::{Answer, Launch, Launchable, Store, TaskFilter, TaskStatus};
use scheduler_core::{Kind, Priority, TaskId};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::dice::Odds;
use super::weather::Weather;

/// The machines, each with a node.
pub const HOSTS: [&str; 3] = ["node-a", "node-b", "node-c"];

/// The handler of work that runs once.
pub const WORK: &str = "work";

/// The handler of work that may be run again from the start.
pub const REPEATABLE: &str = "repeatable";

/// How long people keep launching.
const LAUNCHES_END: Duration = Duration::from_secs(240);

/// A cluster with something of everything.
///
/// # Panics
///
/// Never: what is written here is sound.
#[must_use]
pub fn cluster(weather: &Weather) -> Definitions {
    let work = json!({ "handler": WORK });
    let repeatable = json!({ "handler": REPEATABLE });
    let rules = weather.dice.one_of(&[0, 1, 2]);
    let rules = match rules {
        0 => json!({ "preset": "tower-2018", "default_groups": ["all"] }),
        1 => json!({ "preset": "awx-2024", "default_groups": ["all"] }),
        _ => json!({
            "preset": "awx-2024", "default_groups": ["all"], "start_limit": 3, "reserve_after": 120,
            "control_plane": { "group": "all", "impact": 1 },
        }),
    };
    let cluster = json!({
        "rules": with(rules, &json!({ "heartbeat_grace": 60, "dispatch_grace": 90 })),
        "instance": [
            { "hostname": HOSTS[0], "capacity": 12 },
            { "hostname": HOSTS[1], "capacity": 8 },
            { "hostname": HOSTS[2], "capacity": 4 },
        ],
        "group": [
            { "name": "all", "instances": HOSTS },
            { "name": "small", "instances": [HOSTS[2]], "max_concurrent_jobs": 2 },
            { "name": "containers", "container": true, "max_concurrent_jobs": 3 },
        ],
        "project": [
            { "name": "code", "update_on_launch": true, "cache_timeout": 30, "run": repeatable },
            { "name": "still", "run": work },
        ],
        "inventory": [{ "name": "hosts", "hosts": 6 }],
        "inventory-source": [
            { "name": "cloud", "inventory": "hosts", "update_on_launch": true, "source_project": "code", "run": work },
        ],
        "template": [
            { "name": "deploy", "project": "code", "inventory": "hosts", "forks": 4, "run": work },
            { "name": "check", "project": "still", "allow_simultaneous": true, "impact": 1, "run": repeatable },
            { "name": "report", "groups": ["small", "all"], "allow_simultaneous": true, "impact": 2, "run": work },
            { "name": "render", "groups": ["containers"], "allow_simultaneous": true, "impact": 1, "run": repeatable },
            { "name": "sliced", "project": "still", "slices": 3, "forks": 1, "run": work },
        ],
        "system-job": [{ "name": "cleanup", "run": work }],
        "workflow": [
            { "name": "release", "node": [
                { "name": "fetch", "starts": { "project": "code" }, "on_success": ["deploy"] },
                { "name": "deploy", "starts": { "template": "deploy" }, "on_success": ["sure"], "on_failure": ["clean"] },
                { "name": "sure", "starts": { "approval": { "timeout": 300 } }, "on_success": ["check"], "on_failure": ["clean"] },
                { "name": "check", "starts": { "template": "check" }, "always": ["report"] },
                { "name": "clean", "starts": { "system-job": "cleanup" }, "always": ["report"] },
                { "name": "report", "starts": { "template": "report" } },
            ] },
            { "name": "nested", "allow_simultaneous": true, "node": [
                { "name": "inner", "starts": { "workflow": "release" }, "always": ["last"] },
                { "name": "slices", "starts": { "template": "sliced" }, "always": ["last"] },
                { "name": "last", "starts": { "template": "render" }, "convergence": "all" },
            ] },
        ],
    });
    serde_json::from_value(cluster).expect("a sound cluster")
}

fn with(mut under: Value, over: &Value) -> Value {
    if let (Value::Object(under), Value::Object(over)) = (&mut under, over) {
        under.extend(over.clone());
    }
    under
}

/// Something to launch.
fn launchable(weather: &Weather) -> Launchable {
    let template = |name: &str| Launchable::JobTemplate(name.into());
    match weather.dice.below(12) {
        0 => Launchable::Workflow("release".into()),
        1 => Launchable::Workflow("nested".into()),
        2 => Launchable::Project("code".into()),
        3 => Launchable::InventorySource("cloud".into()),
        4 => Launchable::SystemJob("cleanup".into()),
        5 => template("sliced"),
        6 => Launchable::AdHocCommand {
            inventory: "hosts".into(),
            run: serde_json::from_value(json!({ "handler": WORK })).expect("a sound run"),
            groups: Vec::new(),
            forks: Some(2),
        },
        7 | 8 => template("deploy"),
        9 => template("report"),
        10 => template("render"),
        _ => template("check"),
    }
}

/// Whether people may say what it depends on. Updates are linked to by others, and workflows wait for their own, so that a
/// dependency of theirs can close a circle, which never ends: the reasons say so, and it is nobody's fault but people's.
const fn may_depend(of: &Launchable) -> bool {
    matches!(of, Launchable::JobTemplate(_) | Launchable::SystemJob(_) | Launchable::AdHocCommand { .. })
}

/// Launches now and then, for a while. Returns everything that was launched.
///
/// # Panics
///
/// When the store refuses a launch.
pub async fn launch(store: Arc<dyn Store>, weather: Arc<Weather>) -> Vec<TaskId> {
    let mut launched = Vec::new();
    let most = 10 + weather.dice.below(30);
    while launched.len() < most && weather.elapsed() < LAUNCHES_END {
        sleep(weather.dice.time_up_to(Duration::from_secs(30))).await;
        let mut launches: Vec<Launch> =
            (0..=weather.dice.below(3)).map(|_| Launch::of(launchable(&weather))).collect();
        for launch in &mut launches {
            if weather.dice.happens(Odds::one_in(5)) {
                launch.priority = Some(Priority::new(5));
            }
            if may_depend(&launch.of) && !launched.is_empty() && weather.dice.happens(Odds::one_in(5)) {
                launch.dependencies = vec![weather.dice.one_of(&launched)];
            }
        }
        let ids = store.launch(&launches).await.expect("a sound launch");
        weather.note("people", "launch", format_args!("{ids:?} {launches:?}"));
        launched.extend(ids);
    }
    launched
}

/// Cancels now and then, and has a word on every approval, sooner or later.
///
/// # Panics
///
/// When the store refuses.
pub async fn meddle(store: Arc<dyn Store>, weather: Arc<Weather>, cancel: Odds) {
    loop {
        sleep(Duration::from_secs(1) + weather.dice.time_up_to(Duration::from_secs(15))).await;
        let unfinished = store.tasks(&TaskFilter::default()).await.expect("a list of tasks");
        for task in &unfinished {
            if task.kind == Kind::WorkflowApproval && task.status == TaskStatus::Running {
                let answer = weather.dice.one_of(&[Answer::Approve, Answer::Approve, Answer::Deny]);
                let answered = store.answer(task.id, answer).await.expect("an approval");
                weather.note("people", "answer", format_args!("{} {answer:?}: {answered:?}", task.id));
            }
        }
        if !unfinished.is_empty() && weather.dice.happens(cancel) {
            let victim = unfinished[weather.dice.below(unfinished.len())].id;
            let answer = store.cancel(&[victim]).await.expect("a request to cancel");
            weather.note("people", "cancel", format_args!("{victim}: {answer:?}"));
        }
    }
}
