//! `cargo bench --bench simulation` prints what whole simulations cost: seconds, passes, and bytes a task at their peak,
//! the workload included. `BENCH_TASKS=100000` chooses another number of tasks. The allocator counts while the clock runs.

use std::time::Instant;

use peak_alloc::PeakAlloc;
use scheduler_core::RuleSet;
use simulator::generate::Mix;
use simulator::{Auditing, Options, Seed, Simulation};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() {
    let tasks = std::env::var("BENCH_TASKS").ok().and_then(|text| text.parse().ok());
    let quick = std::env::args().any(|argument| argument == "--test");
    let tasks = tasks.unwrap_or(if quick { 1_000 } else { 1_000_000 });
    println!("| {tasks} tasks | audited | seconds | passes | bytes a task | waited, p95 |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    let cases = [
        ("load 0.8", "load=0.8"),
        ("load 0.8, projects update on launch", "load=0.8,fresh-for=60"),
        ("load 1.2: the queue grows", "load=1.2"),
        ("all at once", "per-hour=1000000000"),
    ];
    for (name, parameters) in cases {
        let mix = format!("tasks={tasks},{parameters}").parse::<Mix>().expect("the parameters are known");
        for (word, auditing) in [("sampled", Auditing::Sample(100)), ("every plan", Auditing::Every)] {
            if auditing == Auditing::Every && tasks > 100_000 {
                continue;
            }
            measure(name, word, &mix, auditing);
        }
    }
}

fn measure(name: &str, word: &str, mix: &Mix, auditing: Auditing) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let begin = Instant::now();
    let workload = mix.generate(Seed::new(1));
    let options = Options { auditing, ..Options::default() };
    let outcome = Simulation::new(&workload, &RuleSet::tower_2018()).with(options).run();
    let outcome = outcome.expect("every plan is clean");
    let seconds = begin.elapsed().as_secs_f64();
    let bytes = (MEMORY.peak_usage() - before) / mix.tasks as usize;
    let waited = outcome.waiting().all.p95;
    println!("| {name} | {word} | {seconds:.1} | {} | {bytes} | {waited} |", outcome.passes.len());
}
