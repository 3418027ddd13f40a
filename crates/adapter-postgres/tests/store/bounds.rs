//! Rows that a client of the database could write and no reader could read: refused, or of no harm to others.

use control_plane::ports::{
    Admin as _, Claimed, Joining, Launch, Launchable, Members as _, Outbox as _, Passes as _, TaskStatus,
    Work as _,
};
use scheduler_core::{NodeType, TaskId, plan};

use crate::base::Base;

/// One pass, committed.
async fn pass(base: &Base) {
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &decided).await.unwrap();
}

async fn heartbeats(base: &Base) {
    base.run("UPDATE {s}.instance SET last_heartbeat = now()").await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r11_lists_with_null_are_refused_and_passes_go_on() {
    let base = Base::new().await;
    let good = base.jobs(1).await;
    let launch = "SELECT {s}.launch('template', 'job', depends_on => ARRAY[NULL]::bigint[])";
    for bad in [
        launch,
        "UPDATE {s}.task SET groups = ARRAY[NULL]::bigint[]",
        "UPDATE {s}.task SET own_keys = '{}'",
        "UPDATE {s}.task SET created = 'infinity'",
        "UPDATE {s}.run SET handler = 'Bad Name!'",
    ] {
        let refused = base.sql.batch_execute(&bad.replace("{s}", &base.schema)).await;
        let code = refused.as_ref().err().and_then(|error| error.code()).map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("23514"), "{bad}: {refused:?}");
    }
    heartbeats(&base).await;
    pass(&base).await;
    assert_eq!(base.store.task(good[0]).await.unwrap().unwrap().status, TaskStatus::Waiting);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_4_a_message_that_cannot_be_read_ends_its_task_and_stops_no_other() {
    let base = Base::new().await;
    let jobs = base.jobs(3).await;
    heartbeats(&base).await;
    pass(&base).await;
    base.run("UPDATE {s}.outbox SET handler = 'Bad Name!' WHERE id = (SELECT min(id) FROM {s}.outbox)").await;
    let batch = base.store.unsent(10).await.unwrap();
    let sent: Vec<_> = batch.messages().iter().map(|message| (message.id, message.dispatch.task)).collect();
    assert_eq!(sent.len(), 2);
    batch.settle(&sent.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(base.ask("SELECT count(*) FROM {s}.outbox").await, "0");
    let failed = jobs.iter().find(|job| sent.iter().all(|(_, task)| task != *job)).unwrap();
    let view = base.store.task(*failed).await.unwrap().unwrap();
    assert_eq!(view.status, TaskStatus::Error);
    assert!(view.explanation.contains("handler's name"), "{}", view.explanation);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_4_a_payload_that_cannot_be_read_ends_its_task_and_stops_no_other() {
    let base = Base::new().await;
    let good = base.jobs(1).await;
    let sql = r#"SELECT {s}.launch('template', 'job', payload => '{"extra": 1e400}')"#;
    let bad = TaskId::new(base.ask(&sql.replace("SELECT ", "")).await.parse().unwrap());
    let joining = Joining {
        hostname: "a".into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work: true,
        version: String::new(),
    };
    let member = base.store.join(&joining).await.unwrap().member;
    heartbeats(&base).await;
    // All that starts is this node's to take.
    base.run("UPDATE {s}.instance SET enabled = (hostname = 'a')").await;
    pass(&base).await;
    let batch = base.store.unsent(10).await.unwrap();
    let asked: Vec<_> =
        batch.messages().iter().map(|one| (one.dispatch.task, one.dispatch.dispatch)).collect();
    assert_eq!(asked.len(), 2);
    drop(batch);
    let claimed = base.store.claim(member, &asked).await.unwrap().answered().unwrap();
    for ((task, _), claimed) in asked.iter().zip(&claimed) {
        assert_eq!(matches!(claimed, Claimed::Run(_)), *task == good[0], "{task}: {claimed:?}");
    }
    let view = base.store.task(bad).await.unwrap().unwrap();
    assert_eq!(view.status, TaskStatus::Error);
    assert!(view.explanation.contains("cannot be read"), "{}", view.explanation);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn large_payloads_are_refused_in_sql_too() {
    let base = Base::new().await;
    let sql =
        "SELECT {s}.launch('template', 'job', payload => jsonb_build_object('x', repeat('y', 3000000)))";
    let refused = base.sql.batch_execute(&sql.replace("{s}", &base.schema)).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("23514"));
    let mut launch = Launch::of(Launchable::JobTemplate("job".into()));
    launch.payload = Some(serde_json::json!({ "x": "y".repeat(1_000_000) }));
    assert_eq!(base.store.launch(&[launch]).await.unwrap().len(), 1, "within the limit");
    base.end().await;
}
