//! Tells what happens, a line each, with the virtual clock.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use anstyle::Style;
use scheduler_core::{
    Action, Kind, NodeStep, Origin, Outcome, Plan, Reason, RuleSet, Snapshot, TaskId, Timestamp,
};

use super::executor::{Event, Executor};
use crate::decisions::{Described, Tone, describe, node};
use crate::failure::Failure;
use crate::output::Output;
use crate::words::Names;

/// Prints, and remembers what it said.
pub(super) struct Narrator {
    out: Output,
    began: Timestamp,
    passes: usize,
    /// The last reason told of each held task: a reason is told once, and again when it changes.
    told: HashMap<TaskId, String>,
    held: BTreeMap<&'static str, usize>,
    ended: BTreeMap<&'static str, usize>,
    starts: usize,
    creates: usize,
}

impl Narrator {
    /// For a world that begins now.
    pub(super) fn new(out: Output, snapshot: &Snapshot) -> Self {
        Self {
            out,
            began: snapshot.now,
            passes: 0,
            told: HashMap::new(),
            held: BTreeMap::new(),
            ended: BTreeMap::new(),
            starts: 0,
            creates: 0,
        }
    }

    /// How many passes there were.
    pub(super) const fn passes(&self) -> usize {
        self.passes
    }

    /// The machines.
    pub(super) fn introduce(&mut self, snapshot: &Snapshot) -> Result<(), Failure> {
        let machines: Vec<String> =
            snapshot.instances.iter().map(|row| format!("{} ({})", row.hostname, row.capacity)).collect();
        writeln!(
            self.out,
            "A made-up cluster in virtual time: {}. Nothing here is real but the decisions.\n",
            machines.join(", ")
        )?;
        Ok(())
    }

    /// What happened outside of passes.
    pub(super) fn tell_events(&mut self, world: &Executor, events: &[Event]) -> Result<(), Failure> {
        for event in events {
            let (id, word, tone) = match *event {
                Event::Launched(id) => (id, "launched", Tone::Plain),
                Event::Ended(id, Outcome::Successful) => (id, "succeeded", Tone::Good),
                Event::Ended(id, Outcome::Canceled) => (id, "canceled", Tone::Bad),
                Event::Ended(id, Outcome::Failed | Outcome::Error) => (id, "failed", Tone::Bad),
            };
            if let Event::Ended(_, how) = *event {
                self.count_end(how);
            }
            let approval = world.task(id).is_some_and(|task| task.kind() == Kind::WorkflowApproval);
            let word = if approval && word == "succeeded" { "approved" } else { word };
            let who = title(&world.snapshot, id);
            self.line(world.snapshot.now, None, (word, tone), &who, "")?;
        }
        Ok(())
    }

    /// Checks the plan before it is told and applied.
    pub(super) fn audit(&mut self, snapshot: &Snapshot, rules: &RuleSet, plan: &Plan) -> Result<(), Failure> {
        self.passes += 1;
        let violations = scheduler_core::audit(snapshot, rules, plan);
        if let Some(first) = violations.first() {
            return Err(Failure::new(format!(
                "pass {}: the audit found {}: {first}",
                self.passes,
                violations.len()
            )));
        }
        Ok(())
    }

