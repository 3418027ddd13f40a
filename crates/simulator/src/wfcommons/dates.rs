//! The dates of a run, as real files write them.
//!
//! A date only places the run on the calendar, so that none refuses a file: what cannot be read, or had to be guessed at, is
//! counted and said once.

use std::fmt;

use chrono::DateTime;
use scheduler_core::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What stands where a date is expected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing.
    #[default]
    Nothing,
    /// A text, which may be a date.
    Text(String),
    /// Something that cannot be one.
    Other,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyWritten)
    }
}

struct AnyWritten;

impl<'de> Visitor<'de> for AnyWritten {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date")
    }

    fn visit_str<E>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Written, E> {
        Ok(Written::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Written, E> {
        Ok(Written::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Written, E> {
        Ok(Written::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Written, E> {
        Ok(Written::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Written, E> {
        Ok(Written::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Written, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Written::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Written::Other)
    }
}

/// Reads dates, and remembers what there is to say of them.
#[derive(Debug, Default)]
pub(super) struct Dates {
    month_first: Said,
    unreadable: Said,
}

/// How often something was met, and where first.
#[derive(Debug, Default)]
struct Said {
    times: usize,
    first: String,
}

impl Said {
    fn once_more(&mut self, place: &str, text: &str) {
        self.times = self.times.saturating_add(1);
        if self.times == 1 {
            let text: String = text.chars().take(40).collect();
            self.first = format!("{place}: `{text}`");
        }
    }

    fn remark(&self, words: &str) -> Option<String> {
        match self.times {
            0 => None,
            1 => Some(format!("{} {words}", self.first)),
            times => Some(format!("{} {words}, and so {} more", self.first, times - 1)),
        }
    }
}

impl Dates {
    /// The date at a place, if there is one that can be read.
    pub(super) fn read(&mut self, place: &str, written: &Written) -> Option<Timestamp> {
        let text = match written {
            Written::Nothing => return None,
            Written::Text(text) => text.as_str(),
            Written::Other => "",
        };
        if let Some(at) = usual(text) {
            return Some(at);
        }
        let at = month_first(text);
        let said = if at.is_some() { &mut self.month_first } else { &mut self.unreadable };
        said.once_more(place, text);
        at
    }

    /// What there is to say.
    pub(super) fn remarks(&self) -> Vec<String> {
        let all = [
            self.month_first.remark("is read as month, day, year"),
            self.unreadable.remark("is no date and is left out"),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Files write the offset with or without a colon.
fn usual(text: &str) -> Option<Timestamp> {
    let parsed =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y%m%dT%H%M%S%z"));
    let parsed = parsed.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    parsed.ok().map(|time| time.to_utc())
}

/// `03-23-21T06:04:36Z`, as a fifth of the files of the public collection write it.
fn month_first(text: &str) -> Option<Timestamp> {
    let offset = text.strip_suffix('Z').map_or_else(|| text.to_owned(), |text| format!("{text}+0000"));
    DateTime::parse_from_str(&offset, "%m-%d-%yT%H:%M:%S%.f%z").ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Written {
        Written::Text(text.to_owned())
    }

    #[test]
    fn dates_are_read_as_the_real_files_write_them() {
        for usual in ["20200401T035043+0000", "2023-03-21T13:21:06-10:00", "2023-03-21T13:21:06.5-1000"] {
            let mut dates = Dates::default();
            assert!(dates.read("here", &text(usual)).is_some(), "{usual}");
            assert!(dates.remarks().is_empty());
        }
    }

    #[test]
    fn a_date_with_the_month_first_is_read_and_said() {
        let mut dates = Dates::default();
        let at = dates.read("executedAt", &text("03-23-21T06:04:36Z")).unwrap();
        assert_eq!(at.to_rfc3339(), "2021-03-23T06:04:36+00:00");
        assert_eq!(dates.remarks(), ["executedAt: `03-23-21T06:04:36Z` is read as month, day, year"]);
    }

    #[test]
    fn what_is_no_date_is_left_out_and_said_once() {
        let mut dates = Dates::default();
        let none =
            [r#""yesterday""#, "7", "-1.5", "true", "[1, [2]]", r#"{"a": {}}"#, r#""23-03-2021T06:04:36Z""#];
        for json in none {
            let written: Written = serde_json::from_str(json).unwrap();
            assert_eq!(dates.read("there", &written), None, "{json}");
        }
        assert_eq!(dates.read("there", &serde_json::from_str("null").unwrap()), None);
        assert_eq!(dates.remarks(), ["there: `yesterday` is no date and is left out, and so 6 more"]);
    }
}
