//! However many ask, the store is asked once a second at most; what it does not answer is shown as stale.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hyper::header::HeaderMap;
use hyper::{StatusCode, body::Body as _};
use scheduler_core::Timestamp;
use tokio::time::{advance, sleep};

use super::super::answer::{Answer, Refusal};
use super::super::cache::{Cache, Source};

/// A store that counts how often it is asked.
#[derive(Default)]
struct Counted {
    asked: AtomicUsize,
    gone: AtomicBool,
    slow: Duration,
}

#[async_trait]
impl Source for Counted {
    async fn take(&self) -> Result<(Timestamp, String), Refusal> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        sleep(self.slow).await;
        if self.gone.load(Ordering::Relaxed) {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the store", "it is gone"));
        }
        Ok((Timestamp::default(), r#"{"counts":{}}"#.to_owned()))
    }
}

fn cache(source: Counted) -> (Arc<Counted>, Arc<Cache>) {
    let source = Arc::new(source);
    (source.clone(), Arc::new(Cache::new(source)))
}

async fn ask(cache: &Cache) -> Result<Answer, Refusal> {
    cache.answer(&HeaderMap::new()).await
}

async fn many(cache: &Arc<Cache>) {
    let all: Vec<_> = (0..100)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { ask(&cache).await.unwrap().status() })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_that_ask_cost_what_one_does_and_nobody_costs_nothing() {
    let (source, cache) = cache(Counted { slow: Duration::from_millis(20), ..Counted::default() });
    many(&cache).await;
    many(&cache).await;
    assert_eq!(source.asked.load(Ordering::Relaxed), 1, "within one second");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(source.asked.load(Ordering::Relaxed), 1, "nobody asked");
    many(&cache).await;
    assert_eq!(source.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn an_overview_that_takes_long_is_taken_seldom_and_keeps_nobody_waiting() {
    let (source, cache) = cache(Counted { slow: Duration::from_secs(2), ..Counted::default() });
    many(&cache).await;
    sleep(Duration::from_secs(15)).await;
    many(&cache).await;
    assert_eq!(source.asked.load(Ordering::Relaxed), 1, "for ten times as long as it took");
    sleep(Duration::from_secs(6)).await;
    let first = tokio::spawn({
        let cache = cache.clone();
        async move { ask(&cache).await.is_ok() }
    });
    tokio::task::yield_now().await;
    let asked = tokio::time::Instant::now();
    ask(&cache).await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO, "the one before is good enough meanwhile");
    assert!(first.await.unwrap());
    assert_eq!(source.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn browsers_that_give_up_do_not_make_the_store_be_asked_more_often() {
    let (source, cache) = cache(Counted { slow: Duration::from_millis(500), ..Counted::default() });
    for _ in 0..10 {
        let given_up = tokio::time::timeout(Duration::from_millis(50), ask(&cache)).await;
        assert!(given_up.is_err());
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_gone_the_last_overview_says_that_it_is_stale() {
    let (source, cache) = cache(Counted::default());
    let fresh = ask(&cache).await.unwrap();
    let tag = fresh.headers()["etag"].clone();
    source.gone.store(true, Ordering::Relaxed);
    advance(Duration::from_secs(2)).await;
    let asked = HeaderMap::from_iter([(hyper::header::IF_NONE_MATCH, tag.clone())]);
    let stale = cache.answer(&asked).await.unwrap();
    assert_eq!(stale.status(), StatusCode::OK, "whoever has the fresh one hears of it");
    assert!(stale.body().size_hint().lower() > fresh.body().size_hint().lower());
    let gone = stale.headers()["etag"].clone();
    advance(Duration::from_secs(2)).await;
    let asked = HeaderMap::from_iter([(hyper::header::IF_NONE_MATCH, gone)]);
    assert_eq!(cache.answer(&asked).await.unwrap().status(), StatusCode::NOT_MODIFIED, "once");
    source.gone.store(false, Ordering::Relaxed);
    advance(Duration::from_secs(2)).await;
    assert_eq!(ask(&cache).await.unwrap().headers()["etag"], tag);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answered_is_named_and_one_that_hangs_is_given_up() {
    let (source, cache) = cache(Counted { slow: Duration::from_secs(3600), ..Counted::default() });
    let refusal = ask(&cache).await.unwrap_err();
    assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
}
