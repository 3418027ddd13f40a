//! One life of a node: everything that it does to the world goes through here, and can be the last thing it does.
//!
//! A dead life's calls never return and reach nothing, and what its process held (a lock, messages in hand) is dropped: for the
//! rest of the world that is what `kill -9` looks like, whatever tasks of the node still hang around. A frozen life's
//! calls wait, and then go on as if nothing had been: SIGSTOP and SIGCONT.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use control_plane::Watched;
use tokio::time::{Instant, sleep, sleep_until};

use super::weather::{Peer, Weather};

/// The longest that one call is held up.
const LONGEST_DELAY: Duration = Duration::from_secs(20);

/// How a life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Well,
    Frozen(Instant),
    Dead,
}

/// A call that failed because the network or the server did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated network lost it")]
pub struct Lost;

/// A moment of one kind of call, such as just before a commit or just after a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which call.
    pub place: &'static str,
    /// Which side of it.
    pub side: Side,
}

/// The two sides of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It has not reached the server.
    Before,
    /// The server has done it, and the node does not know yet.
    After,
}

/// One life of a node.
#[derive(Debug)]
pub struct Life {
    /// Who lives it, for the log.
    pub name: String,
    /// What is true for all.
    pub weather: Arc<Weather>,
    /// The moment at which it is over, if that is fixed.
    last: Option<Step>,
    health: Watched<Health>,
    held: Mutex<Vec<Weak<dyn Let>>>,
}

/// Something that a process holds and loses when it dies.
trait Let: Send + Sync {
    fn let_go(&self);
}

impl Life {
    /// A life that begins now.
    #[must_use]
    pub fn begin(name: String, weather: Arc<Weather>) -> Arc<Self> {
        Self::until(name, weather, None)
    }

    /// A life that begins now and is over the first time that it comes to this step.
    #[must_use]
    pub fn until(name: String, weather: Arc<Weather>, last: Option<Step>) -> Arc<Self> {
        Arc::new(Self { name, weather, last, health: Watched::new(Health::Well), held: Mutex::default() })
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.health.get() == Health::Dead
    }

    /// Waits until it is over.
    pub async fn over(&self) {
        self.health.wait_for(|health| *health == Health::Dead).await;
    }

    /// Ends it, here and now.
    pub fn kill(&self) {
        if self.health.modify(|health| std::mem::replace(health, Health::Dead)) == Health::Dead {
            return;
        }
        self.weather.note(&self.name, "dies", format_args!(""));
        let held = std::mem::take(&mut *self.held());
        for one in held.iter().filter_map(Weak::upgrade) {
            one.let_go();
        }
    }

    /// Does nothing for so long.
    pub fn freeze(&self, length: Duration) {
        self.health.modify(|health| {
            let well = *health == Health::Well;
            if well {
                *health = Health::Frozen(Instant::now() + length);
                self.weather.note(&self.name, "freezes", format_args!("for {length:?}"));
            }
            well
        });
    }

    fn held(&self) -> MutexGuard<'_, Vec<Weak<dyn Let>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps something until it is taken back or the life is over.
    pub fn hold<T: Send + 'static>(&self, value: T) -> Held<T> {
        let place = if self.is_over() { Place::Gone } else { Place::There(value) };
        let slot = Arc::new(Slot(Mutex::new(place)));
        let mut held = self.held();
        held.retain(|one| one.strong_count() > 0);
        let weak: Weak<Slot<T>> = Arc::downgrade(&slot);
        held.push(weak);
        Held(slot)
    }

    /// Goes on as soon as this life can: not while it is frozen, and never once it is over.
    async fn breathe(&self) {
        loop {
            let health = self.health.get();
            match health {
                Health::Well => return,
                Health::Frozen(until) => {
                    sleep_until(until).await;
                    self.health.modify(|health| {
                        let thaws = *health == Health::Frozen(until);
                        if thaws {
                            *health = Health::Well;
                        }
                        thaws
                    });
                }
                Health::Dead => pending().await,
            }
        }
    }

    /// A point at which the life can end, be held up, or find that the peer cannot be reached.
    async fn point(&self, peer: Peer, place: &'static str, side: Side) -> Result<(), Lost> {
        self.breathe().await;
        let weather = &self.weather;
        let faults = weather.faults();
        if weather.dice.happens(faults.delay) {
            sleep(weather.dice.time_up_to(LONGEST_DELAY)).await;
            self.breathe().await;
        }
        if weather.dice.happens(faults.crash) || self.last == Some(Step { place, side }) {
            weather.note(&self.name, "crashes at", format_args!("{place}, {side:?}"));
            self.kill();
            pending::<()>().await;
        }
        if weather.is_down(peer) || weather.dice.happens(faults.loss) {
            return Err(Lost);
        }
        Ok(())
    }

    /// Makes one call: it may fail before it reaches the peer, and its answer may be lost. When the life ends meanwhile, the
    /// call is dropped.
    pub async fn call<T>(
        &self,
        peer: Peer,
        place: &'static str,
        call: impl Future<Output = T>,
    ) -> Result<T, Lost> {
        self.point(peer, place, Side::Before).await?;
        let answer = self.undisturbed(call).await;
        self.point(peer, place, Side::After).await?;
        Ok(answer)
    }

    /// Makes one call that only the end of the life breaks off.
    pub async fn undisturbed<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = Box::pin(call);
        let answer = tokio::select! {
            biased;
            () = self.over() => None,
            answer = &mut call => Some(answer),
        };
        drop(call);
        match answer {
            Some(answer) => {
                self.breathe().await;
                answer
            }
            None => pending().await,
        }
    }
}

/// Something that a life holds until it is used up or the life is over.
pub struct Held<T>(Arc<Slot<T>>);

struct Slot<T>(Mutex<Place<T>>);

enum Place<T> {
    There(T),
    InUse,
    Gone,
}

impl<T> Slot<T> {
    fn place(&self) -> MutexGuard<'_, Place<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send> Let for Slot<T> {
    fn let_go(&self) {
        drop(std::mem::replace(&mut *self.place(), Place::Gone));
    }
}

impl<T> Held<T> {
    /// Takes it out for one use.
    pub fn take(&self) -> Result<InUse<T>, Lost> {
        let mut place = self.0.place();
        match std::mem::replace(&mut *place, Place::InUse) {
            Place::There(value) => Ok(InUse { value: Some(value), slot: Arc::clone(&self.0) }),
            Place::InUse | Place::Gone => {
                *place = Place::Gone;
                Err(Lost)
            }
        }
    }
}

/// Something held, in use. Dropping it puts it back, as long as its life is not over.
pub struct InUse<T> {
    value: Option<T>,
    slot: Arc<Slot<T>>,
}

impl<T> InUse<T> {
    /// The thing itself.
    ///
    /// # Panics
    ///
    /// Never: only [`InUse::consume`] takes it out for good.
    pub const fn get(&mut self) -> &mut T {
        self.value.as_mut().expect("in use until dropped")
    }

    /// Takes it out for good.
    ///
    /// # Panics
    ///
    /// Never, as [`InUse::get`].
    pub fn consume(mut self) -> T {
        self.value.take().expect("in use until dropped")
    }
}

impl<T> Drop for InUse<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        let mut place = self.slot.place();
        *place = match (value, &*place) {
            (Some(value), Place::InUse) => Place::There(value),
            _ => Place::Gone,
        };
    }
}
