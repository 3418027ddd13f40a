//! What programs ask, and the page is one of them: JSON over HTTP, version 1.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /api/overview` | `version`, `now`, `stale` (`null`, or why it is old), `served_by`, `counts`, `holds`, `outbox`, `groups`, `nodes`, `pending` and `holding` (`total`, `tasks`), `finished` |
//! | `GET /api/tasks/ID` | `version`, `as_of` (when the chain was read; `null` for a task that has ended), `task`, `chain` (lines) |
//! | `POST /api/tasks/ID/cancel` with `{}` | `version`, `task`, `result`: `requested` or `canceled` |
//! | `POST /api/tasks/ID/answer` with `{"answer": "approve"}` or `"deny"` | `version`, `task`, `result`: `recorded` |
//!
//! A GET may name the tag that it has (`If-None-Match`) and gets 304 while nothing has changed; `X-Store-Time` says the store's time
//! with each overview. A POST needs the token, see [`super::token`]. An error is `version` and `error`: `code`, `place`, `what`,
//! `remedy`; its status is 400 for a wrong body, 401 for a wrong token, 403 without one configured and for another site, 404, 405, 409
//! when the task is not in a state for it, 413, 415, 421 for the name of another host, 503 when the store cannot be reached or too
//! many ask.

use std::net::SocketAddr;
use std::time::Duration;

use control_plane::ports::{self, Answered, CancelAnswer};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::ALLOW;
use hyper::{Method, Request, StatusCode};
use scheduler_core::TaskId;
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Answer, Refusal};
use super::{Site, chains, token};
use crate::overview::VERSION;

/// The longest body of a change.
const LONGEST: usize = 4096;

/// A client that takes longer to send its body is let go.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Overview,
    Task(TaskId),
    Cancel(TaskId),
    Answer(TaskId),
}

impl Asked {
    /// By the path below `/api/`.
    fn at(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let task = |id: &str| id.parse().ok().map(TaskId::new);
        match parts.as_slice() {
            ["overview"] => Some(Self::Overview),
            ["tasks", id] => task(id).map(Self::Task),
            ["tasks", id, "cancel"] => task(id).map(Self::Cancel),
            ["tasks", id, "answer"] => task(id).map(Self::Answer),
            _ => None,
        }
    }

    const fn is_change(self) -> bool {
        matches!(self, Self::Cancel(_) | Self::Answer(_))
    }
}

/// Nothing more need be said to cancel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    answer: Word,
}

/// A person's word.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Approve,
    Deny,
}

/// Answers.
pub(super) async fn answer(request: Request<Incoming>, site: &Site, peer: SocketAddr) -> Answer {
    match fulfil(request, site, peer).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.into(),
    }
}

async fn fulfil(request: Request<Incoming>, site: &Site, peer: SocketAddr) -> Result<Answer, Refusal> {
    let path = request.uri().path();
    let Some(asked) = Asked::at(path.trim_start_matches("/api/")) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "unknown_path", path, "nothing is here").remedy(
            "there are /api/overview, /api/tasks/ID, /api/tasks/ID/cancel and /api/tasks/ID/answer, where ID is a number",
        ));
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let posts = *request.method() == Method::POST;
    match asked {
        Asked::Overview if reads => site.overview.answer(request.headers()).await,
        Asked::Task(id) if reads => Ok(site.chains.answer(id).await?.answer(request.headers())),
        Asked::Cancel(id) if posts => {
            let CancelBody {} = admitted(request, site, peer).await?;
            cancel(site, id, peer).await
        }
        Asked::Answer(id) if posts => {
            let AnswerBody { answer } = admitted(request, site, peer).await?;
            decide(site, id, answer, peer).await
        }
        _ => Ok(other_method(asked, path)),
    }
}

fn other_method(asked: Asked, path: &str) -> Answer {
    let allowed = if asked.is_change() { "POST" } else { "GET, HEAD" };
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let refusal = Refusal::new(status, "method", path, "this method is not answered here")
        .remedy(format!("use {allowed}"));
    let mut answer = Answer::from(refusal);
    answer.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static(allowed));
    answer
}

/// The body of a change by somebody who may make it.
async fn admitted<T: serde::de::DeserializeOwned>(
    request: Request<Incoming>,
    site: &Site,
    peer: SocketAddr,
) -> Result<T, Refusal> {
    token::admit(site.token.as_ref(), request.headers()).inspect_err(|refusal| {
        if let Some(times) = site.refused.once_more() {
            let path = request.uri().path();
            tracing::warn!(%peer, path, code = refusal.code, times, "changes asked for over HTTP were refused");
        }
    })?;
    let body = body(request).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "body",
            format!("body, column {}", error.column()),
            error.to_string(),
        )
        .remedy(
            "send `{}` to cancel, or `{\"answer\": \"approve\"}` or `{\"answer\": \"deny\"}` to an approval",
        )
    })
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    let whole = Limited::new(request.into_body(), LONGEST).collect();
    match tokio::time::timeout(BODY_WITHIN, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "body",
            format!("it is longer than {LONGEST} bytes"),
        )
        .remedy("a change needs a few words only")),
        Ok(Err(_)) | Err(_) => {
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body", "body", "it did not arrive whole in time")
                .remedy("send it at once"))
        }
    }
}

async fn cancel(site: &Site, id: TaskId, peer: SocketAddr) -> Result<Answer, Refusal> {
    let answers = site.store.cancel(&[id]).await.map_err(|error| Refusal::from(&error))?;
    let result = match answers.first() {
        Some(CancelAnswer::Requested) => "requested",
        Some(CancelAnswer::Canceled) => "canceled",
        Some(CancelAnswer::AlreadyFinished) => {
            return Err(conflict(id, "it had ended before", "nothing is left to cancel"));
        }
        Some(CancelAnswer::Unknown) | None => return Err(chains::unknown(id)),
    };
    tracing::info!(%peer, task = %id, result, "asked over HTTP to cancel");
    Ok(done(id, result))
}

async fn decide(site: &Site, id: TaskId, word: Word, peer: SocketAddr) -> Result<Answer, Refusal> {
    let (answer, said) = match word {
        Word::Approve => (ports::Answer::Approve, "approve"),
        Word::Deny => (ports::Answer::Deny, "deny"),
    };
    match site.store.answer(id, answer).await.map_err(|error| Refusal::from(&error))? {
        Answered::Recorded => {
            tracing::info!(%peer, task = %id, answer = said, "answered over HTTP");
            Ok(done(id, "recorded"))
        }
        Answered::NotWaiting => Err(conflict(
            id,
            "it does not wait for a word",
            "only running approvals do; /api/overview lists them",
        )),
        Answered::Unknown => Err(chains::unknown(id)),
    }
}

fn done(id: TaskId, result: &'static str) -> Answer {
    answer::json(StatusCode::OK, &json!({ "version": VERSION, "task": id, "result": result }))
}

fn conflict(id: TaskId, what: &'static str, remedy: &'static str) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "conflict", format!("task {id}"), what).remedy(remedy)
}
