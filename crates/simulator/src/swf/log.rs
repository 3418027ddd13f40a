//! Reading the lines of a log.

use scheduler_core::Forks;

use crate::Span;
use crate::format_error::{FormatError, place_of};

/// A log: what its comments say of the machine, and its jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// When it began, in seconds since 1970.
    pub unix_start: i64,
    /// `MaxProcs`, or else `MaxNodes`.
    max_processors: Option<u32>,
    /// The jobs, as they stand.
    pub jobs: Vec<Job>,
}

/// A job, as far as it is needed here. Times are seconds since the log began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number in the log.
    pub number: i64,
    /// When it came.
    pub submitted: i64,
    /// How long it waited, if that is known.
    pub waited: Option<i64>,
    /// How long it ran, if that is known.
    ran: Option<i64>,
    /// How many processors it got, or else asked for.
    processors: Option<u32>,
    /// The number of its application.
    pub application: Option<i64>,
    /// The job that it had to wait for.
    pub preceding: Option<i64>,
}

impl Job {
    /// When it started; a log without waits means by "submitted" when it started.
    #[must_use]
    pub fn started(&self) -> i64 {
        self.submitted.saturating_add(self.waited.unwrap_or(0))
    }

    /// When it ended; one that never ran ended as it started.
    #[must_use]
    pub fn ended(&self) -> i64 {
        self.started().saturating_add(self.ran.unwrap_or(0))
    }

    /// How long it ran; one that never ran took no time.
    #[must_use]
    pub fn ran(&self) -> Span {
        Span::from_whole_seconds(u64::try_from(self.ran.unwrap_or(0)).unwrap_or(0))
    }

    /// Its processors; at least one.
    #[must_use]
    pub fn impact(&self) -> Forks {
        Forks::new(self.processors.unwrap_or(1))
    }
}

/// The eighteen fields of a line.
const FIELDS: usize = 18;

impl Log {
    /// Reads a log.
    ///
    /// # Errors
    ///
    /// With the line and the column of the first thing that is no part of a log, or when there is no job in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let place = place_of(bytes, error.valid_up_to());
            FormatError::at(
                place,
                "not text (the bytes are not UTF-8)",
                "expected a log in the Standard Workload Format",
            )
        })?;
        let mut log = Self::default();
        for (line, number) in text.lines().zip(1_usize..) {
            let trimmed = line.trim();
            if let Some(comment) = trimmed.strip_prefix(';') {
                log.comment(comment).map_err(|what| misfit(number, (1, what)))?;
            } else if !trimmed.is_empty() {
                log.jobs.push(Line::split(line).job().map_err(|what| misfit(number, what))?);
            }
        }
        if log.jobs.is_empty() {
            return Err(FormatError::whole("there is no job in it", "choose a log with jobs, one a line"));
        }
        Ok(log)
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        let Some((label, value)) = comment.split_once(':') else { return Ok(()) };
        let (label, value) = (label.trim(), value.trim());
        let misfit = || format!("{label}: expected a whole number, found `{value}`");
        match label {
            "UnixStartTime" => self.unix_start = value.parse().map_err(|_| misfit())?,
            "MaxProcs" => self.max_processors = Some(value.parse().map_err(|_| misfit())?),
            "MaxNodes" if self.max_processors.is_none() => self.max_processors = value.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    /// The machine's processors; without a word about them, as many as its largest job had.
    #[must_use]
    pub fn processors(&self) -> u32 {
        let largest = || self.jobs.iter().filter_map(|job| job.processors).max().unwrap_or(1);
        self.max_processors.filter(|&processors| processors > 0).unwrap_or_else(largest)
    }
}

/// A column and what stands there.
type Misfit = (usize, String);

fn misfit(line: usize, (column, what): Misfit) -> FormatError {
    let remedy = "a job is a line of 18 numbers, `-1` for what is not known; comments begin with `;`";
    FormatError::at((line, column), what, remedy)
}

