//! Lengths of time, run times and endings as people write them.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Span;

/// A length of time, written in seconds from 0 on, whole or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Span);

impl Length {
    fn of<E: Error>(seconds: f64) -> Result<Self, E> {
        if (0.0..=1e10).contains(&seconds) {
            Ok(Self(Span::from_seconds(seconds)))
        } else {
            Err(E::custom(format!("{seconds} is no length of time; expected seconds from 0 to 10000000000")))
        }
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.seconds())
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LengthVisitor)
    }
}

struct LengthVisitor;

impl Visitor<'_> for LengthVisitor {
    type Value = Length;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, a number from 0")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Length, E> {
        Length::of(number)
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the number is refused anyway")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Length, E> {
        Length::of(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the number is refused anyway")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Length, E> {
        Length::of(number as f64)
    }
}

/// How long tasks run: a number of seconds, or a distribution that each task draws from.
#[derive(Clone, Debug, PartialEq)]
pub enum RunTime {
    /// Always as long.
    Fixed(Span),
    /// Anything between the two, all alike.
    Uniform {
        /// The shortest.
        from: Span,
        /// The longest.
        to: Span,
    },
    /// Often short, seldom long, without memory.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// Half of them shorter than the median, with a long tail: what run times of batch jobs look like.
    LogNormal {
        /// The median.
        median: Span,
        /// The standard deviation of the logarithm: 0 is fixed, 1 a long tail, 2 a very long one.
        sigma: f64,
    },
    /// One of these, all alike.
    Empirical(Arc<[Span]>),
}

impl RunTime {
    /// The mean: what a rough estimate of a workload's length goes by.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn mean(&self) -> Span {
        match self {
            Self::Fixed(span) | Self::Exponential { mean: span } => *span,
            Self::Uniform { from, to } => {
                Span::from_millis((from.millis() / 2).saturating_add(to.millis() / 2))
            }
            Self::LogNormal { median, sigma } => {
                Span::from_seconds(median.seconds() * (sigma * sigma / 2.0).exp())
            }
            Self::Empirical(seen) => {
                let sum: f64 = seen.iter().map(|span| span.seconds()).sum();
                Span::from_seconds(sum / seen.len().max(1) as f64)
            }
        }
    }
}

/// A distribution of run times as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Uniform(Length, Length),
    Exponential(Length),
    LogNormal { median: Length, spread: f64 },
    Empirical(Vec<Length>),
}

impl TryFrom<Written> for RunTime {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        Ok(match written {
            Written::Uniform(from, to) if from > to => return Err("`uniform` names the shortest first"),
            Written::Uniform(from, to) => Self::Uniform { from: from.0, to: to.0 },
            Written::Exponential(mean) => Self::Exponential { mean: mean.0 },
            Written::LogNormal { spread, .. } if !(0.0..=5.0).contains(&spread) => {
                return Err("`spread` is a number from 0 to 5");
            }
            Written::LogNormal { median, spread } => Self::LogNormal { median: median.0, sigma: spread },
            Written::Empirical(seen) if seen.is_empty() => {
                return Err("`empirical` names at least one run time");
            }
            Written::Empirical(seen) => Self::Empirical(seen.into_iter().map(|length| length.0).collect()),
        })
    }
}

impl Serialize for RunTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(span) => return Length(*span).serialize(serializer),
            Self::Uniform { from, to } => Written::Uniform(Length(*from), Length(*to)),
            Self::Exponential { mean } => Written::Exponential(Length(*mean)),
            Self::LogNormal { median, sigma } => {
                Written::LogNormal { median: Length(*median), spread: *sigma }
            }
            Self::Empirical(seen) => Written::Empirical(seen.iter().copied().map(Length).collect()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RunTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RunTimeVisitor)
    }
}

struct RunTimeVisitor;

impl<'de> Visitor<'de> for RunTimeVisitor {
    type Value = RunTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "seconds, or one of { exponential = … }, { uniform = [from, to] }, \
             { log_normal = { median = …, spread = … } }, { empirical = [ … ] }",
        )
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<RunTime, E> {
        LengthVisitor.visit_f64(number).map(|length| RunTime::Fixed(length.0))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RunTime, E> {
        LengthVisitor.visit_i64(number).map(|length| RunTime::Fixed(length.0))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RunTime, E> {
        LengthVisitor.visit_u64(number).map(|length| RunTime::Fixed(length.0))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RunTime, A::Error> {
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        RunTime::try_from(written).map_err(A::Error::custom)
    }
}

/// How often tasks end how, in shares from 0 to 1; what is left to 1 is successful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Shares")]
pub struct Endings {
    /// The share that fails.
    pub failed: f64,
    /// The share that could not run.
    pub error: f64,
    /// The share that is canceled while it runs.
    pub canceled: f64,
}

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

impl TryFrom<Shares> for Endings {
    type Error = &'static str;

    fn try_from(Shares { failed, error, canceled }: Shares) -> Result<Self, &'static str> {
        let shares = [failed, error, canceled];
        if shares.iter().all(|share| (0.0..=1.0).contains(share)) && shares.iter().sum::<f64>() <= 1.0 {
            Ok(Self { failed, error, canceled })
        } else {
            Err("`failed`, `error` and `canceled` are shares from 0 to 1, together at most 1")
        }
    }
}
