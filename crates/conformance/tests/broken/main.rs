//! A suite that cannot fail tests nothing: of each wrapper that breaks a promise on purpose, a suite must name that promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broker;
mod people;
mod store;

use std::collections::BTreeSet;

use conformance::{Broken, Fixture, Promise};

/// What a suite finds. All promises at once, since each has a fixture of its own.
async fn broken<T: Send + 'static>(
    promises: &'static [Promise<T>],
    fixture: impl Fn() -> Fixture<T>,
) -> Vec<Broken> {
    let tests: Vec<_> = promises.iter().map(|promise| (promise, fixture())).collect();
    let tests: Vec<_> =
        tests.into_iter().map(|(promise, fixture)| tokio::spawn(promise.check(fixture))).collect();
    let mut broken = Vec::new();
    for test in tests {
        broken.extend(test.await.unwrap().err());
    }
    broken
}

/// These are named, and not simply everything.
async fn finds<T: Send + 'static>(
    promises: &'static [Promise<T>],
    fixture: impl Fn() -> Fixture<T>,
    expected: &[&str],
) {
    let broken = broken(promises, fixture).await;
    let named: BTreeSet<&str> = broken.iter().map(|broken| broken.promise).collect();
    for name in expected {
        assert!(named.contains(name), "{name} is not among {named:?}");
    }
    assert!(named.len() < promises.len(), "{named:?}");
    for broken in broken {
        let words = broken.to_string();
        assert!(words.contains(broken.promise) && words.len() > broken.promise.len() + 50, "{words}");
    }
}
