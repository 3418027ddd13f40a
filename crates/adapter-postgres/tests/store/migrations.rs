//! Tables come up once, whoever asks first, and another version is refused.

use adapter_postgres::PostgresStore;
use control_plane::ports::{Admin as _, Counts as _, HistoryFilter, Passes as _, StoreError, Wakes as _};

use crate::base::Base;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn many_nodes_may_migrate_at_once() {
    let base = Base::bare().await;
    let nodes = (0..12).map(|_| {
        let store = PostgresStore::connect(base.config().pool_size(3)).unwrap();
        tokio::spawn(async move { store.migrate().await })
    });
    for node in nodes.collect::<Vec<_>>() {
        node.await.unwrap().unwrap();
    }
    let applied = base.ask("SELECT string_agg(version::text, ',' ORDER BY version) FROM {s}.migration").await;
    let known: Vec<String> =
        PostgresStore::migrations().iter().map(|migration| migration.version.to_string()).collect();
    assert_eq!(applied, known.join(","));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn tables_of_another_version_are_refused() {
    let base = Base::bare().await;
    let needed = PostgresStore::migrations().len() as u32;
    let refused = base.store.statistics().await;
    assert!(matches!(refused, Err(StoreError::Version { found: 0, .. })), "{refused:?}");
    assert!(matches!(base.store.wakeups().await.err(), Some(StoreError::Version { found: 0, .. })));

    base.store.migrate().await.unwrap();
    base.store.statistics().await.unwrap();
    base.run("INSERT INTO {s}.migration VALUES (999, 'from the future')").await;
    let old = PostgresStore::connect(base.config()).unwrap();
    let refused = old.begin().await.err();
    assert!(
        matches!(refused, Some(StoreError::Version { found: 999, needed: n }) if n == needed),
        "{refused:?}"
    );
    assert!(matches!(old.migrate().await, Err(StoreError::Version { found: 999, .. })));
    base.end().await;
}

/// Tables as the program of an earlier version left them.
async fn at_version(base: &Base, version: u32) {
    base.run(
        "CREATE SCHEMA {s};
        CREATE TABLE {s}.migration (version integer PRIMARY KEY, name text NOT NULL,
            applied timestamptz NOT NULL DEFAULT now())",
    )
    .await;
    for migration in PostgresStore::migrations().iter().filter(|migration| migration.version <= version) {
        base.run(&migration.sql.replace("{schema}", &base.schema).replace("{channel}", &base.schema)).await;
        base.run(&format!(
            "INSERT INTO {{s}}.migration VALUES ({}, '{}')",
            migration.version, migration.name
        ))
        .await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn tables_without_a_history_get_one_and_keep_what_they_hold() {
    let base = Base::bare().await;
    at_version(&base, 3).await;
    base.run(
        r#"INSERT INTO {s}.instance (hostname, node_type, capacity) VALUES ('a', 'hybrid', 10);
        INSERT INTO {s}.task (kind, name, status, finished, impact) VALUES ('job', 'old', 'successful', now(), 1);
        INSERT INTO {s}.task (kind, name, impact, template_id, run_id)
            VALUES ('job', 'held', 1, 7, 1), ('job', 'new', 1, 7, 1);
        INSERT INTO {s}.held VALUES (2, 1, 'waiting_for_dependency',
            '{"dependency": {"on": {"task": {"id": 1, "kind": "job"}}}}', now() - interval '1 hour')"#,
    )
    .await;
    base.store.migrate().await.unwrap();

    let past = base.store.history(&HistoryFilter::default()).await.unwrap();
    let names: Vec<&str> = past.iter().map(|past| past.task.name.as_ref()).collect();
    assert_eq!(names, ["old", "held", "new"]);
    let [wait] = past[1].waits.as_slice() else { panic!("what it waits for is kept: {past:?}") };
    assert_eq!((wait.reason.token(), wait.until), ("waiting_for_dependency", None));

    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let plan = scheduler_core::plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &plan).await.unwrap();
    let past = base.store.history(&HistoryFilter::default()).await.unwrap();
    let [before, now] = past[1].waits.as_slice() else { panic!("a new reason follows: {past:?}") };
    assert_eq!((before.since, before.until), (wait.since, Some(now.since)));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn what_a_task_waited_for_is_deleted_with_it() {
    let base = Base::new().await;
    base.jobs(3).await;
    base.run(
        "INSERT INTO {s}.past_wait SELECT id, now() - interval '1 hour', now(), '{}' FROM {s}.task, generate_series(1, 2);
        DELETE FROM {s}.task WHERE id <> 2",
    )
    .await;
    assert_eq!(base.ask("SELECT string_agg(task_id::text, ',') FROM {s}.past_wait").await, "2,2");
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r11_rows_that_no_reader_could_read_are_put_right() {
    let base = Base::bare().await;
    at_version(&base, 7).await;
    base.run(
        r#"INSERT INTO {s}.task (kind, name, run_id, own_keys) VALUES ('job', 'bad keys', 1, '[1]'),
            ('job', 'good', 1, '[{"resource": "licence", "key": 7}]'), ('job', 'nothing to run', NULL, NULL);
        INSERT INTO {s}.task (kind, name, run_id, own_keys, status, dispatch_id, dispatched, started)
            VALUES ('job', 'runs', 1, '[{"resource": "x", "key": 1.5}]', 'running', 1, now(), now())"#,
    )
    .await;
    base.store.migrate().await.unwrap();
    let found = "SELECT string_agg(name || ' ' || status || COALESCE(' ' || own_keys::text, ''), ', ' ORDER BY id) FROM {s}.task";
    assert_eq!(
        base.ask(found).await,
        r#"bad keys error, good pending [{"key": 7, "resource": "licence"}], nothing to run error, runs running"#
    );
    base.run("UPDATE {s}.task SET status = 'successful', finished = now() WHERE name = 'runs'").await;
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn whoever_might_launch_still_may_when_the_functions_take_keys() {
    let base = Base::bare().await;
    at_version(&base, 9).await;
    base.run(
        "CREATE ROLE {s}_launcher; CREATE ROLE {s}_owner;
        GRANT EXECUTE ON FUNCTION {s}.submit TO {s}_launcher WITH GRANT OPTION;
        REVOKE ALL ON FUNCTION {s}.launch FROM PUBLIC;
        GRANT CREATE ON SCHEMA {s} TO {s}_owner;
        ALTER FUNCTION {s}.submit(text, text, integer, jsonb, bigint[]) OWNER TO {s}_owner",
    )
    .await;
    base.store.migrate().await.unwrap();
    let rights = "SELECT string_agg(format('%s %s %s %s', p.proname, p.pronargs, has_function_privilege('{s}_launcher', p.oid, 'EXECUTE'),
            p.proowner = '{s}_owner'::regrole), ', ' ORDER BY p.proname)
        FROM pg_proc p WHERE p.pronamespace = '{s}'::regnamespace AND p.proname IN ('launch', 'submit')";
    assert_eq!(base.ask(rights).await, "launch 6 f f, submit 6 t t");
    base.run("DROP OWNED BY {s}_launcher, {s}_owner CASCADE; DROP ROLE {s}_launcher, {s}_owner").await;
    base.end().await;
}
