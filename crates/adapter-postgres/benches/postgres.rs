//! What a pass, the outbox, claims and reports cost on a real PostgreSQL, named by `DATABASE_URL`; without one, nothing is
//! measured. Prints medians of some runs, phase by phase, in milliseconds. `--test` runs a small size once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement ends where something is not as it should be"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use adapter_postgres::{PostgresConfig, PostgresStore};
use control_plane::definition::Definitions;
use control_plane::ports::{
    Admin as _, Claimed, Commit, Ended, Joining, Launch, Launchable, Members as _, Membership, Outbox as _,
    Passes as _, Report, Verdict, Work as _,
};
use scheduler_core::{DispatchId, NodeType, Outcome, TaskId, plan};
use serde_json::json;

const INSTANCES: usize = 100;

#[tokio::main]
async fn main() {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        println!("DATABASE_URL is not set, so nothing is measured");
        return;
    };
    let test = std::env::args().any(|argument| argument == "--test");
    let (tasks, finished, runs) = if test { (200, 1000, 1) } else { (39_000, 100_000, 5) };
    let bench = Bench::new(&url).await;
    println!("{tasks} pending jobs, all startable, on {INSTANCES} instances; milliseconds, median of {runs}");
    println!("{:<28}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}", "", "launch", "begin", "read", "plan", "commit", "pass");
    for limit in [0, tasks / 4, 100] {
        bench.limit(limit).await;
        bench.report_passes(&format!("start limit {limit}"), tasks, runs).await;
    }
    bench.derived();
    bench.limit(tasks / 4).await;
    bench.report_passes("a quarter, derived before", tasks, runs).await;
    bench.history(finished);
    bench.report_passes(&format!("the same, {finished} finished"), tasks, runs).await;
    bench.limit(0).await;
    bench.report_passes("no limit, with them", tasks, runs).await;
    bench.report_held(tasks, runs).await;
    bench.flow(tasks).await;
    bench.end().await;
}

struct Bench {
    store: PostgresStore,
    sql: tokio_postgres::Client,
    schema: String,
    nodes: Vec<Membership>,
    finished: AtomicUsize,
    derived: AtomicBool,
}

