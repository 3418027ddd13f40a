//! Seconds, run times and endings as people write them.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use crate::{Endings, RunTime, Span};

/// Seconds from 0 on, whole or not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SecondsEntry(pub f64);

impl SecondsEntry {
    /// As a length of time.
    #[must_use]
    pub fn span(self) -> Span {
        Span::from_seconds(self.0)
    }
}

fn seconds<E: Error>(number: f64) -> Result<SecondsEntry, E> {
    if (0.0..=1e10).contains(&number) {
        Ok(SecondsEntry(number))
    } else {
        Err(E::custom(format!("{number} is no length of time; expected seconds from 0 to 10000000000")))
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = SecondsEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, a number from 0")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<SecondsEntry, E> {
        seconds(number)
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the number is refused anyway")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<SecondsEntry, E> {
        seconds(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the number is refused anyway")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<SecondsEntry, E> {
        seconds(number as f64)
    }
}

impl<'de> Deserialize<'de> for SecondsEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

/// A run time: seconds, or a distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct RunTimeEntry(pub RunTime);

/// A distribution of run times, in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawn {
    /// The shortest and the longest.
    Uniform(SecondsEntry, SecondsEntry),
    /// The mean.
    Exponential(SecondsEntry),
    /// The median, and how far they spread.
    LogNormal {
        /// Half of them are shorter.
        median: SecondsEntry,
        /// The standard deviation of the logarithm, from 0 to 5.
        spread: f64,
    },
    /// Any of these.
    Empirical(Vec<SecondsEntry>),
}

impl TryFrom<Drawn> for RunTime {
    type Error = &'static str;

    fn try_from(drawn: Drawn) -> Result<Self, &'static str> {
        Ok(match drawn {
            Drawn::Uniform(from, to) if from.0 > to.0 => return Err("`uniform` names the shortest first"),
            Drawn::Uniform(from, to) => Self::Uniform { from: from.span(), to: to.span() },
            Drawn::Exponential(mean) => Self::Exponential { mean: mean.span() },
            Drawn::LogNormal { spread, .. } if !(0.0..=5.0).contains(&spread) => {
                return Err("`spread` is a number from 0 to 5");
            }
            Drawn::LogNormal { median, spread } => Self::LogNormal { median: median.span(), sigma: spread },
            Drawn::Empirical(seen) if seen.is_empty() => {
                return Err("`empirical` names at least one run time");
            }
            Drawn::Empirical(seen) => Self::Empirical(seen.into_iter().map(SecondsEntry::span).collect()),
        })
    }
}

struct RunTimeVisitor;

impl<'de> Visitor<'de> for RunTimeVisitor {
    type Value = RunTimeEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "seconds, or one of { exponential = … }, { uniform = [from, to] }, \
             { log_normal = { median = …, spread = … } }, { empirical = [ … ] }",
        )
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<RunTimeEntry, E> {
        seconds(number).map(|entry| RunTimeEntry(RunTime::Fixed(entry.span())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RunTimeEntry, E> {
        SecondsVisitor.visit_i64(number).map(|entry| RunTimeEntry(RunTime::Fixed(entry.span())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RunTimeEntry, E> {
        SecondsVisitor.visit_u64(number).map(|entry| RunTimeEntry(RunTime::Fixed(entry.span())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RunTimeEntry, A::Error> {
        let drawn = Drawn::deserialize(MapAccessDeserializer::new(map))?;
        RunTime::try_from(drawn).map(RunTimeEntry).map_err(A::Error::custom)
    }
}

impl<'de> Deserialize<'de> for RunTimeEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RunTimeVisitor)
    }
}

/// The shares of tasks that do not end well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Shares")]
pub struct EndingsEntry(pub Endings);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    #[serde(default)]
    failed: f64,
    #[serde(default)]
    error: f64,
    #[serde(default)]
    canceled: f64,
}

impl TryFrom<Shares> for EndingsEntry {
    type Error = &'static str;

    fn try_from(Shares { failed, error, canceled }: Shares) -> Result<Self, &'static str> {
        let shares = [failed, error, canceled];
        if shares.iter().all(|share| (0.0..=1.0).contains(share)) && shares.iter().sum::<f64>() <= 1.0 {
            Ok(Self(Endings { failed, error, canceled }))
        } else {
            Err("`failed`, `error` and `canceled` are shares from 0 to 1, together at most 1")
        }
    }
}
