//! What others may create, call and write beside the scheduler.

use adapter_postgres::PostgresStore;
use control_plane::ports::{Admin as _, Launch, Launchable, Passes as _, TaskStatus};
use scheduler_core::{TaskId, plan};

use crate::base::{Base, client};

/// Better matches than PostgreSQL's own, for whoever looks for them there.
const TRAPS: &str = "
    CREATE SCHEMA {s}_trap;
    CREATE FUNCTION {s}_trap.cardinality(bigint[]) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION {s}_trap.array_position(bigint[], bigint) RETURNS integer LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION {s}_trap.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$";

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn nothing_that_others_put_into_the_search_path_is_called() {
    let base = Base::new().await;
    base.run(TRAPS).await;
    let mut config = base.config();
    config.url.push_str(&format!("&options=-csearch_path%3D{}_trap%2Cpublic", base.schema));
    let store = PostgresStore::connect(config).unwrap();
    base.run("UPDATE {s}.instance SET last_heartbeat = now()").await;
    let launched = store.launch(&[Launch::of(Launchable::JobTemplate("job".into()))]).await.unwrap();
    let other = client().await;
    let words = format!(
        "SET search_path = {0}_trap, public; SELECT {0}.launch('template', 'sliced'); DELETE FROM {0}.task WHERE false",
        base.schema
    );
    other.batch_execute(&words).await.unwrap();
    let mut pass = store.begin().await.unwrap().unwrap();
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    pass.commit(&reading, &decided).await.unwrap();
    assert_eq!(store.task(launched[0]).await.unwrap().unwrap().status, TaskStatus::Waiting);
    base.run("DROP SCHEMA {s}_trap CASCADE").await;
    base.end().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn every_function_says_where_it_looks_for_others() {
    let base = Base::new().await;
    let open = "(SELECT string_agg(p.proname, ', ') FROM pg_proc p WHERE p.pronamespace = '{s}'::regnamespace
        AND p.prosqlbody IS NULL AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false))";
    assert_eq!(base.ask(open).await, "");
    base.end().await;
}

/// What the book tells to run as the owner, and then as the role.
fn as_the_book_says(base: &Base) -> (String, String) {
    let book = include_str!("../../../../docs/operating.md");
    let sql = book.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let sql = sql.replace("launcher", &format!("{}_launcher", base.schema)).replace("deploy-web", "job");
    let sql = sql.replace("SCHEMA scheduler", &format!("SCHEMA {}", base.schema));
    let sql = sql.replace("scheduler.", &format!("{}.", base.schema));
    let (grants, submit) = sql.split_at(sql.find("SELECT").unwrap());
    (grants.to_owned(), submit.split(';').next().unwrap().to_owned())
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_role_that_may_submit_launches_and_writes_nothing_else() {
    let base = Base::new().await;
    base.run("CREATE ROLE {s}_launcher; CREATE ROLE {s}_nobody; GRANT USAGE ON SCHEMA {s} TO {s}_nobody")
        .await;
    let (grants, submit) = as_the_book_says(&base);
    base.run(&grants).await;
    let other = client().await;
    let refused = async |words: &str| {
        let answer = other.batch_execute(&words.replace("{s}", &base.schema)).await;
        answer.err().and_then(|error| error.code().map(|code| code.code().to_owned())).as_deref()
            == Some("42501")
    };
    other.batch_execute(&format!("SET ROLE {}_launcher", base.schema)).await.unwrap();
    let id: i64 = other.query_one(&submit, &[]).await.unwrap().get(0);
    assert!(refused("SELECT {s}.launch('template', 'job')").await);
    assert!(
        refused(
            "INSERT INTO {s}.task (kind, name, status, finished) VALUES ('job', 'x', 'successful', now())"
        )
        .await
    );
    assert!(refused("SELECT FROM {s}.run").await);
    assert!(refused("SELECT FROM {s}.turn FOR UPDATE").await);
    assert!(refused("DO $$ BEGIN LOCK TABLE {s}.turn_of_pending IN SHARE MODE; END $$").await);
    other.batch_execute(&format!("RESET ROLE; SET ROLE {}_nobody", base.schema)).await.unwrap();
    assert!(refused("SELECT {s}.submit('template', 'job')").await);
    assert_eq!(base.store.task(TaskId::new(id)).await.unwrap().unwrap().status, TaskStatus::Pending);
    base.run("DROP OWNED BY {s}_launcher, {s}_nobody; DROP ROLE {s}_launcher, {s}_nobody").await;
    base.end().await;
}

/// Anybody who can connect may take an advisory lock, and keep it.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn no_lock_is_one_that_a_stranger_may_take() {
    let base = Base::new().await;
    base.jobs(1).await;
    let advisory = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND a.application_name = '{s}'";
    let mut pass = base.store.begin().await.unwrap().unwrap();
    assert!(base.store.begin().await.unwrap().is_none(), "the pass has its turn");
    assert_eq!(base.ask(advisory).await, "0");
    let reading = pass.read().await.unwrap();
    let decided = plan(&reading.snapshot, &reading.rules);
    let stranger = client().await;
    stranger
        .batch_execute("BEGIN; LOCK TABLE {s}.task IN SHARE MODE".replace("{s}", &base.schema).as_str())
        .await
        .unwrap();
    let committing = tokio::spawn(async move { pass.commit(&reading, &decided).await });
    while base
        .ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{s}.task'::regclass")
        .await
        == "0"
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(base.ask(advisory).await, "0", "nor does the commit take one");
    drop(stranger);
    committing.await.unwrap().unwrap();
    assert!(
        base.sql.batch_execute(&format!("DELETE FROM {}.turn", base.schema)).await.is_err(),
        "the locks stay"
    );
    base.end().await;
}
