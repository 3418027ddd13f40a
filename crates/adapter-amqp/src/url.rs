//! Reads the address of a broker: `amqp://user:password@host:port/vhost`, as RabbitMQ's own clients write it.
//!
//! The one rule that is easy to miss: the virtual host is what follows the slash, percent-encoded. No slash is the default
//! virtual host `/`, which written out is `%2f`; a slash with nothing behind it is the virtual host with the empty name in
//! RabbitMQ's specification and nearly always meant as the default, so it is read as that.
//!
//! Errors never repeat any part of the URL: the password may stand where it does not belong.

use std::fmt;

/// Why a text is no usable address of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not `amqp://` or `amqps://`.
    #[error(
        "the broker's URL starts with neither amqp:// nor amqps://: write amqp://user:password@host:5672/vhost"
    )]
    Scheme,
    /// `amqps://`, and this build cannot.
    #[error(
        "the broker's URL asks for TLS, which this build lacks: build with the feature `tls`, or use amqp://"
    )]
    NoTls,
    /// No host.
    #[error("the broker's URL names no host: write amqp://user:password@host:5672/vhost")]
    Host,
    /// A port that is none.
    #[error(
        "the broker's URL has a port that is no number from 1 to 65535; an @, : or / in a password is written %40, %3A, %2F"
    )]
    Port,
    /// A `%` that no two hex digits follow, or bytes that are no text.
    #[error(
        "the broker's URL has a % that no two hex digits of a text in UTF-8 follow: write a % itself as %25"
    )]
    Encoding,
    /// A second slash after the host.
    #[error("the broker's URL has a / within its virtual host: write it %2f")]
    VirtualHost,
    /// A user or virtual host that the protocol has no room for.
    #[error("the broker's URL has a user or virtual host of more than 255 bytes")]
    TooLong,
    /// A parameter that is unknown or has no number.
    #[error("the broker's URL has a parameter other than heartbeat=<1 to 3600 seconds>: remove it")]
    Parameter,
}

/// Where the broker is and who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Whether the connection is encrypted.
    pub(crate) tls: bool,
    /// A name or an address; one of version 6 in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) virtual_host: String,
    /// In seconds; half of it between two signs of life, and twice it without any is the end of a connection.
    pub(crate) heartbeat: u16,
}

/// Short enough that a machine that vanished is noticed before its tasks are reaped, long enough for a busy broker.
const HEARTBEAT: u16 = 10;

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "amqp" => false,
            "amqps" if cfg!(feature = "tls") => true,
            "amqps" => return Err(UrlError::NoTls),
            _ => return Err(UrlError::Scheme),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let (host, port) = split_place(place)?;
        if path.contains('/') {
            return Err(UrlError::VirtualHost);
        }
        let anonymous = credentials.is_empty();
        let server = Self {
            tls,
            host: decode(host)?,
            port: port.unwrap_or(if tls { 5671 } else { 5672 }),
            user: if anonymous { "guest".into() } else { decode(user)? },
            password: if anonymous { "guest".into() } else { decode(password)? },
            virtual_host: if path.is_empty() { "/".into() } else { decode(path)? },
            heartbeat: heartbeat(query)?,
        };
        if server.user.len() > 255 || server.virtual_host.len() > 255 {
            return Err(UrlError::TooLong);
        }
        Ok(server)
    }

    /// Host and port: what errors and logs may say.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Without who asks.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("tls", &self.tls)
            .field("place", &self.place())
            .field("virtual_host", &self.virtual_host)
            .finish_non_exhaustive()
    }
}

/// Host and port; an address of version 6 keeps its brackets.
fn split_place(place: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = match place.rfind(']') {
        Some(end) => match place.split_at_checked(end + 1) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or(UrlError::Port)?)),
            None => return Err(UrlError::Host),
        },
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host == "[]" {
        return Err(UrlError::Host);
    }
    match port.map(str::parse::<u16>) {
        None => Ok((host, None)),
        Some(Ok(port)) if port > 0 => Ok((host, Some(port))),
        Some(_) => Err(UrlError::Port),
    }
}

fn heartbeat(query: &str) -> Result<u16, UrlError> {
    if query.is_empty() {
        return Ok(HEARTBEAT);
    }
    let number = query.strip_prefix("heartbeat=").and_then(|number| number.parse().ok());
    number.filter(|seconds| (1..=3600).contains(seconds)).ok_or(UrlError::Parameter)
}

fn decode(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
            let (high, low) = (digit(), digit());
            let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            bytes.push(value.ok_or(UrlError::Encoding)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Server {
        Server::parse(url).unwrap()
    }

    #[test]
    fn every_part_is_read() {
        let server = read("amqp://bob:s%40cret@rabbit.example:5673/my%2fhost?heartbeat=30");
        assert_eq!((server.host.as_str(), server.port), ("rabbit.example", 5673));
        assert_eq!((server.user.as_str(), server.password.as_str()), ("bob", "s@cret"));
        assert_eq!((server.virtual_host.as_str(), server.heartbeat, server.tls), ("my/host", 30, false));
    }

    #[test]
    fn what_is_left_out_has_the_usual_value() {
        for url in ["amqp://rabbit", "amqp://rabbit/", "amqp://rabbit/%2F", "AMQP://rabbit:5672"] {
            let server = read(url);
            assert_eq!((server.host.as_str(), server.port), ("rabbit", 5672), "{url}");
            assert_eq!((server.user.as_str(), server.password.as_str()), ("guest", "guest"), "{url}");
            assert_eq!(server.virtual_host, "/", "{url}");
        }
        assert_eq!(read("amqp://bob@localhost").password, "");
    }

    #[test]
    fn an_address_of_version_6_keeps_its_brackets() {
        assert_eq!(read("amqp://[::1]").place(), "[::1]:5672");
        assert_eq!(read("amqp://guest:guest@[::1]:5673/x").place(), "[::1]:5673");
    }

    #[test]
    fn mistakes_are_named_and_never_repeated() {
        let long = format!("amqp://host/{}", "v".repeat(256));
        let mistakes = [
            ("http://secret", UrlError::Scheme),
            ("secret", UrlError::Scheme),
            ("amqp://", UrlError::Host),
            ("amqp://bob:secret@", UrlError::Host),
            ("amqp://bob:secret@:5672", UrlError::Host),
            ("amqp://host:0", UrlError::Port),
            ("amqp://host:secret", UrlError::Port),
            ("amqp://[::1]secret", UrlError::Port),
            ("amqp://bob:se%cret@host", UrlError::Encoding),
            ("amqp://bob:%ff@host", UrlError::Encoding),
            ("amqp://host/a/b", UrlError::VirtualHost),
            ("amqp://host/?secret=1", UrlError::Parameter),
            ("amqp://host/?heartbeat=0", UrlError::Parameter),
            (long.as_str(), UrlError::TooLong),
        ];
        for (url, mistake) in mistakes {
            assert_eq!(Server::parse(url), Err(mistake), "{url}");
            assert!(!mistake.to_string().contains("secret"), "{mistake}");
        }
    }

    #[test]
    fn encryption_needs_the_feature() {
        let read = Server::parse("amqps://host");
        if cfg!(feature = "tls") {
            assert!(read.is_ok_and(|server| server.tls && server.port == 5671));
        } else {
            assert_eq!(read, Err(UrlError::NoTls));
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", read("amqp://bob:s3cret@host/vhost"));
        assert!(!shown.contains("s3cret") && !shown.contains("bob"), "{shown}");
    }
}
