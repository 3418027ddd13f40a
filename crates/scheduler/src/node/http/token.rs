//! Who may change something: whoever knows the token, by a request that no other site can make a browser send.
//!
//! Without a token configured nobody may. A page of another site can make a browser send a request, but neither with an
//! `Authorization` header nor with a body in JSON, unless this server allowed it, which it never does; what browsers say of a request's
//! origin is checked all the same. The token is compared in constant time, save that its length shows.

use std::fmt;
use std::path::{Path, PathBuf};

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use hyper::{StatusCode, Uri};
use subtle::ConstantTimeEq as _;

use super::answer::Refusal;
use crate::failure::Failure;

/// The variable that may hold it.
pub(in crate::node) const VARIABLE: &str = "SCHEDULER_HTTP_TOKEN";

/// Fewer characters could be guessed.
const SHORTEST: usize = 16;

/// A secret: never printed.
pub(in crate::node) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// From the file, or else from the environment; `None` when neither is given, so that nobody may change anything.
    pub(in crate::node) fn given(file: Option<&PathBuf>) -> Result<Option<Self>, Failure> {
        match (file, std::env::var_os(VARIABLE).filter(|set| !set.is_empty())) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(Failure::new(format!("--http-token-file and {VARIABLE} are both given"))
                    .remedy("give one of them"))
            }
            (Some(file), None) => Self::in_file(file).map(Some),
            (None, Some(set)) => {
                let text = set.into_string().unwrap_or_default();
                Self::checked(&text).map(Some).map_err(|failure| failure.at(VARIABLE))
            }
        }
    }

    fn in_file(file: &Path) -> Result<Self, Failure> {
        let place = format!("--http-token-file {}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(format!("{place}: cannot be read: {error}"))
                .remedy("name a readable file that holds the token alone")
        })?;
        Self::checked(text.trim_end_matches(['\n', '\r'])).map_err(|failure| failure.at(place))
    }

    /// What a header can carry and nobody can guess.
    pub(super) fn checked(text: &str) -> Result<Self, Failure> {
        let remedy = "write at least 16 letters and digits, for example those of `openssl rand -hex 32`";
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "the token holds spaces or characters that a header cannot carry";
            return Err(Failure::new(what.to_owned()).remedy(remedy));
        }
        if text.len() < SHORTEST {
            return Err(Failure::new(format!("the token has {} characters", text.len())).remedy(remedy));
        }
        Ok(Self(text.to_owned()))
    }

    fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Whether a request with these headers may change something.
pub(super) fn admit(token: Option<&Token>, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = token else {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "read_only",
            "this node",
            "changes are not allowed here: no token is configured",
        )
        .remedy(format!(
            "start the node with --http-token-file FILE, or with {VARIABLE} in its environment"
        )));
    };
    from_here(headers)?;
    let json = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if json.split(';').next().map(str::trim).is_none_or(|kind| !kind.eq_ignore_ascii_case("application/json"))
    {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "header Content-Type",
            "a change is asked for in JSON",
        )
        .remedy("send `Content-Type: application/json`"));
    }
    let given = text(headers, AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match given {
        Some(given) if token.is(given) => Ok(()),
        Some(_) => Err(unauthorized("the token is wrong")),
        None => Err(unauthorized("a change needs the token")),
    }
}

fn unauthorized(what: &'static str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "token", "header Authorization", what)
        .remedy("send `Authorization: Bearer TOKEN` with the token that the node was started with")
}

/// Browsers say where a request comes from; other programs say nothing.
fn from_here(headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = |place: &'static str| {
        Refusal::new(StatusCode::FORBIDDEN, "cross_site", place, "the request comes from another site")
            .remedy("ask from the page of this node itself")
    };
    match text(headers, "sec-fetch-site") {
        None | Some("same-origin" | "none") => {}
        Some(_) => return Err(refused("header Sec-Fetch-Site")),
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    match (authority, text(headers, HOST.as_str())) {
        (Some(origin), Some(host)) if origin.as_str().eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(refused("header Origin")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
