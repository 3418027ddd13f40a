//! When passes run: on events, and periodically as a fail-safe (R12.2).
//!
//! Events that pile up while a pass runs become one request. It is correct with either trigger alone: the store's
//! wake-ups may all be lost, then the period serves; the period may be long, then every change wakes. A request that met
//! "busy" is made anew after a short while: whoever holds the lock hears of the same event and runs another pass for it,
//! so this matters only if that node dies.
//!
//! Under load events never end, and passes that follow each other without a pause would take a core of every server for
//! themselves. So a pass that took long is followed by a rest as long as it took, or three times as long if it changed
//! nothing, up to a limit; short ones are followed at once.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::options::Options;
use crate::schedule::{PassReport, Scheduled, Scheduler};
use crate::signal::Signal;

/// Calls `schedule()` when asked to, and now and then.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) scheduler: Scheduler,
    pub(crate) requests: Signal,
    pub(crate) options: Options,
}

/// What comes after a call.
enum After {
    /// Wait for the next request or period, but not before this has gone by.
    Rest(Duration),
    /// The same request once more, after this.
    Again(Duration),
}

/// A pass that took less than this is followed by another at once.
const SHORT: Duration = Duration::from_millis(25);

impl Trigger {
    /// Runs until told to stop, at first at once. A pass that has begun is made to its end.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut period = interval_at(Instant::now() + self.options.period, self.options.period);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut errors = Backoff::up_to(self.options.retry_cap);
        let mut busy = self.options.busy_delay;
        let mut asked = true;
        loop {
            match self.call(asked, &mut errors, &mut busy).await {
                After::Rest(rest) => {
                    if !rest.is_zero() {
                        tokio::select! {
                            biased;
                            () = stop.cancelled() => return,
                            () = sleep(rest) => {}
                        }
                    }
                    asked = tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        () = self.requests.requested() => true,
                        _ = period.tick() => false,
                    };
                }
                After::Again(pause) => {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        () = sleep(pause) => {}
                    }
                    asked = true;
                }
            }
        }
    }

    /// One call. An event is served only by a pass that ran: until then it is asked for again.
    async fn call(&self, asked: bool, errors: &mut Backoff, busy: &mut Duration) -> After {
        match self.scheduler.schedule().await {
            Ok(Scheduled::Ran(report)) => {
                errors.reset();
                *busy = self.options.busy_delay;
                tracing::debug!(
                    passes = report.passes,
                    starts = report.starts,
                    ends = report.ends,
                    creates = report.creates,
                    skipped = report.skipped,
                    kept = report.kept,
                    stale = report.stale,
                    "passes made"
                );
                if report.withheld {
                    return After::Again(self.options.heartbeat);
                }
                if report.more {
                    self.requests.request();
                    return After::Rest(Duration::ZERO);
                }
                After::Rest(rest_after(&report, self.options.rest_limit))
            }
            Ok(Scheduled::Busy) if asked => {
                let pause = *busy;
                *busy = pause.saturating_mul(2).min(self.options.retry_cap);
                After::Again(pause)
            }
            Ok(Scheduled::Busy) => After::Rest(Duration::ZERO),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "no pass was made, trying again");
                After::Again(errors.next())
            }
        }
    }
}

fn rest_after(report: &PassReport, limit: Duration) -> Duration {
    let took = report.durations.total();
    let rest = if took < SHORT {
        Duration::ZERO
    } else if report.changed_nothing() {
        took.saturating_mul(3)
    } else {
        took
    };
    rest.min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::PhaseDurations;

    #[test]
    fn a_pass_that_took_long_is_followed_by_a_rest_and_a_short_one_is_not() {
        let limit = Duration::from_secs(1);
        let rest = |millis, starts| {
            let durations =
                PhaseDurations { read: Duration::from_millis(millis), ..PhaseDurations::default() };
            rest_after(&PassReport { durations, starts, ..PassReport::default() }, limit).as_millis()
        };
        assert_eq!((rest(5, 0), rest(5, 1)), (0, 0));
        assert_eq!((rest(100, 0), rest(100, 1)), (300, 100), "the useless one rests longer");
        assert_eq!((rest(5_000, 0), rest(5_000, 1)), (1_000, 1_000));
    }
}
