//! What only PostgreSQL's commit does: one transaction against others that change the same rows.

use control_plane::ports::{Admin as _, Commit, Outbox as _, Passes as _, Work as _};
use control_plane::ports::{Claimed, Joining, Members as _, TaskStatus};
use scheduler_core::{Forks, NodeType, RuleSet, plan};

use crate::base::Base;

async fn join(base: &Base, hostname: &str) -> control_plane::ports::Membership {
    let node = Joining {
        hostname: hostname.into(),
        node_type: NodeType::Hybrid,
        capacity: Some(Forks::new(10)),
        takes_work: true,
        version: "1".into(),
    };
    base.store.join(&node).await.unwrap().member
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_3_a_task_canceled_after_the_snapshot_is_left_out_with_its_message() {
    let base = Base::new().await;
    let (a, b) = (join(&base, "a").await, join(&base, "b").await);
    let jobs = base.jobs(3).await;
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    assert_eq!(reading.rules.name, RuleSet::tower_2018().name);
    let decided = plan(&reading.snapshot, &reading.rules);
    assert_eq!(decided.starts().count(), 3);
    base.store.cancel(&[jobs[1]]).await.unwrap();
    let Commit::Done(committed) = pass.commit(&reading, &decided).await.unwrap() else { panic!() };
    assert_eq!(committed.dispatched, 2);
    assert_eq!(committed.skipped.iter().map(|start| start.task).collect::<Vec<_>>(), [jobs[1]]);
    let batch = base.store.unsent(10).await.unwrap();
    let sent: Vec<_> = batch.messages().iter().map(|message| message.dispatch.clone()).collect();
    assert_eq!(sent.iter().map(|dispatch| dispatch.task).collect::<Vec<_>>(), [jobs[0], jobs[2]]);
    let ids: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
    batch.settle(&ids).await.unwrap();
    let mut claims = 0;
    for member in [a, b] {
        let pairs: Vec<_> = sent.iter().map(|dispatch| (dispatch.task, dispatch.dispatch)).collect();
        let answers = base.store.claim(member, &pairs).await.unwrap().answered().unwrap();
        claims += answers.iter().filter(|answer| matches!(answer, Claimed::Run(_))).count();
    }
    assert_eq!(claims, 2);
    let task = base.store.task(jobs[1]).await.unwrap().unwrap();
    assert_eq!((task.status, task.cancel_requested), (TaskStatus::Pending, true));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_finished_row_cannot_be_revived_by_any_client() {
    let base = Base::new().await;
    let job = base.jobs(1).await[0].get();
    let change = |status: &str, more: &str| {
        format!("UPDATE {}.task SET status = '{status}' {more} WHERE id = {job}", base.schema)
    };
    let straight = base.sql.batch_execute(&change("running", ", started = now(), dispatch_id = 1")).await;
    assert!(straight.is_err(), "a job runs without having waited");
    assert!(base.sql.batch_execute(&change("failed", "")).await.is_err(), "it ends at no time");
    base.sql.batch_execute(&change("failed", ", finished = now()")).await.unwrap();
    assert!(base.sql.batch_execute(&change("pending", ", finished = NULL")).await.is_err(), "it comes back");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn what_is_finished_is_not_read() {
    let base = Base::new().await;
    base.run(
        "INSERT INTO {s}.task (kind, name, run_id, status, finished)
            SELECT 'job', 'old', 1, 'successful', now() FROM generate_series(1, 100000); ANALYZE {s}.task",
    )
    .await;
    base.jobs(10).await;
    let plan: String = base
        .sql
        .query(&format!("EXPLAIN SELECT id FROM {}.task WHERE finished IS NULL", base.schema), &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<_, String>(0))
        .collect();
    assert!(plan.contains("task_unfinished"), "{plan}");
    assert_eq!(base.store.read().await.unwrap().snapshot.tasks.len(), 10);
    base.end().await;
}

/// What tasks that ended since the last vacuum cost a read, whose index keeps their entries until the next.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn what_has_just_finished_is_hardly_read() {
    const ENDED: u64 = 20_000;
    let base = Base::new().await;
    base.run("ALTER TABLE {s}.task SET (autovacuum_enabled = off)").await;
    base.jobs(100).await;
    let before = blocks(&base).await;
    base.run(&format!(
        "INSERT INTO {{s}}.task (kind, name, run_id) SELECT 'job', 'new', 1 FROM generate_series(1, {ENDED});
        UPDATE {{s}}.task SET status = 'successful', finished = now() WHERE name = 'new'"
    ))
    .await;
    // The first read that nobody's older snapshot keeps from it marks the entries as dead.
    let mut after = blocks(&base).await;
    for _ in 0..200 {
        if after < before + ENDED / 500 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        after = blocks(&base).await;
    }
    assert!(
        after < before + ENDED / 500,
        "{after} blocks are read for 100 tasks, and {before} before others ended"
    );
    base.end().await;
}

/// How many blocks of the table and its index a read of the unfinished tasks touches.
async fn blocks(base: &Base) -> u64 {
    base.run("SET enable_seqscan = off; SET enable_bitmapscan = off").await;
    let words = "EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, FORMAT json)
        SELECT t.id, t.name, t.created FROM {s}.task t WHERE t.finished IS NULL";
    let row = base.sql.query_one(&words.replace("{s}", &base.schema), &[]).await.unwrap();
    let told: serde_json::Value = row.get(0);
    let count =
        |of: &str| told.pointer(&format!("/0/Plan/{of}")).and_then(serde_json::Value::as_u64).unwrap();
    count("Shared Hit Blocks") + count("Shared Read Blocks")
}
