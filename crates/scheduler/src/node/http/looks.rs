//! One look at the store for everybody who looks.
//!
//! A look is taken when somebody asks and the last one is old enough, so that nobody looking costs nothing, and a thousand
//! browsers cost what one does. While one is taken, others get the one before. When the store cannot be reached, the last look is
//! shown on, and says that it is stale.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use control_plane::ports::Store;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use scheduler_core::Timestamp;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::answer::{Answer, Refusal, VERSION};
use super::look::{self, Defined, Places};
use super::pace::Pace;
use super::prepared::Prepared;

/// A store that takes longer does not answer.
const WITHIN: Duration = Duration::from_secs(10);

/// How long what people define counts.
const DEFINED_FOR: Duration = Duration::from_secs(30);

/// The store's time now, in every answer: a page reckons by it how long ago something was, also when nothing has changed.
const STORE_TIME: HeaderName = HeaderName::from_static("x-store-time");

/// Where a look comes from.
#[async_trait]
pub(super) trait Sight: Send + Sync {
    /// Looks: the store's time, and an object in JSON.
    async fn see(&self) -> Result<(Timestamp, String), Refusal>;
}

/// A look at a store.
pub(super) struct StoreSight {
    store: Arc<dyn Store>,
    /// What is said of this node with each look.
    served_by: serde_json::Value,
    places: Places,
    defined: tokio::sync::Mutex<Option<(Instant, Defined)>>,
}

impl StoreSight {
    /// At this store. `hostname` is that of the node that looks, and `changes` whether a token allows changes.
    pub(super) fn new(store: Arc<dyn Store>, places: Places, hostname: &str, changes: bool) -> Self {
        let served_by = json!({
            "node": hostname, "program": env!("CARGO_PKG_VERSION"), "changes": changes,
        });
        Self { store, served_by, places, defined: tokio::sync::Mutex::default() }
    }

    async fn defined(&self) -> Result<Defined, Refusal> {
        let mut known = self.defined.lock().await;
        if let Some((at, defined)) = &*known
            && at.elapsed() < DEFINED_FOR
        {
            return Ok(defined.clone());
        }
        let defined = Defined::read(&*self.store).await.map_err(|error| Refusal::from(&error))?;
        *known = Some((Instant::now(), defined.clone()));
        Ok(defined)
    }
}

#[async_trait]
impl Sight for StoreSight {
    async fn see(&self) -> Result<(Timestamp, String), Refusal> {
        let defined = self.defined().await?;
        let taken = look::take(&*self.store, &defined, &self.places).await;
        let (now, look) = taken.map_err(|error| Refusal::from(&error))?;
        let mut look = json!(look);
        if let Some(fields) = look.as_object_mut() {
            fields.insert("served_by".to_owned(), self.served_by.clone());
        }
        Ok((now, look.to_string()))
    }
}

/// The last look, and when another may be taken.
pub(super) struct Looks {
    sight: Arc<dyn Sight>,
    pace: tokio::sync::Mutex<Pace>,
    shown: Mutex<Option<Arc<Shown>>>,
}

/// A look as it is shown.
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
        // Whether it is stale is part of the content, so that a page that has the look hears of it.
        let whole = match (said.strip_suffix('}'), content.strip_prefix('{')) {
            (Some(said), Some(rest)) => format!("{said},{rest}"),
            _ => content.clone(),
        };
        let prepared = Prepared::json(&json!({ "version": VERSION, "now": now }), &whole);
        Self { now, at, content, prepared, stale }
    }
}

impl Looks {
    /// By these eyes.
    pub(super) fn new(sight: Arc<dyn Sight>) -> Self {
        Self { sight, pace: tokio::sync::Mutex::new(Pace::new()), shown: Mutex::default() }
    }

    /// The answer to a request for the look with these headers.
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
            // Somebody is looking: what was seen before is good enough meanwhile.
            (Err(_), Some(shown)) => return Ok(shown.clone()),
            (Err(_), None) => self.pace.lock().await,
        };
        // Another may have looked between the two locks.
        let last = self.last();
        if !pace.is_due() {
            if let Some(shown) = last {
                return Ok(shown);
            }
            tokio::time::sleep_until(pace.again()).await;
        }
        let began = pace.begin();
        match timeout(WITHIN, self.sight.see()).await.unwrap_or_else(|_| Err(Refusal::no_answer())) {
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
