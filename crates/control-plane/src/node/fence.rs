//! Ends what a node runs once others must take the node for lost.
//!
//! A node that is cut off from the store cannot be told that a pass has failed its tasks and given what they held to others
//! (R8.1). But it knows the grace after which that happens, and when it was last heard; so it keeps time by itself and cuts
//! everything off before anybody else may start in its place. What it cut off is reported all the same: when the store was away
//! for everyone nobody has failed it, and it would stay `running` for ever. The report is void where somebody has.
//!
//! It goes by the grace as it was when the node was last heard: a grace that is shortened meanwhile cannot be known. An outage of
//! the store for longer than the grace so ends what runs; [`Options::fence`](crate::Options::fence) chooses otherwise.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::contact::Contact;
use crate::runner::Stop;
use crate::running::Running;

/// Watches the time since the node was last heard.
#[derive(Debug)]
pub(super) struct Fence {
    pub(super) contact: Arc<Contact>,
    pub(super) running: Arc<Running>,
    /// How soon it looks again while the silence lasts: something may have been claimed before the silence was noticed.
    pub(super) period: Duration,
}

impl Fence {
    /// Watches until told to stop.
    pub(super) async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.contact.lost() => {}
            }
            let left = self.running.executing().len();
            if left > 0 {
                tracing::error!(
                    left,
                    "no contact with the store for the heartbeat grace: what runs here is cut off"
                );
                self.running.tell_all(Stop::Fence);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(self.period) => {}
            }
        }
    }
}
