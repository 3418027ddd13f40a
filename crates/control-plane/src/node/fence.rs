//! Ends what a node runs once others must take the node for lost.
//!
//! A node that is cut off from the store cannot be told that a pass has failed its tasks and given what they held to others
//! (R8.1). But it knows the grace after which that happens, and when it was last heard; so it keeps time by itself and cuts
//! everything off before anybody else may start in its place. What it cut off is reported all the same: when the store was away
//! for everyone nobody has failed it, and it would stay `running` for ever. The report is void where somebody has.
//!
//! A node that is frozen cannot do that. Its guardian, which is not frozen, does it then: it is told at every heartbeat for how
//! long the node may be silent, and every second when that time runs out, so that it never comes before a node that can act itself.
//!
//! It goes by the grace as it was when the node was last heard: a grace that is shortened meanwhile cannot be known. An outage of
//! the store for longer than the grace so ends what runs; [`Options::fence`](crate::Options::fence) chooses otherwise.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::contact::Contact;
use crate::runner::{Runner, Stop};
use crate::running::Running;

/// How soon it looks again when the time runs out, or has run out: something may have been claimed before the silence was noticed.
const PACE: Duration = Duration::from_secs(1);

/// From how much time on that is: longer than the shortest silence that a guardian allows.
const NEAR: Duration = Duration::from_secs(4);

/// Watches the time since the node was last heard.
#[derive(Debug)]
pub(super) struct Fence {
    pub(super) contact: Arc<Contact>,
    pub(super) running: Arc<Running>,
    pub(super) runner: Arc<Runner>,
}

impl Fence {
    /// Watches until told to stop.
    pub(super) async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.watch() => {}
        }
        self.runner.handlers().allow_silence(None);
    }

    async fn watch(&self) {
        loop {
            let left = self.contact.left();
            self.runner.handlers().allow_silence(left);
            if left.is_some_and(|left| left.is_zero()) {
                self.act();
                sleep(PACE).await;
                continue;
            }
            let pause = left.map_or(Duration::MAX, |left| left.saturating_sub(NEAR).max(PACE.min(left)));
            // It is told again in either case.
            let _ = timeout(pause, self.contact.changed()).await;
        }
    }

    fn act(&self) {
        let left = self.running.executing().len();
        if left > 0 {
            tracing::error!(
                left,
                "no contact with the store for the heartbeat grace: what runs here is cut off"
            );
            self.running.tell_all(Stop::Fence);
        }
    }
}
