//! Generators of snapshots and rule sets for property tests: this project's, and those of users who test blocking rules of
//! their own (feature `proptest`).
//!
//! [`snapshot`] and [`rules`] together reach every decision and every reason that a pass knows; a test of this project
//! shows it. They are rich in conflicts: few ids, few moments, few forks, so that tasks meet on the same project, the same
//! second and the same instance, and often exactly on a limit. [`well_formed`] keeps to what [`Snapshot::validate`] accepts,
//! [`malformed`] plants what it refuses. [`snapshot_for`] and [`well_formed_for`] crowd the resources of a user's own rows. The rows themselves ([`task()`], [`instance`], [`group`], [`project`], [`inventory_source`],
//! [`graph`] and what they consist of) are there for snapshots of another shape; a [`Size`] says how many ids of each sort there are.
//!
//! Rows are generated independently of one another and then tied together: a dependency becomes one on an earlier row, a
//! node's job an unclaimed later row, a placement a member of its group. So a failing case shrinks row by row, and what
//! is left of it is still coherent.
//!
//! ```
//! use proptest::test_runner::{Config, TestRunner};
//! use scheduler_core::{RuleSet, plan, strategies};
//!
//! // In a test of one's own `proptest!` writes this.
//! let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(50) });
//! let property = |snapshot| {
//!     let plan = plan(&snapshot, &RuleSet::default());
//!     assert!(plan.starts().all(|(task, _)| snapshot.tasks.iter().any(|row| row.id == task)));
//!     Ok(())
//! };
//! runner.run(&strategies::snapshot(), property).unwrap();
//! ```
//!
//! # What it does not know
//!
//! Nothing of the pass: no generator asks what a plan would say, so that a bug of the pass cannot hide behind them.
//!
//! # Cost
//!
//! A snapshot of the default size takes some tens of microseconds; cost grows with the number of rows.

mod cluster;
mod content;
mod damage;
mod moments;
mod own;
mod rules;
mod task;
mod ties;
mod work;
mod workflow;

use alloc::vec::Vec;
use core::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

pub use cluster::{group, instance};
pub use content::{inventory_source, last_update, project};
pub use moments::now;
pub use rules::{rules, rules_of};
pub use task::{impact, launch_type, outcome, placement, state, task};
pub use work::work;
pub use workflow::graph;

use crate::{RuleSet, Snapshot};
use damage::{Damage, damage};
use own::Own;
use task::task_with;
use ties::{Care, Parts};

/// How many there are at most of each sort; every one of them may be fewer, apart from one task. Ids run from 1 to the number given, so
/// small numbers make conflicts and large ones make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows of tasks.
    pub tasks: u32,
    /// Projects.
    pub projects: u32,
    /// Inventories.
    pub inventories: u32,
    /// Inventory sources.
    pub sources: u32,
    /// Job templates, and workflow templates too.
    pub templates: u32,
    /// Instances.
    pub instances: u32,
    /// Instance groups.
    pub groups: u32,
    /// Nodes of one graph.
    pub nodes: u32,
}

impl Size {
    /// So many projects, inventories and templates that tasks seldom meet there, before they meet in a user's own resources.
    const APART: Self = Self {
        tasks: 18,
        projects: 24,
        inventories: 24,
        sources: 6,
        templates: 24,
        instances: 5,
        groups: 4,
        nodes: 6,
    };
}

impl Default for Size {
    /// Small enough that a failing case can be read.
    fn default() -> Self {
        Self {
            tasks: 14,
            projects: 3,
            inventories: 2,
            sources: 3,
            templates: 2,
            instances: 5,
            groups: 4,
            nodes: 6,
        }
    }
}

/// A snapshot of the default size: mostly well-formed, now and then with a planted flaw or two.
pub fn snapshot() -> impl Strategy<Value = Snapshot> {
    snapshot_of(Size::default())
}

/// A snapshot of this size: mostly well-formed, now and then with a planted flaw or two.
pub fn snapshot_of(size: Size) -> impl Strategy<Value = Snapshot> {
    whole(size, few_flaws(), Care::Loose)
}

/// A snapshot of the default size that [`Snapshot::validate`] accepts.
pub fn well_formed() -> impl Strategy<Value = Snapshot> {
    well_formed_of(Size::default())
}