/// A line, cut into fields with their columns.
struct Line<'a>(Vec<(usize, &'a str)>);

impl<'a> Line<'a> {
    fn split(line: &'a str) -> Self {
        let mut fields = Vec::with_capacity(FIELDS);
        let mut from = None;
        for (position, letter) in line.char_indices().chain([(line.len(), ' ')]) {
            match (from, letter.is_whitespace()) {
                (None, false) => from = Some(position),
                (Some(start), true) => {
                    fields.push((start + 1, line.get(start..position).unwrap_or_default()));
                    from = None;
                }
                _ => {}
            }
        }
        Self(fields)
    }

    fn job(&self) -> Result<Job, Misfit> {
        if self.0.len() != FIELDS {
            return Err((1, format!("a job has {FIELDS} fields, this line has {}", self.0.len())));
        }
        let positive = |number: i64| u32::try_from(number).ok().filter(|&number| number > 0);
        let (allocated, requested) =
            (self.known(5, "allocated processors")?, self.known(8, "requested processors")?);
        Ok(Job {
            number: self.number(1, "job number")?,
            submitted: self.submitted()?,
            waited: self.known(3, "wait time")?,
            ran: self.known(4, "run time")?,
            processors: allocated.and_then(positive).or_else(|| requested.and_then(positive)),
            application: self.known(14, "application number")?,
            preceding: self.known(17, "preceding job number")?.filter(|&number| number > 0),
        })
    }

    fn submitted(&self) -> Result<i64, Misfit> {
        let seconds = self.number(2, "submit time")?;
        if seconds < 0 {
            let (column, text) = self.field(2);
            return Err((column, format!("field 2 (submit time) is `{text}`, expected a number from 0")));
        }
        Ok(seconds)
    }

    /// A field, `None` for `-1`.
    fn known(&self, field: usize, meaning: &str) -> Result<Option<i64>, Misfit> {
        let number = self.number(field, meaning)?;
        if number < -1 {
            let (column, text) = self.field(field);
            return Err((
                column,
                format!("field {field} ({meaning}) is `{text}`, expected -1 or a number from 0"),
            ));
        }
        Ok(Some(number).filter(|&number| number >= 0))
    }

    fn field(&self, field: usize) -> (usize, &'a str) {
        self.0.get(field - 1).copied().unwrap_or((1, ""))
    }

    fn number(&self, field: usize, meaning: &str) -> Result<i64, Misfit> {
        let (column, text) = self.field(field);
        text.parse().map_err(|_| {
            let what =
                format!("field {field} ({meaning}) is `{text}`, expected a whole number of at most 64 bits");
            (column, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_does_not_fit_names_its_place() {
        let line = |text: &str| {
            Log::parse(text.as_bytes()).map(|log| log.jobs.len()).map_err(|error| error.to_string())
        };
        let good = "1 0 -1 1451 128 -1 -1 -1 -1 -1 -1 1 1 7 -1 -1 -1 -1";
        assert_eq!(line(good), Ok(1));
        assert_eq!(line(&format!("; a comment\n\n{good}\n{good}\n")), Ok(2));
        let bad = format!("{good}\n{}", good.replace("1451", "abc"));
        assert_eq!(
            line(&bad),
            Err("2:8: field 4 (run time) is `abc`, expected a whole number of at most 64 bits".to_owned())
        );
        assert_eq!(
            line(&good.replace("1451", "-60")),
            Err("1:8: field 4 (run time) is `-60`, expected -1 or a number from 0".to_owned())
        );
        assert_eq!(line("1 2 3"), Err("1:1: a job has 18 fields, this line has 3".to_owned()));
        assert_eq!(
            line("; MaxProcs: many"),
            Err("1:1: MaxProcs: expected a whole number, found `many`".to_owned())
        );
        assert_eq!(line("; nothing"), Err("there is no job in it".to_owned()));
    }
}
