//! Virtual time: moments and lengths of time in whole milliseconds.

use std::fmt;
use std::num::NonZeroI64;

use chrono::TimeDelta;
use scheduler_core::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment of virtual time, in milliseconds since the workload began. A moment before that is negative.
///
/// Kept as a number that is never zero, so that a moment that may be missing takes no more memory than one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub struct Moment(NonZeroI64);

/// A length of virtual time, in milliseconds; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

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
        Self::from_millis(self.millis().saturating_add_unsigned(span.0))
    }

    /// How long after an earlier moment; nothing when that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let (this, earlier) = (self.millis(), earlier.millis());
        Span(if this > earlier { this.abs_diff(earlier) } else { 0 })
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

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// So many whole seconds.
    #[must_use]
    pub const fn from_whole_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// So many seconds, to the nearest millisecond; what is below zero or no number is no time at all.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates, and nothing negative is converted"
    )]
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds.max(0.0) * 1000.0).round() as u64)
    }

    /// Milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a number for people, and for sums over a whole run")]
    pub const fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// For people: `0.5 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let text = match seconds {
            _ if self.0 == 0 => "0 s".to_owned(),
            0..=9 if !self.0.is_multiple_of(1000) => format!("{:.1} s", self.seconds()),
            0..=59 => format!("{seconds} s"),
            60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
            3600..=86_399 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
            _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let text = |seconds: f64| Span::from_seconds(seconds).to_string();
        assert_eq!(text(0.0), "0 s");
        assert_eq!(text(0.5), "0.5 s");
        assert_eq!(text(12.0), "12 s");
        assert_eq!(text(200.0), "3 min 20 s");
        assert_eq!(text(7500.0), "2 h 5 min");
        assert_eq!(text(356_400.0), "4 d 3 h");
        assert_eq!(Span::from_seconds(-3.0), Span::ZERO);
        assert_eq!(Span::from_seconds(f64::NAN), Span::ZERO);
    }

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
