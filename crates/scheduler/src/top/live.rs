//! A live control plane as a source: its store is asked once in a while, by a task on a runtime of its own, so that no slow
//! server holds up a key.
//!
//! The reasons are those that passes stored, which costs no reading of a whole queue; a chain is that of a pass made for the
//! question and then forgotten. When the store is lost the last view stays, with the time and the reason, until the store answers
//! again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use control_plane::ports::{CancelAnswer, Clock as _, Store, SystemClock};
use scheduler_core::{TaskId, Timestamp};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::source::{Request, Source, Update};
use super::state::Said;
use super::view::{Chain, Stale, View};
use crate::failure::Failure;
use crate::overview;
use crate::top::args::TopArgs;
use crate::{demo, explain, open};

/// A store that has not answered by then is lost: its server may be frozen, or the network cut.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// So many of the tasks that ended last are listed.
const ENDED: usize = 200;

/// A store that is asked once in a while.
pub(super) struct Live {
    requests: UnboundedSender<Request>,
    updates: Receiver<Update>,
    runtime: Option<Runtime>,
}

impl Live {
    /// Asks once, so that a wrong URL is said before there is a screen, and goes on asking.
    pub(super) fn open(args: &TopArgs) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
        let (store, about) = if args.demo {
            (runtime.block_on(demo::embedded())?, "the demonstration, in memory".to_owned())
        } else {
            let schema = &args.database.database_schema;
            (open::store(&args.database)?, format!("schema {schema}"))
        };
        let (requests, asked) = unbounded_channel();
        let (send, updates) = channel();
        let mut watcher = Watcher::new(store, about, args.limit, send);
        let first = runtime.block_on(watcher.take())?;
        watcher.show(first);
        runtime.spawn(watcher.go_on(asked, args.every));
        Ok(Self { requests, updates, runtime: Some(runtime) })
    }
}

impl Source for Live {
    fn updates(&mut self, _: Instant) -> Result<Vec<Update>, Failure> {
        let mut updates = Vec::new();
        loop {
            match self.updates.try_recv() {
                Ok(update) => updates.push(update),
                Err(TryRecvError::Empty) => return Ok(updates),
                Err(TryRecvError::Disconnected) => {
                    return Err(Failure::new("the part that asks the store ended by a defect".to_owned())
                        .remedy("please report it; `scheduler status` asks the store another way"));
                }
            }
        }
    }

    fn ask(&mut self, request: Request) {
        // That nobody listens any more is the next update's to say.
        let _sent = self.requests.send(request);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// What asks the store.
struct Watcher {
    store: Arc<dyn Store>,
    overviews: overview::source::Source,
    about: String,
    updates: Sender<Update>,
    watched: Option<TaskId>,
    paused: bool,
    last: View,
    lost: Option<(Instant, Timestamp)>,
}

impl Watcher {
    fn new(store: Arc<dyn Store>, about: String, limit: usize, updates: Sender<Update>) -> Self {
        let limits = overview::source::Limits { unfinished: limit, finished: ENDED };
        let overviews = overview::source::Source::new(store.clone(), limits);
        Self {
            store,
            overviews,
            about,
            updates,
            watched: None,
            paused: false,
            last: View::default(),
            lost: None,
        }
    }

    /// Until nobody asks any more.
    async fn go_on(mut self, mut asked: UnboundedReceiver<Request>, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => self.obey(request).await,
                    None => return,
                },
                _ = ticks.tick() => if !self.paused {
                    self.refresh().await;
                },
            }
        }
    }

    async fn obey(&mut self, request: Request) {
        match request {
            Request::Watch(task) => {
                self.watched = task;
                self.follow().await;
            }
            Request::Cancel(task) => self.cancel(task).await,
            Request::Pause(paused) => {
                self.paused = paused;
                if !paused {
                    self.refresh().await;
                }
            }
            Request::Faster | Request::Slower | Request::Back | Request::Ahead => {}
        }
    }

    /// The chain alone, on what is on the screen: that stays as it is while the screen stands still.
    async fn follow(&mut self) {
        let chain = match answered(self.chain()).await {
            Ok(chain) => chain,
            Err(failure) => self.watched.map(|task| Chain { task, lines: vec![failure.to_string()] }),
        };
        let view = View { chain, ..self.last.clone() };
        self.show(view);
    }

    async fn cancel(&mut self, task: TaskId) {
        let answer = answered(async { Ok(self.store.cancel(&[task]).await?) }).await;
        let (text, bad) = match answer.map(|answers| answers.first().copied()) {
            Ok(Some(CancelAnswer::Requested)) => (format!("task {task} is asked to cancel"), false),
            Ok(Some(CancelAnswer::Canceled)) => {
                (format!("task {task} is canceled; nobody had taken it up yet"), false)
            }
            Ok(Some(CancelAnswer::AlreadyFinished)) => (format!("task {task} had ended before"), true),
            Ok(Some(CancelAnswer::Unknown) | None) => (format!("there is no task {task}"), true),
            Err(failure) => (format!("task {task} is not canceled: {failure}"), true),
        };
        // Nobody is left to hear of it once the screen was left.
        let _sent = self.updates.send(Update::Said(Said { text, bad }));
        if !self.paused {
            self.refresh().await;
        }
    }

    /// A new view; or the last one, with how long it has been the last.
    async fn refresh(&mut self) {
        let view = match answered(self.take()).await {
            Ok(view) => {
                self.lost = None;
                view
            }
            Err(failure) => {
                let (since, at) = *self.lost.get_or_insert_with(|| (Instant::now(), SystemClock.now()));
                let stale = Stale { since: at, seconds: since.elapsed().as_secs(), why: failure.to_string() };
                View { stale: Some(stale), ..self.last.clone() }
            }
        };
        self.show(view);
    }

    fn show(&mut self, view: View) {
        self.last = view.clone();
        // Nobody is left to see it once the screen was left.
        let _sent = self.updates.send(Update::View(Box::new(view)));
    }

    async fn take(&self) -> Result<View, Failure> {
        Ok(View {
            about: self.about.clone(),
            overview: self.overviews.take().await?,
            stale: None,
            played: None,
            chain: self.chain().await?,
        })
    }

    /// The chain that is followed, by a pass made for it.
    async fn chain(&self) -> Result<Option<Chain>, Failure> {
        let Some(task) = self.watched else { return Ok(None) };
        let reading = self.store.read().await?;
        let lines = if reading.snapshot.tasks.iter().any(|row| row.id == task) {
            let plan = scheduler_core::plan(&reading.snapshot, &reading.rules);
            explain::lines(&reading.snapshot, &reading.rules, &plan, task)
        } else {
            match self.store.task(task).await? {
                Some(row) => vec![anstream::adapter::strip_str(&explain::ended(&row)).to_string()],
                None => vec![format!("there is no task {task}")],
            }
        };
        Ok(Some(Chain { task, lines }))
    }
}

async fn answered<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(ANSWER_WITHIN, work).await.unwrap_or_else(|_| {
        Err(Failure::new(format!("the store does not answer within {} s", ANSWER_WITHIN.as_secs())))
    })
}
