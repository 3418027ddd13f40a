//! The broker on RabbitMQ. What needs one is ignored unless asked for, and then reads `AMQP_URL`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod conformance;
mod faults;
mod no_broker;
mod own;
mod pace;
mod support;
#[cfg(feature = "tls")]
mod tls;
