//! What happened on a live control plane, told, forecast from and run again; a test plays its nodes.

use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Claimed, Ended, Joining, Membership, Queue, Report, Store, Verdict};
use control_plane::{Options, Scheduler};
use scheduler_core::{DispatchId, NodeType, Outcome, TaskId};

use crate::live::Live;
use crate::{Ran, file, run};

/// The nodes of the example's machines, in one test.
struct Nodes {
    store: Arc<dyn Store>,
    members: Vec<Membership>,
}

impl Nodes {
    async fn join(store: Arc<dyn Store>) -> Self {
        let mut members = Vec::new();
        for hostname in ["node-a", "node-b", "node-c"] {
            let node = Joining {
                hostname: hostname.into(),
                node_type: NodeType::Hybrid,
                capacity: None,
                takes_work: true,
                version: String::new(),
            };
            members.push(store.join(&node).await.expect("a node can join").member);
        }
        Self { store, members }
    }

    /// One pass, and what it starts is taken up.
    async fn start(&self) -> Vec<(TaskId, DispatchId)> {
        Scheduler::new(self.store.clone(), Options::default()).schedule().await.expect("a pass");
        let batch = self.store.unsent(1000).await.expect("messages");
        let ids: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
        let dispatches: Vec<_> = batch.messages().iter().map(|message| message.dispatch.clone()).collect();
        batch.settle(&ids).await.expect("they are sent");
        let mut taken = Vec::new();
        for dispatch in dispatches {
            let Queue::Node(node) = dispatch.queue else { panic!("a place on a node") };
            let member = self.members.iter().find(|member| member.instance == node).expect("a node");
            let claims = self.store.claim(*member, &[(dispatch.task, dispatch.dispatch)]).await;
            assert!(matches!(claims.expect("a claim").answered().as_deref(), Some([Claimed::Run(_)])));
            taken.push((dispatch.task, dispatch.dispatch));
        }
        taken
    }

    async fn end(&self, tasks: &[(TaskId, DispatchId)], outcome: Outcome) {
        let report =
            |&(task, dispatch)| Report { task, dispatch, verdict: Verdict::Ended(Ended::of(outcome)) };
        let reports: Vec<Report> = tasks.iter().map(report).collect();
        self.store.report(&reports).await.expect("reports");
    }

    /// Until nothing starts any more; each task takes some time.
    async fn work_off(&self) {
        loop {
            let tasks = self.start().await;
            if tasks.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
            self.end(&tasks, Outcome::Successful).await;
        }
    }
}

fn play<T>(live: &Live, play: impl AsyncFnOnce(Nodes) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { play(Nodes::join(live.store()).await).await })
}

fn good(ran: Ran) -> Ran {
    assert!(matches!(ran.code, Some(0 | 2)), "{ran:?}");
    ran
}

