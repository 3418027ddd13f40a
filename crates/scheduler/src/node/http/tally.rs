//! Requests that are refused: each is counted in a metric, and said at a pace.

use metrics::counter;

/// The metric that counts every one, by `why`.
const REFUSED: &str = "scheduling_http_refused_total";

/// One reason to refuse.
pub(super) struct Tally {
    why: &'static str,
    unsaid: control_plane::Tally,
}

impl Tally {
    /// Nothing has happened yet.
    pub(super) const fn new(why: &'static str) -> Self {
        Self { why, unsaid: control_plane::Tally::new() }
    }

    /// It happened once more. How often it did since it was last said, when it is time to say so.
    pub(super) fn once_more(&self) -> Option<u64> {
        counter!(REFUSED, "why" => self.why).increment(1);
        self.unsaid.add(1)
    }
}