    /// What a pass decided, given the world before and after.
    pub(super) fn tell_plan(
        &mut self,
        before: &Snapshot,
        after: &Executor,
        plan: &Plan,
        created: &[TaskId],
    ) -> Result<(), Failure> {
        let (now, pass) = (before.now, Some(self.passes));
        let names = Names::of(before);
        for decision in plan.nodes.iter().filter(|decision| !matches!(decision.step, NodeStep::Run(_))) {
            let (word, why, tone) = node(&decision.step);
            let who = format!("node {} of workflow {}", decision.node, names.task(decision.workflow));
            self.line(now, pass, (word, tone), &who, &why)?;
        }
        for (create, &id) in plan.creates.iter().zip(created) {
            self.creates += 1;
            let who = title(&after.snapshot, id);
            let why = match create.origin {
                Origin::Dependency { of } => format!("for {}", names.reference(of)),
                Origin::Node { workflow, node } => {
                    format!("for node {node} of workflow {}", names.task(workflow))
                }
            };
            self.line(now, pass, ("create", Tone::Plain), &who, &why)?;
        }
        for decision in &plan.decisions {
            let mut described = describe(decision, &names);
            // The plan could not know the ids that its creations got; the longest name first, for it may begin with another.
            for (position, id) in created.iter().enumerate().rev() {
                described.sentence = described.sentence.replace(&format!("new-{position}"), &id.to_string());
            }
            self.count(&decision.action, &described);
            if self.is_news(decision.task, &decision.action, &described) {
                let who = format!("{} {}", decision.kind, names.task(decision.task));
                self.line(now, pass, (described.word, described.tone), &who, &described.sentence)?;
            }
        }
        Ok(())
    }

    fn is_news(&mut self, task: TaskId, action: &Action, described: &Described) -> bool {
        match action {
            Action::Hold(reason) => {
                // How much is free changes all the time; that it is too little does not.
                let news = match reason {
                    Reason::NoCapacity(_) => reason.token().to_owned(),
                    _ => described.sentence.clone(),
                };
                self.told.insert(task, news.clone()) != Some(news)
            }
            _ => true,
        }
    }

    fn count(&mut self, action: &Action, described: &Described) {
        if action.start().is_some() {
            self.starts += 1;
        } else if let Some(end) = action.end() {
            self.count_end(end.outcome());
        } else if let Some(token) = described.token {
            *self.held.entry(token).or_default() += 1;
        }
    }

    fn count_end(&mut self, how: Outcome) {
        let word = match how {
            Outcome::Successful => "successful",
            Outcome::Failed => "failed",
            Outcome::Error => "error",
            Outcome::Canceled => "canceled",
        };
        *self.ended.entry(word).or_default() += 1;
    }

    fn line(
        &mut self,
        now: Timestamp,
        pass: Option<usize>,
        (word, tone): (&str, Tone),
        who: &str,
        why: &str,
    ) -> Result<(), Failure> {
        let (dim, style) = (Style::new().dimmed(), tone.style());
        let clock = Clock(now.signed_duration_since(self.began).num_seconds());
        let pass = pass.map_or_else(String::new, |number| format!("pass {number}"));
        writeln!(
            self.out,
            "{}",
            format!("{dim}{clock}  {pass:<9}{dim:#}{style}{word:<10}{style:#}{who:<32}  {why}").trim_end()
        )?;
        Ok(())
    }

    /// What it all came to.
    pub(super) fn sum_up(&mut self, snapshot: &Snapshot) -> Result<(), Failure> {
        let list = |counts: &BTreeMap<&'static str, usize>| {
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
        };
        let clock = Clock(snapshot.now.signed_duration_since(self.began).num_seconds());
        let bold = Style::new().bold();
        writeln!(
            self.out,
            "\n{bold}All done{bold:#} after {clock} of virtual time: {} passes, every plan audited; {} starts, {} tasks created.",
            self.passes, self.starts, self.creates
        )?;
        writeln!(
            self.out,
            "Ends: {}. Holds, counted in each pass: {}.",
            list(&self.ended),
            list(&self.held)
        )?;
        self.out.flush()?;
        Ok(())
    }
}

/// `job 12 deploy-web`.
fn title(snapshot: &Snapshot, id: TaskId) -> String {
    snapshot
        .tasks
        .iter()
        .find(|task| task.id == id)
        .map_or_else(|| id.to_string(), |task| format!("{} {id} {}", task.kind(), task.name))
}

/// Seconds as a clock shows them.
struct Clock(i64);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (minutes, seconds) = (self.0 / 60, self.0 % 60);
        write!(f, "{:02}:{:02}:{seconds:02}", minutes / 60, minutes % 60)
    }
}
