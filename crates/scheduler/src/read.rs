//! Reading JSON: the version first, then the rest, with the line, the column and the path of whatever does not fit.

use scheduler_core::{Plan, RuleSet, Snapshot, SnapshotVersion};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::failure::Failure;
use crate::source::Source;

/// What a file is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Snapshot,
    Plan,
    Rules,
}

impl Expected {
    const fn word(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Plan => "plan",
            Self::Rules => "rule set",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Snapshot => "scheduler schema snapshot",
            Self::Plan => "scheduler schema plan",
            Self::Rules => "scheduler schema rules",
        }
    }
}

/// Reads a snapshot.
pub(crate) fn snapshot(source: &Source) -> Result<Snapshot, Failure> {
    snapshot_of(source, &source.read()?)
}

/// Reads a snapshot from bytes that are at hand.
pub(crate) fn snapshot_of(source: &Source, bytes: &[u8]) -> Result<Snapshot, Failure> {
    check_version(source, bytes, Expected::Snapshot)?;
    json(source, bytes, Expected::Snapshot)
}

/// Reads a plan.
pub(crate) fn plan(source: &Source) -> Result<Plan, Failure> {
    let bytes = source.read()?;
    check_version(source, &bytes, Expected::Plan)?;
    json(source, &bytes, Expected::Plan)
}

/// A preset by its name, or a rule set from a file.
pub(crate) fn rules(argument: &str) -> Result<RuleSet, Failure> {
    let presets = [RuleSet::tower_2018(), RuleSet::awx_2024()];
    if let Some(preset) = presets.into_iter().find(|preset| preset.name == argument) {
        return Ok(preset);
    }
    let Ok(source) = argument.parse::<Source>();
    let bytes = source.read().map_err(|failure| {
        failure
            .remedy("rule sets are `tower-2018`, `awx-2024`, or a file as `scheduler rules --json` prints it")
    })?;
    json(&source, &bytes, Expected::Rules)
}

/// The parts by which the two versioned formats are told apart.
#[derive(Deserialize)]
struct Head {
    version: Option<serde_json::Value>,
    now: Option<IgnoredAny>,
    decisions: Option<IgnoredAny>,
}

/// A file of another version has other fields too, so the version must be judged before any of them.
fn check_version(source: &Source, bytes: &[u8], expected: Expected) -> Result<(), Failure> {
    let head: Head = json(source, bytes, expected)?;
    let word = expected.word();
    let number = SnapshotVersion::NUMBER;
    let mistaken = match expected {
        Expected::Snapshot if head.now.is_none() && head.decisions.is_some() => Some("plan"),
        Expected::Plan if head.decisions.is_none() && head.now.is_some() => Some("snapshot"),
        _ => None,
    };
    if let Some(other) = mistaken {
        return Err(Failure::new(format!("{source}: this is a {other}, not a {word}"))
            .remedy("`scheduler audit` takes the snapshot first, then the plan"));
    }
    match head.version {
        Some(version) if version == number => Ok(()),
        Some(version) => Err(Failure::new(format!(
            "{source}: version: this is a {word} of version {version}; this program reads version {number}"
        ))
        .remedy(format!("write the {word} in version {number}, as `{}` describes it", expected.command()))),
        None => Err(Failure::new(format!("{source}: version: missing; a {word} states its version first"))
            .remedy(format!("add `\"version\": {number}` if it is what `{}` describes", expected.command()))),
    }
}

/// Reads one JSON value; every error names its place.
fn json<T: DeserializeOwned>(source: &Source, bytes: &[u8], expected: Expected) -> Result<T, Failure> {
    let word = format!("a {}", expected.word());
    let see = format!("`{}` describes the format", expected.command());
    parse(source, bytes, &word).map_err(|failure| failure.or_remedy(see))
}

/// Reads one JSON value of any format.
pub(crate) fn parse<T: DeserializeOwned>(source: &Source, bytes: &[u8], word: &str) -> Result<T, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::new(format!("{source}: is empty; expected {word} as JSON")));
    }
    // The derived readers would take a list for an object, field by field.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|&first| first != b'{') {
        return Err(Failure::new(format!(
            "{source}: does not begin with `{{`; expected {word} as a JSON object"
        )));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        misfit(source, bytes, &path, &error.into_inner(), word)
    })?;
    reader.end().map_err(|error| misfit(source, bytes, ".", &error, word))?;
    Ok(value)
}

fn misfit(source: &Source, bytes: &[u8], path: &str, error: &serde_json::Error, word: &str) -> Failure {
    let (line, column) = match error.classify() {
        Category::Eof => end_of(bytes),
        _ => (error.line(), error.column()),
    };
    // serde_json repeats the place at the end of its words.
    let words = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let words = words.strip_suffix(&suffix).unwrap_or(&words);
    let place = if line == 0 { source.to_string() } else { format!("{source}:{line}:{column}") };
    // The path of the whole is `.`, and where text ends or breaks off there is nothing to name with `?`.
    let path = match path {
        "." | "?" => String::new(),
        path => format!("{}: ", path.trim_end_matches(".?")),
    };
    match error.classify() {
        Category::Eof => {
            Failure::new(format!("{place}: {path}the text ends too early ({words}); expected {word}"))
                .remedy("the file seems truncated: write or fetch it again")
        }
        Category::Syntax => Failure::new(format!("{place}: {path}{words}"))
            .remedy(format!("this is not valid JSON; expected {word}")),
        Category::Data | Category::Io => Failure::new(format!("{place}: {path}{words}")),
    }
}

/// The line and the column of the last character, where a truncated text broke off.
fn end_of(bytes: &[u8]) -> (usize, usize) {
    let text = bytes.trim_ascii_end();
    let line = text.iter().filter(|&&byte| byte == b'\n').count() + 1;
    (line, text.iter().rev().take_while(|&&byte| byte != b'\n').count())
}
