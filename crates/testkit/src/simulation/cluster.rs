//! The cluster of one run: its store and broker, its nodes that die and come back, and what befalls them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{TimeDelta, TimeZone as _, Utc};
use control_plane::definition::HandlerName;
use control_plane::memory::{MemoryBroker, MemoryStore};
use control_plane::ports::{Clock, Ended, Store};
use control_plane::{Context, Handler, Handlers, Node, Options};
use scheduler_core::{Outcome, Timestamp};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::book::Book;
use super::broker::FaultyBroker;
use super::dice::Odds;
use super::life::Life;
use super::people::{HOSTS, REPEATABLE, WORK};
use super::store::FaultyStore;
use super::weather::{Faults, Peer, Weather};

/// The number of a life that is not the successor of another, but runs beside it.
const TWIN: u32 = 0;

/// The longest that a handler works, and that it goes on when it is told to stop.
const LONGEST_WORK: Duration = Duration::from_secs(40);

/// The longest that the store's clock is set forward by at once.
const LONGEST_STEP: Duration = Duration::from_secs(3600);

/// The runtime's time, which tests turn, and by how much the store's clock was set forward.
struct VirtualClock {
    began: Instant,
    ahead: Mutex<Duration>,
}

impl VirtualClock {
    fn step(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VirtualClock")
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let began = Utc.timestamp_opt(1_800_000_000, 0).single().unwrap_or(Timestamp::UNIX_EPOCH);
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        began + TimeDelta::from_std(self.began.elapsed() + ahead).unwrap_or_default()
    }
}

/// The cluster of one run.
pub struct Cluster {
    /// What is true for all nodes.
    pub weather: Arc<Weather>,
    /// What really happened.
    pub book: Arc<Book>,
    /// The store, without faults.
    pub store: Arc<dyn Store>,
    broker: Arc<MemoryBroker>,
    clock: Arc<VirtualClock>,
    lives: Mutex<BTreeMap<&'static str, Arc<Life>>>,
}

impl Cluster {
    /// An empty cluster, with the dice of this seed.
    #[must_use]
    pub fn new(seed: u64, written_down: bool) -> Arc<Self> {
        let clock = Arc::new(VirtualClock { began: Instant::now(), ahead: Mutex::default() });
        let told: Arc<dyn Clock> = Arc::<VirtualClock>::clone(&clock);
        Arc::new(Self {
            weather: Weather::fair(seed, written_down),
            book: Arc::default(),
            store: Arc::new(MemoryStore::new(told)),
            broker: Arc::new(MemoryBroker::new()),
            clock,
            lives: Mutex::default(),
        })
    }

