//! Launching from SQL, inside anybody's transaction.

use control_plane::ports::{Admin as _, Launch, Launchable, StoreError, TaskStatus};
use scheduler_core::{Mode, OwnKey, TaskId};

use crate::base::Base;

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_launch_in_sql_lives_and_dies_with_its_transaction() {
    let mut base = Base::new().await;
    let launch = format!("SELECT {}.launch('template', 'job', 7, '{{\"b\": 2}}')", base.schema);
    let transaction = base.sql.transaction().await.unwrap();
    let rolled_back: i64 = transaction.query_one(&launch, &[]).await.unwrap().get(0);
    transaction.rollback().await.unwrap();
    assert_eq!(base.store.task(TaskId::new(rolled_back)).await.unwrap(), None);

    let transaction = base.sql.transaction().await.unwrap();
    let committed: i64 = transaction.query_one(&launch, &[]).await.unwrap().get(0);
    let sql = format!("SELECT {}.launch('template', 'job', depends_on => ARRAY[$1::bigint])", base.schema);
    let next: i64 = transaction.query_one(&sql, &[&committed]).await.unwrap().get(0);
    transaction.commit().await.unwrap();
    let task = base.store.task(TaskId::new(committed)).await.unwrap().unwrap();
    assert_eq!((task.status, task.priority.get()), (TaskStatus::Pending, 7));
    let payload = base
        .ask(&format!(
            "SELECT payload FROM {{s}}.run r JOIN {{s}}.task t ON t.run_id = r.id WHERE t.id = {committed}"
        ))
        .await;
    assert_eq!(payload, r#"{"a": 1, "b": 2}"#);
    let links = base.ask(&format!("SELECT dependencies FROM {{s}}.task WHERE id = {next}")).await;
    assert_eq!(links, format!("{{{committed}}}"));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_launch_of_nothing_names_it_and_leaves_nothing() {
    let base = Base::new().await;
    let launches = ["job", "jib", "jab"].map(|name| Launch::of(Launchable::JobTemplate(name.into())));
    let Err(StoreError::Refused(message)) = base.store.launch(&launches).await else { panic!() };
    assert!(message.contains("template \"jib\"") && message.contains("template \"jab\""), "{message}");
    assert!(!message.contains("\"job\""), "{message}");
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task").await, "0");

    let mut launch = Launch::of(Launchable::JobTemplate("job".into()));
    launch.dependencies = vec![TaskId::new(987_654)];
    let Err(StoreError::Refused(message)) = base.store.launch(&[launch]).await else { panic!() };
    assert!(message.contains("987654"), "{message}");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_sliced_template_is_a_workflow_job_of_its_slices() {
    let base = Base::new().await;
    let ids = base.store.launch(&[Launch::of(Launchable::JobTemplate("sliced".into()))]).await.unwrap();
    let kind = base.store.task(ids[0]).await.unwrap().unwrap().kind;
    assert_eq!(kind, scheduler_core::Kind::WorkflowJob);
    assert_eq!(base.ask("SELECT count(*) FROM {s}.node").await, "3");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_payload_that_cannot_be_kept_is_refused_without_being_shown() {
    let base = Base::new().await;
    let mut launch = Launch::of(Launchable::JobTemplate("job".into()));
    launch.payload = Some(serde_json::json!({ "password": "secret\u{0}" }));
    let refused = base.store.launch(&[launch]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
    assert!(!format!("{refused:?} {refused}").contains("secret"));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r2_a_launch_in_sql_takes_keys_of_own_resources() {
    let base = Base::new().await;
    let keys = r#"[{"resource": "table", "key": 7, "mode": "shared"}]"#;
    let launch = format!("SELECT {{s}}.launch('template', 'job', own_keys => '{keys}')");
    let id: i64 = base.ask(&launch).await.parse().unwrap();
    let own_keys = base.store.task(TaskId::new(id)).await.unwrap().unwrap().own_keys;
    assert_eq!(own_keys, [OwnKey::new("table", 7).in_mode(Mode::Shared)]);

    let many = format!("[{}]", vec![r#"{"resource": "table", "key": 7}"#; 101].join(","));
    for wrong in [
        r#"{"resource": "table", "key": 7}"#,
        r#"[{"resource": "table", "key": 7, "mode": "write"}]"#,
        "7",
        &many,
    ] {
        let launch = format!("SELECT {}.launch('template', 'job', own_keys => '{wrong}')", base.schema);
        let refused = base.sql.query_one(&launch, &[]).await.unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(refused.code().code(), "SCH01", "{wrong}");
        assert!(refused.message().contains("no keys of own resources"), "{refused}");
    }
    assert_eq!(base.ask("SELECT count(*) FROM {s}.task").await, "1");
    base.end().await;
}
