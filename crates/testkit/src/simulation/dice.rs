//! Every choice of a run, drawn from one seed, so that a run that fails can be run again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;

/// One chance in so many; `Odds::NEVER` for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds(u32);

impl Odds {
    /// It never happens.
    pub const NEVER: Self = Self(0);

    /// Once in so many throws.
    #[must_use]
    pub const fn one_in(throws: u32) -> Self {
        Self(throws)
    }
}

/// The dice of one run, shared by everything in it.
#[derive(Clone, Debug)]
pub struct Dice(Arc<Mutex<Rng>>);

impl Dice {
    /// The dice of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Rng::with_seed(seed))))
    }

    fn throw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether something of these odds happens now.
    #[must_use]
    pub fn happens(&self, odds: Odds) -> bool {
        odds.0 > 0 && self.throw(|rng| rng.u32(..odds.0)) == 0
    }

    /// A number below the bound; 0 when the bound is 0.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.throw(|rng| rng.usize(..bound)) }
    }

    /// A time up to the bound, short ones as likely as long ones by their order of magnitude: most waits are short, and
    /// some are not.
    #[must_use]
    pub fn time_up_to(&self, bound: Duration) -> Duration {
        let bits = 64 - u64::try_from(bound.as_millis()).unwrap_or(u64::MAX).leading_zeros();
        let milliseconds = self.throw(|rng| {
            let bits = rng.u32(..=bits);
            if bits == 0 { 0 } else { rng.u64(..1 << bits.min(63)) }
        });
        Duration::from_millis(milliseconds).min(bound)
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
