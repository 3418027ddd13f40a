//! A simulation as a source: it is run first, and then played at a chosen speed, with pause and seek.
//!
//! Simulations are deterministic, so a cancel at a moment is one more thing that happens in the workload: it is run once more, in
//! a thread of its own, and what was before that moment is as it was.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use scheduler_core::TaskId;
use simulator::Cancel;
use simulator::{Auditing, Moment, Options, Outcome, Seed, Simulation, Span};

use super::recording::Recording;
use super::source::{Request, Source, Update};
use super::state::Said;
use super::view::{Chain, Played, View};
use crate::failure::Failure;
use crate::simulate;
use crate::top::args::TopArgs;

/// Left to itself, a whole simulation takes about so long to watch.
const SECONDS_TO_WATCH: f64 = 120.0;

/// Left and right go this share of the whole.
const STEP: f64 = 0.02;

/// Views follow each other no faster.
const BETWEEN_VIEWS: Duration = Duration::from_millis(100);

/// Where in the simulation the screen is, and how fast it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    /// Milliseconds, with the parts of one that slow speeds need.
    at: f64,
    length: f64,
    speed: f64,
    paused: bool,
}

impl Clock {
    pub(super) fn new(length: Span, speed: Option<f64>) -> Self {
        let own = (length.seconds() / SECONDS_TO_WATCH).log2().ceil().exp2().max(1.0);
        Self { at: 0.0, length: length.seconds() * 1000.0, speed: speed.unwrap_or(own), paused: false }
    }

    /// Lets real time go by.
    pub(super) fn advance(&mut self, real: Duration) {
        if !self.paused {
            self.seek(real.as_secs_f64() * 1000.0 * self.speed);
        }
    }

    fn seek(&mut self, by: f64) {
        self.at = (self.at + by).clamp(0.0, self.length);
    }

