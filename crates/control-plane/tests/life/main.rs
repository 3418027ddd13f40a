//! The whole way of tasks through a control plane, on the store and the broker in memory, in time that passes at once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod bench;
mod commands;
mod faults;
mod flaky;
mod outages;
mod retention;
mod running;
mod stopping;
mod triggers;
mod work;
