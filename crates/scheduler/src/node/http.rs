//! `/metrics`, `/healthz` and `/readyz`, for whoever watches over nodes.
//!
//! Answers GET on these three paths and nothing else, over HTTP/1; knows nothing of what stands behind them. Each
//! connection is a task of its own and ends with the server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// A client that takes longer to send its request is let go.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// What is asked of a node.
#[async_trait]
pub(super) trait Watched: Send + Sync + 'static {
    /// The metrics in Prometheus' format.
    async fn metrics(&self) -> String;

    /// Whether the node can do its work, or what it lacks.
    async fn ready(&self) -> Result<(), String>;
}

/// Binds the address. Port 0 lets the machine choose one.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("--http {address}: cannot be listened on: {error}"))
            .remedy("choose an address of this machine and a port that is free")
    })
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, watched: Arc<dyn Watched>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(TokioIo::new(stream), watched.clone());
                let stop = stop.clone();
                tokio::spawn(async move { stop.run_until_cancelled(connection).await });
            }
            Err(error) => {
                // Out of file handles, most likely: others give some back in a moment.
                tracing::warn!(%error, "a connection to the HTTP port was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TokioIo<tokio::net::TcpStream>, watched: Arc<dyn Watched>) {
    let answers = service_fn(move |request| {
        let watched = watched.clone();
        async move { Ok::<_, Infallible>(answer(&request, &*watched).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(stream, answers)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the HTTP port broke off");
    }
}

async fn answer(request: &Request<Incoming>, watched: &dyn Watched) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n".to_owned());
    }
    match request.uri().path() {
        "/metrics" => {
            let mut response = text(StatusCode::OK, watched.metrics().await);
            let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, format);
            response
        }
        "/healthz" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => match watched.ready().await {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(lack) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {lack}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n".to_owned()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
