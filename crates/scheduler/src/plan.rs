//! `scheduler plan`: a pass over a snapshot, as tables for people or as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args;
use comfy_table::{Cell, Table};
use scheduler_core::{Action, Plan, Snapshot, TaskRef};

use crate::Found;
use crate::decisions::{Show, describe, node};
use crate::failure::Failure;
use crate::output::{Output, cell, table};
use crate::source::Source;
use crate::words::{Names, On};
use crate::{problems, read};

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The snapshot, a JSON file, or `-`
    #[arg(value_name = "FILE")]
    pub(crate) snapshot: Source,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file
    #[arg(long, value_name = "SET|FILE", default_value = "tower-2018")]
    pub(crate) rules: String,
    /// Print the plan as JSON, whole
    #[arg(long, conflicts_with_all = ["only", "limit"])]
    pub(crate) json: bool,
    /// Show only these decisions; may be repeated
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Show>,
    /// How many rows of each table to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

/// Plans and prints. A snapshot with malformed rows is planned all the same: the pass contains them (R11).
pub(crate) fn run(args: &PlanArgs) -> Result<Found, Failure> {
    let rules = read::rules(&args.rules)?;
    let snapshot = read::snapshot(&args.snapshot)?;
    problems::print(&args.snapshot, &snapshot, &rules);
    let plan = scheduler_core::plan(&snapshot, &rules);
    let mut out = Output::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &plan).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        Report { snapshot: &snapshot, plan: &plan, args, names: Names::of(&snapshot) }.print(&mut out)?;
    }
    out.finish()?;
    Ok(Found::something_if(!plan.is_idle()))
}

struct Report<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    args: &'a PlanArgs,
    names: Names<'a>,
}

impl Report<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.decisions(out)?;
        if self.shows(Show::Nodes) {
            self.nodes(out)?;
        }
        if self.shows(Show::Creates) {
            self.creates(out)?;
        }
        if self.shows(Show::Links) {
            self.links(out)?;
        }
        self.summary(out)
    }

    fn shows(&self, part: Show) -> bool {
        self.args.only.is_empty() || self.args.only.contains(&part)
    }

    fn decisions(&self, out: &mut impl Write) -> io::Result<()> {
        let described =
            self.plan.decisions.iter().map(|decision| (decision, describe(decision, &self.names)));
        let rows =
            described.filter(|(_, described)| self.shows(described.show)).map(|(decision, described)| {
                vec![
                    cell(self.names.task(decision.task)),
                    cell(decision.kind),
                    described.tone.cell(described.word),
                    cell(described.sentence),
                ]
            });
        self.part(out, &["task", "kind", "decision", "where or why"], rows)
    }

    fn nodes(&self, out: &mut impl Write) -> io::Result<()> {
        let rows = self.plan.nodes.iter().map(|decision| {
            let (word, why, tone) = node(&decision.step);
            vec![cell(self.names.task(decision.workflow)), cell(decision.node), tone.cell(word), cell(why)]
        });
        self.part(out, &["workflow", "node", "decision", "how or why"], rows)
    }

    fn creates(&self, out: &mut impl Write) -> io::Result<()> {
        let rows = self.plan.creates.iter().enumerate().map(|(position, create)| {
            vec![
                cell(format!("new-{position}")),
                cell(create.work.kind()),
                cell(On(&create.work)),
                cell(self.names.creation(create)),
            ]
        });
        self.part(out, &["created", "kind", "on", "for"], rows)
    }

    /// Tasks for which nothing was found to wait for are counted in the summary only.
    fn links(&self, out: &mut impl Write) -> io::Result<()> {
        let linked = self.plan.derived.iter().filter(|derived| !derived.links.is_empty());
        let rows = linked.map(|derived| {
            let links: Vec<String> =
                derived.links.iter().map(|&link: &TaskRef| self.names.reference(link)).collect();
            vec![cell(self.names.task(derived.task)), cell(links.join(", "))]
        });
        self.part(out, &["task", "now depends on"], rows)
    }

    /// A table with at most as many rows as asked for, and how many more there are. Nothing when there are none.
    fn part(
        &self,
        out: &mut impl Write,
        header: &[&str],
        mut rows: impl Iterator<Item = Vec<Cell>>,
    ) -> io::Result<()> {
        let limit = if self.args.limit == 0 { usize::MAX } else { self.args.limit };
        let mut part: Table = table(header);
        part.add_rows(rows.by_ref().take(limit));
        if part.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", part.trim_fmt())?;
        let more = rows.count();
        if more > 0 {
            writeln!(out, "… and {more} more; `--limit 0` shows all, `--only` fewer kinds")?;
        }
        writeln!(out)
    }

    /// One line for what is decided, and one for each kind of "no".
    fn summary(&self, out: &mut impl Write) -> io::Result<()> {
        let counts = Counts::of(self.plan, &self.names);
        let all = counted(self.snapshot.tasks.len(), "task", "tasks");
        writeln!(out, "{all}, {}", counts.sentence(self.plan))?;
        for (what, tokens) in [("held", &counts.held), ("ended", &counts.ended)] {
            if !tokens.is_empty() {
                let tokens: Vec<String> =
                    tokens.iter().map(|(token, count)| format!("{token} {count}")).collect();
                writeln!(out, "{what}: {}", tokens.join(", "))?;
            }
        }
        if self.plan.unconsidered.get() > 0 {
            writeln!(out, "not considered, since the start limit was reached: {}", self.plan.unconsidered)?;
        }
        if self.plan.more {
            writeln!(out, "another pass should follow at once")?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Counts {
    starts: usize,
    holds: usize,
    ends: usize,
    others: usize,
    held: BTreeMap<&'static str, usize>,
    ended: BTreeMap<&'static str, usize>,
}

impl Counts {
    fn of(plan: &Plan, names: &Names<'_>) -> Self {
        let mut counts = Self::default();
        for decision in &plan.decisions {
            let token = describe(decision, names).token;
            let action = &decision.action;
            if action.start().is_some() {
                counts.starts += 1;
            } else if action.end().is_some() {
                counts.ends += 1;
                *counts.ended.entry(token.unwrap_or_default()).or_default() += 1;
            } else if action.hold().is_some() || matches!(action, Action::Leave(_)) {
                counts.holds += 1;
                *counts.held.entry(token.unwrap_or_default()).or_default() += 1;
            } else {
                counts.others += 1;
            }
        }
        counts
    }

    fn sentence(&self, plan: &Plan) -> String {
        let mut parts = vec![
            format!("{} to start", self.starts),
            format!("{} held", self.holds),
            format!("{} to end", self.ends),
        ];
        let others = [
            (self.others, "dispatch to send again or cancel", "dispatches to send again or cancel"),
            (plan.nodes.len(), "node to advance", "nodes to advance"),
            (plan.creates.len(), "task to create", "tasks to create"),
            (plan.derived.len(), "with its dependencies derived", "with their dependencies derived"),
        ];
        let some = others.iter().filter(|(count, ..)| *count > 0);
        parts.extend(some.map(|&(count, one, many)| counted(count, one, many)));
        parts.join(", ")
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
