//! The arguments of `scheduler top`.

use std::time::Duration;

use clap::Args;
use simulator::generate::Mix;

use crate::args::{Database, seconds};
use crate::simulate::args::Format;
use crate::simulate::input::Wanted;
use crate::source::Source;

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopArgs {
    /// Play a simulation of this workload instead: a workload file, a log (SWF), a run (WfFormat), a snapshot, or `-`
    #[arg(long, value_name = "WORKLOAD")]
    pub(crate) simulate: Option<Source>,
    /// Play a simulation of a generated workload, as in `tasks=10000,load=0.8,instances=20`
    #[arg(long, value_name = "PARAMETERS", conflicts_with = "simulate")]
    pub(crate) generate: Option<Mix>,
    /// Show the demonstration's cluster at work: in this process, in memory, with real processes
    #[arg(long, conflicts_with_all = ["simulate", "generate"])]
    pub(crate) demo: bool,
    /// How many seconds of the simulation go by in one, as in `60x`; left out, so many that all of it takes about two minutes
    #[arg(long, value_name = "SPEED", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// Begin at this moment of the simulation, standing still
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) at: Option<Duration>,
    /// Simulate with instances, groups and rules from this file instead of the workload's own
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster: Option<Source>,
    /// Simulate by this rule set: `tower-2018`, `awx-2024`, or a JSON file; left out, by the workload's own or `tower-2018`
    #[arg(long, value_name = "SET|FILE")]
    pub(crate) rules: Option<String>,
    /// How many instances share the processors of a log, or how many copies of a run's first machine there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) instances: Option<u32>,
    /// From which everything that is drawn by chance in a simulation follows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// How often to ask the database
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub(crate) every: Duration,
    /// How many tasks to list at most in each part; counts are of all
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) database: Database,
}

const EXAMPLES: &str = "\
Keys: tab and 1 to 4 choose a pane, arrows or j k a task, enter shows the whole chain that it waits for, / filters, s sorts,
c cancels after a question, space stands still, ? lists all keys, q leaves.

Examples:
  scheduler top                                            # the control plane in DATABASE_URL
  scheduler top --demo                                     # a small cluster in memory, to try the keys on
  scheduler top --simulate log.swf.gz --speed 3600x        # three months in forty minutes; + - and ← → while it plays
  scheduler top --simulate examples/cluster.json --at 0    # a snapshot, from its moment on; space begins
  scheduler top --generate tasks=2000,load=0.9,instances=10

Colour is the terminal's own; NO_COLOR stops it. Where there is no terminal, `scheduler status` prints the same once.";

impl TopArgs {
    /// Whether a simulation is asked for.
    pub(crate) const fn is_simulated(&self) -> bool {
        self.simulate.is_some() || self.generate.is_some()
    }

    /// The workload to simulate.
    pub(crate) const fn workload(&self) -> Wanted<'_> {
        Wanted {
            workload: self.simulate.as_ref(),
            mix: self.generate.as_ref(),
            format: Format::Auto,
            cluster: self.cluster.as_ref(),
            instances: self.instances,
            exclusive: false,
            seed: self.seed,
        }
    }
}

/// `60x`, or `60`.
fn speed(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix(['x', 'X']).unwrap_or(text);
    let speed = number.parse().ok().filter(|speed: &f64| (0.01..=1e9).contains(speed));
    speed.ok_or_else(|| format!("{text:?} is no speed, such as 60x, from 0.01x to a billion"))
}

/// Not so often that the database has nothing else to do.
fn interval(text: &str) -> Result<Duration, String> {
    let every = seconds(text)?;
    if every < Duration::from_millis(100) {
        return Err("at least 0.1 s must lie between two questions".to_owned());
    }
    Ok(every)
}
