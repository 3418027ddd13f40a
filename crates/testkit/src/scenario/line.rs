//! One line of a scenario as words, and errors that name its place.

use core::fmt;
use std::collections::VecDeque;

use chrono::TimeDelta;
use scheduler_core::{Outcome, Timestamp};

/// The moment of every scenario's pass: 2026-01-01, midnight.
pub(super) fn now() -> Timestamp {
    Timestamp::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

/// What is wrong with a scenario file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl core::error::Error for ParseError {}

/// The words of one line that are still to be read.
pub(super) struct Line<'a> {
    file: &'a str,
    number: usize,
    words: VecDeque<String>,
}

impl<'a> Line<'a> {
    /// Splits at white space, quoted words kept whole, up to a comment.
    pub(super) fn new(file: &'a str, number: usize, text: &str) -> Self {
        let mut words = VecDeque::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next().filter(|&first| first != '#') {
            let (word, after) = if first == '"' {
                rest.get(1..).and_then(|quoted| quoted.split_once('"')).unwrap_or((rest, ""))
            } else {
                rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
            };
            words.push_back(word.to_owned());
            rest = after.trim_start();
        }
        Self { file, number, words }
    }

    /// An error at this line.
    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { file: self.file.to_owned(), line: self.number, message: message.into() }
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// The next word, left where it is.
    pub(super) fn peek(&self) -> Option<String> {
        self.words.front().cloned()
    }

    /// The next word if it is this one.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let found = self.words.front().is_some_and(|next| next == word);
        if found {
            self.words.pop_front();
        }
        found
    }

    /// The next word; `what` tells people what belongs here.
    pub(super) fn word(&mut self, what: &str) -> Result<String, ParseError> {
        self.next().ok_or_else(|| self.error(format!("the line ends where {what} belongs")))
    }

    /// The next word as a number.
    pub(super) fn number<N: core::str::FromStr>(&mut self, what: &str) -> Result<N, ParseError> {
        let word = self.word(what)?;
        word.parse().map_err(|_| self.error(format!("`{word}` stands where {what} belongs")))
    }

    /// The next words, as far as they are numbers.
    pub(super) fn numbers(&mut self) -> Vec<i64> {
        let mut numbers = Vec::new();
        while let Some(number) = self.words.front().and_then(|word| word.parse().ok()) {
            numbers.push(number);
            self.words.pop_front();
        }
        numbers
    }

    /// The next word as a length of time: `60s`.
    pub(super) fn seconds(&mut self, what: &str) -> Result<u32, ParseError> {
        let word = self.word(what)?;
        let seconds = word.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
        seconds.ok_or_else(|| self.error(format!("`{word}` stands where {what} belongs, as in `60s`")))
    }

    /// The next word as a moment: `-60s`, `+5s` or `now`.
    pub(super) fn time(&mut self, what: &str) -> Result<Timestamp, ParseError> {
        let word = self.word(what)?;
        moment(&word)
            .ok_or_else(|| self.error(format!("`{word}` stands where {what} belongs, as in `-60s` or `now`")))
    }

    /// The next word as a moment, if it is one.
    pub(super) fn maybe_time(&mut self) -> Option<Timestamp> {
        let time = self.words.front().and_then(|word| moment(word))?;
        self.words.pop_front();
        Some(time)
    }

    /// The next word as the end of a task.
    pub(super) fn outcome(&mut self) -> Result<Outcome, ParseError> {
        let word = self.word("an outcome")?;
        outcome(&word).ok_or_else(|| self.error(format!("`{word}` is no outcome")))
    }

    /// Refuses what nobody has read.
    pub(super) fn done(&mut self) -> Result<(), ParseError> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(self.error(format!("`{word}` means nothing here"))),
        }
    }
}

/// How a task ended, by its word.
pub(super) fn outcome(word: &str) -> Option<Outcome> {
    [Outcome::Successful, Outcome::Failed, Outcome::Error, Outcome::Canceled]
        .into_iter()
        .find(|outcome| outcome.to_string() == word)
}

fn moment(word: &str) -> Option<Timestamp> {
    if word == "now" {
        return Some(now());
    }
    if !word.starts_with(['-', '+']) {
        return None;
    }
    let seconds = word.strip_suffix('s')?.parse().ok()?;
    now().checked_add_signed(TimeDelta::try_seconds(seconds)?)
}

/// A moment in a rendered plan: relative to the pass, as it was written.
pub(super) fn relative(time: Timestamp) -> String {
    match time.signed_duration_since(now()).num_seconds() {
        0 => "now".to_owned(),
        seconds => format!("{seconds:+}s"),
    }
}
