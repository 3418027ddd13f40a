//! Reading the lines of a log.

use scheduler_core::Forks;

use crate::failure::Failure;
use crate::source::Source;

/// A log: what its comments say of the machine, and its jobs.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// When it began, in seconds since 1970.
    pub(super) unix_start: i64,
    /// `MaxProcs`, or else `MaxNodes`.
    max_processors: Option<u32>,
    /// The jobs, as they stand.
    pub(super) jobs: Vec<Job>,
}

/// A job, as far as an import needs it. Times are seconds since the log began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// Its number in the log.
    pub(super) number: i64,
    /// When it came.
    pub(super) submitted: i64,
    /// How long it waited, if that is known.
    pub(super) waited: Option<i64>,
    /// How long it ran, if that is known.
    ran: Option<i64>,
    /// How many processors it got, or else asked for.
    processors: Option<u32>,
    /// The number of its application.
    pub(super) application: Option<i64>,
    /// The job that it had to wait for.
    pub(super) preceding: Option<i64>,
}

impl Job {
    /// When it started; a log without waits means by "submitted" when it started.
    pub(super) fn started(&self) -> i64 {
        self.submitted.saturating_add(self.waited.unwrap_or(0))
    }

    /// When it ended; one that never ran ended as it started.
    pub(super) fn ended(&self) -> i64 {
        self.started().saturating_add(self.ran.unwrap_or(0))
    }

    /// Its processors; at least one.
    pub(super) fn impact(&self) -> Forks {
        Forks::new(self.processors.unwrap_or(1))
    }
}

/// The eighteen fields of a line.
const FIELDS: usize = 18;

impl Log {
    /// Reads a log.
    pub(super) fn read(source: &Source) -> Result<Self, Failure> {
        let bytes = source.read()?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|&&byte| byte == b'\n').count() + 1;
            Failure::new(format!("{source}:{line}: not text (the bytes are not UTF-8)"))
                .remedy("expected a log in the Standard Workload Format")
        })?;
        Self::parse(text).map_err(|misfit| {
            Failure::new(format!("{source}:{misfit}"))
                .remedy("a job is a line of 18 numbers, `-1` for what is not known; comments begin with `;`")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut log = Self::default();
        for (line, number) in text.lines().zip(1_usize..) {
            let trimmed = line.trim();
            if let Some(comment) = trimmed.strip_prefix(';') {
                log.comment(comment).map_err(|what| format!("{number}:1: {what}"))?;
            } else if !trimmed.is_empty() {
                log.jobs.push(Line::split(line).job().map_err(|what| format!("{number}:{what}"))?);
            }
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
    pub(super) fn processors(&self) -> u32 {
        let largest = || self.jobs.iter().filter_map(|job| job.processors).max().unwrap_or(1);
        self.max_processors.filter(|&processors| processors > 0).unwrap_or_else(largest)
    }
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

    fn job(&self) -> Result<Job, String> {
        if self.0.len() != FIELDS {
            return Err(format!("1: a job has {FIELDS} fields, this line has {}", self.0.len()));
        }
        let positive = |number: i64| u32::try_from(number).ok().filter(|&number| number > 0);
        let (allocated, requested) =
            (self.known(5, "allocated processors")?, self.known(8, "requested processors")?);
        Ok(Job {
            number: self.number(1, "job number")?,
            submitted: self.number(2, "submit time")?,
            waited: self.known(3, "wait time")?,
            ran: self.known(4, "run time")?,
            processors: allocated.and_then(positive).or_else(|| requested.and_then(positive)),
            application: self.known(14, "application number")?,
            preceding: self.known(17, "preceding job number")?.filter(|&number| number > 0),
        })
    }

    /// A field, `None` for `-1`.
    fn known(&self, field: usize, meaning: &str) -> Result<Option<i64>, String> {
        Ok(Some(self.number(field, meaning)?).filter(|&number| number >= 0))
    }

    fn number(&self, field: usize, meaning: &str) -> Result<i64, String> {
        let (column, text) = self.0.get(field - 1).copied().unwrap_or((1, ""));
        text.parse().map_err(|_| {
            format!(
                "{column}: field {field} ({meaning}) is `{text}`, expected a whole number of at most 64 bits"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_does_not_fit_names_its_place() {
        let line = |text: &str| Log::parse(text).map(|log| log.jobs.len());
        let good = "1 0 -1 1451 128 -1 -1 -1 -1 -1 -1 1 1 7 -1 -1 -1 -1";
        assert_eq!(line(good), Ok(1));
        assert_eq!(line(&format!("; a comment\n\n{good}\n{good}\n")), Ok(2));
        let bad = format!("{good}\n{}", good.replace("1451", "abc"));
        assert_eq!(
            line(&bad),
            Err("2:8: field 4 (run time) is `abc`, expected a whole number of at most 64 bits".to_owned())
        );
        assert_eq!(line("1 2 3"), Err("1:1: a job has 18 fields, this line has 3".to_owned()));
        assert_eq!(
            line("; MaxProcs: many"),
            Err("1:1: MaxProcs: expected a whole number, found `many`".to_owned())
        );
    }
}
