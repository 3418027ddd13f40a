//! What a node hears from the store: wake-ups, passed on to the loops that they concern.

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::options::Options;
use crate::ports::{StoreError, Wake, Wakes};
use crate::signal::Signal;

/// Where wake-ups go.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    pub(super) schedule: Signal,
    pub(super) relay: Signal,
    pub(super) orders: Signal,
    /// Asks for a heartbeat before it is time: its answer says whether this process is still a member.
    pub(super) heartbeat: Signal,
}

impl Signals {
    fn pass_on(&self, wake: Wake) {
        match wake {
            Wake::Schedule => self.schedule.request(),
            Wake::Outbox => self.relay.request(),
            Wake::Orders => self.orders.request(),
            Wake::Members => self.heartbeat.request(),
        }
    }

    /// Anything may have happened.
    fn all(&self) {
        for wake in [Wake::Schedule, Wake::Outbox, Wake::Orders, Wake::Members] {
            self.pass_on(wake);
        }
    }
}

/// Listens until told to stop. While nothing can be heard, the loops' own periods serve.
pub(super) async fn listen(store: &dyn Wakes, signals: &Signals, options: &Options, stop: CancellationToken) {
    let mut backoff = Backoff::up_to(options.retry_cap);
    loop {
        let error = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            error = hear(store, signals, &mut backoff) => error,
        };
        tracing::warn!(error = %Chain(&error), "no wake-ups can be heard, trying again");
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = backoff.wait() => {}
        }
    }
}

async fn hear(store: &dyn Wakes, signals: &Signals, backoff: &mut Backoff) -> StoreError {
    let mut wakeups = match store.wakeups().await {
        Ok(wakeups) => wakeups,
        Err(error) => return error,
    };
    signals.all();
    loop {
        match wakeups.next().await {
            Ok(wake) => signals.pass_on(wake),
            Err(error) => return error,
        }
        backoff.reset();
    }
}
