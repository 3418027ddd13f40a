//! `scheduler forecast`: when each pending task of a snapshot, or of the live database, will start, as a range, from run times of the
//! past.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use control_plane::ports::Reading;
use scheduler_core::{Forks, Kind, LaunchType, RuleSet, Snapshot, TaskId, Timestamp};
use serde::Deserialize;
use simulator::forecast::{Expected, Forecast, ForecastOptions, Forecaster, Range, Stretch};
use simulator::{History, Moment, PastLaunch, Seed, Span, TemplateKey, swf};

use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::history::Past;
use crate::output::{Output, cell, table};
use crate::progress::{Progress, Unit};
use crate::read;
use crate::source::Source;
use crate::when::When;

/// What to forecast.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ForecastArgs {
    /// The snapshot, a JSON file, or `-`; left out, what the database holds now, with its own history
    #[arg(value_name = "SNAPSHOT", conflicts_with = "since")]
    pub(crate) snapshot: Option<Source>,
    /// Only this task, with what it waits for until it starts
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub(crate) task: Option<i64>,
    /// Run times of the past: a log in the Standard Workload Format, or what `simulate --json` printed
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<Source>,
    /// How far back to look in the database's own history: how long ago, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "14d", conflicts_with = "history")]
    pub(crate) since: When,
    /// How often the snapshot is run to its end; left out, as often as a second allows, at least ten times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) draws: Option<u32>,
    /// Launch nothing more: by default what was launched on some day of the history comes again, another day in each draw
    #[arg(long)]
    pub(crate) no_arrivals: bool,
    /// From which all draws follow
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file; left out, `tower-2018` for a file and its own for a database
    #[arg(long, value_name = "SET|FILE")]
    pub(crate) rules: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// How many tasks to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) database: Database,
}

const EXAMPLES: &str = "\
Examples:
  scheduler forecast snapshot.json --history log.swf.gz
  scheduler snapshot | scheduler forecast - --history last-month.json --task 42
  scheduler forecast                       # the live database, from its own history of two weeks
  scheduler forecast --since 28d --task 42

The range leaves out the earliest and the latest tenth of the draws. What was launched on some day of the history comes again
in each draw; without a history nothing more is launched.";

/// Forecasts and prints.
pub(crate) fn run(args: &ForecastArgs) -> Result<Found, Failure> {
    let Known { snapshot, rules, history, started } = Known::of(args)?;
    let options =
        ForecastOptions { draws: args.draws, seed: Seed::new(args.seed), ..ForecastOptions::default() };
    let mut forecaster = Forecaster::new(&snapshot, &rules, &history, &started, options);
    let mut bar = Progress::new("forecast", Unit::Draws);
    let forecast = forecaster.run(&mut |done, all| bar.set(done as usize, all as usize));
    bar.finish();
    let mut forecast = forecast.map_err(|error| Failure::new(error.to_string()))?;
    let mut course = Vec::new();
    if let Some(task) = args.task.map(TaskId::new) {
        forecast.tasks.retain(|expected| expected.task == task);
        if forecast.tasks.is_empty() {
            return Err(Failure::new(format!(
                "task {task}: no pending task of {} has this id",
                args.snapshot.as_ref().map_or_else(|| "the database".to_owned(), Source::to_string)
            ))
            .remedy("`scheduler plan` lists the pending tasks of a file, `scheduler status` those of the database"));
        }
        course = forecaster.course(task).map_err(|error| Failure::new(error.to_string()))?;
    }
    let mut out = Output::stdout();
    if args.json {
        let value = serde_json::json!({ "forecast": forecast, "course": course });
        serde_json::to_writer(&mut out, &value).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&mut out, args, &forecast, history.is_empty())?;
        print_course(&mut out, &forecast, &course)?;
    }
    out.finish()?;
    Ok(Found::something_if(!forecast.tasks.is_empty()))
}

/// Everything that a forecast rests on.
struct Known {
    snapshot: Snapshot,
    rules: RuleSet,
    history: History,
    /// When running tasks started, as far as is known.
    started: BTreeMap<TaskId, Timestamp>,
}

impl Known {
    fn of(args: &ForecastArgs) -> Result<Self, Failure> {
        let file = args.history.as_ref().map(history).transpose()?;
        let named = args.rules.as_deref().map(read::rules).transpose()?;
        if let Some(source) = &args.snapshot {
            return Ok(Self {
                snapshot: read::snapshot(source)?,
                rules: named.unwrap_or_else(RuleSet::tower_2018),
                history: file.unwrap_or_default(),
                started: BTreeMap::new(),
            });
        }
        let past = Past::read(&args.database, args.since, None)?;
        let started = past.tasks.iter().filter(|past| past.finished().is_none());
        let started = started.filter_map(|past| Some((past.task.id, past.started?))).collect();
        let history = file.unwrap_or_else(|| {
            let outcome = past.outcome();
            History::of(&outcome.timeline, outcome.end)
        });
        let Reading { snapshot, rules } = past.reading;
        Ok(Self { snapshot, rules: named.unwrap_or(rules), history, started })
    }
}

