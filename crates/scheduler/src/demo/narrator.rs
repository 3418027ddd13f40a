//! Tells what happens, a line each: what people do, what passes decide, and how tasks end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anstyle::Style;
use control_plane::ports::{
    Clock as _, Commit, NodeView, Reading, Store, SystemClock, TaskFilter, TaskStatus, TaskView,
};
use scheduler_core::{Action, Kind, LaunchType, NodeStep, Origin, Plan, Reason, Task, TaskId, Timestamp};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::interval;

use super::{DOOMED, Event};
use crate::decisions::{Described, Tone, describe, node};
use crate::failure::Failure;
use crate::live::{title, tone};
use crate::output::Output;
use crate::words::Names;

/// How often the ends of tasks are looked for.
const LOOK: Duration = Duration::from_millis(20);

const FINISHED: [TaskStatus; 4] =
    [TaskStatus::Successful, TaskStatus::Failed, TaskStatus::Error, TaskStatus::Canceled];

/// Prints, and remembers what it said.
pub(super) struct Narrator {
    out: Output,
    store: Arc<dyn Store>,
    began: Timestamp,
    passes: usize,
    /// The tasks whose launch was told: of by whom it was made, or by the pass that first saw it.
    launched: BTreeSet<TaskId>,
    /// The last reason told of each held task: a reason is told once, and again when it changes.
    told: HashMap<TaskId, String>,
    /// The tasks whose end was told: by the pass that decided it, or by a look.
    ended: BTreeSet<TaskId>,
    held: BTreeMap<&'static str, usize>,
    starts: usize,
    creates: usize,
}

impl Narrator {
    /// For a world that begins now.
    pub(super) fn new(out: Output, store: Arc<dyn Store>, began: Timestamp) -> Self {
        Self {
            out,
            store,
            began,
            passes: 0,
            launched: BTreeSet::new(),
            told: HashMap::new(),
            ended: BTreeSet::new(),
            held: BTreeMap::new(),
            starts: 0,
            creates: 0,
        }
    }

    /// The machines.
    pub(super) fn introduce(&mut self, nodes: &[NodeView], handler: &str) -> Result<(), Failure> {
        let machines: Vec<String> =
            nodes.iter().map(|row| format!("{} ({})", row.hostname, row.capacity)).collect();
        writeln!(
            self.out,
            "A made-up cluster in this process: {}.\nDecisions, messages and processes are real, by the handler \
             `{handler}`; only the people are made up.\n",
            machines.join(", ")
        )?;
        self.out.flush()?;
        Ok(())
    }

    /// Tells everything until people are done and no task is left.
    pub(super) async fn tell(&mut self, heard: &mut UnboundedReceiver<Event>) -> Result<(), Failure> {
        let mut look = interval(LOOK);
        let mut over = false;
        // The end of a task may be seen before the pass that decided it is heard of: each end waits for one more look.
        let mut seen: Vec<TaskView> = Vec::new();
        loop {
            tokio::select! {
                biased;
                event = heard.recv() => match event {
                    Some(event) => over |= self.event(event).await?,
                    None => over = true,
                },
                _ = look.tick() => {
                    for task in std::mem::take(&mut seen) {
                        self.end(&task).await?;
                    }
                    seen = self.new_ends().await?;
                    if over && seen.is_empty() && heard.is_empty() && self.is_done().await? {
                        return Ok(());
                    }
                }
            }
            self.out.flush()?;
        }
    }

    async fn is_done(&self) -> Result<bool, Failure> {
        let statistics = self.store.statistics().await?;
        Ok(statistics.tasks.values().sum::<u64>() == 0 && self.new_ends().await?.is_empty())
    }

    async fn new_ends(&self) -> Result<Vec<TaskView>, Failure> {
        let mut ended =
            self.store.tasks(&TaskFilter { statuses: FINISHED.to_vec(), ..TaskFilter::default() }).await?;
        ended.retain(|task| !self.ended.contains(&task.id));
        ended.sort_by_key(|task| (task.finished, task.id));
        Ok(ended)
    }

    /// Tells one thing. Whether it was the last that people do.
    async fn event(&mut self, event: Event) -> Result<bool, Failure> {
        match event {
            Event::Launched(id) => self.launch(id).await?,
            Event::Done { word, task } => self.person(word, task).await?,
            Event::Unplugged => {
                self.line(None, ("unplug", Tone::Bad), DOOMED, "it stops without a word")?;
            }
            Event::Pass(pass) => {
                let (reading, plan, commit) = *pass;
                self.pass(&reading, &plan, &commit).await?;
            }
            Event::Curtain => return Ok(true),
        }
        Ok(false)
    }

    async fn launch(&mut self, id: TaskId) -> Result<(), Failure> {
        if self.launched.insert(id) { self.person("launch", id).await } else { Ok(()) }
    }

    async fn person(&mut self, word: &'static str, id: TaskId) -> Result<(), Failure> {
        let who = self.title(id).await?;
        self.line(None, (word, Tone::Plain), &who, "")
    }

    async fn title(&self, id: TaskId) -> Result<String, Failure> {
        Ok(self.store.task(id).await?.map_or_else(|| id.to_string(), |task| title(&task)))
    }

