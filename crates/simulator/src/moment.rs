//! Virtual time: moments in whole milliseconds.

use std::fmt;
use std::num::NonZeroI64;

use chrono::TimeDelta;
pub use definition::Span;
use scheduler_core::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment of virtual time, in milliseconds since the workload began. A moment before that is negative.
///
/// Kept as a number that is never zero, so that a moment that may be missing takes no more memory than one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub struct Moment(NonZeroI64);

impl Moment {
    /// When the workload begins.
    pub const START: Self = Self::from_millis(0);
    /// A moment that never comes.
    pub const NEVER: Self = Self::from_millis(i64::MAX);

    /// So many milliseconds after the beginning.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        // From 0 on a moment is kept as one more, so that their order is that of the numbers.
        let kept = if millis >= 0 { millis.saturating_add(1) } else { millis };
        match NonZeroI64::new(kept) {
            Some(kept) => Self(kept),
            None => Self(NonZeroI64::MIN),
        }
    }

    /// So many seconds after the beginning.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the beginning.
    #[must_use]
    pub const fn millis(self) -> i64 {
        let kept = self.0.get();
        if kept > 0 { kept - 1 } else { kept }
    }

    /// Seconds since the beginning.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a number for people, and for sums over a whole run")]
    pub const fn seconds(self) -> f64 {
        self.millis() as f64 / 1000.0
    }

    /// So much later.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self::from_millis(self.millis().saturating_add_unsigned(span.millis()))
    }

    /// How long after an earlier moment; nothing when that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let (this, earlier) = (self.millis(), earlier.millis());
        Span::from_millis(if this > earlier { this.abs_diff(earlier) } else { 0 })
    }

    /// On the calendar, for a workload that began then. A moment too far away becomes the beginning itself.
    #[must_use]
    pub fn on_calendar(self, start: Timestamp) -> Timestamp {
        TimeDelta::try_milliseconds(self.millis())
            .and_then(|delta| start.checked_add_signed(delta))
            .unwrap_or(start)
    }

    /// Of a moment on the calendar, for a workload that began at `start`.
    #[must_use]
    pub fn of(time: Timestamp, start: Timestamp) -> Self {
        Self::from_millis(time.signed_duration_since(start).num_milliseconds())
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::START
    }
}

impl From<i64> for Moment {
    fn from(millis: i64) -> Self {
        Self::from_millis(millis)
    }
}

impl From<Moment> for i64 {
    fn from(moment: Moment) -> Self {
        moment.millis()
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Moment({} ms)", self.millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_go_to_the_calendar_and_back() {
        let start = Timestamp::UNIX_EPOCH;
        let moment = Moment::from_millis(1_500);
        assert_eq!(Moment::of(moment.on_calendar(start), start), moment);
        assert_eq!(moment.since(Moment::from_seconds(1)), Span::from_millis(500));
        assert_eq!(Moment::START.since(moment), Span::ZERO);
        assert_eq!(Moment::NEVER.on_calendar(start), start);
        let moments = [i64::MIN, -2, -1, 0, 1, 2].map(Moment::from_millis);
        assert!(
            moments.is_sorted() && moments.iter().all(|&moment| Moment::from(i64::from(moment)) == moment)
        );
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }
}
