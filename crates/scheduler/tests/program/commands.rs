//! The commands that a node runs: what they inherit, and what happens where the machine has no room for them.

use std::process::{Command, Stdio};

use crate::{Ran, command, file};

/// A template that runs this, any number of times at once.
fn template(name: &str, script: &str) -> String {
    format!(
        "[[template]]\nname = \"{name}\"\nallow_simultaneous = true\nimpact = 1\nrun = {{ command = [\"sh\", \"-c\", \"{script}\"] }}\n"
    )
}

#[test]
fn a_task_that_prints_its_environment_finds_none_of_the_scheduler_s_passwords() {
    let secrets = [
        ("PGPASSWORD", "hunter2"),
        ("PGPASSFILE", "/hunter2"),
        ("AWX_DATABASE_URL", "postgres://awx:hunter2@127.0.0.1/awx"),
        ("SCHEDULER_OTHER_TOKEN", "hunter2"),
        ("CREDENTIALS_DIRECTORY", "/run/hunter2"),
    ];
    let cluster = file("environment.toml", template("env", "env > environment.txt"));
    let mut node = command(&["node", "--until-idle", "--cluster", &cluster, "--launch", "template:env"]);
    node.envs(secrets).env("HTTPS_PROXY", "http://127.0.0.1:3128").stdin(Stdio::null());
    let ran = Ran::from(node.output().expect("the program starts"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("environment.txt");
    let printed = std::fs::read_to_string(path).expect("the task has written it");
    assert!(!printed.contains("hunter2"), "{printed}");
    for needed in ["PATH=", "HTTPS_PROXY=http://127.0.0.1:3128", "SCHEDULER_TASK=1"] {
        assert!(printed.lines().any(|line| line.starts_with(needed)), "`{needed}` is missing in: {printed}");
    }
}

#[test]
fn commands_that_find_no_open_file_left_wait_instead_of_failing() {
    const COUNT: usize = 60;
    let cluster = file("no-room.toml", template("nap", "sleep 1"));
    let node =
        command(&["node", "--log", "warn", "--until-idle", "--capacity", "1000", "--cluster", &cluster]);
    let mut shell = Command::new("sh");
    // So few that not all of them find a pipe.
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(node.get_program()).args(node.get_args());
    shell.env_remove("DATABASE_URL").env_remove("AMQP_URL").current_dir(env!("CARGO_TARGET_TMPDIR"));
    shell.args(["--launch", "template:nap"].repeat(COUNT)).stdin(Stdio::null());
    let ran = Ran::from(shell.output().expect("the program starts"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("successful")).count(), COUNT, "{}", ran.out);
    let said = ran.err.matches("no room for another command").count();
    assert!((1..=3).contains(&said), "once a shortage: {}", ran.err);
}

#[test]
fn a_grace_that_no_heartbeat_keeps_is_refused_with_its_place_and_remedy() {
    // Without work to wait for, or a node that has nothing to do could be told to stop before it has looked at the rules.
    let short = file("short-grace.toml", "[rules]\nheartbeat_grace = 2\n");
    let ran = crate::run(&["node", "--cluster", &short]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("short-grace.toml:2:19: rules: `heartbeat_grace` is 2 s"), "{}", ran.err);
    let seldom = file("seldom.toml", "[rules]\nheartbeat_grace = 12\n");
    let ran = crate::run(&["node", "--heartbeat-interval", "5", "--cluster", &seldom]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("every 4 s at most (`--heartbeat-interval`)"), "{}", ran.err);
}
