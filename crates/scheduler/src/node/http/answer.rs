//! Answers: texts, files of the page, JSON and refusals, each with the headers that keep a browser from harm.
//!
//! The page runs no script and takes no style but its own files, is shown in no frame, and names itself to nobody.

use control_plane::ports::StoreError;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::open;
use crate::overview::VERSION;

/// The body is always whole in memory.
pub(super) type Answer = Response<Full<Bytes>>;

/// No script and no style but those of the page's own files, text alone may become part of the page, and no frame may hold it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// An answer with this body.
pub(super) fn with(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    protect(headers);
    answer
}

fn protect(headers: &mut HeaderMap) {
    let all = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Plain text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with(status, "text/plain; charset=utf-8", body)
}

/// This as JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => with(status, "application/json", body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("no JSON: {error}\n")),
    }
}

/// Why a request is not fulfilled: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// A stable name for programs.
    pub(super) code: &'static str,
    place: String,
    what: String,
    remedy: String,
}

impl Refusal {
    /// What is wrong at a place.
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        place: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Self { status, code, place: place.into(), what: what.into(), remedy: String::new() }
    }

    /// What to do about it.
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The store took too long.
    pub(super) fn no_answer() -> Self {
        let what = "the store does not answer in time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the store", what)
            .remedy("see whether the database is overloaded or cut off; the node tries again by itself")
    }

    /// What is said of it in JSON.
    pub(super) fn said(&self) -> serde_json::Value {
        json!({ "code": self.code, "place": self.place, "what": self.what, "remedy": self.remedy })
    }
}

impl From<&StoreError> for Refusal {
    fn from(error: &StoreError) -> Self {
        let (status, remedy) = match error {
            StoreError::Unavailable { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "see whether the database runs and can be reached; the node tries again by itself",
            ),
            StoreError::Kept(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "ask again once whoever keeps it lets go")
            }
            StoreError::Refused(_) => (StatusCode::CONFLICT, "ask for what the store can do"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "let the program and the tables be of the same version"),
        };
        Self::new(status, "store", "the store", open::chain(error)).remedy(remedy)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = json(refusal.status, &json!({ "version": VERSION, "error": refusal.said() }));
        if refusal.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}
