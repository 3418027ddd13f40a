//! Where chance comes from: one number, from which everything that is drawn follows.

use serde::{Deserialize, Serialize};

/// The number from which all draws of a run follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(u64);

impl Seed {
    /// This number.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The numbers that belong to one thing, a task for example: always the same, and unlike those of any other thing.
    #[must_use]
    pub fn numbers(self, of: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(mix(mix(self.0) ^ of))
    }
}

/// SplitMix64's finalizer: near seeds give far numbers.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
