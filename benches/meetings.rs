//! The pass, its audit and the checks of a snapshot where many meet in one place: edges in a node, holders on a key, waiters
//! on a workflow.
//!
//! `cargo bench --bench meetings` measures 10k and 40k elements; `BENCH_SIZES` chooses others. The throughput is in
//! elements and must not fall as they grow: what costs their square takes four times as long for each of four times as many. With
//! `-- --test` each case runs once, the smallest size only unless `BENCH_SIZES` says otherwise.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scheduler_core::{audit, plan};
use testkit::workload::{self, MEETINGS};

fn meetings(criterion: &mut Criterion) {
    for (name, shape) in MEETINGS {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for (label, size) in workload::sizes("10k,40k") {
            let workload = shape(size);
            let planned = workload.plan_as_expected();
            let (snapshot, rules) = (&workload.snapshot, &workload.rules);
            group.throughput(Throughput::Elements(workload.elements as u64));
            group.bench_function(BenchmarkId::new("pass", &label), |bencher| {
                bencher.iter_batched(|| (), |()| plan(snapshot, rules), BatchSize::PerIteration);
            });
            group.bench_function(BenchmarkId::new("audit", &label), |bencher| {
                bencher.iter_batched(|| (), |()| audit(snapshot, rules, &planned), BatchSize::PerIteration);
            });
            group.bench_function(BenchmarkId::new("checks", &label), |bencher| {
                bencher.iter_batched(|| (), |()| snapshot.problems(), BatchSize::PerIteration);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, meetings);
criterion_main!(benches);
