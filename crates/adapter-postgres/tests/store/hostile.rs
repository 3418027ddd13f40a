//! Every column of every table, written as badly as its type and the checks allow, each in a row of its own: passes go on, what is healthy
//! starts, and everything can still be looked at (R11).
//!
//! The columns are the database's own list of them, so that a new one is tried without being named here. The rules are no row among
//! others: they say who blocks whom, and without them nothing may start.

use std::time::Duration;

use control_plane::definition::Definitions;
use control_plane::ports::{
    Admin as _, Commit, Counts as _, HistoryFilter, Launch, Launchable, Outbox as _, Passes as _, TaskFilter,
    TaskStatus,
};
use scheduler_core::{Priority, TaskId, plan};

use crate::base::Base;

/// Bad values of a type, as SQL.
fn values(data_type: &str) -> &'static [&'static str] {
    match data_type {
        "bigint" => &["NULL", "-1", "0", "7", "9223372036854775807", "-9223372036854775808"],
        "integer" => &["NULL", "-2147483648", "2147483647"],
        "boolean" => &["NULL", "true", "false"],
        "text" => &["NULL", "''", "'x'", r"E'\x1b[2J'", "repeat('x', 100000)", "'NaN'"],
        "timestamp with time zone" => {
            &["NULL", "'infinity'", "'-infinity'", "'280000-01-01'", "'294276-12-31'", "'4713-01-01 BC'"]
        }
        "jsonb" => &[
            "NULL",
            "'null'",
            "'1'",
            "'[]'",
            "'[1]'",
            "'{}'",
            r#"'[{"resource": 1, "key": 1}]'"#,
            r#"'[{"resource": "x", "key": 1e400}]'"#,
            r#"'{"dependency": {"on": 1}}'"#,
            "(repeat('[', 1000) || repeat(']', 1000))::jsonb",
        ],
        "ARRAY" => {
            &["NULL", "'{}'", "'{NULL}'", "'{{1,2},{3,4}}'", "'{9223372036854775807,-1,0}'", "'[5:5]={1}'"]
        }
        other => panic!("no bad values are known of {other}"),
    }
}

