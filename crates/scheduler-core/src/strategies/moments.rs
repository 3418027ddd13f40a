//! Moments and lengths of time that meet exactly on their limits.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use proptest::sample::select;

use crate::{Seconds, Timestamp};

/// The `now` of every generated snapshot, planted flaws aside.
#[must_use]
pub fn now() -> Timestamp {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Lengths in milliseconds: each of [`LENGTHS`], a little less and a little more.
const AGES: &[i64] = &[
    0, 1_000, 1_000, 2_000, 2_000, 3_000, 5_000, 6_000, 500, 59_000, 60_000, 60_001, 61_000, 119_000,
    120_000, 120_500, 121_000, 600_000, -2_000,
];

/// Lengths in seconds, for timeouts and graces.
const LENGTHS: &[u32] = &[0, 1, 2, 5, 60, 120];

/// A moment before now, rarely after.
pub(super) fn moment() -> impl Strategy<Value = Timestamp> {
    select(AGES).prop_map(ago)
}

/// The moment so many milliseconds before now.
pub(super) fn ago(milliseconds: i64) -> Timestamp {
    now() - TimeDelta::milliseconds(milliseconds)
}

/// A length of time that generated moments lie just before, on, and just after.
pub(super) fn length() -> impl Strategy<Value = Seconds> {
    select(LENGTHS).prop_map(Seconds::new)
}
