//! Stable names for machines: one table for the token of a value, its name in JSON, and the way back.
//!
//! [`tokens`] declares an enum without fields, so that a token and the name in JSON are one literal. [`token_of`] names the variants
//! of an enum with fields, which no token brings back; the compiler sees that none is left out, a test that they are named as in
//! JSON.

/// A word that is no token of the type that it was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such {what}: it is one of {}", .known.join(", "))]
pub struct UnknownToken {
    what: &'static str,
    known: &'static [&'static str],
}

impl UnknownToken {
    /// No such thing: these are known. For tokens of one's own.
    #[must_use]
    pub const fn new(what: &'static str, known: &'static [&'static str]) -> Self {
        Self { what, known }
    }
}

macro_rules! tokens {
    ($(#[$meta:meta])* enum $name:ident: $what:literal {
        $($(#[$of_variant:meta])* $variant:ident = $token:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$of_variant])* #[serde(rename = $token)] $variant,)+
        }

        impl $name {
            /// Every one, in their order.
            pub const ALL: [Self; Self::TOKENS.len()] = [$(Self::$variant),+];
            /// The tokens of all, in their order.
            pub const TOKENS: &'static [&'static str] = &[$($token),+];

            /// The stable name for machines, as in JSON; `parse` leads back.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self {
                    $(Self::$variant => $token,)+
                }
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::UnknownToken;

            fn from_str(token: &str) -> Result<Self, Self::Err> {
                Ok(match token {
                    $($token => Self::$variant,)+
                    _ => return Err($crate::UnknownToken::new($what, Self::TOKENS)),
                })
            }
        }
    };
}

macro_rules! token_of {
    ($name:ident: $($variant:ident = $token:literal),+ $(,)?) => {
        impl $name {
            /// The tokens of all, in their order.
            pub const TOKENS: &'static [&'static str] = &[$($token),+];

            /// The stable name for machines, as in JSON.
            #[must_use]
            pub const fn token(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $token,)+
                }
            }
        }
    };
}

pub(crate) use {token_of, tokens};

#[cfg(test)]
mod tests;
