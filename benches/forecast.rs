//! `cargo bench --bench forecast` prints how often forecasts held, and what one costs.
//!
//! A log is simulated on a machine that is too small for it, so that queues form; `SWF_TRACE=nasa.swf.gz` names the log, without
//! one a workload is generated. At moments along the way at which several tasks are pending, a forecast is made from what was
//! there and what had run by then, and compared with when the tasks started in fact.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use scheduler_core::{Forks, RuleSet, Snapshot, State, TaskId, Timestamp};
use simulator::forecast::{ForecastOptions, Forecaster};
use simulator::generate::Mix;
use simulator::swf::{Log, Mapping};
use simulator::{History, Moment, Options, Outcome, Seed, Simulation, Span, Workload};

/// At so many moments of a run forecasts are made.
const MOMENTS: usize = 100;
/// With at least so many pending tasks.
const PENDING: usize = 5;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test");
    let rules = RuleSet::tower_2018();
    println!(
        "| workload | forks | arrivals | forecasts | held | earlier | later | median width | median wait |"
    );
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for forks in [96, 64] {
        let (name, mut workload) = workload(quick);
        for instance in &mut workload.cluster.instances {
            instance.capacity = Forks::new(forks);
        }
        // A job larger than the smaller machine takes it whole.
        for launch in &mut workload.launches {
            launch.task.impact = launch.task.impact.min(Forks::new(forks));
        }
        let outcome = Simulation::new(&workload, &rules).with(unaudited()).run().expect("it runs");
        for (word, arrivals) in [("none", false), ("as in the past", true)] {
            Tally::of(&workload, &outcome, &rules, arrivals).print(&name, forks, word);
        }
    }
    cost(if quick { 200 } else { 10_000 }, &rules);
}

fn unaudited() -> Options {
    Options { auditing: simulator::Auditing::Sample(0), ..Options::default() }
}

fn workload(quick: bool) -> (String, Workload) {
    match std::env::var("SWF_TRACE") {
        Ok(path) => {
            let bytes = std::fs::read(&path).expect("SWF_TRACE names a readable file");
            let mut plain = Vec::new();
            if MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).is_err() {
                plain = bytes;
            }
            let log = Log::parse(&plain).expect("SWF_TRACE names a log");
            ("trace".to_owned(), log.workload("trace", &Mapping::default()))
        }
        Err(_) => {
            let tasks = if quick { 300 } else { 20_000 };
            let mix = format!("tasks={tasks},instances=1,capacity=128,load=0.6,templates=100,exclusive=0");
            let mix: Mix = mix.parse().expect("the parameters are known");
            ("generated".to_owned(), mix.generate(Seed::new(1)))
        }
    }
}

#[derive(Default)]
struct Tally {
    forecasts: usize,
    held: usize,
    earlier: usize,
    later: usize,
    widths: Vec<Span>,
    waits: Vec<Span>,
}

impl Tally {
    fn of(workload: &Workload, outcome: &Outcome, rules: &RuleSet, arrivals: bool) -> Self {
        let mut tally = Self::default();
        let busy: Vec<Moment> = outcome
            .passes
            .iter()
            .filter(|pass| pass.pending as usize >= PENDING)
            .map(|pass| pass.at)
            .collect();
        let step = (busy.len() / MOMENTS).max(1);
        for &at in busy.iter().step_by(step) {
            tally.forecast(workload, outcome, rules, (at, arrivals));
        }
        tally
    }

    fn forecast(
        &mut self,
        workload: &Workload,
        outcome: &Outcome,
        rules: &RuleSet,
        (at, arrivals): (Moment, bool),
    ) {
        let (snapshot, started) = at_moment(workload, outcome, at);
        let history = History::of(&outcome.timeline, at);
        let options = ForecastOptions { draws: Some(30), arrivals, ..ForecastOptions::default() };
        let mut forecaster = Forecaster::new(&snapshot, rules, &history, &started, options);
        let forecast = forecaster.run(&mut |_, _| {}).expect("it runs");
        let truth: BTreeMap<TaskId, Moment> =
            outcome.timeline.bars.iter().filter_map(|bar| Some((bar.task, bar.started?))).collect();
        for expected in &forecast.tasks {
            let Some(range) = expected.starts else { continue };
            let Some(&fact) = truth.get(&expected.task) else { continue };
            let of = |moment| Moment::of(moment, workload.start);
            self.forecasts += 1;
            if fact < of(range.from) {
                self.earlier += 1;
            } else if fact > of(range.to) {
                self.later += 1;
            } else {
                self.held += 1;
            }
            self.widths.push(of(range.to).since(of(range.from)));
            self.waits.push(fact.since(at));
        }
    }

