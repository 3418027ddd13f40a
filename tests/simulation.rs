//! Thousands of clusters in virtual time, each with its own faults: nothing is lost and nothing runs twice.
//!
//! `SEEDS=100000 cargo test --release --test simulation` looks at more of them, `FIRST_SEED` begins elsewhere, `SEED=7` writes
//! down the run of one.

use std::env;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use testkit::simulation::{Run, run};

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number, and not {value:?}")))
}

/// The runs of these seeds whose promises broke.
fn broken_among(seeds: Range<u64>) -> (Vec<Run>, Totals) {
    let next = AtomicU64::new(seeds.start);
    let look = || {
        let mut broken = Vec::new();
        let mut totals = Totals::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return (broken, totals);
            }
            let run = run(seed, false);
            totals.tasks += run.tasks;
            totals.handlers += run.handlers;
            if !run.breaches.is_empty() {
                broken.push(run);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        let mut broken = Vec::new();
        let mut totals = Totals::default();
        for worker in workers {
            let (more, of) = worker.join().expect("a run that does not panic");
            broken.extend(more);
            totals.tasks += of.tasks;
            totals.handlers += of.handlers;
        }
        broken.sort_by_key(|run| run.seed);
        (broken, totals)
    })
}

#[derive(Debug, Default)]
struct Totals {
    tasks: usize,
    handlers: usize,
}

#[test]
fn r12_nothing_is_lost_and_nothing_runs_twice_whatever_fails() {
    if let Some(seed) = number("SEED") {
        let run = run(seed, true);
        println!("{run}");
        assert!(run.breaches.is_empty(), "seed {seed}");
        return;
    }
    let seeds = number("SEEDS").unwrap_or(2000);
    let first = number("FIRST_SEED").unwrap_or(0);
    let (broken, totals) = broken_among(first..first + seeds);
    for run in broken.iter().take(5) {
        print!("{run}");
    }
    assert!(
        broken.is_empty(),
        "{} of {seeds} seeds: SEED={} writes the first of them down",
        broken.len(),
        broken[0].seed
    );
    println!("{seeds} seeds: {totals:?}");
    assert!(totals.handlers > 0 && totals.tasks > totals.handlers / 2, "the runs do something: {totals:?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        let (one, other) = (run(seed, false), run(seed, false));
        assert_eq!(one.print, other.print, "seed {seed}");
    }
}
