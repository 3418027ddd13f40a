//! Whether a connection leaves this machine.

use std::net::IpAddr;

/// Whether what is sent to this host stays on this machine, so that nobody else can read it on its way. A name that is not
/// `localhost` is taken to lead elsewhere.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_every_other_name_is_not() {
        for own in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in ["db.example", "10.0.0.1", "localhost.example", "", "0.0.0.0", "[fe80::1]"] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
