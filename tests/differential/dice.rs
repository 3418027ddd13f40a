//! Numbers that all follow from one, and what they choose.

use scheduler_core::Timestamp;

/// The moment of every pass, in seconds.
pub(crate) const NOW: i64 = 1000;

pub(crate) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Numbers that follow from the first one (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    pub(crate) fn from(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(u64::from(last - first) + 1) as u32
    }

    pub(crate) fn id<T: From<i64>>(&mut self, last: u32) -> T {
        i64::from(self.from(1, last)).into()
    }

    /// True in one case of so many.
    pub(crate) fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }

    pub(crate) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    pub(crate) fn maybe<T>(&mut self, none_in: u64, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.one_in(none_in) { None } else { Some(some(self)) }
    }

    pub(crate) fn several<T>(&mut self, most: u32, mut each: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.from(0, most)).map(|_| each(self)).collect()
    }
}
