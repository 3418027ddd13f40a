//! One overview for everybody who asks.
//!
//! It is taken when somebody asks and the last one is old enough, so that nobody asking costs nothing, and a thousand
//! browsers cost what one does. While one is taken, others get the one before. When the store cannot be reached, the last one is
//! shown on, and says that it is stale.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use scheduler_core::Timestamp;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::answer::{Answer, Refusal};
use super::pace::Pace;
use super::prepared::Prepared;
use crate::overview::{self, VERSION};

/// A store that takes longer does not answer.
const WITHIN: Duration = Duration::from_secs(10);

/// The store's time now, in every answer: a page reckons by it how long ago something was, also when nothing has changed.
const STORE_TIME: HeaderName = HeaderName::from_static("x-store-time");

/// Where overviews come from.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// Takes one: the store's time, and an object in JSON.
    async fn take(&self) -> Result<(Timestamp, String), Refusal>;
}

/// Those of a store, with what is said of the node that shows them.
pub(super) struct Served {
    source: Arc<overview::source::Source>,
    by: serde_json::Value,
}

impl Served {
    /// `hostname` is that of the node, and `changes` whether a token allows changes.
    pub(super) fn new(source: Arc<overview::source::Source>, hostname: &str, changes: bool) -> Self {
        let by = json!({ "node": hostname, "program": env!("CARGO_PKG_VERSION"), "changes": changes });
        Self { source, by }
    }
}

#[async_trait]
impl Source for Served {
    async fn take(&self) -> Result<(Timestamp, String), Refusal> {
        let overview = self.source.take().await.map_err(|error| Refusal::from(&error))?;
        let mut content = json!(overview);
        if let Some(fields) = content.as_object_mut() {
            fields.insert("served_by".to_owned(), self.by.clone());
        }
        Ok((overview.now, content.to_string()))
    }
}

/// The last overview, and when another may be taken.
pub(super) struct Cache {
    source: Arc<dyn Source>,
    pace: tokio::sync::Mutex<Pace>,
    shown: Mutex<Option<Arc<Shown>>>,
}

/// An overview as it is shown.
struct Shown {
    /// The store's time when it was taken, and this machine's.
    now: Timestamp,
    at: Instant,
    content: String,
    prepared: Prepared,
    stale: Option<Refusal>,
}

impl Shown {
    fn new(now: Timestamp, at: Instant, content: String, stale: Option<Refusal>) -> Self {
        let said = json!({ "stale": stale.as_ref().map(Refusal::said) }).to_string();
        // Whether it is stale is part of the content, so that a page that has the overview hears of it.
        let whole = match (said.strip_suffix('}'), content.strip_prefix('{')) {
            (Some(said), Some(rest)) => format!("{said},{rest}"),
            _ => content.clone(),
        };
        let prepared = Prepared::json(&json!({ "version": VERSION, "now": now }), &whole);
        Self { now, at, content, prepared, stale }
    }
}

impl Cache {
    /// Of this source.
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self { source, pace: tokio::sync::Mutex::new(Pace::new()), shown: Mutex::default() }
    }

    /// The answer to a request for the overview with these headers.
    pub(super) async fn answer(&self, asked: &HeaderMap) -> Result<Answer, Refusal> {
        let shown = self.shown().await?;
        let mut answer = shown.prepared.answer(asked);
        let gone = TimeDelta::from_std(shown.at.elapsed()).unwrap_or_default();
        let now = shown.now.checked_add_signed(gone).unwrap_or(shown.now);
        if let Ok(now) = HeaderValue::from_str(&now.to_rfc3339()) {
            answer.headers_mut().insert(STORE_TIME, now);
        }
        Ok(answer)
    }

    async fn shown(&self) -> Result<Arc<Shown>, Refusal> {
        let last = self.last();
        let mut pace = match (self.pace.try_lock(), &last) {
            (Ok(pace), _) => pace,
            // One is being taken: the one before is good enough meanwhile.
            (Err(_), Some(shown)) => return Ok(shown.clone()),
            (Err(_), None) => self.pace.lock().await,
        };
        // Another may have been taken between the two locks.
        let last = self.last();
        if !pace.is_due() {
            if let Some(shown) = last {
                return Ok(shown);
            }
            tokio::time::sleep_until(pace.again()).await;
        }
        let began = pace.begin();
        match timeout(WITHIN, self.source.take()).await.unwrap_or_else(|_| Err(Refusal::no_answer())) {
            Ok((now, content)) => {
                pace.answered(began);
                Ok(self.show(Shown::new(now, Instant::now(), content, None)))
            }
            Err(refusal) => match last {
                None => Err(refusal),
                Some(shown) if shown.stale.as_ref() == Some(&refusal) => Ok(shown),
                Some(shown) => {
                    Ok(self.show(Shown::new(shown.now, shown.at, shown.content.clone(), Some(refusal))))
                }
            },
        }
    }

    fn last(&self) -> Option<Arc<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, shown: Shown) -> Arc<Shown> {
        let shown = Arc::new(shown);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown.clone());
        shown
    }
}
