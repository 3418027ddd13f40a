//! `cargo bench --bench table` prints the table of measured numbers in `docs/performance.md` in one run.
//!
//! For every shape of workload: nanoseconds a task for the pass alone, median of several runs on one thread; how the
//! cost of a task grows from the second size to the last; the floor (sorting and looking at the same tasks); and bytes a
//! task, of the snapshot and of the pass with its plan beyond the snapshot, at their peak. `BENCH_SIZES=1k,10k`
//! chooses the sizes. The allocator counts while the clock runs, which makes the times a little longer than they need be.

use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use scheduler_core::{audit, plan};
use testkit::workload::{self, SHAPES, Shape, Workload};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs are repeated until this much time is spent, and at least this often.
const TIME: Duration = Duration::from_millis(1_500);
const RUNS: usize = 5;

/// What one workload costs, for each element.
struct Cost {
    pass: f64,
    shuffled: f64,
    floor: f64,
    snapshot_bytes: f64,
    pass_bytes: f64,
}

fn main() {
    let sizes = workload::sizes("1k,10k,100k,1M");
    let labels: Vec<&str> = sizes.iter().map(|(label, _)| label.as_str()).collect();
    println!(
        "| ns a task | {} | growth | {last} shuffled | {last} floor | its growth | snapshot, B a row | pass, B a task |",
        labels.join(" | "),
        last = labels.last().expect("there is a size"),
    );
    println!("| --- |{}", " ---: |".repeat(labels.len() + 6));
    for (name, shape) in SHAPES {
        let costs: Vec<Cost> = sizes.iter().map(|&(_, size)| measure(shape, size)).collect();
        let passes: Vec<String> = costs.iter().map(|cost| format!("{:.0}", cost.pass)).collect();
        let last = costs.last().expect("there is a size");
        // The first size is as small as a cache, unless it is one of only two.
        let from = if costs.len() > 2 { costs.get(1) } else { costs.first() };
        let growth = |cost: fn(&Cost) -> f64| from.map_or(1.0, |from| cost(last) / cost(from));
        let (growth, floor_growth) = (growth(|cost| cost.pass), growth(|cost| cost.floor));
        println!(
            "| {name} | {} | {growth:.2} | {:.0} | {:.0} | {floor_growth:.2} | {:.0} | {:.0} |",
            passes.join(" | "),
            last.shuffled,
            last.floor,
            last.snapshot_bytes,
            last.pass_bytes,
        );
    }
    published_shapes(sizes.iter().any(|&(_, size)| size >= 100_000));
}

/// The three shapes of which others have published numbers, at the published size.
fn published_shapes(wanted: bool) {
    if !wanted {
        return;
    }
    println!("\n| at its published size | elements | one pass | its audit |\n| --- | ---: | ---: | ---: |");
    let cases: [(&str, Workload); 4] = [
        ("AWX: startable jobs, 100 instances", workload::all_startable(39_000)),
        ("1,000 workflows of 100 nodes", workload::workflows(1_000, 100)),
        ("Kubernetes: 5,000 instances", workload::nodes_by_tasks(5_000, 50_000)),
        ("1,000 instances, 100 tasks each", workload::nodes_by_tasks(1_000, 100_000)),
    ];
    for (name, workload) in cases {
        let planned = workload.plan_as_expected();
        let pass = median(|| plan(&workload.snapshot, &workload.rules));
        let audited = median(|| audit(&workload.snapshot, &workload.rules, &planned));
        let [pass, audited] = [pass, audited].map(|time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
        println!("| {name} | {} | {pass} | {audited} |", workload.elements);
    }
}

fn measure(shape: Shape, size: usize) -> Cost {
    let before = MEMORY.current_usage();
    let workload = shape(size);
    let with_snapshot = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let plan_value = workload.plan_as_expected();
    let peak = MEMORY.peak_usage();
    drop(plan_value);

    let elements = workload.elements as f64;
    let nanoseconds = |time: Duration| time.as_nanos() as f64 / elements;
    let pass = nanoseconds(median(|| plan(&workload.snapshot, &workload.rules)));
    let floor = nanoseconds(median(|| workload::floor(&workload.snapshot)));
    let rows = workload.snapshot.tasks.len().max(workload.elements) as f64;
    let shuffled = workload.shuffled();
    drop(shuffled.plan_as_expected());
    Cost {
        pass,
        shuffled: nanoseconds(median(|| plan(&shuffled.snapshot, &shuffled.rules))),
        floor,
        snapshot_bytes: (with_snapshot - before) as f64 / rows,
        pass_bytes: (peak - with_snapshot) as f64 / elements,
    }
}

/// The median time of one call, without dropping what it returns.
fn median<T>(call: impl Fn() -> T) -> Duration {
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < RUNS || (begin.elapsed() < TIME && times.len() < 1_000) {
        let start = Instant::now();
        let returned = std::hint::black_box(call());
        times.push(start.elapsed());
        drop(returned);
    }
    times.sort_unstable();
    times[times.len() / 2]
}
