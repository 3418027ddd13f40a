//! Definitions in a file: TOML or JSON, told apart by the first character, since no TOML document begins with `{`.
//!
//! Every error names the file, the line and the column where there are any, the path in the document, and what to do. What
//! can be seen in the file alone is checked here, before any store is asked.

use std::ops::Range;

use control_plane::definition::{Definitions, Flaw, Flaws};
use serde::de::DeserializeOwned;

use super::document::Document;
use crate::failure::Failure;
use crate::read;
use crate::source::Source;

const FORMAT: &str =
    "`examples/cluster.toml` shows the format, and `crates/scheduler/FORMAT.md` describes it";

/// The most flaws of a file that are shown.
const FLAWS_SHOWN: usize = 20;

/// TOML is for what people write by hand.
const LARGEST_TOML: usize = 16 << 20;

/// Reads definitions and checks them as far as the file alone allows.
pub(crate) fn read(source: &Source) -> Result<Definitions, Failure> {
    let bytes = source.read()?;
    let definitions: Definitions =
        parse(source, &bytes, "definitions").map_err(|failure| failure.or_remedy(FORMAT))?;
    definitions.check().map_err(|flaws| {
        flawed(source, &bytes, &flaws).remedy("nothing was changed; mend the file and apply it again")
    })?;
    Ok(definitions)
}

/// The first flaws of a file that was read, each with its place.
pub(crate) fn flawed(source: &Source, bytes: &[u8], Flaws(flaws): &Flaws) -> Failure {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let document = Document::of(text);
    let located = |flaw: &Flaw| format!("{}: {flaw}", place(source, text, document.span(&flaw.place)));
    let mut lines: Vec<String> = flaws.iter().take(FLAWS_SHOWN).map(located).collect();
    if flaws.len() > FLAWS_SHOWN {
        lines.push(format!("and {} more", flaws.len() - FLAWS_SHOWN));
    }
    Failure::new(lines.join("\n       "))
}

/// Reads one value of any format that people write.
pub(crate) fn parse<T: DeserializeOwned>(source: &Source, bytes: &[u8], word: &str) -> Result<T, Failure> {
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        return read::parse(source, bytes, word);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = position(bytes, error.valid_up_to());
        Failure::new(format!("{source}:{line}:{column}: is not UTF-8"))
            .remedy(format!("expected {word} as TOML or JSON"))
    })?;
    if text.len() > LARGEST_TOML {
        return Err(Failure::new(format!(
            "{source}: {} MiB are too much for TOML, whose reader takes fifty times the size of a file",
            text.len() >> 20
        ))
        .remedy("write it as JSON, with the same fields: that takes a tenth of the memory"));
    }
    toml_value(source, text)
}

fn toml_value<T: DeserializeOwned>(source: &Source, text: &str) -> Result<T, Failure> {
    let reader = toml::Deserializer::parse(text).map_err(|error| {
        misfit(source, text, "", &error)
            .remedy("this is not valid TOML; mend the line, or write JSON instead")
    })?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        misfit(source, text, &path, &error.into_inner())
    })
}

fn misfit(source: &Source, text: &str, path: &str, error: &toml::de::Error) -> Failure {
    let place = place(source, text, error.span());
    let path = match path.trim_end_matches(".?") {
        "" | "." | "?" => String::new(),
        path => format!("{path}: "),
    };
    let words: Vec<&str> = error.message().lines().collect();
    Failure::new(format!("{place}: {path}{}", words.join("; ")))
}

fn place(source: &Source, text: &str, span: Option<Range<usize>>) -> String {
    match span {
        Some(span) => {
            let (line, column) = position(text.as_bytes(), span.start);
            format!("{source}:{line}:{column}")
        }
        None => source.to_string(),
    }
}

/// Line and column of an offset, both from 1.
fn position(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset.min(bytes.len())).unwrap_or_default();
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    (line, column)
}