impl Bench {
    async fn new(url: &str) -> Self {
        let schema = format!("bench_{}", std::process::id());
        let store = PostgresStore::connect(PostgresConfig::new(url).schema(&schema)).unwrap();
        store.migrate().await.unwrap();
        let (sql, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let names: Vec<String> = (0..INSTANCES).map(|number| format!("node-{number:03}")).collect();
        let instances: Vec<_> =
            names.iter().map(|name| json!({ "hostname": name, "capacity": 10_000 })).collect();
        let groups: Vec<_> = names
            .chunks(10)
            .enumerate()
            .map(|(number, members)| json!({ "name": format!("group-{number}"), "instances": members }))
            .collect();
        let templates: Vec<_> = (0..10)
            .map(|number| {
                let groups = [format!("group-{number}"), format!("group-{}", (number + 1) % 10)];
                json!({ "name": format!("job-{number}"), "allow_simultaneous": true, "impact": 6, "groups": groups,
                    "run": { "handler": "noop" } })
            })
            .collect();
        let definitions = json!({ "instance": instances, "group": groups, "template": templates });
        let definitions: Definitions = serde_json::from_value(definitions).unwrap();
        store.define(&definitions).await.unwrap();
        let mut nodes = Vec::new();
        for hostname in names {
            let node = Joining {
                hostname,
                node_type: NodeType::Hybrid,
                capacity: None,
                takes_work: true,
                version: String::new(),
            };
            nodes.push(store.join(&node).await.unwrap().member);
        }
        Self { store, sql, schema, nodes, finished: 0.into(), derived: false.into() }
    }

    async fn run(&self, sql: &str) {
        self.sql.batch_execute(&sql.replace("{s}", &self.schema)).await.unwrap();
    }

    async fn limit(&self, limit: usize) {
        let rules = json!({ "rules": { "start_limit": limit, "heartbeat_grace": 100_000 } });
        self.store.define(&serde_json::from_value(rules).unwrap()).await.unwrap();
    }

    /// From now on there are so many finished tasks before every measurement.
    fn history(&self, finished: usize) {
        self.finished.store(finished, Ordering::Relaxed);
    }

    /// From now on an earlier pass has derived the dependencies of all tasks, as in a queue that is not new.
    fn derived(&self) {
        self.derived.store(true, Ordering::Relaxed);
    }

    /// Pending tasks in otherwise clean tables; how long their launch took.
    async fn launch(&self, tasks: usize) -> f64 {
        let finished = self.finished.load(Ordering::Relaxed);
        self.run(&format!(
            "TRUNCATE {{s}}.task, {{s}}.outbox, {{s}}.past_wait CASCADE;
            INSERT INTO {{s}}.task (kind, name, run_id, status, finished, impact)
                SELECT 'job', 'old', 1, 'successful', now(), 6 FROM generate_series(1, {finished});"
        ))
        .await;
        self.run("VACUUM ANALYZE {s}.task").await;
        let launches: Vec<Launch> = (0..tasks)
            .map(|number| Launch::of(Launchable::JobTemplate(format!("job-{}", number % 10))))
            .collect();
        let begin = Instant::now();
        self.store.launch(&launches).await.unwrap();
        let took = milliseconds(begin);
        if self.derived.load(Ordering::Relaxed) {
            self.run("UPDATE {s}.task SET dependencies_derived = true WHERE finished IS NULL").await;
            self.run("VACUUM ANALYZE {s}.task").await;
        }
        took
    }

    /// One pass, phase by phase.
    async fn pass(&self) -> [f64; 5] {
        let whole = Instant::now();
        let mut pass = self.store.begin().await.unwrap().unwrap();
        let begin = milliseconds(whole);
        let clock = Instant::now();
        let reading = pass.read().await.unwrap();
        let read = milliseconds(clock);
        let clock = Instant::now();
        let decided = plan(&reading.snapshot, &reading.rules);
        let planning = milliseconds(clock);
        let clock = Instant::now();
        let done = pass.commit(&reading, &decided).await.unwrap();
        let commit = milliseconds(clock);
        let Commit::Done(done) = done else { panic!("nobody came between") };
        assert_eq!(done.dispatched, decided.starts().count());
        [begin, read, planning, commit, milliseconds(whole)]
    }

    /// Passes that store why tasks are held, that store another reason for each, and that start them all.
    async fn report_held(&self, tasks: usize, runs: usize) {
        let enabled = |enabled: bool| format!("UPDATE {{s}}.instance SET enabled = {enabled}");
        let lack = "UPDATE {s}.held SET digest = 0";
        let (mut held, mut another, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            self.launch(tasks).await;
            self.run(&enabled(false)).await;
            // Each pass stores some of the holds.
            held.push(self.pass().await[3]);
            for _ in 0..tasks / 2000 {
                self.pass().await;
            }
            self.run(lack).await;
            another.push(self.pass().await[3]);
            self.run(&enabled(true)).await;
            starts.push(self.pass().await[3]);
        }
        let [held, another, starts] = [held, another, starts].map(median);
        println!(
            "commits: 2000 new holds {held:.1}, 2000 other holds {another:.1}, all held start {starts:.1}"
        );
    }

    async fn report_passes(&self, title: &str, tasks: usize, runs: usize) {
        let mut phases: Vec<Vec<f64>> = vec![Vec::new(); 6];
        for _ in 0..runs {
            phases[0].push(self.launch(tasks).await);
            for (phase, time) in phases[1..].iter_mut().zip(self.pass().await) {
                phase.push(time);
            }
        }
        let medians: String = phases.into_iter().map(|times| format!("{:>8.1}", median(times))).collect();
        println!("{title:<28}{medians}");
    }

    /// The way of the tasks of the last pass: out of the outbox, claimed, reported.
    async fn flow(&self, tasks: usize) {
        let mut sent: Vec<(TaskId, DispatchId, usize)> = Vec::with_capacity(tasks);
        let clock = Instant::now();
        loop {
            let batch = self.store.unsent(1000).await.unwrap();
            let ids: Vec<_> = batch.messages().iter().map(|message| message.id).collect();
            if ids.is_empty() {
                break;
            }
            for message in batch.messages() {
                let dispatch = &message.dispatch;
                let control_plane::ports::Queue::Node(node) = dispatch.queue else { panic!("a place") };
                let node = self.nodes.iter().position(|member| member.instance == node).unwrap();
                sent.push((dispatch.task, dispatch.dispatch, node));
            }
            batch.settle(&ids).await.unwrap();
        }
        println!("outbox, batches of 1000: {:.0} messages/s", per_second(tasks, clock));
        // A claim is one node's.
        sent.sort_by_key(|&(.., node)| node);
        for (size, half) in [(200, &sent[..tasks / 2]), (50, &sent[tasks / 2..])] {
            let claims = Instant::now();
            for batch in half.chunk_by(|one, other| one.2 == other.2).flat_map(|own| own.chunks(size)) {
                let pairs: Vec<_> = batch.iter().map(|&(task, dispatch, _)| (task, dispatch)).collect();
                let claimed =
                    self.store.claim(self.nodes[batch[0].2], &pairs).await.unwrap().answered().unwrap();
                assert!(claimed.iter().all(|claim| matches!(claim, Claimed::Run(_))));
            }
            let claimed = per_second(half.len(), claims);
            let reports = Instant::now();
            for batch in half.chunks(size) {
                let verdict = || Verdict::Ended(Ended::of(Outcome::Successful));
                let reports: Vec<Report> = batch
                    .iter()
                    .map(|&(task, dispatch, _)| Report { task, dispatch, verdict: verdict() })
                    .collect();
                self.store.report(&reports).await.unwrap();
            }
            let reported = per_second(half.len(), reports);
            println!(
                "batches of {size}: {claimed:.0} claims/s, then {reported:.0} reports/s, one after the other"
            );
        }
    }

    async fn end(self) {
        self.run("DROP SCHEMA {s} CASCADE").await;
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
