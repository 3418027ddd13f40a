//! Clusters and queues of chosen size and shape, for benchmarks and for tests at scale.
//!
//! Every shape is deterministic, comes with the [`Tally`] that its plan must show, so that nobody times a pass that does
//! nothing, and shrinks in proportion when fewer tasks are asked for: the number of templates, projects and instances
//! follows the number of tasks, up to the full size of the shape. Names and lists of groups are shared as a store would
//! share them, and every list has exactly the room that it needs, so that the snapshot's own memory can be measured.

mod cluster;
mod floor;
mod graphs;
mod meetings;
mod queues;

use scheduler_core::{Action, NodeStep, Plan, RuleSet, Snapshot};

pub use floor::floor;
pub use graphs::{dependency_graph, update_on_launch, workflows};
pub use meetings::MEETINGS;
pub use queues::{all_startable, cluster_full, mostly_blocked, nodes_by_tasks};

/// A snapshot, the rules to plan it by, and what the plan must show.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The rules.
    pub rules: RuleSet,
    /// How many things the pass looks at: pending tasks, or nodes of graphs.
    pub elements: usize,
    /// What the plan must show.
    pub expected: Tally,
}

/// A shape of workload, built for so many elements.
pub type Shape = fn(usize) -> Workload;

/// Every shape by its name.
pub const SHAPES: [(&str, Shape); 7] = [
    ("all startable", all_startable),
    ("mostly blocked", mostly_blocked),
    ("cluster full", cluster_full),
    ("workflows of 100 nodes", workflows_of_100),
    ("10 tasks an instance", ten_tasks_an_instance),
    ("update on launch", update_on_launch),
    ("graph of dependencies", dependency_graph),
];

fn workflows_of_100(elements: usize) -> Workload {
    workflows(elements.div_ceil(100), 100)
}

fn ten_tasks_an_instance(elements: usize) -> Workload {
    nodes_by_tasks(elements.div_ceil(10), elements)
}

impl Workload {
    /// Plans it, and panics when the plan is not the one that the shape is made for. Do this before timing anything.
    ///
    /// # Panics
    ///
    /// When the plan's [`Tally`] is not the expected one.
    #[must_use]
    pub fn plan_as_expected(&self) -> Plan {
        let plan = scheduler_core::plan(&self.snapshot, &self.rules);
        assert_eq!(Tally::of(&plan), self.expected, "the pass does not do what this workload is made for");
        plan
    }

    /// The same rows in another order; a plan must not depend on it (R1).
    #[must_use]
    pub fn shuffled(mut self) -> Self {
        let mut random = Random::new(0x5eed);
        let tasks = &mut self.snapshot.tasks;
        for last in (1..tasks.len()).rev() {
            tasks.swap(last, random.below(last + 1));
        }
        self
    }
}

/// The sizes to measure with their labels: those of the variable `BENCH_SIZES`, such as `1k,10k,1M`; else only the
/// smallest of these when the benchmark is merely tested (`-- --test`); else all of these. What is no size is passed over.
#[must_use]
pub fn sizes(otherwise: &str) -> Vec<(String, usize)> {
    let chosen = std::env::var("BENCH_SIZES").ok();
    let merely_tested = chosen.is_none() && std::env::args().any(|argument| argument == "--test");
    let sizes = chosen.as_deref().unwrap_or(otherwise).split(',').map(str::trim).filter_map(|label| {
        let number = label.trim_end_matches(['k', 'M']);
        let unit = match &label[number.len()..] {
            "" => 1,
            "k" => 1_000,
            "M" => 1_000_000,
            _ => return None,
        };
        Some((label.to_owned(), number.parse::<usize>().ok()?.checked_mul(unit)?))
    });
    sizes.take(if merely_tested { 1 } else { usize::MAX }).collect()
}

/// How much a plan decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tasks that start.
    pub starts: usize,
    /// Tasks that are held.
    pub holds: usize,
    /// Tasks that end.
    pub ends: usize,
    /// Tasks that are created.
    pub creates: usize,
    /// Tasks whose dependencies were derived.
    pub derived: usize,
    /// Nodes that are skipped.
    pub skips: usize,
}

impl Tally {
    /// Counts what a plan decides.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut tally = Self {
            creates: plan.creates.len(),
            derived: plan.derived.len(),
            skips: plan.nodes.iter().filter(|node| matches!(node.step, NodeStep::Skip(_))).count(),
            ..Self::default()
        };
        for decision in &plan.decisions {
            match &decision.action {
                Action::Start(_) => tally.starts += 1,
                Action::Hold(_) => tally.holds += 1,
                Action::End(_) => tally.ends += 1,
                _ => {}
            }
        }
        tally
    }
}

/// A small generator of repeatable numbers (SplitMix64), so that no dependency's next version changes a workload.
struct Random(u64);

impl Random {
    const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which must not be 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound
    }
}
