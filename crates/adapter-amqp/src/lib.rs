#![forbid(unsafe_code)]
//! The control plane's broker on RabbitMQ.
