//! No loop is ever silently dead: one that ends though it should not is started again, and says so.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::metrics;

/// Runs a loop until `stop`, starting it again whenever it panics or returns before. Dropping this ends the loop at its next await.
pub(super) async fn supervise<L>(
    name: &'static str,
    stop: CancellationToken,
    retry_cap: Duration,
    mut start: impl FnMut(CancellationToken) -> L,
) where
    L: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::up_to(retry_cap);
    loop {
        let work = start(stop.clone()).instrument(tracing::info_span!("loop", name));
        let ended = AbortOnDropHandle::new(tokio::spawn(work)).await;
        if stop.is_cancelled() {
            return;
        }
        let how = if ended.is_err() { "panicked" } else { "ended by itself" };
        tracing::error!(name, how, "a loop stopped and is started again");
        metrics::restarted(name);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = backoff.wait() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_is_started_again_until_told_to_stop() {
        let starts = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let counted = Arc::clone(&starts);
        supervise("test", stop, Duration::from_secs(5), move |stop| {
            let start = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(start > 1, "on purpose");
                stop.cancel();
            }
        })
        .await;
        assert_eq!(starts.load(Ordering::Relaxed), 3);
    }
}
