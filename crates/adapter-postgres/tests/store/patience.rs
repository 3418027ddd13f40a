//! Clients that freeze, rows that somebody keeps, requests that are given up: others wait for a moment, and are told why.

use std::time::Duration;

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::Definitions;
use control_plane::ports::{
    Admin as _, CancelAnswer, Claimed, Claims, Commit, Counts as _, Joining, Launch, Launchable,
    Members as _, Membership, Passes as _, Report, Reported, Standing, StoreError, TaskStatus, Verdict,
    Work as _,
};
use scheduler_core::{DispatchId, NodeType, TaskId, plan};
use testkit::servers::{Relay, address_of, through};
use tokio::time::{Instant, sleep, timeout};

use crate::base::{Base, client, url};

/// A machine under load needs a moment for anything; what is waited for here would last for ever, or for 30 s.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) async fn join(store: &PostgresStore, hostname: &str) -> Membership {
    let node = Joining {
        hostname: hostname.into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: String::new(),
    };
    store.join(&node).await.unwrap().member
}

/// A client in whose transaction these words were said.
pub(crate) async fn keeping(base: &Base, words: &str) -> tokio_postgres::Client {
    let other = client().await;
    other.batch_execute(&format!("BEGIN; {}", words.replace("{s}", &base.schema))).await.unwrap();
    other
}

/// Waits until a connection of this name waits for a row.
async fn until_blocked(base: &Base, name: &str) {
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND wait_event_type = 'Lock'"
    );
    while base.ask(&waits).await == "0" {
        sleep(Duration::from_millis(5)).await;
    }
}

/// A store behind a network that can fall silent, and the name of its connections. A transaction of it may stand still for a moment.
async fn behind(base: &Base) -> (Relay, PostgresStore, String) {
    let url = url();
    let relay = Relay::to(address_of(&url)).await;
    let name = format!("{}_frozen", base.schema);
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}application_name={name}", through(&url, relay.address()));
    let config = PostgresConfig::new(url).schema(&base.schema).idle_timeout(Duration::from_millis(300));
    (relay, PostgresStore::connect(config).unwrap(), name)
}

/// One pass, committed, and how many messages it sent.
pub(crate) async fn pass(base: &Base) -> usize {
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    match pass.commit(&reading, &decided).await.unwrap() {
        Commit::Done(committed) => committed.dispatched,
        stale @ Commit::Stale { .. } => panic!("{stale:?}"),
    }
}

fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable { context, .. } | StoreError::Kept(context)) => context,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn requests_that_are_given_up_spoil_no_connection() {
    let base = Base::new().await;
    let job = base.jobs(1).await[0];
    let member = join(&base.store, "a").await;
    let other = keeping(&base, "SELECT FROM {s}.task FOR UPDATE").await;
    let store = PostgresStore::connect(base.config().pool_size(3)).unwrap();
    for _ in 0..6 {
        assert!(timeout(Duration::from_millis(100), store.cancel(&[job])).await.is_err(), "the row is kept");
        let began = Instant::now();
        assert!(matches!(store.beat(member).await.unwrap(), Standing::Member { .. }));
        store.statistics().await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(900), "it waited for a request that was given up");
    }
    drop(other);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn heartbeats_do_not_wait_for_a_connection_that_work_has() {
    let base = Base::new().await;
    let member = join(&base.store, "a").await;
    let store = PostgresStore::connect(base.config().pool_size(3)).unwrap();
    let other = keeping(&base, "LOCK {s}.task").await;
    let stuck: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.orders(&[(TaskId::new(1), 1.into())]).await })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;
    let beaten = timeout(Duration::from_secs(2), store.beat(member)).await;
    assert!(matches!(beaten.expect("every connection for work waits").unwrap(), Standing::Member { .. }));
    drop(other);
    for call in stuck {
        call.await.unwrap().unwrap();
    }
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn limits_that_are_reached_say_so_in_words_of_their_own() {
    let base = Base::new().await;
    let job = base.jobs(1).await[0];
    let member = join(&base.store, "a").await;
    let short = Duration::from_millis(200);
    let other = keeping(&base, "SELECT FROM {s}.task FOR UPDATE; SELECT FROM {s}.instance FOR UPDATE").await;
    let canceled = timeout(SOON, base.store.cancel(&[job])).await.expect("a row is waited for a second");
    assert!(unavailable(canceled).contains("`lock_timeout`"));
    let impatient = PostgresStore::connect(base.config().lock_timeout(short)).unwrap();
    assert!(unavailable(impatient.beat(member).await).contains("pg_stat_activity"));
    let limited = base.config().lock_timeout(Duration::ZERO).statement_timeout(short);
    let limited = PostgresStore::connect(limited).unwrap();
    assert!(unavailable(limited.beat(member).await).contains("`statement_timeout`"));
    drop(other);
    base.end().await;
}