/// A fresh row, as a statement that returns its `ctid`, for each kind of row that a table has.
fn rows(table: &str) -> &'static [&'static str] {
    match table {
        "task" => &[
            "INSERT INTO {s}.task (kind, name, run_id) VALUES ('job', 'evil', 1)",
            "INSERT INTO {s}.task (kind, name, run_id, project_id, update_type, own_keys)
                VALUES ('project_update', 'evil', 1, 1, 'check', '[]')",
            "INSERT INTO {s}.task (kind, name, run_id, status, dispatch_id, dispatched, node_id)
                VALUES ('job', 'evil', 1, 'waiting', 1, now(), 3)",
            "INSERT INTO {s}.task (kind, name, run_id, status, dispatch_id, dispatched, started, node_id, taken_by, incarnation)
                VALUES ('job', 'evil', 1, 'running', 1, now(), now(), 3, 3, 1)",
            "INSERT INTO {s}.task (kind, name, workflow_template_id, status, started)
                VALUES ('workflow_job', 'evil', 1, 'running', now())",
            "INSERT INTO {s}.task (kind, name, status, started, expires)
                VALUES ('workflow_approval', 'evil', 'running', now(), now())",
            "INSERT INTO {s}.task (kind, name, run_id, status, finished, project_id, update_type)
                VALUES ('project_update', 'evil', 1, 'successful', now(), 1, 'check')",
        ],
        "node" => &["WITH w AS (
                INSERT INTO {s}.task (kind, name, status, started) VALUES ('workflow_job', 'evil', 'running', now()) RETURNING id
            ) INSERT INTO {s}.node (workflow_id, node_id, name, starts_id)
                SELECT id, 1, 'evil', (SELECT min(id) FROM {s}.launchable WHERE kind = 'template') FROM w"],
        "launchable" => &[
            "INSERT INTO {s}.launchable (kind, name, run_id) VALUES ('template', 'evil' || random(), 1)",
            "INSERT INTO {s}.launchable (kind, name, run_id, update_on_launch) VALUES ('project', 'evil' || random(), 1, true)",
            "INSERT INTO {s}.launchable (kind, name) VALUES ('workflow', 'evil' || random())",
        ],
        "run" => &["INSERT INTO {s}.run (handler, payload) VALUES ('noop', '{}')"],
        "instance" => &[
            "INSERT INTO {s}.instance (hostname, node_type, capacity) VALUES ('evil' || random(), 'hybrid', 1)",
        ],
        "instance_group" => &["INSERT INTO {s}.instance_group (name) VALUES ('evil' || random())"],
        "group_member" => &["WITH g AS (INSERT INTO {s}.instance_group (name) VALUES ('evil' || random()) RETURNING id)
            INSERT INTO {s}.group_member (group_id, instance_id, position) SELECT id, 3, 0 FROM g"],
        "inventory" => &["INSERT INTO {s}.inventory (name) VALUES ('evil' || random())"],
        "workflow_node" => &["WITH l AS (
                INSERT INTO {s}.launchable (kind, name) VALUES ('workflow', 'evil' || random()) RETURNING id
            ) INSERT INTO {s}.workflow_node (workflow_id, node_id, name, convergence) SELECT id, 1, 'evil', 'any' FROM l"],
        "held" => &["WITH t AS (INSERT INTO {s}.task (kind, name, run_id) VALUES ('job', 'evil', 1) RETURNING id)
            INSERT INTO {s}.held SELECT id, 1, 'x', '{}', now() FROM t"],
        "past_wait" => &["WITH t AS (INSERT INTO {s}.task (kind, name, run_id) VALUES ('job', 'evil', 1) RETURNING id)
            INSERT INTO {s}.past_wait SELECT id, now(), now(), '{}' FROM t"],
        "outbox" => &["WITH t AS (
                INSERT INTO {s}.task (kind, name, run_id, status, dispatch_id, dispatched, node_id)
                    VALUES ('job', 'evil', 1, 'waiting', 1, now(), 3) RETURNING id
            ) INSERT INTO {s}.outbox (task_id, dispatch_id, kind, handler) SELECT id, 1, 'job', 'noop' FROM t"],
        "task_output" => &["WITH t AS (INSERT INTO {s}.task (kind, name, run_id) VALUES ('job', 'evil', 1) RETURNING id)
            INSERT INTO {s}.task_output SELECT id, 'x', false FROM t"],
        other => panic!("no row of {other} is known: add one, unless passes and views read past it"),
    }
}

/// A base in which every bad value that is not refused stands in a row of its own, and how many there are.
async fn evil() -> (Base, usize) {
    let base = Base::new().await;
    let more: Definitions = serde_json::from_value(serde_json::json!({
        "instance": [{ "hostname": "c", "capacity": 10 }, { "hostname": "safe", "capacity": 10 }],
        "group": [{ "name": "safe", "instances": ["safe"] }],
        "template": [{ "name": "healthy", "allow_simultaneous": true, "groups": ["safe"], "run": { "handler": "noop" } }]
    }))
    .unwrap();
    base.store.define(&more).await.unwrap();
    base.run("UPDATE {s}.instance SET last_heartbeat = now()").await;
    let columns = "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
        WHERE table_schema = $1 AND table_name NOT IN ('migration', 'rules', 'control_plane', 'turn') ORDER BY table_name, ordinal_position";
    let mut written = 0;
    for column in base.sql.query(columns, &[&base.schema]).await.unwrap() {
        let (table, name, data_type): (String, String, String) =
            (column.get(0), column.get(1), column.get(2));
        for (row, value) in
            rows(&table).iter().flat_map(|row| values(&data_type).iter().map(move |value| (row, value)))
        {
            let insert = format!("{row} RETURNING ctid::text").replace("{s}", &base.schema);
            let ctid: String = base.sql.query_one(&insert, &[]).await.unwrap().get(0);
            let update = format!("UPDATE {}.{table} SET {name} = {value} WHERE ctid = '{ctid}'", base.schema);
            written += usize::from(base.sql.execute(&update, &[]).await.is_ok());
        }
    }
    // Whatever definition is bad, a workflow that runs starts it.
    base.run(
        "WITH w AS (
            INSERT INTO {s}.task (kind, name, status, started)
                SELECT 'workflow_job', 'evil', 'running', now() FROM {s}.launchable WHERE name <> 'healthy' RETURNING id
        ), numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM w),
        l AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM {s}.launchable WHERE name <> 'healthy')
        INSERT INTO {s}.node (workflow_id, node_id, name, starts_id)
            SELECT numbered.id, 1, 'evil', l.id FROM numbered JOIN l USING (n)",
    )
    .await;
    (base, written)
}

/// Everything that is looked at.
async fn look(base: &Base) {
    let all = TaskFilter { statuses: TaskStatus::ALL.into(), limit: 100_000 };
    for task in base.store.tasks(&all).await.unwrap() {
        base.store.task(task.id).await.unwrap();
    }
    let mut filter = HistoryFilter::default();
    loop {
        let page = base.store.history(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.task.id);
    }
    base.store.nodes().await.unwrap();
    base.store.statistics().await.unwrap();
    base.store.definitions().await.unwrap();
    base.store.read().await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r11_no_bad_row_stops_a_pass_or_a_view() {
    let (base, written) = evil().await;
    println!("{written} bad values");
    assert!(written > 300, "only {written} bad values were taken");
    let launch = Launch {
        priority: Some(Priority::new(i32::MAX)),
        ..Launch::of(Launchable::JobTemplate("healthy".into()))
    };
    let healthy = base.store.launch(&[launch]).await.unwrap()[0];
    look(&base).await;
    for _ in 0..4 {
        let mut pass = base.store.begin().await.unwrap().unwrap();
        let reading = pass.read().await.unwrap();
        let decided = plan(&reading.snapshot, &reading.rules);
        let commit = pass.commit(&reading, &decided).await.unwrap();
        assert!(matches!(commit, Commit::Done(_)), "{commit:?}");
    }
    look(&base).await;
    assert_eq!(base.store.task(healthy).await.unwrap().unwrap().status, TaskStatus::Waiting);
    let mut sent = Vec::new();
    loop {
        let batch = base.store.unsent(1000).await.unwrap();
        let ids: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
        sent.extend(batch.messages().iter().map(|message| message.dispatch.task));
        batch.settle(&ids).await.unwrap();
        if ids.is_empty() {
            break;
        }
    }
    assert!(sent.contains(&healthy));
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r11_a_pending_task_with_own_keys_that_cannot_be_read_ends_and_says_so() {
    let base = Base::new().await;
    let [bad, after, good] = base.jobs(3).await[..] else { panic!() };
    base.run("UPDATE {s}.instance SET last_heartbeat = now()").await;
    base.run(&format!(
        "ALTER TABLE {{s}}.task DROP CONSTRAINT task_own_keys;
        UPDATE {{s}}.task SET own_keys = '[1]' WHERE id = {};
        UPDATE {{s}}.task SET dependencies = '{{{}}}', created = '280000-01-01' WHERE id = {}",
        bad.get(),
        bad.get(),
        after.get()
    ))
    .await;
    for _ in 0..2 {
        let mut pass = base.store.begin().await.unwrap().unwrap();
        let reading = pass.read().await.unwrap();
        let decided = plan(&reading.snapshot, &reading.rules);
        pass.commit(&reading, &decided).await.unwrap();
    }
    let view = async |id: TaskId| base.store.task(id).await.unwrap().unwrap();
    let ended = view(bad).await;
    assert_eq!(ended.status, TaskStatus::Error);
    assert!(ended.explanation.contains("own_keys"), "{}", ended.explanation);
    assert_eq!(view(after).await.status, TaskStatus::Failed);
    assert_eq!(view(good).await.status, TaskStatus::Waiting);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r12_4_a_task_whose_work_is_gone_ends_with_an_error() {
    let base = Base::new().await;
    let job = base.jobs(1).await[0];
    base.run("UPDATE {s}.instance SET last_heartbeat = now()").await;
    base.run("UPDATE {s}.task SET run_id = 987654").await;
    let mut pass = base.store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &decided).await.unwrap();
    assert!(base.store.unsent(10).await.unwrap().messages().is_empty());
    assert_eq!(base.store.task(job).await.unwrap().unwrap().status, TaskStatus::Error);
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn r11_rules_that_cannot_be_read_start_nothing_and_can_be_defined_anew() {
    let base = Base::new().await;
    let rules = base.store.definitions().await.unwrap();
    base.run("UPDATE {s}.rules SET definition = '[1]'").await;
    assert!(base.store.read().await.is_err());
    assert_eq!(base.store.nodes().await.unwrap().len(), 2);
    assert!(base.store.define(&rules).await.unwrap().rules_changed);
    tokio::time::timeout(Duration::from_secs(10), base.store.read()).await.unwrap().unwrap();
    base.end().await;
}