    fn print(mut self, name: &str, forks: u32, arrivals: &str) {
        let share = |count: usize| format!("{:.0} %", count as f64 * 100.0 / self.forecasts.max(1) as f64);
        let median = |spans: &mut Vec<Span>| {
            spans.sort_unstable();
            spans.get(spans.len() / 2).copied().unwrap_or_default()
        };
        println!(
            "| {name} | {forks} | {arrivals} | {} | {} | {} | {} | {} | {} |",
            self.forecasts,
            share(self.held),
            share(self.earlier),
            share(self.later),
            median(&mut self.widths),
            median(&mut self.waits),
        );
    }
}

/// What there was just after a moment, and when what ran had started.
fn at_moment(workload: &Workload, outcome: &Outcome, at: Moment) -> (Snapshot, BTreeMap<TaskId, Timestamp>) {
    let now = at.on_calendar(workload.start);
    let mut snapshot = Snapshot {
        now,
        instances: workload.cluster.instances.clone(),
        groups: workload.cluster.groups.clone(),
        ..Snapshot::default()
    };
    for instance in &mut snapshot.instances {
        instance.last_heartbeat = Some(now);
    }
    let mut started = BTreeMap::new();
    let known: BTreeMap<TaskId, usize> =
        workload.launches.iter().enumerate().map(|(position, launch)| (launch.task.id, position)).collect();
    for bar in outcome.timeline.bars.iter().filter(|bar| bar.launched <= at) {
        let Some(launch) = known.get(&bar.task).and_then(|&position| workload.launches.get(position)) else {
            continue;
        };
        let mut task = launch.task.clone();
        task.dependencies.clear();
        match (bar.started, bar.finished) {
            (Some(since), Some(until)) if since <= at && until > at => {
                started.insert(bar.task, since.on_calendar(workload.start));
                task.state = State::Running(Box::new(*bar.placement));
                snapshot.tasks.push(task);
            }
            (since, None) | (since, Some(_)) if since.is_none_or(|since| since > at) => {
                snapshot.tasks.push(task)
            }
            _ => {}
        }
    }
    (snapshot, started)
}

/// How long a forecast takes.
fn cost(tasks: usize, rules: &RuleSet) {
    let mix = format!("tasks={tasks},per-hour=1000000000,instances=100,templates=200,exclusive=0.1");
    let workload = mix.parse::<Mix>().expect("the parameters are known").generate(Seed::new(1));
    let mut snapshot = Snapshot {
        now: workload.start,
        instances: workload.cluster.instances.clone(),
        groups: workload.cluster.groups.clone(),
        tasks: workload.launches.iter().map(|launch| launch.task.clone()).collect(),
        ..Snapshot::default()
    };
    for instance in &mut snapshot.instances {
        instance.last_heartbeat = Some(snapshot.now);
    }
    let mut history = History::default();
    for (position, launch) in workload.launches.iter().enumerate() {
        let key = simulator::TemplateKey::of(&launch.task.work);
        let span = Span::from_whole_seconds(30 + position as u64 % 90);
        if position < 1000 {
            history.extend([(key, scheduler_core::Kind::Job, span)]);
        }
    }
    let started = BTreeMap::new();
    let mut times: Vec<Duration> = Vec::new();
    let mut draws = 0;
    for _ in 0..3 {
        let begin = Instant::now();
        let mut forecaster =
            Forecaster::new(&snapshot, rules, &history, &started, ForecastOptions::default());
        draws = forecaster.run(&mut |_, _| {}).expect("it runs").draws;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    println!("\n{tasks} pending tasks: {draws} draws in {:.2} s", times[1].as_secs_f64());
}
