//! `cargo bench --bench planner` prints what one event costs a planner that remembers, beside a full pass over the same state in
//! the same run: medians over many events, each with the step that tells what it changed.
//!
//! `BENCH_SIZES=10k,1M` chooses the numbers of pending tasks; `BENCH_SIZES=10M` needs 8 GiB.

use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use scheduler_core::builder::{SnapshotBuilder, job};
use scheduler_core::{
    Change, Dispatch, DispatchId, Outcome, Planner, RuleSet, Snapshot, State, Task, TaskId, plan,
};
use testkit::workload;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const EVENTS: usize = 301;
/// So many tasks of each template: one runs, and the others wait for it.
const OF_A_TEMPLATE: usize = 100;

fn main() {
    println!(
        "| pending | a task ends, the next starts | a task is launched and held | an instance comes back with room for 100 | building | full pass | memory beyond the snapshot, B a task |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (label, size) in workload::sizes("10k,1M") {
        let snapshot = queues(size);
        let pass = median((0..5).map(|_| timed(|| plan(&snapshot, &rules())).1));
        let before = MEMORY.current_usage();
        let mut planner = Planner::new(snapshot, rules());
        let (_, building) = timed(|| planner.step());
        let bytes = MEMORY.current_usage().saturating_sub(before) as f64 / size as f64;
        let ends = ends(&mut planner, size);
        let launches = launches(&mut planner, size);
        drop(planner);
        let returns = returns(size);
        println!(
            "| {label} | {ends:.1?} | {launches:.1?} | {returns:.1?} | {building:.1?} | {pass:.1?} | {bytes:.0} |"
        );
    }
}

fn rules() -> RuleSet {
    RuleSet::tower_2018()
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = act();
    (result, began.elapsed())
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn id(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// A queue of exclusive jobs for each template, on a hundred instances with room enough.
fn queues(size: usize) -> Snapshot {
    let templates = size.div_ceil(OF_A_TEMPLATE).max(1);
    let mut cluster = SnapshotBuilder::at(1_000_000).group(1, "default", 1..=100);
    for instance in 1..=100 {
        cluster = cluster.instance(instance, &format!("node-{instance:03}"), 1_000_000);
    }
    let mut snapshot = cluster.build();
    snapshot.tasks.reserve_exact(size + templates + EVENTS);
    let model = pending();
    for number in 0..size + templates {
        let mut task = of_template(&model, number, number % templates);
        if number < templates {
            task.state =
                SnapshotBuilder::at(0).with(job(1).running_on(1, id(number % 100) + 1)).build().tasks[0]
                    .state
                    .clone();
        }
        snapshot.tasks.push(task);
    }
    snapshot
}

/// A pending job; all share its name and its groups.
fn pending() -> Task {
    let built = SnapshotBuilder::at(0)
        .with(job(1).template(1).project(1).impact(1).groups([1]).dependencies_derived());
    built.build().tasks[0].clone()
}

fn of_template(model: &Task, number: usize, template: usize) -> Task {
    let mut task = model.clone();
    task.id = TaskId::new(id(number) + 1);
    task.work = scheduler_core::Work::Job {
        project: Some((id(template / 10) + 1).into()),
        inventory: Some((id(template / 10) + 1).into()),
        template: Some((id(template) + 1).into()),
        allow_simultaneous: false,
        sources_already_updated: Default::default(),
    };
    task
}

fn row(planner: &Planner, number: usize) -> Task {
    planner.task(TaskId::new(id(number) + 1)).expect("it is there").clone()
}

/// A task ends, and the next of its template starts; the store's commit of the start is not timed.
fn ends(planner: &mut Planner, size: usize) -> Duration {
    let templates = size.div_ceil(OF_A_TEMPLATE).max(1);
    let times = (0..EVENTS.min(templates)).map(|number| {
        let ended = State::Finished { outcome: Outcome::Successful, at: None };
        let change = Change::Task(Task { state: ended, ..row(planner, number) });
        let (news, time) = timed(|| {
            planner.apply(change).expect("it fits");
            planner.step()
        });
        let starts: Vec<_> = news.plan.starts().map(|(task, &place)| (task, place)).collect();
        assert_eq!(starts.len(), 1, "the next of its template starts");
        for (task, place) in starts {
            let dispatch =
                Dispatch { id: DispatchId::new(1), since: planner.snapshot().now, placement: place.into() };
            let task = Task {
                state: State::Waiting(Box::new(dispatch)),
                ..planner.task(task).expect("it is there").clone()
            };
            planner.apply(Change::Task(task)).expect("it fits");
        }
        planner.step();
        time
    });
    median(times.collect::<Vec<_>>().into_iter())
}

/// A task of a busy template is launched.
fn launches(planner: &mut Planner, size: usize) -> Duration {
    let model = pending();
    let templates = size.div_ceil(OF_A_TEMPLATE).max(1);
    let times = (0..EVENTS).map(|number| {
        let task = of_template(&model, 2 * size + number, number * 7 % templates);
        let (news, time) = timed(|| {
            planner.apply(Change::Task(task)).expect("it fits");
            planner.step()
        });
        assert_eq!((news.anew, news.plan.holds().count()), (false, 1), "it is held");
        time
    });
    median(times.collect::<Vec<_>>().into_iter())
}

/// In a full cluster an instance comes back that has room for a hundred.
fn returns(size: usize) -> Duration {
    let mut cluster = SnapshotBuilder::at(1_000_000).group(1, "default", 1..=100);
    for instance in 1..=100 {
        cluster = cluster.instance(instance, &format!("node-{instance:03}"), 0);
    }
    let mut snapshot = cluster.build();
    let model = pending();
    snapshot.tasks = (0..size).map(|number| of_template(&model, number, number)).collect();
    let mut planner = Planner::new(snapshot, rules());
    planner.step();
    let times = (0..EVENTS / 3).map(|number| {
        let mut instance = planner.snapshot().instances[number % 100].clone();
        instance.capacity = 100.into();
        let away = scheduler_core::Instance { capacity: 0.into(), ..instance.clone() };
        let (news, time) = timed(|| {
            planner.apply(Change::Instance(instance)).expect("it fits");
            planner.step()
        });
        assert_eq!(news.plan.starts().count(), 100);
        planner.apply(Change::Instance(away)).expect("it fits");
        planner.step();
        time
    });
    median(times.collect::<Vec<_>>().into_iter())
}
