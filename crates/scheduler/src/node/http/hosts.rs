//! By which names the port may be asked.
//!
//! A page of another site can give its own name this machine's address after it was loaded, and then read every answer as its
//! own: only the name in the request tells. So a request must name the address that it was sent to, this machine as itself
//! knows it, or a name that the node was told of. No name at all is well: every browser sends one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode};

use super::answer::Refusal;

/// A name that a node is told of: `scheduler.example.org`, with or without a port, which says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostName(String);

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no name of a host, such as scheduler.example.org");
        let authority: Authority = text.parse().map_err(|_| wrong())?;
        if authority.host().is_empty() || text.contains('@') {
            return Err(wrong());
        }
        Ok(Self(plain(authority.host())))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names are the same in small and large letters, and with or without a dot at their end.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a request may be answered that came to this address of the machine.
pub(super) fn admit<B>(
    request: &Request<B>,
    to: Option<SocketAddr>,
    names: &[HostName],
) -> Result<(), Refusal> {
    let headers = request.headers().get_all(HOST).into_iter().map(|host| host.to_str().unwrap_or_default());
    let all = headers.chain(request.uri().authority().map(Authority::as_str));
    for given in all {
        let host = given.parse().map(|authority: Authority| plain(authority.host())).unwrap_or_default();
        if !is_ours(&host, to, names) {
            let what = "the request names another host than this node";
            return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "host", "header Host", what).remedy(
                "ask by the address that the node listens on, or start it with --http-host NAME for this name",
            ));
        }
    }
    Ok(())
}

fn is_ours(host: &str, to: Option<SocketAddr>, names: &[HostName]) -> bool {
    if names.iter().any(|name| name.0 == host) || host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    host.parse().is_ok_and(|address: IpAddr| {
        address.is_loopback() || to.is_some_and(|to| to.ip().to_canonical() == address.to_canonical())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_where_it_was_sent_or_a_name_that_was_given() {
        let names: Vec<HostName> = vec!["Scheduler.Example.org:443".parse().unwrap()];
        let asks = |hosts: &[&str]| {
            let request = hosts.iter().fold(Request::get("/"), |request, host| request.header(HOST, *host));
            admit(&request.body(()).unwrap(), "10.1.2.3:9100".parse().ok(), &names)
        };
        for ours in [
            "10.1.2.3:9100",
            "10.1.2.3",
            "localhost",
            "LOCALHOST",
            "node.localhost",
            "127.0.0.1:80",
            "[::1]:9100",
            "[::ffff:10.1.2.3]",
            "scheduler.example.org",
            "scheduler.example.org.:8443",
        ] {
            assert!(asks(&[ours]).is_ok(), "{ours}");
        }
        for other in [
            "evil.example",
            "10.1.2.4",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "[::2]",
        ] {
            assert_eq!(asks(&[other]).unwrap_err().status, StatusCode::MISDIRECTED_REQUEST, "{other}");
            assert!(asks(&["localhost", other]).is_err(), "one of two: {other}");
        }
        assert!(asks(&[]).is_ok(), "no browser");
        let absolute = Request::get("http://evil.example/").body(()).unwrap();
        assert!(admit(&absolute, None, &names).is_err());
        assert!("".parse::<HostName>().is_err() && "a/b".parse::<HostName>().is_err());
    }
}
