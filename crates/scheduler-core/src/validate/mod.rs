//! The one fallible door (R11): every problem of a snapshot or of a rule set at once, each with its row and its remedy.
//!
//! An error is what a pass would call malformed, count as absent, or read otherwise than the row says. A warning is what a
//! store may hold for good reasons, but what often is a mistake: an instance in no group, a task larger than the whole cluster, a
//! moment in the future. [`Snapshot::validate`] fails on errors only; [`Snapshot::problems`] gives both.
//!
//! Nothing here decides what a pass does: a pass is total, validated or not. Costs a few scans, and look-ups in proportion to
//! the references that the rows hold.

mod cluster;
mod cycle;
mod graphs;
mod rules;
mod tasks;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::model::token::tokens;
use crate::table::{FxHashMap, FxHashSet};
use crate::{GroupId, InstanceId, RuleSet, Snapshot, TaskId, Timestamp};

tokens! {
    /// How bad a problem is.
    enum Severity: "severity" {
        /// The row cannot be followed as it stands.
        Error = "error",
        /// The row can be followed, but is seldom meant so.
        Warning = "warning",
    }
}

/// One problem of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The table that the row stands in: the name of the field.
    pub table: &'static str,
    /// Its position in the table, from 0; `None` for a field that is no table.
    pub position: Option<usize>,
    /// Its id, if it has one: that of the workflow job for graphs.
    pub id: Option<i64>,
    /// The stable name of the problem, for machines.
    pub token: &'static str,
    /// What is wrong, in words.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity.token(), self.table)?;
        if let Some(position) = self.position {
            write!(f, "[{position}]")?;
        }
        if let Some(id) = self.id {
            write!(f, " (id {id})")?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}

/// Every error of a snapshot or of a rule set; `Display` gives one a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The errors, table by table, in the order of the rows.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }

    fn of(mut all: Vec<Problem>) -> Result<(), Self> {
        all.retain(|problem| problem.severity == Severity::Error);
        if all.is_empty() { Ok(()) } else { Err(Self(all)) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { "\n" };
            write!(f, "{before}{problem}")?;
        }
        Ok(())
    }
}

impl Snapshot {
    /// Whether every row can be followed as it stands.
    ///
    /// # Errors
    ///
    /// All errors at once, each with its row and its remedy. Warnings do not count.
    pub fn validate(&self) -> Result<(), Problems> {
        Problems::of(self.problems())
    }

    /// Every error and every warning.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let known = Known::of(self);
        let mut found = Findings(Vec::new());
        tasks::check(self, &known, &mut found);
        cluster::check(self, &known, &mut found);
        graphs::check(self, &known, &mut found);
        found.0
    }
}

impl RuleSet {
    /// Whether every row of the rules can be followed as it stands.
    ///
    /// # Errors
    ///
    /// All errors at once, each with its row and its remedy. Warnings do not count.
    pub fn validate(&self) -> Result<(), Problems> {
        Problems::of(self.problems())
    }

    /// Every error and every warning.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Findings(Vec::new());
        rules::check(self, &mut found);
        found.0
    }

    /// What the rules name and this snapshot lacks.
    #[must_use]
    pub fn problems_with(&self, snapshot: &Snapshot) -> Vec<Problem> {
        let mut found = Findings(Vec::new());
        rules::check_with(self, snapshot, &mut found);
        found.0
    }
}

/// What references may point at.
struct Known {
    /// The position of the first row of each task.
    tasks: FxHashMap<TaskId, usize>,
    instances: FxHashSet<InstanceId>,
    groups: FxHashSet<GroupId>,
}

impl Known {
    fn of(snapshot: &Snapshot) -> Self {
        let mut tasks = FxHashMap::default();
        for (position, task) in snapshot.tasks.iter().enumerate() {
            tasks.entry(task.id).or_insert(position);
        }
        Self {
            tasks,
            instances: snapshot.instances.iter().map(|instance| instance.id).collect(),
            groups: snapshot.groups.iter().map(|group| group.id).collect(),
        }
    }
}

/// A row that is being looked at.
#[derive(Clone, Copy)]
struct Spot {
    table: &'static str,
    position: Option<usize>,
    id: Option<i64>,
}

impl Spot {
    const fn row(table: &'static str, position: usize, id: i64) -> Self {
        Self { table, position: Some(position), id: Some(id) }
    }
}

struct Findings(Vec<Problem>);

impl Findings {
    fn error(&mut self, spot: Spot, token: &'static str, what: String, remedy: &'static str) {
        self.add(Severity::Error, spot, token, what, remedy);
    }

    fn warning(&mut self, spot: Spot, token: &'static str, what: String, remedy: &'static str) {
        self.add(Severity::Warning, spot, token, what, remedy);
    }

    fn add(
        &mut self,
        severity: Severity,
        Spot { table, position, id }: Spot,
        token: &'static str,
        what: String,
        remedy: &'static str,
    ) {
        self.0.push(Problem { severity, table, position, id, token, what, remedy });
    }

    /// Each row after the first with its id.
    fn duplicates(&mut self, table: &'static str, ids: impl Iterator<Item = i64>) {
        let mut first: FxHashMap<i64, usize> = FxHashMap::default();
        for (position, id) in ids.enumerate() {
            let earlier = *first.entry(id).or_insert(position);
            if earlier != position {
                let what = format!("{table}[{earlier}] has the same id");
                let remedy = "give each row an id of its own, or remove the copy";
                self.error(Spot::row(table, position, id), "duplicate_id", what, remedy);
            }
        }
    }

    fn future(&mut self, spot: Spot, what: &str, at: Option<Timestamp>, now: Timestamp) {
        if let Some(at) = at.filter(|&at| at > now) {
            let what = format!("its {what}, {at}, is after `now`, {now}");
            self.warning(spot, "in_the_future", what, "compare the clocks of the store and its clients");
        }
    }
}

#[cfg(test)]
mod tests;