    fn lives(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<Life>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a node on this machine: starts it again whenever its life is over.
    pub async fn keep(self: Arc<Self>, host: &'static str) {
        let dice = &self.weather.dice;
        for number in 1.. {
            self.live(host, number).await;
            let pause = if self.is_calm() { Duration::from_secs(5) } else { Duration::from_secs(150) };
            sleep(dice.time_up_to(pause)).await;
        }
    }

    fn is_calm(&self) -> bool {
        self.weather.faults() == Faults::NONE
    }

    /// One life of a node, to its end: a crash, a stop in good order, or the node's own decision.
    async fn live(&self, host: &'static str, number: u32) {
        let life = Life::begin(format!("{host}#{number}"), Arc::clone(&self.weather));
        self.lives().insert(host, Arc::clone(&life));
        self.weather.note(&life.name, "begins", format_args!(""));
        let store = FaultyStore::new(self.store.clone(), Arc::clone(&life), Arc::clone(&self.book));
        let broker = FaultyBroker::new(Arc::clone(&self.broker) as _, Arc::clone(&life));
        let node = Node::builder(Arc::new(store), Arc::new(broker))
            .hostname(host)
            .clock(Arc::<VirtualClock>::clone(&self.clock))
            .options(Options { stop_grace: Duration::from_secs(15), ..Options::default() })
            .handlers(handlers(&life, &self.book))
            .build();
        let shutdown = CancellationToken::new();
        let mut node = tokio::spawn(node.run(shutdown.clone()));
        let dice = &self.weather.dice;
        let stops = !self.is_calm() && dice.happens(Odds::one_in(3));
        let told = async {
            if !stops {
                pending::<()>().await;
            }
            sleep(dice.time_up_to(Duration::from_secs(200))).await;
            self.weather.note(&life.name, "is told to stop", format_args!(""));
            shutdown.cancel();
            pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = life.over() => node.abort(),
            ended = &mut node => {
                let ended = ended.map(|ended| ended.map_err(|error| error.to_string()));
                self.weather.note(&life.name, "ends", format_args!("{ended:?}"));
                if ended.is_err() {
                    self.book.broken(format!("node {} panicked", life.name));
                }
            }
            () = told => {}
        }
        // Whatever its process still held is gone with it.
        life.kill();
    }

    /// Lets things befall the cluster, for so long. Then the weather is fair.
    pub async fn storm(self: &Arc<Self>, length: Duration) {
        let dice = &self.weather.dice;
        self.weather.turn(Faults {
            crash: dice.one_of(&[Odds::NEVER, Odds::one_in(400), Odds::one_in(100)]),
            loss: dice.one_of(&[Odds::NEVER, Odds::one_in(100), Odds::one_in(20)]),
            delay: dice.one_of(&[Odds::NEVER, Odds::one_in(100), Odds::one_in(10)]),
            duplicate: dice.one_of(&[Odds::NEVER, Odds::one_in(10), Odds::one_in(2)]),
            vanish: dice.one_of(&[Odds::NEVER, Odds::NEVER, Odds::one_in(10)]),
            astray: dice.one_of(&[Odds::NEVER, Odds::NEVER, Odds::one_in(5)]),
        });
        while self.weather.elapsed() < length {
            sleep(dice.time_up_to(Duration::from_secs(60))).await;
            self.befall();
        }
        self.weather.clear();
        self.weather.note("world", "is calm", format_args!(""));
    }

    /// One of the things that no single call is to blame for.
    fn befall(self: &Arc<Self>) {
        let dice = &self.weather.dice;
        let host = dice.one_of(&HOSTS);
        let life = self.lives().get(host).cloned();
        let peer = dice.one_of(&[Peer::Store, Peer::Broker]);
        match (dice.below(6), life) {
            (0, _) => self.weather.outage(peer, dice.time_up_to(Duration::from_secs(90))),
            (1, _) => self.weather.cut(peer),
            (2, Some(life)) => life.freeze(dice.time_up_to(Duration::from_secs(200))),
            (3, _) => {
                let by = dice.time_up_to(LONGEST_STEP);
                self.weather.note("world", "clock", format_args!("is set forward by {by:?}"));
                self.clock.step(by);
            }
            (4, _) => {
                // Somebody starts a second process under the name of one that runs.
                let cluster = Arc::clone(self);
                tokio::spawn(async move { cluster.live(host, TWIN).await });
            }
            (_, Some(life)) => life.kill(),
            (_, None) => {}
        }
    }
}

/// What the nodes can run: work of some length that ends one way or another, and listens when it is told to stop, or not.
fn handlers(life: &Arc<Life>, book: &Arc<Book>) -> Handlers {
    let handler = || {
        let (life, book) = (Arc::clone(life), Arc::clone(book));
        Handler::new(move |_: Value, context: Context| work(Arc::clone(&life), Arc::clone(&book), context))
    };
    let name = |name: &str| HandlerName::try_from(name).expect("a sound name");
    Handlers::default().with(name(WORK), handler()).with(name(REPEATABLE), handler().restartable())
}

async fn work(life: Arc<Life>, book: Arc<Book>, context: Context) -> Ended {
    if life.is_over() {
        return pending().await;
    }
    let (weather, dice) = (&life.weather, &life.weather.dice);
    weather.note(&life.name, "runs", format_args!("{} under {}", context.task, context.dispatch));
    book.began(context.task, context.dispatch);
    let outcome =
        dice.one_of(&[Outcome::Successful, Outcome::Successful, Outcome::Successful, Outcome::Failed]);
    let listens = dice.happens(Odds::one_in(2));
    let stopped = life
        .undisturbed(async {
            tokio::select! {
                biased;
                () = context.stopped(), if listens => true,
                () = sleep(dice.time_up_to(LONGEST_WORK)) => false,
            }
        })
        .await;
    if stopped {
        return Ended::of(Outcome::Canceled);
    }
    book.completed(context.task, context.dispatch);
    Ended::of(outcome)
}
