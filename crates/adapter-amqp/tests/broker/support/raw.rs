//! The driver itself, for what the port does not do.

use amqprs::channel::Channel;
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::security::SecurityCredentials;

/// A channel of the driver's.
pub(crate) struct Raw {
    pub(crate) channel: Channel,
    _connection: Connection,
}

impl Raw {
    pub(crate) async fn open(url: &str) -> Self {
        let (credentials, place, path) = parts(url);
        let (user, password) = credentials.split_once(':').unwrap();
        let (host, port) = place.split_once(':').unwrap();
        let mut arguments = OpenConnectionArguments::new(host, port.parse().unwrap(), "", "");
        arguments.credentials(SecurityCredentials::new_plain(user, password));
        arguments.virtual_host(&path.to_lowercase().replace("%2f", "/"));
        let connection = Connection::open(&arguments).await.unwrap();
        let channel = connection.open_channel(None).await.unwrap();
        Self { channel, _connection: connection }
    }
}

/// Credentials, place and path of a complete URL: `amqp://user:password@host:port/path`.
pub(crate) fn parts(url: &str) -> (String, String, String) {
    let rest = url.strip_prefix("amqp://").unwrap();
    let (credentials, rest) = rest.rsplit_once('@').unwrap();
    let (place, path) = rest.split_once('/').unwrap();
    (credentials.into(), place.into(), path.into())
}
