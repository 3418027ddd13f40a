//! What a URL says of encryption, in the words of every client of PostgreSQL.
//!
//! | `sslmode` | means |
//! | --- | --- |
//! | `disable` | never encrypted |
//! | `prefer`, `allow`, nothing | encrypted where the server can |
//! | `require` | encrypted, or not at all; by whom is not asked, unless `sslrootcert` says whom to trust |
//! | `verify-ca` | by a server with a certificate that is trusted |
//! | `verify-full` | and that bears the server's name |
//!
//! `sslrootcert=FILE` names the certificates to trust instead of those of the system, which `sslrootcert=system` means too. The
//! driver knows neither that nor the last two modes, so both are taken out of what it reads.

use std::path::{Path, PathBuf};

/// By what a server is known, the less first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// By nothing: whoever answers is trusted. Keeps out those who only listen.
    #[default]
    Anyone,
    /// By a certificate of somebody who is trusted.
    Chain,
    /// By such a certificate with its name.
    Name,
}

/// Whether connections are encrypted, the less first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encryption {
    Never,
    /// Where the server can.
    #[default]
    Preferred,
    Required,
}

/// What a URL asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Secrecy {
    pub(crate) trust: Trust,
    pub(crate) encryption: Encryption,
    /// The certificates to trust; `None` for the system's.
    pub(crate) roots: Option<PathBuf>,
}

impl Secrecy {
    /// With these certificates to trust, unless others were named. With `require` that is a word on whom to trust, too.
    pub(crate) fn trusting(mut self, roots: &Path) -> Self {
        if self.roots.is_none() {
            self.roots = Some(roots.to_owned());
        }
        if self.encryption == Encryption::Required {
            self.trust = self.trust.max(Trust::Chain);
        }
        self
    }

    /// What is asked for by the stricter of two.
    pub(crate) fn or_stricter(self, other: Self) -> Self {
        let encryption = self.encryption.max(other.encryption);
        let stricter = if other.trust > self.trust { other } else { self };
        Self { encryption, ..stricter }
    }

    /// Takes what the driver does not know out of a URL, or out of `key=value` words.
    pub(crate) fn taken_from(url: &str) -> (String, Self) {
        let mut asked = Asked::default();
        let rest = if url.contains("://") {
            let (place, query) = url.split_once('?').unwrap_or((url, ""));
            let kept: Vec<String> = query.split('&').filter_map(|word| asked.keep(word, decoded)).collect();
            let query = kept.join("&");
            if query.is_empty() { place.to_owned() } else { format!("{place}?{query}") }
        } else {
            let kept = words(url).into_iter().filter_map(|word| asked.keep(word, unquoted));
            kept.collect::<Vec<_>>().join(" ")
        };
        (rest, asked.secrecy())
    }
}

#[derive(Default)]
struct Asked {
    mode: Option<String>,
    roots: Option<String>,
}

impl Asked {
    /// The word as the driver may have it.
    fn keep(&mut self, word: &str, value: impl Fn(&str) -> String) -> Option<String> {
        if let Some(roots) = word.strip_prefix("sslrootcert=") {
            self.roots = Some(value(roots));
            return None;
        }
        let Some(mode) = word.strip_prefix("sslmode=") else { return Some(word.to_owned()) };
        let mode = value(mode);
        let known = match mode.as_str() {
            "allow" => "prefer",
            "verify-ca" | "verify-full" => "require",
            other => other,
        };
        let kept = format!("sslmode={known}");
        self.mode = Some(mode);
        Some(kept)
    }

    fn secrecy(self) -> Secrecy {
        let trust = match self.mode.as_deref() {
            Some("verify-full") => Trust::Name,
            Some("verify-ca") => Trust::Chain,
            Some("require") if self.roots.is_some() => Trust::Chain,
            _ => Trust::Anyone,
        };
        let encryption = match self.mode.as_deref() {
            Some("disable") => Encryption::Never,
            Some("require" | "verify-ca" | "verify-full") => Encryption::Required,
            _ => Encryption::Preferred,
        };
        Secrecy { trust, encryption, roots: self.roots.filter(|roots| roots != "system").map(PathBuf::from) }
    }
}

/// Words apart from each other by spaces that stand in no quotes.
fn words(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(|letter: char| {
        quoted ^= letter == '\'';
        !quoted && letter.is_whitespace()
    });
    parts.filter(|word| !word.is_empty()).collect()
}

fn unquoted(value: &str) -> String {
    value.trim_matches('\'').to_owned()
}

/// With `%2F` and the like as what they stand for; what is no such code stays.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, left)) = rest.split_first() {
        let code = left.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.filter(|_| first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = left.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = left;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_mean_what_they_mean_to_every_client() {
        for (asked, kept, trust, roots) in [
            ("", "", Trust::Anyone, None),
            ("?sslmode=prefer", "?sslmode=prefer", Trust::Anyone, None),
            ("?sslmode=allow", "?sslmode=prefer", Trust::Anyone, None),
            ("?sslmode=require&a=b", "?sslmode=require&a=b", Trust::Anyone, None),
            ("?sslmode=require&sslrootcert=/a%20b.pem", "?sslmode=require", Trust::Chain, Some("/a b.pem")),
            ("?sslrootcert=system&sslmode=require", "?sslmode=require", Trust::Chain, None),
            ("?sslmode=verify-ca", "?sslmode=require", Trust::Chain, None),
            ("?a=b&sslmode=verify-full&sslrootcert=x", "?a=b&sslmode=require", Trust::Name, Some("x")),
        ] {
            let place = "postgres://bob:sslmode%3Dx@db.example:5432/base";
            let required = kept.contains("require");
            let encryption = if required { Encryption::Required } else { Encryption::Preferred };
            let secrecy = Secrecy { trust, encryption, roots: roots.map(PathBuf::from) };
            assert_eq!(Secrecy::taken_from(&format!("{place}{asked}")), (format!("{place}{kept}"), secrecy));
        }
    }

    #[test]
    fn words_in_quotes_are_nobody_elses() {
        let (rest, secrecy) = Secrecy::taken_from(
            "host=db  password='a sslmode=disable b' sslmode=verify-full sslrootcert='/x.pem'",
        );
        assert_eq!(rest, "host=db password='a sslmode=disable b' sslmode=require");
        let roots = Some("/x.pem".into());
        assert_eq!(secrecy, Secrecy { trust: Trust::Name, encryption: Encryption::Required, roots });
        let never = Secrecy::taken_from("host=db sslmode=disable").1;
        assert_eq!(never.encryption, Encryption::Never);
    }

    #[test]
    fn certificates_to_trust_are_a_word_on_whom_to_trust_where_encryption_is_required() {
        let file = Path::new("/ca.pem");
        let trust = |url| Secrecy::taken_from(url).1.trusting(file).trust;
        assert_eq!(trust("host=db sslmode=require"), Trust::Chain);
        assert_eq!(trust("host=db sslmode=verify-full"), Trust::Name);
        assert_eq!(trust("host=db"), Trust::Anyone, "what only is preferred may as well be plain");
        let (_, named) = Secrecy::taken_from("host=db sslrootcert=/own.pem sslmode=require");
        assert_eq!(named.trusting(file).roots, Some("/own.pem".into()));
    }
}
