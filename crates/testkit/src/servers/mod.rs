//! Real servers for tests: where they are, a relay in front of them that can fail, and private ones that a test may stop.
//!
//! Tests that share the servers of `scripts/test` must not stop them, so a broken network is played by a [`Relay`] of the
//! test's own, and a server that goes down by [`PrivateServers`].

mod private;
mod relay;
mod site;

use std::env;

pub use private::{PrivateServers, Server};
pub use relay::Relay;
pub use site::Site;

/// The PostgreSQL that the tests share.
///
/// # Panics
///
/// When `DATABASE_URL` is not set.
#[must_use]
pub fn database_url() -> String {
    env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL: run `scripts/servers cargo test …`")
}

/// The RabbitMQ that the tests share.
///
/// # Panics
///
/// When `AMQP_URL` is not set.
#[must_use]
pub fn amqp_url() -> String {
    env::var("AMQP_URL").expect("AMQP_URL names a RabbitMQ: run `scripts/servers cargo test …`")
}

/// The same URL with another host and port, such as a relay's. Everything else stays.
///
/// # Panics
///
/// When the URL has no host.
#[must_use]
pub fn through(url: &str, address: std::net::SocketAddr) -> String {
    let (before, host, after) = around_host(url);
    assert!(!host.is_empty(), "a URL with a host");
    format!("{before}{address}{after}")
}

/// The host and port that a URL names.
#[must_use]
pub fn address_of(url: &str) -> String {
    around_host(url).1.to_owned()
}

/// What stands before the host and port, they themselves, and what stands after them.
fn around_host(url: &str) -> (&str, &str, &str) {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[scheme..].find(['/', '?']).map_or(url.len(), |at| scheme + at);
    let start = url[scheme..end].rfind('@').map_or(scheme, |at| scheme + at + 1);
    (&url[..start], &url[start..end], &url[end..])
}

#[cfg(test)]
mod tests {
    use super::{address_of, through};

    #[test]
    fn only_the_host_of_a_url_is_replaced() {
        let relay = "127.0.0.1:7".parse().unwrap();
        let url = "postgres://user:p%40ss@db.example:5432/name?sslmode=disable";
        assert_eq!(address_of(url), "db.example:5432");
        assert_eq!(through(url, relay), "postgres://user:p%40ss@127.0.0.1:7/name?sslmode=disable");
        assert_eq!(through("amqp://mq:5672", relay), "amqp://127.0.0.1:7");
    }
}
