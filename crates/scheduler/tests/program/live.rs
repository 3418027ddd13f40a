//! The commands of a live control plane, on PostgreSQL; passes are made by the library where a test needs one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::ports::{Joining, Store};
use control_plane::{Options, Scheduler};
use scheduler_core::NodeType;
use serde_json::Value;
use tokio_postgres::NoTls;

use crate::{Ran, command, file, run};

/// A schema of its own on the database that `DATABASE_URL` names, with the example's definitions.
pub(crate) struct Live {
    pub(crate) url: String,
    pub(crate) schema: String,
}

impl Live {
    pub(crate) fn empty() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL");
        let schema = format!("program_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { url, schema }
    }

    pub(crate) fn new() -> Self {
        let live = Self::empty();
        assert_eq!(live.run(&["migrate"]).code, Some(0));
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster.toml");
        let applied = live.run(&["apply", example]);
        assert_eq!(applied.code, Some(0), "{applied:?}");
        live
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let ran =
            command(arguments).env("DATABASE_URL", &self.url).env("DATABASE_SCHEMA", &self.schema).output();
        ran.map(Ran::from).expect("the program starts")
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(arguments);
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))
    }

    /// The store itself.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let config = PostgresConfig::new(self.url.as_str()).schema(self.schema.as_str());
        Arc::new(PostgresStore::connect(config).expect("a sound URL"))
    }

    /// Changes rows as nothing of the program would.
    pub(crate) fn sql(&self, sql: &str) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.expect("the database");
            tokio::spawn(connection);
            client.batch_execute(sql).await.expect("the rows can be changed");
        });
    }

    /// Runs passes until none asks for another.
    pub(crate) fn pass(&self) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = self.store();
            let options = Options { audit: true, ..Options::default() };
            Scheduler::new(store, options).schedule().await.expect("a pass");
        });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.sql(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema));
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn tables_that_are_missing_say_how_to_make_them() {
    let live = Live::empty();
    let before = live.run(&["status"]);
    assert_eq!(before.code, Some(1), "{before:?}");
    assert!(before.err.contains("run `scheduler migrate`"), "{}", before.err);
    for _ in 0..2 {
        assert_eq!(live.run(&["migrate"]).code, Some(0), "again and again");
    }
    assert_eq!(live.run(&["status"]).code, Some(0));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn what_is_defined_is_listed_changed_and_removed() {
    let live = Live::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster.toml");
    assert!(live.run(&["apply", example]).out.starts_with("15 as they were"), "nothing changes twice");

    let set = live.run(&["template", "set", "deploy-web", "--priority", "3", "--groups", "small,datacentre"]);
    assert_eq!((set.code, set.out.as_str()), (Some(0), "changed template \"deploy-web\"\n"), "{set:?}");
    let run =
        live.run(&["template", "set", "deploy-web", "--timeout", "60", "--", "ansible-playbook", "a b.yml"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let listed = live.json(&["template", "list", "--json"]);
    let deploy = &listed["template"][0];
    assert_eq!(deploy["priority"], 3);
    assert_eq!(deploy["groups"], serde_json::json!(["small", "datacentre"]));
    assert_eq!(
        deploy["run"],
        serde_json::json!({ "command": ["ansible-playbook", "a b.yml"], "timeout": 60 })
    );
    assert_eq!(deploy["project"], "site-code", "what is not given stays");

    let handler = live.run(&["template", "set", "deploy-web", "--handler", "noop", "--project", ""]);
    assert_eq!(handler.code, Some(0), "{handler:?}");
    let deploy = live.json(&["template", "list", "--json"])["template"][0].clone();
    assert_eq!(deploy["run"], serde_json::json!({ "handler": "noop" }), "the other form replaces the whole");
    assert_eq!(deploy.get("project"), None, "an empty value takes a field away");

    let missing = live.run(&["template", "set", "new"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("template \"new\": missing field `run`"), "{}", missing.err);
    let workflow = file("release.toml", "[[node]]\nname = \"a\"\nstarts = { template = \"nothing\" }\n");
    let unknown = live.run(&["workflow", "set", "other", "--from", &workflow]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("\"nothing\""), "{}", unknown.err);

    assert_eq!(live.run(&["system-job", "remove", "no-operation"]).code, Some(0));
    let again = live.run(&["system-job", "remove", "no-operation"]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("there is no system-job \"no-operation\""), "{}", again.err);
    let needed = live.run(&["inventory", "remove", "production"]);
    assert_eq!(needed.code, Some(1));
    assert!(needed.err.contains("is needed by"), "{}", needed.err);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn an_unknown_name_in_a_file_is_refused_with_the_file_and_nothing_is_applied() {
    let live = Live::new();
    let text = "[[inventory]]\nname = \"new\"\n[[group]]\nname = \"g\"\ninstances = [\"node-z\"]\n";
    let path = file("unknown.toml", text);
    let ran = live.run(&["apply", &path]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("unknown.toml") && ran.err.contains("node-z"), "{}", ran.err);
    let inventories = live.json(&["inventory", "list", "--json"]);
    assert_eq!(inventories["inventory"].as_array().map(Vec::len), Some(1), "all or nothing");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn r10_a_launched_task_is_shown_explained_and_replayed_with_the_same_reason() {
    let live = Live::new();
    let launched = live.run(&["launch", "template:deploy-web", "template:deploy-web", "--priority", "7"]);
    assert_eq!(launched.out, "launched 1 template:deploy-web\nlaunched 2 template:deploy-web\n");
    live.pass();
    // No node has joined: nothing may run anywhere.
    let reason = "has no instance in use";
    let status = live.run(&["status"]);
    assert_eq!(status.code, Some(0));
    assert!(status.out.contains(reason) && status.out.contains("4 pending"), "{}", status.out);
    assert!(status.out.contains("never joined"), "{}", status.out);
    let stored = live.run(&["status", "--stored"]);
    assert!(stored.out.contains(reason), "{}", stored.out);

    let explained = live.run(&["explain", "2"]);
    assert_eq!(explained.code, Some(0), "{explained:?}");
    assert!(explained.out.contains("waits for project update"), "{}", explained.out);
    assert!(explained.out.contains(reason), "the chain is followed to its end: {}", explained.out);

    let snapshot = file("live_snapshot.json", live.run(&["snapshot"]).out);
    let rules = file("live_rules.json", live.run(&["rules", "--json"]).out);
    let replayed = run(&["explain", &snapshot, "2", "--rules", &rules]);
    assert_eq!(replayed.out, explained.out, "the same decision at a desk");
    let planned = run(&["plan", &snapshot, "--rules", &rules, "--json"]);
    let audited = crate::run_with(&["audit", &snapshot, "-", "--rules", &rules], &planned.out);
    assert_eq!(audited.code, Some(0), "{audited:?}");

    let shown = live.json(&["status", "--json"]);
    let pending = &shown["pending"]["tasks"];
    assert_eq!((pending.as_array().map(Vec::len), &shown["pending"]["total"]), (Some(4), &4.into()));
    assert_eq!(pending[0]["priority"], 7);
    assert!(pending[0]["decision"]["action"]["hold"].is_object(), "{shown}");
    let unknown = live.run(&["explain", "99"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("there is no task 99"), "{}", unknown.err);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn r8_3_a_pending_task_is_asked_to_cancel_and_the_next_pass_ends_it() {
    let live = Live::new();
    assert_eq!(live.run(&["launch", "system-job:no-operation", "--count", "2"]).code, Some(0));
    let asked = live.run(&["cancel", "1", "99"]);
    assert_eq!(asked.code, Some(1), "one of them is unknown");
    assert!(asked.out.contains("1: asked to cancel"), "{asked:?}");
    assert!(asked.err.contains("there is no task 99"), "{asked:?}");
    live.pass();
    let ended = live.run(&["explain", "1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("canceled"), "a finished task is told from its row: {}", ended.out);
    assert_eq!(live.run(&["cancel", "1"]).out, "1: had ended before\n");
    let printed = live.run(&["output", "1"]);
    assert_eq!((printed.code, printed.out.as_str()), (Some(0), ""));
    let waiting = live.run(&["output", "2"]);
    assert_eq!(waiting.code, Some(1));
    assert!(waiting.err.contains("has not ended"), "{}", waiting.err);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn r8_2_status_tells_a_node_that_takes_no_work_from_one_in_use() {
    let live = Live::new();
    let join = |hostname: &str, takes_work| Joining {
        hostname: hostname.into(),
        node_type: NodeType::Hybrid,
        capacity: None,
        takes_work,
        version: "1.2.3".into(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = live.store();
        store.join(&join("node-a", true)).await.expect("a defined node");
        store.join(&join("node-b", false)).await.expect("a defined node");
    });
    let status = live.run(&["status"]).out;
    let line = |hostname: &str| status.lines().find(|line| line.contains(hostname)).unwrap_or_default();
    assert!(line("node-a").contains("in use"), "{status}");
    assert!(line("node-b").contains("takes no work"), "{status}");
    assert!(line("node-c").contains("never joined"), "{status}");
    let nodes = live.json(&["status", "--json"])["nodes"].clone();
    assert_eq!((&nodes[0]["state"], &nodes[1]["state"]), (&"in_use".into(), &"takes_no_work".into()));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn r7_an_approval_takes_one_word() {
    let live = Live::new();
    let text =
        "[[workflow]]\nname = \"ask\"\n[[workflow.node]]\nname = \"sure?\"\nstarts = { approval = {} }\n";
    assert_eq!(live.run(&["apply", &file("ask.toml", text)]).code, Some(0));
    let launch = || live.json(&["launch", "workflow:ask", "--json"])[0]["id"].to_string();
    let (first, _) = (launch(), live.pass());
    let approval = live.json(&["status", "--json"])["holding"]["tasks"]
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["kind"] == "workflow_approval"))
        .map(|row| row["id"].to_string())
        .expect("an approval waits");
    assert!(live.run(&["status"]).out.contains("waits for a person's word"));
    let wrong = live.run(&["approve", &first]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("does not wait for a word: it is running"), "{}", wrong.err);
    assert_eq!(live.run(&["deny", &approval]).out, format!("{approval}: denied\n"));
    let again = live.run(&["approve", &approval]);
    assert!(again.err.contains("does not wait for a word: it is failed"), "{}", again.err);
    live.pass();
    let workflow = live.run(&["explain", &first]);
    assert!(workflow.out.contains("failed"), "{}", workflow.out);
}

#[test]
fn no_password_is_ever_printed() {
    let database = "postgres://bob:geheim@127.0.0.1:1/base";
    for arguments in [
        &["status", "--database-url", database][..],
        &["migrate", "--database-url", database],
        &["launch", "template:x", "--database-url", database],
        &["status", "--database-url", "postgres//bob:geheim@host"],
        &["node", "--database-url", database, "--amqp-url", "amqp://bob:geheim@127.0.0.1:port"],
        &["node", "--database-url", database, "--amqp-url", "bob:geheim"],
        &["launch", "template:x", "--database-url", database, "--payload", "{ \"key\": geheim }"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!ran.err.contains("geheim") && !ran.out.contains("geheim"), "{ran:?}");
        assert!(ran.err.contains("error: "), "{ran:?}");
    }
    let help = command(&["node", "--help"]).env("DATABASE_URL", database).env("AMQP_URL", database).output();
    let help = help.map(Ran::from).expect("the program starts");
    assert!(!help.out.contains("geheim"), "{}", help.out);
}