/// Two jobs of one template after each other, with the updates that they need.
fn some_past(live: &Live) {
    good(live.run(&["launch", "template:deploy-web", "--count", "2"]));
    play(live, async |nodes| nodes.work_off().await);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn what_happened_is_told_with_what_was_waited_for() {
    let live = Live::new();
    let empty = good(live.run(&["history"]));
    assert!(empty.out.starts_with("0 tasks from "), "{empty:?}");
    some_past(&live);

    let told = good(live.run(&["history"]));
    assert!(told.out.starts_with("4 tasks (4 successful) from "), "{told:?}");
    let second =
        told.out.lines().find(|line| line.trim_start().starts_with("2 deploy-web")).expect("its row");
    assert!(second.contains("waits for") && second.contains("on node-"), "{second}");
    assert!(second.trim_end().ends_with("successful"), "{second}");
    for part in ["waited ", "p90", " jobs ", " project updates ", "group datacentre", "resource_held"] {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
    let short = good(live.run(&["history", "--limit", "1"]));
    assert!(short.out.contains("(4 tasks; --limit 0 for all"), "{short:?}");

    let one = good(live.run(&["history", "--task", "2"]));
    assert!(one.out.starts_with("job 2 deploy-web: successful, launched "), "{one:?}");
    let order =
        ["a pass considered it first", "which job 1 held", "dispatched, on node-", "started", "successful"];
    let mut rest = one.out.split_once('\n').expect("more lines").1;
    for part in order {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part} in its place: {one:?}")).1;
    }

    let json = live.json(&["history", "--json"]);
    let bars = json["outcome"]["timeline"]["bars"].as_array().expect("bars");
    assert_eq!(bars.len(), 4);
    let bar = bars.iter().find(|bar| bar["task"] == 2).expect("the bar of task 2");
    let wait = bar["waits"].as_array().and_then(|waits| waits.last()).expect("a wait");
    let reason =
        &json["outcome"]["timeline"]["reasons"][wait["reason"].as_u64().expect("a position") as usize];
    assert_eq!((&reason["token"], &reason["blockers"][0]), (&"resource_held".into(), &1.into()));
    assert!(wait["to"].as_i64() <= bar["started"].as_i64(), "{bar}");
    assert_eq!(json["waiting"]["all"]["count"], 4);

    let page = file("history.html", "");
    good(live.run(&["history", "--html", &page]));
    let page = std::fs::read_to_string(&page).expect("it was written");
    assert!(page.starts_with("<!doctype html>") && page.contains("What happened"));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn a_span_that_cannot_be_is_refused() {
    let live = Live::new();
    some_past(&live);
    let later = good(live.run(&["history", "--since", "2026-01-01", "--until", "2026-01-02"]));
    assert!(later.out.starts_with("0 tasks from 2026-01-01 00:00:00 to 2026-01-02"), "{later:?}");
    let refusals: [(&[&str], &str); 4] = [
        (&["--since", "yesterday"], "write how long ago, as in 90min"),
        (&["--since", "2h", "--until", "3h"], "before it has begun"),
        (&["--task", "77"], "task 77 was not there in this span"),
        (&["--since", "2999-01-01"], "before it has begun"),
    ];
    for (arguments, words) in refusals {
        let refused = live.run(&[&["history"], arguments].concat());
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn a_forecast_of_the_database_rests_on_its_own_history() {
    let live = Live::new();
    good(live.run(&["launch", "template:deploy-web", "--count", "2"]));
    let guessed = good(live.run(&["forecast"]));
    assert!(guessed.out.contains("no history: every task is taken to run for 60 s"), "{guessed:?}");
    play(&live, async |nodes| {
        nodes.work_off().await;
        let launch = control_plane::ports::Launchable::JobTemplate("deploy-web".into());
        let launch = control_plane::ports::Launch::of(launch);
        nodes.store.launch(&[launch.clone(), launch]).await.expect("two more");
        let running = nodes.start().await;
        assert_eq!(running.iter().map(|(task, _)| task.get()).collect::<Vec<_>>(), [5]);
    });
    let forecast = good(live.run(&["forecast"]));
    assert!(forecast.out.contains("1 pending tasks"), "{forecast:?}");
    assert!(!forecast.out.contains("no history"), "{forecast:?}");
    let row =
        forecast.out.lines().find(|line| line.trim_start().starts_with("6 deploy-web")).expect("its row");
    assert!(row.contains("job 5 to release job template"), "{row}");
    let json = live.json(&["forecast", "--json", "--task", "6", "--draws", "20"]);
    assert_eq!((&json["forecast"]["draws"], &json["forecast"]["without_history"]), (&20.into(), &0.into()));
    assert!(json["forecast"]["tasks"][0]["starts"]["median"].is_string(), "{json}");
    let unknown = live.run(&["forecast", "--task", "5"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("no pending task of the database has this id"), "{unknown:?}");

    let printed = good(live.run(&["history", "--json"]));
    let printed = file("history-printed.json", printed.out);
    let other = good(live.run(&["forecast", "--history", &printed]));
    assert!(other.out.contains("1 pending tasks"), "{other:?}");
    let both = live.run(&["forecast", "--history", &printed, "--since", "1d"]);
    assert_eq!(both.code, Some(1), "one of the two: {both:?}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn what_was_launched_can_be_run_again() {
    let live = Live::new();
    let nothing = live.run(&["simulate", "--live"]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("there is no launch in it"), "{nothing:?}");

    let secret = r#"{"argument":"a-secret"}"#;
    good(live.run(&["launch", "template:deploy-web", "--payload", secret]));
    good(live.run(&[
        "launch",
        "workflow:release",
        "template:collect-metrics",
        "template:deploy-web",
        "--after",
        "1",
    ]));
    good(live.run(&["launch", "template:deploy-web"]));
    play(&live, async |nodes| {
        let first = nodes.start().await;
        nodes.store.cancel(&[TaskId::new(5)]).await.expect("asked to cancel");
        tokio::time::sleep(Duration::from_millis(30)).await;
        nodes.end(&first, Outcome::Successful).await;
        nodes.work_off().await;
    });
    let path = file("replayed.json", "");
    let written = good(live.run(&["history", "--workload", &path]));
    assert!(written.out.contains("5 launches; `scheduler simulate"), "{written:?}");
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert!(
        !text.contains("a-secret") && !text.contains("\"run\""),
        "what workers do stays where it is: {text}"
    );
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let launches = value["launch"].as_array().expect("launches");
    assert_eq!((&launches[0]["name"], &launches[3]["depends_on"][0]), (&"1".into(), &"1".into()));
    assert!(launches[4]["cancel_after"].is_number(), "{value}");

    let ran = good(run(&["simulate", &path]));
    assert!(ran.out.starts_with("history: "), "{ran:?}");
    let again = good(live.run(&["simulate", "--live", "--since", "1h"]));
    let first = |ran: &Ran| ran.out.lines().next().map(str::to_owned);
    assert_eq!(first(&ran), first(&again), "the file and the direct way are one");
    let changed = live.run(&["simulate", "--live", "--change", "instance add extra 40 datacentre"]);
    assert!(good(changed).out.contains("compared with: instance add extra 40 datacentre"));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn slices_are_run_again_one_by_one_and_not_cut_again() {
    let live = Live::new();
    good(live.run(&[
        "template",
        "set",
        "wide",
        "--project",
        "site-code",
        "--inventory",
        "production",
        "--slices",
        "3",
        "--handler",
        "noop",
    ]));
    good(live.run(&["launch", "template:wide"]));
    play(&live, async |nodes| nodes.work_off().await);
    let again = good(live.run(&["simulate", "--live", "--json"]));
    let outcome: serde_json::Value = serde_json::from_str(&again.out).expect("JSON");
    let bars = outcome["outcome"]["timeline"]["bars"].as_array().expect("a list");
    assert_eq!(bars.iter().filter(|bar| bar["name"] == "wide").count(), 3, "{bars:?}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn what_is_defined_no_more_is_run_again_all_the_same() {
    let live = Live::new();
    good(live.run(&["template", "set", "old", "--inventory", "production", "--handler", "noop"]));
    good(live.run(&["launch", "template:old", "--count", "2"]));
    good(live.run(&["launch", "--inventory", "production", "--handler", "noop"]));
    play(&live, async |nodes| nodes.work_off().await);
    good(live.run(&["template", "remove", "old"]));
    let again = good(live.run(&["simulate", "--live"]));
    assert!(again.out.contains("(4 successful)"), "the update of the inventory too: {again:?}");
    assert!(again.out.contains("old"), "{again:?}");
}
