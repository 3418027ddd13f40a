//! `/metrics`, `/healthz` and `/readyz`, for whoever watches over nodes, and a page at `/` with its API, for people.
//!
//! Over HTTP/1, since nothing here gains by more. Each connection is a task of its own and ends with the server; there are never
//! many, and each has its limits ([`connections`]), so that no stranger takes from the node what its tasks need. Only who asks by a
//! name of this node is answered ([`hosts`]).
//!
//! The page asks again and again for what it shows (`GET /api/overview`, see [`api`]) and names the tag of what it has, instead of being
//! sent events: a browser that is gone or hidden then costs nothing and need not be noticed, proxies need nothing special, several
//! windows do not use up the few connections that a browser makes to one server, and a node that comes back is found again by the same
//! code. An answer that has not changed is a hundred bytes.

mod answer;
mod api;
mod cache;
mod chains;
mod connections;
pub(crate) mod hosts;
mod pace;
mod page;
mod prepared;
mod tally;
#[cfg(test)]
mod tests;
pub(super) mod token;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use control_plane::ports::Store;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::overview::source::{Limits, Source};
use answer::{Answer, Refusal, text};
use cache::{Cache, Served};
use chains::Chains;
use connections::{HEADERS_WITHIN, Seats, Taken};
use hosts::HostName;
use tally::Tally;
use token::Token;

/// The most bytes of a request's head, and of what is read ahead.
const LONGEST_HEAD: usize = 16 << 10;

/// The most headers of a request.
const MOST_HEADERS: usize = 64;

/// How many tasks the page lists.
const SHOWN: Limits = Limits { unfinished: 500, finished: 50 };

/// Whatever is asked, an answer is there by then. Longer than each part of it may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// What is asked of a node.
#[async_trait]
pub(super) trait Watched: Send + Sync + 'static {
    /// The metrics in Prometheus' format.
    async fn metrics(&self) -> String;

    /// Whether the node can do its work, or what it lacks.
    async fn ready(&self) -> Result<(), String>;
}

/// Everything that is served.
pub(super) struct Site {
    watched: Arc<dyn Watched>,
    store: Arc<dyn Store>,
    overview: Cache,
    chains: Chains,
    /// Who may change something; `None` for nobody.
    token: Option<Token>,
    /// The names by which it may be asked, beside those that every node has.
    names: Vec<HostName>,
    /// Changes that were refused.
    refused: Tally,
    /// Requests by the name of another host.
    misdirected: Tally,
}

impl Site {
    /// Of the node with this name.
    pub(super) fn new(
        watched: Arc<dyn Watched>,
        store: Arc<dyn Store>,
        hostname: &str,
        token: Option<Token>,
        names: Vec<HostName>,
    ) -> Self {
        let source = Arc::new(Source::new(store.clone(), SHOWN));
        let served = Served::new(source.clone(), hostname, token.is_some());
        let chains = Chains::new(store.clone(), source);
        Self {
            watched,
            store,
            overview: Cache::new(Arc::new(served)),
            chains,
            token,
            names,
            refused: Tally::new("change"),
            misdirected: Tally::new("host"),
        }
    }
}

/// Binds the address. Port 0 lets the machine choose one.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("--http {address}: cannot be listened on: {error}"))
            .remedy("choose an address of this machine and a port that is free")
    })
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>, stop: CancellationToken) {
    let seats = Seats::new(connections::MOST);
    let (full, failed) = (Tally::new("full"), Tally::new("accept"));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, most likely: others give some back in a moment.
                if let Some(times) = failed.once_more() {
                    tracing::warn!(%error, times, "connections to the HTTP port were not accepted");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let taken = seats.take().await;
        if taken.as_ref().is_none_or(|(_, made_room)| *made_room)
            && let Some(times) = full.once_more()
        {
            let most = connections::MOST;
            tracing::warn!(%peer, times, most, "connections to the HTTP port were let go: all places were taken");
        }
        if let Some((taken, _)) = taken {
            let connection = connection(stream, peer, taken, site.clone());
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(connection).await });
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, taken: Taken, site: Arc<Site>) {
    let to = stream.local_addr().ok();
    let leave = taken.leave();
    let taken = Arc::new(taken);
    let stream = TokioIo::new(connections::Connection::new(stream, taken.clone()));
    let answers = service_fn(move |request: Request<Incoming>| {
        taken.asked();
        let site = site.clone();
        async move {
            let answered = tokio::time::timeout(ANSWER_WITHIN, answer(request, &site, peer, to)).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|_| Refusal::no_answer().into()))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(stream, answers);
    if let Some(Err(error)) = leave.run_until_cancelled(served).await {
        tracing::debug!(%error, "a connection to the HTTP port broke off");
    }
}

async fn answer(request: Request<Incoming>, site: &Site, peer: SocketAddr, to: Option<SocketAddr>) -> Answer {
    let path = request.uri().path();
    if let Err(refusal) = hosts::admit(&request, to, &site.names) {
        if let Some(times) = site.misdirected.once_more() {
            tracing::warn!(%peer, times, "requests over HTTP named another host and were refused");
        }
        return refusal.into();
    }
    if path.starts_with("/api/") {
        return api::answer(request, site, peer).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/metrics" => {
            let mut response = text(StatusCode::OK, site.watched.metrics().await);
            let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, format);
            response
        }
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => match site.watched.ready().await {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(lack) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {lack}\n")),
        },
        _ => page::file(path, request.headers()).unwrap_or_else(|| {
            text(
                StatusCode::NOT_FOUND,
                "there are a page at /, /api/overview, /metrics, /healthz and /readyz\n",
            )
        }),
    }
}
