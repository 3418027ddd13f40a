//! What this machine has, in forks, by the formulas of R6.6.

use std::fs;
use std::thread::available_parallelism;

use scheduler_core::{Forks, cpu_capacity, instance_capacity, memory_capacity};

/// Between what its CPUs and what its memory give, the higher: a task that needs more memory than its share says so by its
/// impact. Where the memory cannot be asked for, the CPUs alone count.
pub(super) fn of_this_machine() -> Forks {
    let cpus = available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX));
    let cpu = cpu_capacity(cpus);
    memory_mebibytes().map_or(cpu, |memory| instance_capacity(cpu, memory_capacity(memory), 1.0))
}

/// The memory of the machine, or of the container if that has less.
fn memory_mebibytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse::<u64>().ok()).map(|bytes| bytes >> 20);
    machine.into_iter().chain(container).min()
}

/// The `MemTotal` line, which counts in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes >> 10)
}