/// The dispatches of these tasks.
async fn dispatches(base: &Base, tasks: &[TaskId]) -> Vec<(TaskId, DispatchId)> {
    let mut found = Vec::new();
    for &task in tasks {
        let id = base.ask(&format!("SELECT dispatch_id FROM {{s}}.task WHERE id = {}", task.get())).await;
        found.push((task, id.parse::<i64>().unwrap().into()));
    }
    found
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_claim_or_a_report_is_told_that_somebody_keeps_a_row() {
    let base = Base::new().await;
    let member = join(&base.store, "a").await;
    let jobs = base.jobs(2).await;
    pass(&base).await;
    let impatient = PostgresStore::connect(base.config().lock_timeout(Duration::from_millis(100))).unwrap();
    let dispatches: Vec<(TaskId, DispatchId)> = dispatches(&base, &jobs).await;
    let other =
        keeping(&base, &format!("SELECT FROM {{s}}.task WHERE id = {} FOR UPDATE", jobs[1].get())).await;
    assert!(matches!(impatient.claim(member, &dispatches).await, Err(StoreError::Kept(_))));
    assert!(matches!(impatient.claim(member, &dispatches[..1]).await, Ok(Claims::Answered(_))));
    drop(other);
    base.store.claim(member, &dispatches).await.unwrap();
    let other =
        keeping(&base, &format!("SELECT FROM {{s}}.task WHERE id = {} FOR UPDATE", jobs[1].get())).await;
    let report =
        |&(task, dispatch): &(TaskId, DispatchId)| Report { task, dispatch, verdict: Verdict::HandedBack };
    let reports: Vec<Report> = dispatches.iter().map(report).collect();
    assert!(matches!(impatient.report(&reports).await, Err(StoreError::Kept(_))));
    assert_eq!(impatient.report(&reports[..1]).await.unwrap(), [Reported::Written]);
    drop(other);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_task_whose_run_was_deleted_after_its_dispatch_ends_with_an_error() {
    let base = Base::new().await;
    let member = join(&base.store, "a").await;
    let jobs = base.jobs(2).await;
    pass(&base).await;
    base.run(&format!("UPDATE {{s}}.task SET run_id = 987654 WHERE id = {}", jobs[0].get())).await;
    let claims = base.store.claim(member, &dispatches(&base, &jobs).await).await.unwrap();
    assert!(matches!(claims.answered().unwrap().as_slice(), [Claimed::Void, Claimed::Run(_)]));
    assert_eq!(base.store.task(jobs[0]).await.unwrap().unwrap().status, TaskStatus::Error);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn an_overview_bounds_an_explanation_that_somebody_wrote() {
    let base = Base::new().await;
    let job = base.jobs(1).await[0];
    base.run("UPDATE {s}.task SET status = 'error', finished = now(), explanation = repeat('x', 1000000)")
        .await;
    let explanation = base.store.task(job).await.unwrap().unwrap().explanation;
    assert!((2_000..2_200).contains(&explanation.len()), "{} bytes", explanation.len());
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let base = Base::new().await;
    let relay = Relay::to(address_of(&url())).await;
    let url = through(&url(), relay.address());
    let config = PostgresConfig::new(url).schema(&base.schema).statement_timeout(Duration::from_millis(100));
    let store = PostgresStore::connect(config).unwrap();
    store.statistics().await.unwrap();
    relay.silence();
    let silent = timeout(SOON, store.statistics()).await.expect("an answer is waited for a little longer");
    assert!(silent.unwrap_err().is_transient());
    relay.up();
    store.statistics().await.unwrap();
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn cancels_of_many_are_answered_in_the_order_of_the_questions() {
    let base = Base::new().await;
    let mut asked = base.jobs(1_200).await;
    asked.insert(600, TaskId::new(987_654));
    let answers = base.store.cancel(&asked).await.unwrap();
    let unknown = answers.iter().position(|answer| *answer == CancelAnswer::Unknown);
    assert_eq!((answers.len(), unknown), (1_201, Some(600)));
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task WHERE cancel_requested").await, "1200");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_cancel_that_freezes_holds_starts_for_a_moment_only() {
    let base = Base::new().await;
    let jobs = base.jobs(2).await;
    join(&base.store, "a").await;
    let (relay, frozen, name) = behind(&base).await;
    let other =
        keeping(&base, &format!("SELECT FROM {{s}}.task WHERE id = {} FOR UPDATE", jobs[0].get())).await;
    let first = jobs[0];
    let cancel = tokio::spawn(async move { frozen.cancel(&[first]).await });
    until_blocked(&base, &name).await;
    relay.silence();
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(timeout(SOON, pass(&base)).await.expect("the frozen one has lost its lock"), 2);
    relay.up();
    assert!(unavailable(cancel.await.unwrap()).contains("stood still"));
    assert_eq!(base.store.cancel(&[first]).await.unwrap(), [CancelAnswer::Canceled]);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_node_that_freezes_while_it_joins_holds_its_name_for_a_moment_only() {
    let base = Base::new().await;
    let job = base.jobs(1).await[0].get();
    let member = join(&base.store, "a").await;
    base.run(&format!(
        "UPDATE {{s}}.task SET status = 'waiting', dispatch_id = 1, dispatched = now() WHERE id = {job};
        UPDATE {{s}}.task SET status = 'running', started = now(), taken_by = {}, incarnation = {} WHERE id = {job}",
        member.instance, member.incarnation.0
    ))
    .await;
    let (relay, frozen, name) = behind(&base).await;
    let other = keeping(&base, "SELECT FROM {s}.task FOR UPDATE").await;
    let joining = tokio::spawn(async move {
        let node = Joining {
            hostname: "a".into(),
            node_type: NodeType::Hybrid,
            capacity: None,
            takes_work: true,
            version: String::new(),
        };
        frozen.join(&node).await
    });
    until_blocked(&base, &name).await;
    relay.silence();
    other.batch_execute("COMMIT").await.unwrap();
    let beaten = timeout(SOON, base.store.beat(member)).await.expect("the frozen one has lost its rows");
    assert!(matches!(beaten.unwrap(), Standing::Member { .. }));
    assert_eq!(timeout(SOON, pass(&base)).await.unwrap(), 0);
    relay.up();
    assert!(joining.await.unwrap().unwrap_err().is_transient());
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn definitions_that_freeze_hold_heartbeats_for_a_moment_only() {
    let base = Base::new().await;
    let member = join(&base.store, "a").await;
    let (relay, frozen, name) = behind(&base).await;
    let other = keeping(&base, "SELECT FROM {s}.instance FOR UPDATE").await;
    let defining = tokio::spawn(async move {
        let more: Definitions = serde_json::from_value(serde_json::json!({
            "instance": [{ "hostname": "a", "capacity": 7 }]
        }))
        .unwrap();
        frozen.define(&more).await
    });
    until_blocked(&base, &name).await;
    relay.silence();
    other.batch_execute("COMMIT").await.unwrap();
    let beaten = timeout(SOON, base.store.beat(member)).await.expect("the frozen one has lost its rows");
    assert!(matches!(beaten.unwrap(), Standing::Member { .. }));
    relay.up();
    assert!(defining.await.unwrap().unwrap_err().is_transient());
    base.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn launches_that_stand_still_leave_nothing_and_say_so() {
    let base = Base::new().await;
    let store = PostgresStore::connect(base.config().idle_timeout(Duration::from_millis(100))).unwrap();
    let launch = Launch::of(Launchable::JobTemplate("job".into()));
    let stopped = |_: usize| std::thread::sleep(Duration::from_millis(600));
    let launched = store.launch_many(&[launch], &stopped).await;
    assert!(unavailable(launched).contains("stood still"));
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task").await, "0");
    base.end().await;
}
