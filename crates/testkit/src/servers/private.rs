//! Servers of a test's own, which it may stop, kill and start again.
//!
//! `scripts/servers` starts them and obeys one line at a time; it ends with its standard input, so they never outlive the
//! test, however that ends.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// RabbitMQ.
    RabbitMq,
}

impl Server {
    const fn token(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::RabbitMq => "rabbitmq",
        }
    }
}

/// Running private servers. Dropping it ends them.
#[derive(Debug)]
pub struct PrivateServers {
    process: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    urls: Vec<(String, String)>,
}

impl PrivateServers {
    /// Starts one server, or both when `only` is `None`.
    ///
    /// # Panics
    ///
    /// When they do not start; the script has said why on standard error.
    #[must_use]
    pub fn start(only: Option<Server>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers");
        let mut command = Command::new(script);
        if let Some(server) = only {
            command.args(["--only", server.token()]);
        }
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("scripts/servers runs");
        let orders = process.stdin.take();
        let mut answers = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut urls = Vec::new();
        loop {
            let line = answers.next().and_then(Result::ok).expect("the servers start");
            match line.split_once('=') {
                Some((name, url)) => urls.push((name.to_owned(), url.to_owned())),
                None => {
                    assert_eq!(line, "ready");
                    return Self { process, orders, answers, urls };
                }
            }
        }
    }

    /// Where a server is.
    ///
    /// # Panics
    ///
    /// When it is not among those that were started.
    #[must_use]
    pub fn url(&self, server: Server) -> &str {
        let name = match server {
            Server::Postgres => "DATABASE_URL",
            Server::RabbitMq => "AMQP_URL",
        };
        let found = self.urls.iter().find(|(variable, _)| variable == name);
        &found.expect("a server that was started").1
    }

    /// Stops it as an administrator would, and waits until it is gone.
    pub fn stop(&mut self, server: Server) {
        self.order("stop", server);
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self, server: Server) {
        self.order("kill", server);
    }

    /// Starts it again, with what it had written, and waits until it takes connections.
    pub fn start_again(&mut self, server: Server) {
        self.order("start", server);
    }

    fn order(&mut self, verb: &str, server: Server) {
        let orders = self.orders.as_mut().expect("open until dropped");
        writeln!(orders, "{verb} {}", server.token()).expect("the script listens");
        let answer = self.answers.next().and_then(Result::ok);
        assert_eq!(answer.as_deref(), Some("done"), "{verb} {}", server.token());
    }
}

impl Drop for PrivateServers {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}
