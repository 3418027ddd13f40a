//! The pass on every shape of workload, beside its floor: sorting and looking at the same tasks.
//!
//! `cargo bench --bench pass` measures 1k, 10k and 100k elements; `BENCH_SIZES=1k,10k,100k,1M` chooses others. The
//! throughput is in elements, so its inverse is the time for a task. With `-- --test` each case runs once, the smallest
//! size only unless `BENCH_SIZES` says otherwise.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scheduler_core::plan;
use testkit::workload::{self, SHAPES, Workload};

fn passes(criterion: &mut Criterion) {
    for (name, shape) in SHAPES {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for (label, size) in workload::sizes("1k,10k,100k") {
            let in_order = shape(size);
            drop(in_order.plan_as_expected());
            group.throughput(Throughput::Elements(in_order.elements as u64));
            group.bench_with_input(BenchmarkId::new("floor", &label), &in_order, |bencher, workload| {
                bencher.iter(|| workload::floor(&workload.snapshot));
            });
            time(&mut group, BenchmarkId::new("pass", &label), &in_order);
            let shuffled = in_order.shuffled();
            drop(shuffled.plan_as_expected());
            time(&mut group, BenchmarkId::new("pass, rows shuffled", &label), &shuffled);
        }
        group.finish();
    }
}

/// Times the pass without the end of the plan's life.
fn time(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    id: BenchmarkId,
    workload: &Workload,
) {
    group.bench_with_input(id, workload, |bencher, workload| {
        bencher.iter_batched(|| (), |()| plan(&workload.snapshot, &workload.rules), BatchSize::PerIteration);
    });
}

criterion_group!(benches, passes);
criterion_main!(benches);
