#![no_std]
#![forbid(unsafe_code)]
//! The heart of a control plane's scheduler as one pure function: [`plan`] takes a [`Snapshot`] of tasks, instance groups and
//! capacity and a [`RuleSet`], and returns a [`Plan`]: which tasks start and where, which updates to create, what
//! workflows do next, and for every task that does not start, why.
//!
//! ```
//! use scheduler_core::builder::{SnapshotBuilder, job, project_update};
//! use scheduler_core::{RuleSet, TaskId, plan};
//!
//! // Job 17 runs and uses project 3, whose update waits for that; job 43 uses neither.
//! let snapshot = SnapshotBuilder::at(1000)
//!     .instance(1, "node-a", 20)
//!     .group(1, "default", [1])
//!     .with(job(17).project(3).impact(5).groups([1]).running_on(1, 1))
//!     .with(project_update(40).project(3).groups([1]))
//!     .with(job(43).impact(6).groups([1]))
//!     .build();
//! let plan = plan(&snapshot, &RuleSet::default());
//!
//! assert!(plan.starts().map(|(task, _)| task).eq([TaskId::new(43)]));
//! let (held, reason) = plan.holds().next().unwrap();
//! assert_eq!(held, TaskId::new(40));
//! assert_eq!(reason.to_string(), "waits for job 17 to release project 3 (held for use, wanted for update)");
//! ```
//!
//! # The contract
//!
//! `plan` reads no clock, no environment and no socket (the crate is `no_std`), mints no ids and never fails: a malformed
//! row is held with its reason and touches no other task (R11). [`Snapshot::validate`] is the door for those who want
//! errors instead.
//!
//! The numbers R1 to R11 name the rules, here as in the tests: R1 order, R2 claims and matrices, R3 chronological order of
//! blocked tasks, R4 update on launch, R5 dependencies, R6 capacity, R7 workflows, R8 reaping and cancel, R9 limits and the
//! order of work, R10 reasons, R11 total, deterministic, contained.
//!
//! # The rules, and what they leave open
//!
//! The project's book states each rule under its number (`docs/rules.md`). Where a rule is silent this crate chooses, and the
//! choice stands there beside the rule, with where both are decided, audited, tested and explained.
//!
//! # Features
//!
//! None is on by default, and none changes a decision.
//!
//! | feature | brings |
//! | --- | --- |
//! | `audit` | `audit(&snapshot, &rules, &plan)`, which judges any plan by the rules and shares no code with the pass |
//! | `schema` | the JSON Schema of snapshots, plans and rule sets |
//! | `proptest` | `strategies`, generators of snapshots for property tests; needs the standard library |

#[macro_use]
extern crate alloc;
#[cfg(feature = "proptest")]
extern crate std;

mod apply;
#[cfg(feature = "audit")]
mod audit;
pub mod builder;
mod component;
mod explain;
mod model;
mod pass;
mod planner;
#[cfg(feature = "proptest")]
pub mod strategies;
mod table;
mod validate;
pub mod words;

pub use apply::{Fill, Misfit};
#[cfg(feature = "audit")]
pub use audit::{About, Fault, Violation, audit};
pub use explain::{Ending, Explainer, Explanation, Step};
pub use model::*;
pub use pass::plan;
pub use planner::{Change, Effort, News, Planner, Refused};
pub use validate::{Problem, Problems, Severity};

// They stand in public fields: whoever builds rows needs no dependency of their own on them, nor the right version of it.
pub use chrono;
pub use smallvec::SmallVec;
pub use thin_vec::ThinVec;
