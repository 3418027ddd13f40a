//! The engine: a workload through real passes in virtual time.
//!
//! Time jumps from event to event: a launch, an end, a cancel, a change of the cluster. All events of one moment happen before
//! the pass of that moment, and a pass that asks for another (R9) gets it at once, as R12.2 has it. What is left out is
//! what could not change anything: a pass when no task is pending and no workflow runs, the periodic fail-safe, and, beyond
//! [`Options::see_all_up_to`] pending tasks, the rows that the pass could not start ([`queue`]). A task is taken up in the moment
//! in which it is dispatched.
//!
//! Every plan is audited before it is applied, unless [`Auditing`] says otherwise; a violation stops the simulation.

mod agenda;
mod claims;
mod decide;
mod events;
mod fill;
mod queue;
mod room;
mod store;
mod world;

use scheduler_core::{Plan, RuleSet, audit, plan};

use crate::change::ChangeError;
use crate::outcome::{Outcome, PassRecord};
use crate::{Moment, Seed, Span, Workload};
use world::World;

/// How a simulation is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// From which all that is drawn follows.
    pub seed: Seed,
    /// The least time between the passes of two moments; events in between share one pass. None by default: a pass follows
    /// each event at once.
    pub pass_interval: Span,
    /// Which plans are audited.
    pub auditing: Auditing,
    /// Up to so many pending tasks, every pass sees all of them. Beyond, passes start the same tasks at the same moments, but
    /// the reasons of those left out are those of the last pass that saw them.
    pub see_all_up_to: usize,
    /// Whether passes look now and then at all pending tasks that are more than that, for their reasons alone.
    pub keep_reasons: bool,
    /// Stop here, whatever is unfinished.
    pub until: Option<Moment>,
    /// Stop once none of the tasks that were there at the beginning is pending.
    pub until_standing_started: bool,
}

/// Which plans are audited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auditing {
    /// Every plan.
    #[default]
    Every,
    /// So many plans that together hold one in so many of the rows that passes look at, evenly spread; 0 for none.
    Sample(u32),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: Seed::default(),
            pass_interval: Span::ZERO,
            auditing: Auditing::Every,
            see_all_up_to: 256,
            keep_reasons: true,
            until: None,
            until_standing_started: false,
        }
    }
}

/// How far a simulation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The moment in the simulation.
    pub now: Moment,
    /// How many tasks have ended.
    pub finished: usize,
    /// How many there are so far, those that passes created and those still to be launched included.
    pub tasks: usize,
    /// How many passes there were.
    pub passes: usize,
}

/// Why a simulation stops short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// A plan broke a rule: a defect of the pass or of the audit.
    #[error("{} s into the simulation a plan broke a rule: {first} ({count} in all); this is a defect, please report it", at.seconds())]
    Violation {
        /// When.
        at: Moment,
        /// The first violation.
        first: String,
        /// How many there were.
        count: usize,
    },
    /// Passes at one moment never came to rest: a defect.
    #[error("{} s into the simulation the passes did not come to rest; this is a defect, please report it", at.seconds())]
    Restless {
        /// When.
        at: Moment,
    },
    /// A change of the cluster cannot be made.
    #[error("{} s into the simulation: {source}", at.seconds())]
    Change {
        /// When.
        at: Moment,
        /// Why not.
        source: ChangeError,
    },
}

/// A workload, a rule set and options: everything that decides what comes out.
#[derive(Clone, Debug)]
pub struct Simulation<'w> {
    workload: &'w Workload,
    rules: &'w RuleSet,
    options: Options,
}

impl<'w> Simulation<'w> {
    /// Of this workload by these rules.
    #[must_use]
    pub fn new(workload: &'w Workload, rules: &'w RuleSet) -> Self {
        Self { workload, rules, options: Options::default() }
    }

    /// With these options.
    #[must_use]
    pub const fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Runs it to its end: until nothing will ever happen again, or until [`Options::until`].
    ///
    /// # Errors
    ///
    /// When a plan breaks a rule, or a change of the cluster cannot be made.
    pub fn run(&self) -> Result<Outcome, SimulationError> {
        self.run_with(&mut |_| {})
    }

