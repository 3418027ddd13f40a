//! Moments as people name them: how long ago, or a point on the calendar.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use scheduler_core::Timestamp;

/// A moment before now, or on the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So long before now, as the store's clock has it.
    Ago(TimeDelta),
    /// At this moment.
    At(Timestamp),
}

impl When {
    /// On the calendar.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now.checked_sub_signed(span).unwrap_or(Timestamp::MIN_UTC),
            Self::At(moment) => moment,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(span) = span(text) {
            return Ok(Self::Ago(span));
        }
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.with_timezone(&Utc)));
        }
        let formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
        let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let midnight = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
        let moment = local.or_else(midnight).map(|moment| moment.and_utc());
        moment.map(Self::At).ok_or_else(|| {
            format!(
                "{text:?} is no moment; write how long ago, as in 90min, 24h, 7d or 2w, or a time in UTC, as in \
                 2026-01-05, 2026-01-05 18:30 or 2026-01-05T18:30:00+01:00"
            )
        })
    }
}

/// How long ago something must have ended for nobody to need it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(TimeDelta);

/// What ended within the last hour is still being looked at.
const YOUNGEST: TimeDelta = TimeDelta::hours(1);

impl Age {
    /// How long that is.
    pub(crate) fn length(self) -> Duration {
        self.0.to_std().unwrap_or_default()
    }

    /// The moment so long before this one.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        When::Ago(self.0).resolve(now)
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match span(text) {
            Some(age) if age >= YOUNGEST => Ok(Self(age)),
            Some(_) => Err(format!(
                "{text} is too short, since people still look at what ended within the last hour; write at least 1h"
            )),
            None => {
                Err(format!("{text:?} is no length of time; write a number and a unit, as in 30d, 4w or 36h"))
            }
        }
    }
}

/// Nothing was longer ago than ten thousand years, in seconds.
const LONGEST: f64 = 10_000.0 * 366.0 * 86_400.0;

/// `24h`, `1.5h`, `90min`, `7d`.
fn span(text: &str) -> Option<TimeDelta> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim_start() {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * seconds;
    #[expect(clippy::cast_possible_truncation, reason = "below the longest span")]
    (seconds <= LONGEST).then(|| TimeDelta::milliseconds((seconds * 1000.0) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_named_as_people_do() {
        let now: Timestamp = "2026-01-05T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<When>().unwrap().resolve(now).to_rfc3339();
        assert_eq!(at("24h"), "2026-01-04T12:00:00+00:00");
        assert_eq!(at("1.5h"), "2026-01-05T10:30:00+00:00");
        assert_eq!(at("90min"), at("1.5h"));
        assert_eq!(at("2w"), at("14d"));
        assert_eq!(at("2026-01-03"), "2026-01-03T00:00:00+00:00");
        assert_eq!(at("2026-01-03 18:30"), "2026-01-03T18:30:00+00:00");
        assert_eq!(at("2026-01-03T18:30:00+01:00"), "2026-01-03T17:30:00+00:00");
    }

    #[test]
    fn an_age_is_a_span_of_at_least_an_hour() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let before = |text: &str| text.parse::<Age>().map(|age| age.before(now).to_rfc3339());
        assert_eq!(before("30d").as_deref(), Ok("2026-01-01T12:00:00+00:00"));
        assert_eq!(before("60min"), before("1h"));
        for short in ["0d", "59min", "1s"] {
            assert!(before(short).is_err_and(|why| why.contains("write at least 1h")), "{short}");
        }
        for wrong in ["", "30", "-30d", "2026-01-05", "a month", "99999999999w"] {
            assert!(before(wrong).is_err_and(|why| why.contains("as in 30d, 4w or 36h")), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_examples() {
        for text in
            ["", "yesterday", "24", "h", "-3h", "1.2.3h", "2026-13-01", "999999999999999999999w", "3 parsecs"]
        {
            let refused = text.parse::<When>();
            assert!(
                refused.as_ref().is_err_and(|why| why.contains("as in 90min, 24h")),
                "{text}: {refused:?}"
            );
        }
    }
}
