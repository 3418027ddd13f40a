//! A cluster of node processes, with names of its own on the servers and a directory of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::Definitions;
use control_plane::ports::{Admin as _, Launch, Launchable, TaskFilter, TaskStatus, TaskView};
use scheduler_core::TaskId;
use serde_json::{Value, json};
use testkit::servers::{Site, amqp_url, database_url};
use tokio::time::{Instant, sleep};

/// How long a test waits for what must come. Far longer than it takes, since the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The machines that are defined, one a node.
pub(crate) const HOSTS: [&str; 3] = ["node-a", "node-b", "node-c"];

/// A cluster.
pub(crate) struct Cluster {
    /// Its store, as the test sees it.
    pub(crate) store: PostgresStore,
    site: Site,
    directory: PathBuf,
    database_url: String,
    amqp_url: String,
    launched: BTreeMap<TaskId, String>,
}

impl Cluster {
    /// On the shared servers.
    pub(crate) async fn new(what_for: &str) -> Self {
        Self::at(what_for, database_url(), amqp_url()).await
    }

    /// On these servers.
    pub(crate) async fn at(what_for: &str, database_url: String, amqp_url: String) -> Self {
        let site = Site::new(what_for);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&site.schema);
        fs::create_dir_all(&directory).unwrap();
        let config = PostgresConfig::new(&database_url).schema(&site.schema).pool_size(4);
        let store = PostgresStore::connect(config).unwrap();
        store.migrate().await.unwrap();
        Self { store, site, directory, database_url, amqp_url, launched: BTreeMap::new() }
    }

    /// The program, told about the servers.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_scheduler"));
        program
            .args(arguments)
            .env("DATABASE_URL", &self.database_url)
            .env("DATABASE_SCHEMA", &self.site.schema)
            .env("AMQP_URL", &self.amqp_url)
            .env("AMQP_PREFIX", &self.site.prefix)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        program
    }

    /// Runs the program to its end, which must be a good one. Returns what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let ran = self.program(arguments).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{arguments:?}: {out}{err}");
        out.into_owned()
    }

    /// Starts a node.
    pub(crate) fn node(&self, host: &str) -> NodeProcess {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join(format!("{host}.log")))
            .unwrap();
        let arguments =
            ["node", "--hostname", host, "--heartbeat-interval", "1", "--pass-interval", "2", "--audit"];
        let child =
            self.program(&arguments).env("NODE", host).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        NodeProcess { child }
    }

    /// Defines the machines, the group of all and the rules, and these besides.
    pub(crate) async fn define(&self, besides: Value) {
        let instances: Vec<Value> =
            HOSTS.iter().map(|host| json!({ "hostname": host, "capacity": 20 })).collect();
        let mut all = json!({
            "rules": { "default_groups": ["all"], "heartbeat_grace": 5, "dispatch_grace": 8 },
            "instance": instances,
            "group": [{ "name": "all", "instances": HOSTS }],
        });
        all.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        let definitions: Definitions = serde_json::from_value(all).unwrap();
        self.store.define(&definitions).await.unwrap();
    }

    /// The template "work": it writes down that it begins, works for a while, and writes down that it ends.
    pub(crate) async fn define_work(&self, seconds: f32) {
        let script = format!("echo $TOKEN $NODE >> begins; sleep {seconds}; echo $TOKEN $NODE >> ends");
        let run = json!({ "command": ["sh", "-c", script] });
        self.define(json!({
            "template": [{ "name": "work", "allow_simultaneous": true, "impact": 1, "run": run }],
        }))
        .await;
    }

    /// Launches so many jobs of the template "work", each with a token of its own. `false` when the store could not be reached.
    pub(crate) async fn launch_work(&mut self, count: usize) -> bool {
        let first = self.launched.len();
        let tokens: Vec<String> = (first..first + count).map(|number| format!("token-{number}")).collect();
        let launch = |token: &String| {
            let mut launch = Launch::of(Launchable::JobTemplate("work".into()));
            launch.payload = Some(json!({ "environment": { "TOKEN": token } }));
            launch
        };
        let launches: Vec<Launch> = tokens.iter().map(launch).collect();
        match self.store.launch(&launches).await {
            Ok(ids) => {
                self.launched.extend(ids.into_iter().zip(tokens));
                true
            }
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                false
            }
        }
    }

    /// The lines of one of the files that tasks append to.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.directory.join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until so many tasks have written that they begin.
    pub(crate) async fn begun(&self, count: usize) {
        self.written("begins", count).await;
    }

    /// Waits until a file that tasks append to has so many lines.
    pub(crate) async fn written(&self, file: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.lines(file).len() < count {
            assert!(Instant::now() < deadline, "{} of {count} lines in {file}", self.lines(file).len());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no task is unfinished, and returns them all.
    pub(crate) async fn finished(&self) -> Vec<TaskView> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.store.tasks(&TaskFilter::default()).await {
                Ok(unfinished) if unfinished.is_empty() => break,
                Ok(unfinished) => {
                    assert!(Instant::now() < deadline, "unfinished: {unfinished:#?}");
                }
                Err(error) => assert!(error.is_transient() && Instant::now() < deadline, "{error}"),
            }
            sleep(Duration::from_millis(200)).await;
        }
        let filter = TaskFilter { statuses: TaskStatus::ALL.to_vec(), limit: usize::MAX };
        self.store.tasks(&filter).await.unwrap()
    }

    /// Compares what the store says of the launched work with what the files say: nothing was lost and nothing began twice.
    /// Returns how many tasks failed.
    pub(crate) async fn account(&self) -> usize {
        let tasks = self.finished().await;
        let (begins, ends) = (self.tokens("begins"), self.tokens("ends"));
        for (token, times) in &begins {
            assert_eq!(*times, 1, "{token} began more than once");
        }
        let mut failed = 0;
        for (id, token) in &self.launched {
            let task =
                tasks.iter().find(|task| task.id == *id).unwrap_or_else(|| panic!("task {id} is gone"));
            match task.status {
                TaskStatus::Successful => {
                    assert!(ends.contains_key(token), "task {id} is successful and did not end");
                }
                TaskStatus::Failed => {
                    assert!(!task.explanation.is_empty(), "{task:?}");
                    failed += 1;
                }
                _ => panic!("nobody cancels here, and every command can be run: {task:?}"),
            }
        }
        failed
    }

    fn tokens(&self, file: &str) -> BTreeMap<String, usize> {
        let mut tokens = BTreeMap::new();
        for line in self.lines(file) {
            let token = line.split(' ').next().unwrap_or_default().to_owned();
            *tokens.entry(token).or_default() += 1;
        }
        tokens
    }

    /// Removes everything that is left on the shared servers and on the disk.
    pub(crate) async fn clean_up(self) {
        drop(self.store);
        self.site.clean_up().await;
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

/// A node process. Dropping it kills it.
pub(crate) struct NodeProcess {
    child: Child,
}

impl NodeProcess {
    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success(), "kill -s {name}");
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it as an administrator would; it ends well.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
