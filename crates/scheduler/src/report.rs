//! An outcome, and two of them side by side, as tables.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::AnsiColor;
use comfy_table::Table;
use scheduler_core::Outcome as End;
use simulator::{Comparison, Moment, Outcome, Place, Quantiles, ReasonId, Span, Why, Workload};

use crate::output::{cell, table};

/// One outcome.
pub(crate) fn outcome(
    out: &mut dyn Write,
    limit: usize,
    workload: &Workload,
    outcome: &Outcome,
) -> io::Result<()> {
    headline(out, outcome)?;
    oversized(out, workload)?;
    writeln!(out)?;
    waiting(out, limit, outcome)?;
    writeln!(out)?;
    usage(out, limit, outcome)?;
    reasons(out, limit, outcome)?;
    stuck(out, limit, outcome)
}

fn headline(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let mut ends: BTreeMap<End, usize> = BTreeMap::new();
    for end in outcome.timeline.bars.iter().filter_map(|bar| bar.outcome) {
        *ends.entry(end).or_default() += 1;
    }
    let ends: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    let ends = if ends.is_empty() { "none ended".to_owned() } else { ends.join(", ") };
    writeln!(
        out,
        "{}: {} tasks ({ends}) in {} by {}, seed {}",
        outcome.workload,
        outcome.timeline.bars.len(),
        outcome.makespan(),
        outcome.rules,
        outcome.seed.get(),
    )?;
    let passes = outcome.passes.len();
    let most = outcome.passes.iter().map(|pass| pass.pending).max().unwrap_or(0);
    let audited = match outcome.audited {
        audited if audited == passes => "every plan audited and clean".to_owned(),
        audited => format!("{audited} of {passes} plans audited, a sample, and clean"),
    };
    writeln!(out, "{passes} passes, {audited}; at most {most} tasks pending at once")
}

fn oversized(out: &mut dyn Write, workload: &Workload) -> io::Result<()> {
    let oversized = workload.oversized();
    match oversized.first() {
        Some(first) => writeln!(
            out,
            "{} of the tasks, {first} first, are larger than every instance: each runs only where nothing else does",
            oversized.len()
        ),
        None => Ok(()),
    }
}