    /// Runs it, and says every few passes how far it has come.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn run_with(&self, progress: &mut dyn FnMut(Progress)) -> Result<Outcome, SimulationError> {
        let mut run = Run {
            world: World::new(self.workload, self.rules, self.options),
            options: self.options,
            passes: Vec::new(),
            audited: 0,
            audited_rows: 0,
            rows: 0,
            visited: 0,
        };
        run.go_on(progress)?;
        Ok(run.into_outcome())
    }
}

/// A simulation that is going on.
struct Run<'w> {
    world: World<'w>,
    options: Options,
    passes: Vec<PassRecord>,
    audited: usize,
    audited_rows: usize,
    /// Rows that passes looked at, and since one looked at all.
    rows: usize,
    visited: usize,
}

/// How many times as many rows as are pending passes look at before one looks at all again, for the reasons of those left out: so
/// that these looks cost less than the other passes do.
const SURVEY_AFTER: usize = 8;

/// Far more passes than a moment takes: each ends, creates or starts something, and few of these lead to others.
const MOST_PASSES_AT_ONCE: usize = 1_000_000;

/// How many passes there are between two words about progress.
const PROGRESS_EVERY: usize = 512;

impl Run<'_> {
    fn go_on(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), SimulationError> {
        let mut earliest = Moment::from_millis(i64::MIN);
        loop {
            // A pass that is due waits for the interval to go by; what happens meanwhile shares it.
            let due = self.world.is_due().then(|| earliest.max(self.world.now));
            let next = match (self.world.next_event(), due) {
                (Some(event), Some(due)) => event.min(due),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => break,
            };
            let over = self.options.until_standing_started && !self.world.is_standing_pending();
            if over || self.options.until.is_some_and(|until| next > until) {
                break;
            }
            self.world.happen(next)?;
            if self.world.is_due() && self.world.now >= earliest {
                self.passes_at_once(progress)?;
                earliest = self.world.now.after(self.options.pass_interval);
            }
        }
        self.last_look()?;
        progress(self.progress());
        Ok(())
    }

    /// The passes of one moment: another as long as the plan asks for it (R9).
    fn passes_at_once(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), SimulationError> {
        for _ in 0..MOST_PASSES_AT_ONCE {
            if self.passes.len().is_multiple_of(PROGRESS_EVERY) {
                progress(self.progress());
            }
            let survey = self.options.keep_reasons
                && self.visited >= self.world.pending().saturating_mul(SURVEY_AFTER);
            if !self.world.call(survey) {
                return Ok(());
            }
            if survey {
                self.visited = 0;
            }
            if !self.pass()?.more {
                self.world.rest();
                return Ok(());
            }
        }
        Err(SimulationError::Restless { at: self.world.now })
    }

    /// One pass, audited and applied.
    fn pass(&mut self) -> Result<Plan, SimulationError> {
        let plan = plan(&self.world.snapshot, self.world.rules);
        let rows = self.world.snapshot.tasks.len();
        self.visited = self.visited.saturating_add(rows);
        self.rows = self.rows.saturating_add(rows);
        self.audit(&plan, rows)?;
        self.passes.push(PassRecord::of(&plan, self.world.now, self.world.pending()));
        self.world.apply(&plan);
        Ok(plan)
    }

    fn audit(&mut self, plan: &Plan, rows: usize) -> Result<(), SimulationError> {
        let wanted = match self.options.auditing {
            Auditing::Every => true,
            Auditing::Sample(0) => false,
            Auditing::Sample(every) => self.audited_rows.saturating_mul(every as usize) <= self.rows,
        };
        if !wanted {
            return Ok(());
        }
        self.audited_rows = self.audited_rows.saturating_add(rows);
        self.audited = self.audited.saturating_add(1);
        let violations = audit(&self.world.snapshot, self.world.rules, plan);
        match violations.first() {
            None => Ok(()),
            Some(first) => Err(SimulationError::Violation {
                at: self.world.now,
                first: first.to_string(),
                count: violations.len(),
            }),
        }
    }

    /// What is pending when nothing will happen any more is looked at once more, all of it, for its reasons.
    fn last_look(&mut self) -> Result<(), SimulationError> {
        if self.world.pending() > 0 && self.options.keep_reasons {
            self.world.call(true);
            self.pass()?;
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress {
            now: self.world.now,
            finished: self.world.finished(),
            tasks: self.world.tasks(),
            passes: self.passes.len(),
        }
    }

    fn into_outcome(self) -> Outcome {
        self.world.into_outcome(self.options.seed, self.passes, self.audited)
    }
}