/// A snapshot of this size that [`Snapshot::validate`] accepts.
pub fn well_formed_of(size: Size) -> impl Strategy<Value = Snapshot> {
    whole(size, Just(vec![]), Care::Strict)
}

/// A snapshot of the default size with one to five planted flaws: rows with a duplicate id in any table, dangling
/// references, cycles, broken graphs, enormous and negative numbers.
pub fn malformed() -> impl Strategy<Value = Snapshot> {
    malformed_of(Size::default())
}

/// A snapshot of this size with one to five planted flaws.
pub fn malformed_of(size: Size) -> impl Strategy<Value = Snapshot> {
    whole(size, vec(damage(), 1..=5), Care::Loose)
}

/// A snapshot that [`Snapshot::validate`] accepts, crowded with tasks of the kinds that claim a user's own
/// resources by these rules, and with keys for them: for a test of a rule of one's own.
pub fn well_formed_for(rules: &RuleSet) -> impl Strategy<Value = Snapshot> + use<> {
    whole_of(Size::APART, &Own::of(rules, Size::APART), Just(vec![]), Care::Strict)
}

/// A snapshot as [`well_formed_for`] makes them, now and then with a planted flaw or two.
pub fn snapshot_for(rules: &RuleSet) -> impl Strategy<Value = Snapshot> + use<> {
    whole_of(Size::APART, &Own::of(rules, Size::APART), few_flaws(), Care::Loose)
}

fn few_flaws() -> impl Strategy<Value = Vec<Damage>> {
    prop_oneof![
        6 => Just(vec![]),
        1 => vec(damage(), 1..=2),
    ]
}

fn whole<F: Strategy<Value = Vec<Damage>>>(
    size: Size,
    flaws: F,
    care: Care,
) -> impl Strategy<Value = Snapshot> + use<F> {
    whole_of(size, &Own::usual(size), flaws, care)
}

fn whole_of<F: Strategy<Value = Vec<Damage>>>(
    size: Size,
    own: &Own,
    flaws: F,
    care: Care,
) -> impl Strategy<Value = Snapshot> + use<F> {
    let tasks = (vec(task_with(size, own), 1..=at_most(size.tasks, 1)), shuffled(size.tasks));
    let content = (
        vec(project(size), 0..=at_most(size.projects, 0)),
        vec(inventory_source(size), 0..=at_most(size.sources, 0)),
    );
    let cluster = (rows(instance(size), size.instances), rows(group(size), size.groups));
    let graphs = vec(graph(size), 1..=3);
    (tasks, content, cluster, graphs, flaws).prop_map(move |(tasks, content, cluster, graphs, flaws)| {
        let mut snapshot = Parts {
            size,
            tasks: tasks.0,
            ids: tasks.1,
            projects: content.0,
            sources: content.1,
            instances: cluster.0,
            groups: cluster.1,
            graphs,
        }
        .tie(care);
        for flaw in &flaws {
            flaw.plant(&mut snapshot);
        }
        snapshot
    })
}

/// The upper end of a range of lengths.
fn at_most(count: u32, least: usize) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).max(least)
}

/// Up to `count` rows, rarely none.
fn rows<T: fmt::Debug>(row: impl Strategy<Value = T>, count: u32) -> impl Strategy<Value = Vec<T>> {
    (vec(row, 1..=at_most(count, 1)), percent(4))
        .prop_map(|(rows, none)| if none { Vec::new() } else { rows })
}

/// The ids from 1 to `count` in any order; shrinks to the ascending one.
fn shuffled(count: u32) -> impl Strategy<Value = Vec<i64>> {
    Just((1..=i64::from(count.max(1))).collect::<Vec<_>>()).prop_shuffle()
}

/// An id from 1 to `count`.
fn id<I: From<i64> + fmt::Debug>(count: u32) -> impl Strategy<Value = I> {
    (1..=i64::from(count.max(1))).prop_map(I::from)
}

/// An id from 1 to `count`, or none in one of five cases.
fn key<I: From<i64> + fmt::Debug>(count: u32) -> impl Strategy<Value = Option<I>> {
    proptest::option::weighted(0.8, id(count))
}

/// True in so many of a hundred cases; shrinks to false.
fn percent(chance: u32) -> impl Strategy<Value = bool> {
    proptest::bool::weighted(f64::from(chance) / 100.0)
}
