//! `node` in memory: a whole control plane in one process, until all is done or until it is told to stop.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::{Ran, command, file, run};

fn job(name: &str, script: &str) -> String {
    format!("[[system-job]]\nname = \"{name}\"\nrun = {{ command = [\"sh\", \"-c\", \"{script}\"] }}\n")
}

fn until_idle(cluster: &str, launches: &[&str]) -> Ran {
    let mut arguments = vec!["node", "--log", "error", "--audit", "--until-idle", "--cluster", cluster];
    for launch in launches {
        arguments.extend(["--launch", launch]);
    }
    run(&arguments)
}

#[test]
fn a_file_of_work_runs_to_its_end_without_any_server() {
    let cluster = file("idle.toml", job("clean-up", "exit 0"));
    let ran = until_idle(&cluster, &["system-job:clean-up", "system-job:clean-up"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.out, "successful system job 1 clean-up\nsuccessful system job 2 clean-up\n");
}

#[test]
fn the_example_runs_with_its_updates_and_its_workflow() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster.toml");
    let ran = until_idle(example, &["workflow:release"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in [
        "project update",
        "inventory update",
        "migrate-database",
        "deploy-web",
        "successful workflow job 1 release",
    ] {
        assert!(ran.out.contains(words), "`{words}` is missing in: {}", ran.out);
    }
}

#[test]
fn the_exit_code_says_whether_all_were_successful() {
    let cluster = file("fails.toml", format!("{}{}", job("works", "true"), job("fails", "exit 4")));
    assert_eq!(until_idle(&cluster, &["system-job:works"]).code, Some(0));
    let ran = until_idle(&cluster, &["system-job:works", "system-job:fails"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("failed     system job 2 fails: exit code 4"), "{}", ran.out);
}

#[test]
fn what_can_never_end_is_said_instead_of_waited_for() {
    let approval =
        "[[workflow]]\nname = \"w\"\n[[workflow.node]]\nname = \"a\"\nstarts = { approval = {} }\n";
    let ran = until_idle(&file("stuck.toml", approval), &["workflow:w"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("nothing moves any more"), "{}", ran.out);
    assert!(ran.out.contains("waits for a person's word"), "{}", ran.out);
}

#[test]
fn arguments_that_do_not_fit_together_are_named() {
    let database = ["--database-url", "postgres://127.0.0.1/x"];
    let cases: [(&[&str], &str); 6] = [
        (&database, "a database is named and no broker"),
        (&["--amqp-url", "amqp://127.0.0.1"], "a broker is named and no database"),
        (&["--launch", "system-job:x"], "give --cluster FILE"),
        (&["--min-workers", "9", "--max-workers", "3"], "a pool of 9 to 3 workers runs nothing"),
        (&["--pass-timeout", "0"], "a pass that may take 0 seconds"),
        (&["--log", "control_plane=loud"], "--log"),
    ];
    for (arguments, words) in cases {
        let ran = run(&[&["node"], arguments].concat());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(words) && ran.err.contains("help:"), "{}", ran.err);
    }
}

#[test]
fn a_launch_of_what_is_not_defined_is_named() {
    let ran = until_idle(&file("other.toml", job("clean-up", "true")), &["template:deploy"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("template \"deploy\""), "{}", ran.err);
}

/// A node that runs until it is told to stop, with its log.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(&[&["node"], arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("standard error is a pipe"));
        Self { child, log }
    }

    /// Reads the log up to the line with these words.
    fn line(&mut self, words: &str) -> String {
        let mut line = String::new();
        let mut seen = String::new();
        while self.log.read_line(&mut line).expect("the log is text") > 0 {
            if line.contains(words) {
                return line;
            }
            seen.push_str(&line);
            line.clear();
        }
        panic!("the log ended without `{words}`:\n{seen}")
    }

    fn signal(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("the program ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
    }
}

#[test]
fn r12_a_signal_lets_running_tasks_end() {
    let cluster = file("slow.toml", job("slow", "sleep 1; echo done > slow.txt"));
    let left = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("slow.txt");
    // Nothing there to remove is fine.
    let _removed = std::fs::remove_file(&left);
    let mut node = Running::start(&["--cluster", &cluster, "--launch", "system-job:slow", "--log", "debug"]);
    node.line("claimed");
    node.signal();
    node.line("stops; a second signal ends it at once");
    assert_eq!(node.code(), Some(0));
    assert!(left.exists(), "the task that ran came to its end");
}

#[test]
fn a_node_tells_how_it_is_over_http() {
    let mut node = Running::start(&["--http", "127.0.0.1:0"]);
    let line = node.line("serves /metrics");
    let address = line.split("address=").nth(1).expect("the address is logged").trim().to_owned();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).expect("the port is open");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer in text");
        answer
    };
    assert!(get("/healthz").starts_with("HTTP/1.1 200"));
    let mut ready = get("/readyz");
    while !ready.starts_with("HTTP/1.1 200") {
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("not ready: "), "{ready}");
        ready = get("/readyz");
    }
    let metrics = get("/metrics");
    assert!(metrics.contains("scheduling_passes_total{result=\"ran\"}"), "{metrics}");
    assert!(metrics.contains("scheduling_pass_duration_seconds_bucket"), "{metrics}");
    assert!(get("/other").starts_with("HTTP/1.1 404"));
    node.signal();
    assert_eq!(node.code(), Some(0));
}

#[test]
fn a_token_that_is_no_good_or_given_twice_is_named_and_never_printed() {
    let short = file("short.token", "secret\n");
    let good = file("good.token", "a-token-of-a-test-0123456789\n");
    let missing = format!("{good}.missing");
    let http = ["node", "--http", "127.0.0.1:0", "--http-token-file"];
    let cases = [
        (run(&[&http[..], &[&short]].concat()), "the token has 6 characters"),
        (run(&[&http[..], &[&missing]].concat()), "cannot be read"),
        (run(&["node", "--http-token-file", &good]), "--http <ADDRESS:PORT>"),
        (environment_token(&[&http[..], &[&good]].concat(), "another-token-0123456789"), "are both given"),
        (environment_token(&http[..3], "short"), "SCHEDULER_HTTP_TOKEN: the token has 5 characters"),
    ];
    for (ran, words) in cases {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(words), "`{words}` is missing in: {}", ran.err);
        for secret in ["secret", "a-token-of", "another-token"] {
            assert!(!ran.err.contains(secret), "{}", ran.err);
        }
    }
}

fn environment_token(arguments: &[&str], token: &str) -> Ran {
    command(arguments)
        .env("SCHEDULER_HTTP_TOKEN", token)
        .stdin(Stdio::null())
        .output()
        .map(Ran::from)
        .expect("the program starts")
}

#[test]
fn a_task_does_not_see_the_token_of_its_node() {
    let seen = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("seen.txt");
    let cluster = file("sees.toml", job("look", "env > seen.txt"));
    let arguments =
        ["node", "--log", "error", "--until-idle", "--http", "127.0.0.1:0", "--cluster", &cluster];
    let launch = ["--launch", "system-job:look"];
    let ran = environment_token(&[&arguments[..], &launch].concat(), "a-token-of-a-test-0123456789");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let seen = std::fs::read_to_string(seen).expect("the task wrote its environment");
    assert!(seen.contains("PATH=") && !seen.contains("a-token-of"), "{seen}");
}
