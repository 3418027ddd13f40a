//! What only PostgreSQL's purge does: rows that hang on others, and transactions beside it.

use std::time::Duration;

use control_plane::ports::{
    Admin as _, Counts as _, Kept, Launch, Launchable, Purge, Purged, Retention as _, StoreError,
};
use scheduler_core::{TaskId, Timestamp};
use serde_json::json;

use crate::base::{Base, client};

async fn now(base: &Base) -> Timestamp {
    base.store.statistics().await.unwrap().now
}

async fn purge(base: &Base) -> Purged {
    base.store.purge(&Purge::of(now(base).await, 1000)).await.unwrap()
}

/// Ends everything that is unfinished, long ago.
async fn end_all(base: &Base) {
    let sql = "UPDATE {s}.task SET status = 'successful', finished = now() - interval '40 days' WHERE finished IS NULL";
    base.run(sql).await;
}

fn job() -> Launch {
    Launch::of(Launchable::JobTemplate("job".into()))
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn no_row_is_left_that_hangs_on_a_removed_task() {
    let base = Base::new().await;
    let own = Launch { payload: Some(json!({ "b": 2 })), ..job() };
    let sliced = Launch::of(Launchable::JobTemplate("sliced".into()));
    let tasks = base.store.launch(&[own.clone(), own, job(), sliced]).await.unwrap();
    base.run(&format!(
        "INSERT INTO {{s}}.task_output VALUES ({0}, 'text', false);
        INSERT INTO {{s}}.held VALUES ({0}, 1, 'token', '{{}}', now());
        INSERT INTO {{s}}.past_wait VALUES ({0}, now(), now(), '{{}}')",
        tasks[0].get()
    ))
    .await;
    assert_eq!(base.ask("SELECT count(*) FROM {s}.run").await, "4", "two definitions and two launches");
    assert_eq!(base.ask("SELECT count(*) FROM {s}.node").await, "3");
    end_all(&base).await;
    assert_eq!(purge(&base).await, Purged { removed: 4, ..Purged::default() });
    for table in ["task", "task_output", "held", "past_wait", "node"] {
        assert_eq!(base.ask(&format!("SELECT count(*) FROM {{s}}.{table}")).await, "0", "{table}");
    }
    assert_eq!(base.ask("SELECT count(*) FROM {s}.run").await, "2", "those of the definitions");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn what_others_still_run_is_kept() {
    let base = Base::new().await;
    let own = Launch { payload: Some(json!({ "b": 2 })), ..job() };
    let [_, old] = base.store.launch(&[job(), job()]).await.unwrap()[..] else { panic!() };
    end_all(&base).await;
    let young = base.store.launch(&[own]).await.unwrap()[0];
    // The row that the definition had before is run by the old tasks alone from now on.
    let changed = json!({ "template": [
        { "name": "job", "allow_simultaneous": true, "impact": 1, "run": { "handler": "other" } },
    ] });
    base.store.define(&serde_json::from_value(changed).unwrap()).await.unwrap();
    base.run(&format!("UPDATE {{s}}.task SET finished = now() + interval '1 day' WHERE id = {}", old.get()))
        .await;
    assert_eq!(purge(&base).await.removed, 1);
    let missing =
        "SELECT count(*) FROM {s}.task t WHERE NOT EXISTS (SELECT FROM {s}.run r WHERE r.id = t.run_id)";
    assert_eq!(base.ask(missing).await, "0");
    assert_eq!(
        base.ask("SELECT count(*) FROM {s}.run").await,
        "4",
        "two definitions, the old one and the young launch"
    );
    base.run(&format!("DELETE FROM {{s}}.task WHERE id = {}", old.get())).await;
    assert_eq!(purge(&base).await.removed, 0);
    assert_eq!(
        base.ask("SELECT count(*) FROM {s}.run").await,
        "3",
        "what was left behind goes with the next purge"
    );
    assert!(base.store.task(young).await.unwrap().is_some());
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn what_tasks_ran_stays_while_a_launch_may_have_read_of_it() {
    let base = Base::new().await;
    let own = Launch { payload: Some(json!({ "b": 2 })), ..job() };
    base.store.launch(&[own]).await.unwrap();
    end_all(&base).await;
    let other = client().await;
    let open = format!("BEGIN; SELECT run_id FROM {}.launchable", base.schema);
    other.batch_execute(&open).await.unwrap();
    let (store, moment) = (base.store.clone(), now(&base).await);
    let purging = tokio::spawn(async move { store.purge(&Purge::of(moment, 1000)).await });
    while base.ask("SELECT count(*) FROM {s}.task").await != "0" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(base.ask("SELECT count(*) FROM {s}.run").await, "3");
    other.batch_execute("COMMIT").await.unwrap();
    purging.await.unwrap().unwrap();
    assert_eq!(base.ask("SELECT count(*) FROM {s}.run").await, "2");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r5_a_launch_that_is_under_way_keeps_what_it_depends_on() {
    let base = Base::new().await;
    let task = base.jobs(1).await[0];
    end_all(&base).await;
    let other = client().await;
    let lock = format!("BEGIN; SELECT id FROM {}.task WHERE id = {} FOR KEY SHARE", base.schema, task.get());
    other.batch_execute(&lock).await.unwrap();
    assert_eq!(purge(&base).await.kept, [(Kept::Dependency, 1)].into());
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(purge(&base).await.removed, 1);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r5_a_launch_after_a_task_that_is_being_removed_is_refused() {
    let base = Base::new().await;
    let [gone, stays] = base.jobs(2).await[..] else { panic!() };
    end_all(&base).await;
    let other = client().await;
    let remove = format!("BEGIN; DELETE FROM {}.task WHERE id = {}", base.schema, gone.get());
    other.batch_execute(&remove).await.unwrap();
    let store = base.store.clone();
    let after = move |task: TaskId| Launch { dependencies: vec![task], ..job() };
    let launch = after(gone);
    let launching = tokio::spawn(async move { store.launch(&[launch]).await });
    base.store.launch(&[after(stays)]).await.unwrap();
    other.batch_execute("COMMIT").await.unwrap();
    let refused = launching.await.unwrap();
    assert!(
        matches!(&refused, Err(StoreError::Refused(why)) if why.contains("there is no task")),
        "{refused:?}"
    );
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn two_purges_at_once_remove_each_task_once() {
    let base = Base::new().await;
    base.jobs(500).await;
    end_all(&base).await;
    let moment = now(&base).await;
    let portions = async |store: adapter_postgres::PostgresStore| {
        let mut portion = Purge::of(moment, 50);
        let mut sum = Purged::default();
        loop {
            sum.add(&store.purge(&portion).await.unwrap());
            portion.after = sum.next;
            if sum.next.is_none() {
                return sum.removed;
            }
        }
    };
    let (one, other) = tokio::join!(portions(base.store.clone()), portions(base.store.clone()));
    assert_eq!(one + other, 500);
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task").await, "0");
    base.end().await;
}
