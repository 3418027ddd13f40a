#![forbid(unsafe_code)]
//! A workload and a cluster through real scheduling passes in virtual time.
//!
//! The pass that decides here is the one of production, [`scheduler_core::plan`]; only people, machines and time are made up.
//! [`Simulation`] runs a [`Workload`] by a rule set and gives an [`Outcome`]: what happened to each task and what it waited
//! for, how long tasks waited, what was used of each instance and group, and what can never end. The same workload, rules and
//! seed give the same outcome. There is no clock, no thread and no socket in it; reading files is for the caller, who
//! hands over bytes.
//!
//! ```
//! use scheduler_core::RuleSet;
//! use simulator::{Simulation, swf};
//!
//! let log = swf::Log::parse(b"; MaxProcs: 4
//! 1 0 -1 60 4 -1 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1
//! 2 5 -1 30 2 -1 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1
//! ").expect("two jobs of eighteen numbers each");
//! let workload = log.workload("two jobs", &swf::Mapping::default());
//! let outcome = Simulation::new(&workload, &RuleSet::tower_2018()).run().expect("every plan is clean");
//! let waited: Vec<f64> = outcome.timeline.bars.iter().filter_map(|bar| Some(bar.waited()?.seconds())).collect();
//! assert_eq!(waited, [0.0, 55.0]);
//! ```

mod behaviour;
pub mod change;
mod compare;
mod engine;
pub mod file;
pub mod forecast;
mod format_error;
pub mod generate;
mod history;
mod moment;
mod outcome;
mod seed;
pub mod swf;
mod timeline;
mod usage;
mod waiting;
pub mod wfcommons;
pub mod workload;

pub use behaviour::{Behaviour, Endings, RunTime};
pub use change::{Change, ChangeError, TimedChange};
pub use compare::{Comparison, Mover, Summary};
pub use engine::{Auditing, Options, Progress, Simulation, SimulationError};
pub use format_error::FormatError;
pub use history::{History, PastLaunch};
pub use moment::{Moment, Span};
pub use outcome::{Capacity, Outcome, PassRecord, Place, Stuck, Why};
pub use seed::Seed;
pub use timeline::{Bar, EndNote, PictureKey, ReasonId, Timeline, Wait, WaitReason};
pub use usage::Curve;
pub use waiting::{Quantiles, Waiting};
pub use workload::{Cancel, Cluster, Ends, Launch, Standing, Template, TemplateKey, Workload};