fn print(
    out: &mut impl Write,
    args: &ForecastArgs,
    forecast: &Forecast,
    guessed: bool,
) -> Result<(), Failure> {
    let mut rows = table(&["task", "kind", "starts between", "and", "median", "waits now for"]);
    let shown = if args.limit == 0 { usize::MAX } else { args.limit };
    for expected in forecast.tasks.iter().take(shown) {
        let name = format!("{} {}", expected.task, expected.name);
        let [from, to, median] = moments(forecast.at, expected);
        let waits = expected.waits_for.clone().unwrap_or_else(|| "nothing".to_owned());
        rows.add_row([name, expected.kind.to_string(), from, to, median, waits].map(cell));
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    let count = forecast.tasks.len();
    if count > shown {
        writeln!(out, "({count} tasks; --limit 0 for all)")?;
    }
    writeln!(
        out,
        "\n{count} pending tasks, {} draws; the range leaves out the earliest and the latest tenth of them",
        forecast.draws
    )?;
    if guessed {
        writeln!(out, "no history: every task is taken to run for 60 s")?;
    } else if forecast.without_history > 0 {
        let without = forecast.without_history;
        writeln!(out, "{without} of them are of templates that never ran: others of their kind stand in")?;
    }
    Ok(())
}

/// From, to and median, as time from now.
fn moments(now: Timestamp, expected: &Expected) -> [String; 3] {
    let from_now = |at: Timestamp| match Moment::of(at, now).since(Moment::START) {
        Span::ZERO => "now".to_owned(),
        span => format!("in {span}"),
    };
    match (expected.starts, expected.never) {
        (None, _) => ["never", "", ""].map(str::to_owned),
        (Some(Range { from, median, to }), 0) => [from, to, median].map(from_now),
        (Some(Range { from, median, to }), never) => {
            [from_now(from), format!("{} (never in {never} %)", from_now(to)), from_now(median)]
        }
    }
}

fn print_course(out: &mut impl Write, forecast: &Forecast, course: &[Stretch]) -> Result<(), Failure> {
    if course.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nIn a typical draw:")?;
    for stretch in course {
        let from = Moment::of(stretch.from, forecast.at).since(Moment::START);
        let to = Moment::of(stretch.to, forecast.at).since(Moment::START);
        writeln!(out, "  from {from} to {to}: {}", stretch.reason)?;
    }
    Ok(())
}

/// Reads run times: of a log, or of a simulation's timeline.
fn history(source: &Source) -> Result<History, Failure> {
    let bytes = source.read()?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        let log = swf::Log::parse(&bytes).map_err(|error| source.misfit(error))?;
        return Ok(History::of_log(&log));
    }
    let file: Printed = read::parse(source, &bytes, "what `scheduler simulate --json` printed")
        .map_err(|failure| failure.or_remedy("print it with `scheduler simulate WORKLOAD --json`"))?;
    let mut history = History::default();
    let bars = &file.outcome.timeline.bars;
    let by_people = |bar: &&PrintedBar| {
        bar.launched >= Moment::START
            && !matches!(bar.launch_type, LaunchType::Dependency | LaunchType::Workflow)
    };
    history.launch(bars.iter().filter(by_people).map(|bar| PastLaunch {
        at: bar.launched,
        template: bar.template,
        kind: bar.kind,
        impact: bar.impact,
    }));
    let ran = file
        .outcome
        .timeline
        .bars
        .into_iter()
        .filter_map(|bar| Some((bar.template, bar.kind, bar.finished?.since(bar.started?))));
    history.extend(ran);
    Ok(history)
}

/// The parts of a printed simulation that matter here.
#[derive(Deserialize)]
struct Printed {
    outcome: PrintedOutcome,
}

#[derive(Deserialize)]
struct PrintedOutcome {
    timeline: PrintedTimeline,
}

#[derive(Deserialize)]
struct PrintedTimeline {
    bars: Vec<PrintedBar>,
}

#[derive(Deserialize)]
struct PrintedBar {
    template: Option<TemplateKey>,
    kind: Kind,
    launch_type: LaunchType,
    impact: Forks,
    launched: Moment,
    started: Option<Moment>,
    finished: Option<Moment>,
}
