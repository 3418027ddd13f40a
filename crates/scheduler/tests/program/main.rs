//! Runs the program as a user does, on small files of its own.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot start the program has failed")]

mod apply;
mod bad_input;
mod commands;
mod demo;
mod format;
mod history;
mod hostile;
mod import;
mod live;
mod manual;
mod node;
mod picture;
mod plan;
mod purge;
mod readme;
mod rules;
mod schema;
mod terminal;
mod top;
mod workload;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What a run of the program left.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

const VARIABLES: [&str; 8] = [
    "CLICOLOR_FORCE",
    "DATABASE_URL",
    "DATABASE_SCHEMA",
    "AMQP_URL",
    "AMQP_PREFIX",
    "SCHEDULER_HTTP_TOKEN",
    "SCHEDULER_LOG",
    "TRACEPARENT",
];

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
    // What this machine's environment says is not part of any test.
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(arguments: &[&str]) -> Ran {
    command(arguments).stdin(Stdio::null()).output().map(Ran::from).expect("the program starts")
}

/// Runs with this on standard input.
fn run_with(arguments: &[&str], input: &str) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // A program that refuses its arguments reads nothing.
    let _written = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().map(Ran::from).expect("the program ends")
}

/// A file of this text, and its path.
fn file(name: &str, text: impl AsRef<[u8]>) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the test directory is writable");
    path.display().to_string()
}

/// Two instances, a job that runs, one that can start, one that waits for its template, and one larger than its group's limit.
const SMALL: &str = r#"{
  "version": 1,
  "now": "2026-01-05T09:00:00Z",
  "instances": [
    { "id": 1, "hostname": "node-a", "capacity": 10, "last_heartbeat": "2026-01-05T08:59:50Z" },
    { "id": 2, "hostname": "node-b", "capacity": 8, "last_heartbeat": "2026-01-05T08:59:50Z" }
  ],
  "groups": [
    { "id": 1, "name": "datacentre", "members": { "instances": [1, 2] } },
    { "id": 2, "name": "small", "members": { "instances": [2] }, "max_forks": 4 }
  ],
  "tasks": [
    {
      "id": 10, "name": "deploy-web", "created": "2026-01-05T08:58:00Z", "impact": 6, "groups": [1],
      "work": { "job": { "project": 1, "inventory": 1, "template": 1 } },
      "state": { "running": { "group": 1, "node": 1 } }, "dependencies_derived": true
    },
    {
      "id": 11, "name": "deploy-web", "created": "2026-01-05T08:59:00Z", "impact": 6, "groups": [1],
      "work": { "job": { "project": 1, "inventory": 1, "template": 1 } }, "dependencies_derived": true
    },
    {
      "id": 12, "name": "report", "created": "2026-01-05T08:59:01Z", "impact": 2, "groups": [1],
      "work": { "job": { "project": 1, "inventory": 1, "template": 2 } }, "dependencies_derived": true
    },
    {
      "id": 13, "name": "patch-fleet", "created": "2026-01-05T08:59:02Z", "impact": 5, "groups": [2],
      "work": { "job": { "inventory": 2, "template": 3 } }, "dependencies_derived": true
    }
  ]
}"#;

/// A snapshot in which nothing is to be done.
const EMPTY: &str = r#"{ "version": 1, "now": "2026-01-05T09:00:00Z" }"#;