    pub(super) fn obey(&mut self, request: Request) {
        match request {
            Request::Pause(paused) => self.paused = paused,
            Request::Faster => self.speed = (self.speed * 2.0).min(1e9),
            Request::Slower => self.speed = (self.speed / 2.0).max(1.0 / 16.0),
            Request::Back => self.seek(-self.length * STEP),
            Request::Ahead => self.seek(self.length * STEP),
            Request::Watch(_) | Request::Cancel(_) => {}
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
    pub(super) fn moment(&self) -> Moment {
        Moment::from_millis(self.at as i64)
    }

    fn played(&self, rerunning: bool) -> Played {
        Played {
            at: self.moment().since(Moment::START).to_string(),
            length: Span::from_seconds(self.length / 1000.0).to_string(),
            share: if self.length > 0.0 { self.at / self.length } else { 1.0 },
            speed: self.speed,
            paused: self.paused,
            rerunning,
        }
    }
}

/// A simulation that is being played.
pub(super) struct Playback {
    recording: Arc<Recording>,
    options: Options,
    limit: usize,
    clock: Clock,
    looked: Instant,
    /// What the last view was of; `None` when there must be another whatever the clock says.
    shown: Option<(Moment, Clock)>,
    shown_at: Option<Instant>,
    watched: Option<TaskId>,
    rerun: Option<Receiver<Result<Recording, Failure>>>,
    said: Vec<Said>,
}

impl Playback {
    /// Reads the workload and runs it.
    pub(super) fn open(args: &TopArgs) -> Result<Self, Failure> {
        let workload = simulate::input::read_workload(&args.workload())?;
        let rules = simulate::input::rules(args.rules.as_deref(), &workload)?;
        let tasks = workload.len();
        let auditing = if tasks <= simulate::AUDIT_ALL_UP_TO {
            Auditing::Every
        } else {
            Auditing::Sample(simulate::AUDIT_ONE_IN)
        };
        let options = Options { seed: Seed::new(args.seed), auditing, ..Options::default() };
        let outcome = simulate::simulate("simulation", &workload, &rules, options)?;
        let recording = Recording::new(workload, rules, outcome);
        let mut playback = Self::of(recording, options, args.limit, args.speed);
        if let Some(at) = args.at {
            playback.clock.seek(at.as_secs_f64() * 1000.0);
            playback.clock.paused = true;
        }
        Ok(playback)
    }

    pub(super) fn of(recording: Recording, options: Options, limit: usize, speed: Option<f64>) -> Self {
        Self {
            clock: Clock::new(length(&recording.outcome), speed),
            recording: Arc::new(recording),
            options,
            limit,
            looked: Instant::now(),
            shown: None,
            shown_at: None,
            watched: None,
            rerun: None,
            said: Vec::new(),
        }
    }

    fn view(&self) -> View {
        let at = self.clock.moment();
        let chain = self.watched.map(|task| Chain { task, lines: self.recording.chain(task, at) });
        let played = Some(self.clock.played(self.rerun.is_some()));
        View { played, chain, ..self.recording.view(at, self.limit) }
    }

    /// The workload with this cancel too, run in a thread of its own.
    fn cancel(&mut self, task: TaskId) {
        if self.rerun.is_some() {
            return self.say("the simulation is being run again already; try in a moment".to_owned(), true);
        }
        // After everything that was seen of this moment.
        let at = self.clock.moment().after(Span::from_millis(1));
        let (before, options) = (self.recording.clone(), self.options);
        let (send, receive) = channel();
        let work = move || {
            let mut workload = before.workload.clone();
            workload.cancels.push(Cancel { at, task });
            workload.sort();
            let again = Simulation::new(&workload, &before.rules).with(options).run();
            let again = again.map_err(|error| Failure::new(error.to_string()));
            // Nobody waits for it any more when the screen was left.
            let _sent =
                send.send(again.map(|outcome| Recording::new(workload, before.rules.clone(), outcome)));
        };
        match std::thread::Builder::new().name("simulation".to_owned()).spawn(work) {
            Ok(_) => {
                self.rerun = Some(receive);
                self.say(
                    format!("task {task} is canceled at this moment; the simulation is run again"),
                    false,
                );
            }
            Err(error) => self.say(format!("the simulation cannot be run again: {error}"), true),
        }
    }

    fn say(&mut self, text: String, bad: bool) {
        self.said.push(Said { text, bad });
    }

    fn take_rerun(&mut self) -> Result<(), Failure> {
        let Some(receive) = &self.rerun else { return Ok(()) };
        match receive.try_recv() {
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => {
                return Err(Failure::new(
                    "the thread that ran the simulation again ended without a word".to_owned(),
                ));
            }
            Ok(recording) => {
                let recording = recording?;
                self.clock.length = length(&recording.outcome).seconds() * 1000.0;
                self.recording = Arc::new(recording);
                (self.rerun, self.shown) = (None, None);
            }
        }
        Ok(())
    }
}

fn length(outcome: &Outcome) -> Span {
    outcome.end.since(Moment::START)
}

impl Source for Playback {
    fn updates(&mut self, now: Instant) -> Result<Vec<Update>, Failure> {
        // While it is run again, what is on the screen may not be what there will be.
        let gone = now.saturating_duration_since(self.looked);
        self.looked = now;
        self.take_rerun()?;
        if self.rerun.is_none() {
            self.clock.advance(gone);
        }
        let mut updates: Vec<Update> = self.said.drain(..).map(Update::Said).collect();
        let due = Some((self.clock.moment(), self.clock)) != self.shown;
        let rests = self.shown_at.is_some_and(|at| now.saturating_duration_since(at) < BETWEEN_VIEWS);
        if due && !(rests && self.shown.is_some()) {
            updates.insert(0, Update::View(Box::new(self.view())));
            self.shown = Some((self.clock.moment(), self.clock));
            self.shown_at = Some(now);
        }
        Ok(updates)
    }

    fn ask(&mut self, request: Request) {
        match request {
            Request::Watch(task) => self.watched = task,
            Request::Cancel(task) => self.cancel(task),
            other => self.clock.obey(other),
        }
        self.shown = None;
    }
}
