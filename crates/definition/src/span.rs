//! Lengths of time in whole milliseconds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A length of time, in milliseconds; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

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
}
