//! What is true for every node of a run: the dice, how bad things are now, and what has happened so far.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use control_plane::Watched;
use tokio::time::Instant;

use super::dice::{Dice, Odds};

/// How often things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// A node dies at one await.
    pub crash: Odds,
    /// One call does not reach the server, or its answer does not come back.
    pub loss: Odds,
    /// One call takes long.
    pub delay: Odds,
    /// A message is delivered once more, later.
    pub duplicate: Odds,
    /// A confirmed message is gone for ever.
    pub vanish: Odds,
    /// A message goes to a queue that it is not for.
    pub astray: Odds,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        crash: Odds::NEVER,
        loss: Odds::NEVER,
        delay: Odds::NEVER,
        duplicate: Odds::NEVER,
        vanish: Odds::NEVER,
        astray: Odds::NEVER,
    };
}

/// The two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The store.
    Store,
    /// The broker.
    Broker,
}

/// What is true for every node of a run.
#[derive(Debug)]
pub struct Weather {
    /// The dice.
    pub dice: Dice,
    began: Instant,
    /// How often every connection to each server was cut.
    cuts: [Watched<u64>; 2],
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    faults: Faults,
    outages: [Option<Instant>; 2],
    lines: Option<Vec<String>>,
    print: u64,
}

impl Weather {
    /// Fair weather, with the dice of this seed. What happens is written down only if asked for.
    #[must_use]
    pub fn fair(seed: u64, written_down: bool) -> Arc<Self> {
        let now = Now {
            faults: Faults::NONE,
            outages: [None; 2],
            lines: written_down.then(Vec::new),
            print: 0xcbf2_9ce4_8422_2325,
        };
        Arc::new(Self {
            dice: Dice::seeded(seed),
            began: Instant::now(),
            cuts: [Watched::new(0), Watched::new(0)],
            now: Mutex::new(now),
        })
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the run has lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How bad things are now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.now().faults
    }

    /// From now on things are this bad.
    pub fn turn(&self, faults: Faults) {
        self.now().faults = faults;
    }

    /// Every connection to the server breaks; new ones are welcome.
    pub fn cut(&self, peer: Peer) {
        self.note("world", "cut", format_args!("from the {peer:?}"));
        self.cuts[peer as usize].modify(|cuts| *cuts += 1);
    }

    /// Waits until the connections to the server break.
    pub async fn broken(&self, peer: Peer) {
        let cuts = &self.cuts[peer as usize];
        let before = cuts.get();
        cuts.wait_for(|cuts| *cuts != before).await;
    }

    /// The server is down from now on, for so long.
    pub fn outage(&self, peer: Peer, length: Duration) {
        self.note("world", "outage", format_args!("of the {peer:?} for {length:?}"));
        self.now().outages[peer as usize] = Some(Instant::now() + length);
        self.cuts[peer as usize].modify(|cuts| *cuts += 1);
    }

    /// Whether the server is down.
    #[must_use]
    pub fn is_down(&self, peer: Peer) -> bool {
        self.now().outages[peer as usize].is_some_and(|until| Instant::now() < until)
    }

    /// Every server is up again.
    pub fn clear(&self) {
        self.turn(Faults::NONE);
        self.now().outages = [None; 2];
    }

    /// Writes down that this happened to somebody.
    pub fn note(&self, who: &str, what: &str, more: fmt::Arguments<'_>) {
        let elapsed = self.elapsed();
        let mut now = self.now();
        for byte in who.bytes().chain(what.bytes()).chain(elapsed.as_millis().to_le_bytes()) {
            now.print = (now.print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut now.lines {
            lines.push(format!("{:>10.3} {who} {what} {more}", elapsed.as_secs_f64()));
        }
    }

    /// A number that is the same for two runs in which the same happened at the same times.
    #[must_use]
    pub fn print(&self) -> u64 {
        self.now().print
    }

    /// What happened, if it was written down.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.now().lines.clone().unwrap_or_default()
    }
}
