//! Whether a node is fit for work, for whoever watches over it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// How a node is, seen from inside: what `/readyz` answers.
#[derive(Debug)]
pub struct Health {
    beat: Mutex<Option<Instant>>,
    patience: Duration,
}

impl Health {
    pub(super) const fn new(patience: Duration) -> Self {
        Self { beat: Mutex::new(None), patience }
    }

    /// The store has heard the node just now.
    pub(super) fn beat(&self) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The node has stopped.
    pub(super) fn stopped(&self) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the node has joined and the store has heard it lately: within three heartbeats.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let beat = *self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        beat.is_some_and(|beat| beat.elapsed() <= self.patience)
    }
}