pub(crate) fn waiting(out: &mut dyn Write, limit: usize, outcome: &Outcome) -> io::Result<()> {
    let waiting = outcome.waiting();
    let mut rows = table(&["waited", "tasks", "mean", "p50", "p90", "p95", "p99", "longest"]);
    quantiles(&mut rows, "all", &waiting.all);
    if waiting.kinds.len() > 1 {
        for (kind, spans) in &waiting.kinds {
            quantiles(&mut rows, &format!("{kind}s"), spans);
        }
    }
    if waiting.groups.len() > 1 {
        for (group, spans) in &waiting.groups {
            let name = outcome.name(Place::Group(*group)).unwrap_or("?");
            quantiles(&mut rows, &format!("group {name}"), spans);
        }
    }
    let mut templates = waiting.templates;
    templates.sort_by(|one, other| other.2.mean.cmp(&one.2.mean).then(one.0.cmp(&other.0)));
    let shown = if limit == 0 { usize::MAX } else { limit };
    if templates.len() > 1 {
        for (_, name, spans) in templates.iter().take(shown) {
            quantiles(&mut rows, name, spans);
        }
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    left_out(out, templates.len(), shown, "templates, those that waited longest shown")
}

fn quantiles(rows: &mut Table, name: &str, spans: &Quantiles) {
    let text = |span: Span| span.to_string();
    rows.add_row(
        [
            name.to_owned(),
            spans.count.to_string(),
            text(spans.mean),
            text(spans.p50),
            text(spans.p90),
            text(spans.p95),
            text(spans.p99),
            text(spans.max),
        ]
        .map(cell),
    );
}

fn left_out(out: &mut dyn Write, all: usize, shown: usize, what: &str) -> io::Result<()> {
    if all > shown { writeln!(out, "({all} {what}; --limit 0 for all)") } else { Ok(()) }
}

pub(crate) fn usage(out: &mut dyn Write, limit: usize, outcome: &Outcome) -> io::Result<()> {
    let curves = outcome.usage();
    let shown = if limit == 0 { usize::MAX } else { limit };
    let mut rows = table(&["used", "capacity", "share", "most at once", ""]);
    let (groups, instances): (Vec<_>, Vec<_>) =
        curves.iter().partition(|curve| matches!(curve.of, Place::Group(_)));
    for curve in groups.iter().chain(instances.iter().take(shown)) {
        let word = if matches!(curve.of, Place::Group(_)) { "group " } else { "" };
        let capacity = curve.capacity.last().and_then(|(_, forks)| *forks);
        rows.add_row(
            [
                format!("{word}{}", curve.name),
                capacity.map_or_else(|| "no limit".to_owned(), |forks| forks.get().to_string()),
                share(curve.share),
                curve.peak.get().to_string(),
                curve.share.map_or_else(String::new, drawn),
            ]
            .map(cell),
        );
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    left_out(out, instances.len(), shown, "instances")
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{:.1} %", share * 100.0))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn drawn(share: f64) -> String {
    "#".repeat(((share * 20.0).round() as usize).min(40))
}

/// How long tasks waited for what, together.
pub(crate) fn reasons(out: &mut dyn Write, limit: usize, outcome: &Outcome) -> io::Result<()> {
    let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for bar in &outcome.timeline.bars {
        for wait in &bar.waits {
            if let Some(reason) = outcome.timeline.reason(wait) {
                let sum = sums.entry(reason.reason().token()).or_default();
                *sum = (sum.0 + wait.to.since(wait.from).seconds(), sum.1 + 1);
            }
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let mut sums: Vec<(&str, (f64, usize))> = sums.into_iter().collect();
    sums.sort_by(|one, other| other.1.0.total_cmp(&one.1.0));
    let all: f64 = sums.iter().map(|(_, (seconds, _))| seconds).sum();
    let mut rows = table(&["waited for", "share of all waiting", "stretches"]);
    for (token, (seconds, stretches)) in sums.iter().take(if limit == 0 { usize::MAX } else { limit }) {
        let part = if all > 0.0 { share(Some(seconds / all)) } else { String::new() };
        rows.add_row([(*token).to_owned(), part, stretches.to_string()].map(cell));
    }
    writeln!(out, "\n{}", rows.trim_fmt())
}

/// What never ended.
fn stuck(out: &mut dyn Write, limit: usize, outcome: &Outcome) -> io::Result<()> {
    if outcome.stuck.is_empty() {
        return Ok(());
    }
    let style = AnsiColor::Red.on_default();
    writeln!(out, "\n{style}{} tasks never ended:{style:#}", outcome.stuck.len())?;
    let shown = if limit == 0 { usize::MAX } else { limit };
    for stuck in outcome.stuck.iter().take(shown) {
        let why = match &stuck.why {
            Why::Waits(reason) => sentence(outcome, *reason),
            Why::Malformed(malformed) => malformed.to_string(),
            Why::StillRuns => "still runs where the simulation stops".to_owned(),
            Why::NotConsidered => "was not considered before the simulation stops".to_owned(),
        };
        writeln!(out, "  task {} {why}", stuck.task)?;
    }
    left_out(out, outcome.stuck.len(), shown, "tasks")
}

fn sentence(outcome: &Outcome, reason: ReasonId) -> String {
    outcome.timeline.reasons.get(reason.position()).map_or_else(String::new, ToString::to_string)
}

/// Two outcomes side by side.
pub(crate) fn comparison(
    out: &mut dyn Write,
    limit: usize,
    what: &[String],
    (before, after): (&Outcome, &Outcome),
    comparison: &Comparison,
) -> io::Result<()> {
    headline(out, before)?;
    writeln!(out, "compared with: {}\n", what.join(", "))?;
    let (one, other) = (&comparison.before, &comparison.after);
    let mut rows = table(&["", "before", "after", "difference"]);
    let mut span = |name: &str, before: Span, after: Span| {
        rows.add_row(
            [name.to_owned(), before.to_string(), after.to_string(), difference(before, after)].map(cell),
        );
    };
    span("makespan", one.makespan, other.makespan);
    span("waited, mean", one.waited.mean, other.waited.mean);
    span("waited, p50", one.waited.p50, other.waited.p50);
    span("waited, p90", one.waited.p90, other.waited.p90);
    span("waited, p99", one.waited.p99, other.waited.p99);
    span("waited, longest", one.waited.max, other.waited.max);
    rows.add_row(
        ["tasks that never end".to_owned(), one.stuck.to_string(), other.stuck.to_string(), String::new()]
            .map(cell),
    );
    used(&mut rows, comparison, if limit == 0 { usize::MAX } else { limit });
    writeln!(out, "{}", rows.trim_fmt())?;
    movers(out, limit, comparison)?;
    stuck(out, limit, after)
}

fn used(rows: &mut Table, comparison: &Comparison, shown: usize) {
    let before: BTreeMap<&str, Option<f64>> =
        comparison.before.used.iter().map(|(name, share)| (name.as_str(), *share)).collect();
    let after: BTreeMap<&str, Option<f64>> =
        comparison.after.used.iter().map(|(name, share)| (name.as_str(), *share)).collect();
    let mut names: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().take(shown) {
        let of = |shares: &BTreeMap<&str, Option<f64>>| share(shares.get(name).copied().flatten());
        rows.add_row([format!("used of {name}"), of(&before), of(&after), String::new()].map(cell));
    }
}

fn difference(before: Span, after: Span) -> String {
    if after == before {
        return "same".to_owned();
    }
    let (sign, span) = if after > before {
        ("+", after.millis() - before.millis())
    } else {
        ("-", before.millis() - after.millis())
    };
    let percent = (after.seconds() / before.seconds().max(0.001) - 1.0) * 100.0;
    let percent = if before > Span::ZERO { format!(" ({percent:+.0} %)") } else { String::new() };
    format!("{sign}{}{percent}", Span::from_millis(span))
}

fn movers(out: &mut dyn Write, limit: usize, comparison: &Comparison) -> io::Result<()> {
    let Comparison { earlier, later, same, movers, .. } = comparison;
    writeln!(out, "\n{earlier} tasks start earlier, {later} later, {same} at the same moment")?;
    if movers.is_empty() {
        return Ok(());
    }
    let shown = if limit == 0 { usize::MAX } else { limit };
    let mut rows = table(&["moves most", "started", "starts now", "difference"]);
    for mover in movers.iter().take(shown) {
        let at = |moment: Option<Moment>| {
            moment.map_or_else(|| "never".to_owned(), |at| at.since(Moment::START).to_string())
        };
        let moved = match (mover.before, mover.after) {
            (Some(before), Some(after)) if after > before => format!("{} later", after.since(before)),
            (Some(before), Some(after)) => format!("{} earlier", before.since(after)),
            _ => String::new(),
        };
        let name = format!("{} {} {}", mover.kind, mover.task, mover.name);
        rows.add_row([name, at(mover.before), at(mover.after), moved].map(cell));
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    left_out(out, movers.len(), shown, "tasks move")
}
