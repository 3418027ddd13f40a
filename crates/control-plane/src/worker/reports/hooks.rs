//! Tells hooks of ends: each end has an asynchronous task of its own, so that a hook that is slow or panics touches no other.

use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use crate::runner::{Ending, Handlers};

/// How many ends hooks may be busy with at once. What ends beyond that they miss, as they may.
const LIMIT: usize = 1_000;

/// The hooks that are at work.
#[derive(Debug, Default)]
pub(super) struct HookCalls {
    calls: JoinSet<()>,
    missed: bool,
}

impl HookCalls {
    /// Tells the hooks of these ends.
    pub(super) fn call(&mut self, handlers: &Handlers, endings: impl Iterator<Item = Ending>) {
        while let Some(done) = self.calls.try_join_next() {
            look_at(done);
        }
        for ending in endings {
            let told: Vec<_> = handlers.hooks(ending.outcome).to_vec();
            if told.is_empty() {
                continue;
            }
            if self.calls.len() >= LIMIT {
                if !std::mem::replace(&mut self.missed, true) {
                    tracing::warn!(limit = LIMIT, task = %ending.task, "hooks are too slow: they miss this end and others");
                }
                continue;
            }
            self.missed = false;
            self.calls.spawn(async move {
                for hook in told {
                    hook.call(ending.clone()).await;
                }
            });
        }
    }

    /// Waits so long for those that are at work, and cuts them off.
    pub(super) async fn end(mut self, limit: Duration) {
        let last = async {
            while let Some(done) = self.calls.join_next().await {
                look_at(done);
            }
        };
        if timeout(limit, last).await.is_err() {
            tracing::warn!("hooks did not end in time and are cut off");
        }
    }
}

fn look_at(hooks: Result<(), JoinError>) {
    if hooks.is_err_and(|error| error.is_panic()) {
        tracing::error!("a hook panicked");
    }
}
