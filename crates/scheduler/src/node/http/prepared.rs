//! An answer in JSON that many ask for again and again: written once, and not sent to whoever has it already.
//!
//! Its tag is that of its content without the moment at which it was made, so that a page that asks every second gets a body
//! only when something has changed. Compressed once, for the first that wants it so.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};

use super::answer::{self, Answer};

/// A body that is smaller than this is not worth compressing.
const LARGE: usize = 1024;

/// A body with its tag.
#[derive(Debug)]
pub(super) struct Prepared {
    content_type: &'static str,
    tag: String,
    body: Bytes,
    gzip: OnceLock<Option<Bytes>>,
}

impl Prepared {
    /// A JSON object: its first fields, which differ each time and are no part of the tag, and its content.
    pub(super) fn json(first: &serde_json::Value, content: &str) -> Self {
        let first = first.to_string();
        let body = match (first.strip_suffix('}'), content.strip_prefix('{')) {
            (Some(first), Some(rest)) => format!("{first},{rest}"),
            _ => content.to_owned(),
        };
        Self::tagged("application/json", tag(content), body)
    }

    /// A file of the page.
    pub(super) fn file(content_type: &'static str, text: &'static str) -> Self {
        Self::tagged(content_type, tag(text), text)
    }

    fn tagged(content_type: &'static str, tag: String, body: impl Into<Bytes>) -> Self {
        Self { content_type, tag, body: body.into(), gzip: OnceLock::new() }
    }

    /// The answer to a request with these headers: the body, or that it has not changed.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Answer {
        let known = has(asked, &IF_NONE_MATCH, &self.tag);
        let zipped = if has(asked, &ACCEPT_ENCODING, "gzip") { self.gzip() } else { None };
        let mut answer = match (known, zipped) {
            (true, _) => answer::with(StatusCode::NOT_MODIFIED, self.content_type, Bytes::new()),
            (false, Some(zipped)) => answer::with(StatusCode::OK, self.content_type, zipped.clone()),
            (false, None) => answer::with(StatusCode::OK, self.content_type, self.body.clone()),
        };
        let headers = answer.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(ETAG, tag);
        }
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if zipped.is_some() && !known {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }

    fn gzip(&self) -> Option<&Bytes> {
        let zip = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&self.body).ok()?;
            encoder.finish().ok().map(Bytes::from)
        };
        self.gzip.get_or_init(|| if self.body.len() < LARGE { None } else { zip() }).as_ref()
    }
}

/// Weak, since the compressed body has the same.
fn tag(content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Whether a header that lists words has this one.
fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|one| one.split(';').next().is_some_and(|one| one.trim() == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_is_no_part_of_the_tag_and_one_object_comes_out() {
        let at = |now| Prepared::json(&serde_json::json!({ "version": 1, "now": now }), r#"{"counts":{}}"#);
        let (one, other) = (at(1), at(2));
        assert_eq!(one.tag, other.tag);
        let read: serde_json::Value = serde_json::from_slice(&one.body).unwrap();
        assert_eq!(read, serde_json::json!({ "version": 1, "now": 1, "counts": {} }));
        assert_ne!(one.tag, Prepared::json(&serde_json::json!({}), r#"{"counts":{"a":1}}"#).tag);
    }

    #[test]
    fn whoever_has_it_gets_no_body_and_whoever_can_gets_it_compressed() {
        let file = Prepared::file("text/plain", Box::leak("a line\n".repeat(1000).into_boxed_str()));
        let asked = |name: HeaderName, value: &str| {
            HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
        };
        let known = file.answer(&asked(IF_NONE_MATCH, &format!("\"x\", {}", file.tag)));
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        let zipped = file.answer(&asked(ACCEPT_ENCODING, "br, gzip;q=0.5"));
        assert_eq!(zipped.headers()[CONTENT_ENCODING], "gzip");
        assert!(file.gzip().unwrap().len() < 200);
        assert!(!file.answer(&HeaderMap::new()).headers().contains_key(CONTENT_ENCODING));
    }
}
