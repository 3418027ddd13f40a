//! A node process with its page, and a browser that looks at it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::json;
use testkit::browser::Browser;

/// What the node lets change tasks.
pub(crate) const TOKEN: &str = "a-token-of-a-test-0123456789";

/// A file of this text in the tests' own directory.
pub(crate) fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A running node. Dropping it kills it.
pub(crate) struct Node {
    child: Child,
    /// Read no further than to the address; a log that nobody reads must be short.
    _log: BufReader<ChildStderr>,
    /// Where its page is.
    pub(crate) url: String,
}

impl Node {
    /// Starts one with a page.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
        for variable in ["DATABASE_URL", "AMQP_URL", "SCHEDULER_HTTP_TOKEN", "SCHEDULER_LOG"] {
            command.env_remove(variable);
        }
        let log = ["node", "--http", "127.0.0.1:0", "--log", "error,scheduler::node=info"];
        let mut child = command
            .args(log)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let mut seen = String::new();
        while log.read_line(&mut line).unwrap() > 0 {
            if let Some((_, rest)) = line.split_once("address=") {
                let address = rest.split_whitespace().next().unwrap();
                return Self { child, url: format!("http://{address}/"), _log: log };
            }
            seen.push_str(&line);
            line.clear();
        }
        panic!("the node names no address:\n{seen}")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Clicks in the middle of an element, as a pointer does: what covers it gets the click.
pub(crate) async fn click(browser: &Browser, selector: &str) {
    let bring = format!("document.querySelector({}).scrollIntoView({{ block: 'center' }})", json!(selector));
    browser.run(&bring).await;
    let place = browser.middle_of(selector).await;
    browser.point(place, true).await;
}

/// Presses the keys of a text.
pub(crate) async fn write(browser: &Browser, text: &str) {
    for key in text.chars() {
        browser.press(key).await;
    }
}

/// The ids in a table, from top to bottom, joined by spaces.
pub(crate) async fn ids(browser: &Browser, section: &str) -> String {
    let body = format!(
        "return [...document.querySelectorAll('#{section} tbody tr')].map((row) => row.dataset.id).join(' ')"
    );
    browser.run(&body).await.as_str().unwrap().to_owned()
}