    /// How a task ended that its worker or a person ended, with its last line.
    async fn end(&mut self, task: &TaskView) -> Result<(), Failure> {
        if !self.ended.insert(task.id) {
            return Ok(());
        }
        let printed = self.store.output(task.id).await?.unwrap_or_default();
        let last = printed.text.trim_end().lines().next_back().map(|line| format!("\"{line}\""));
        let why: Vec<String> = [Some(task.explanation.clone()), last]
            .into_iter()
            .flatten()
            .filter(|why| !why.is_empty())
            .collect();
        let word = match task.status {
            _ if task.kind == Kind::WorkflowApproval && task.status == TaskStatus::Successful => "approved",
            TaskStatus::Successful => "succeeded",
            TaskStatus::Canceled => "canceled",
            _ => "failed",
        };
        self.line(None, (word, tone(task.status)), &title(task), &why.join("; "))
    }

    /// What a pass decided.
    async fn pass(&mut self, reading: &Reading, plan: &Plan, commit: &Commit) -> Result<(), Failure> {
        self.passes += 1;
        // A plan that a row's change made stale was never written.
        let Commit::Done(committed) = commit else { return Ok(()) };
        // Earlier passes were told already, so these were ended by workers and people, and this pass knew of it.
        let known = reading.snapshot.now;
        for task in self.new_ends().await?.iter().filter(|task| task.finished.is_some_and(|at| at <= known)) {
            self.end(task).await?;
        }
        let by_people = |task: &&Task| task.launch_type == LaunchType::Manual;
        for task in reading.snapshot.tasks.iter().filter(by_people) {
            self.launch(task.id).await?;
        }
        let names = Names::of(&reading.snapshot);
        let pass = Some(self.passes);
        for decision in plan.nodes.iter().filter(|decision| !matches!(decision.step, NodeStep::Run(_))) {
            let (word, why, tone) = node(&decision.step);
            let who = format!("node {} of workflow {}", decision.node, names.task(decision.workflow));
            self.line(pass, (word, tone), &who, &why)?;
        }
        for (create, id) in plan.creates.iter().zip(&committed.created) {
            let Some(id) = *id else { continue };
            self.creates += 1;
            let why = match create.origin {
                Origin::Dependency { of } => format!("for {}", names.reference(of)),
                Origin::Node { workflow, node } => {
                    format!("for node {node} of workflow {}", names.task(workflow))
                }
            };
            let who = self.title(id).await?;
            self.line(pass, ("create", Tone::Plain), &who, &why)?;
        }
        for decision in committed.decided(plan) {
            let mut described = describe(decision, &names);
            // The plan could not know the ids that its creations got; the longest name first, for it may begin with another.
            for (position, id) in committed.created.iter().enumerate().rev() {
                let id = id.map_or_else(String::new, |id| id.to_string());
                described.sentence = described.sentence.replace(&format!("new-{position}"), &id);
            }
            self.count(decision.task, &decision.action, &described);
            if self.is_news(decision.task, &decision.action, &described) {
                let who = format!("{} {}", decision.kind, names.task(decision.task));
                self.line(pass, (described.word, described.tone), &who, &described.sentence)?;
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

    fn count(&mut self, task: TaskId, action: &Action, described: &Described) {
        if action.start().is_some() {
            self.starts += 1;
        } else if action.end().is_some() {
            self.ended.insert(task);
        } else if let Some(token) = described.token {
            *self.held.entry(token).or_default() += 1;
        }
    }

    fn line(
        &mut self,
        pass: Option<usize>,
        (word, tone): (&str, Tone),
        who: &str,
        why: &str,
    ) -> Result<(), Failure> {
        let (dim, style) = (Style::new().dimmed(), tone.style());
        let clock = self.clock();
        let pass = pass.map_or_else(String::new, |number| format!("pass {number}"));
        writeln!(
            self.out,
            "{}",
            format!("{dim}{clock}  {pass:<9}{dim:#}{style}{word:<16}{style:#}{who:<33}  {why}").trim_end()
        )?;
        Ok(())
    }

    /// Seconds since the beginning.
    fn clock(&self) -> String {
        let since = SystemClock.now().signed_duration_since(self.began);
        format!("{:6.2} s", since.as_seconds_f64())
    }

    /// What it all came to.
    pub(super) async fn sum_up(&mut self) -> Result<(), Failure> {
        let list = |counts: &BTreeMap<&'static str, usize>| {
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
        };
        let all =
            self.store.tasks(&TaskFilter { statuses: FINISHED.to_vec(), ..TaskFilter::default() }).await?;
        let mut ended = BTreeMap::new();
        for task in &all {
            *ended.entry(task.status.token()).or_default() += 1;
        }
        let bold = Style::new().bold();
        writeln!(
            self.out,
            "\n{bold}All done{bold:#} after{}: {} passes, every plan audited; {} starts, {} tasks created.",
            self.clock(),
            self.passes,
            self.starts,
            self.creates
        )?;
        writeln!(self.out, "Ends: {}. Holds, counted in each pass: {}.", list(&ended), list(&self.held))?;
        self.out.flush()?;
        Ok(())
    }
}
