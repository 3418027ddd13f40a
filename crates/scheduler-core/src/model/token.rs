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
mod tests {
    use alloc::string::ToString as _;
    use core::fmt::Debug;
    use core::str::FromStr;

    use serde::de::DeserializeOwned;

    use crate::*;

    /// The names of the variants of a type, as its reader tells them to whoever writes another.
    fn names<T: DeserializeOwned + Debug>() -> alloc::vec::Vec<alloc::string::String> {
        let refused = serde_json::from_str::<T>("\"?\"").unwrap_err().to_string();
        refused.split('`').skip(1).step_by(2).skip(1).map(Into::into).collect()
    }

    macro_rules! are_named_as_in_json {
        ($($type:ident)*) => { $(assert_eq!(names::<$type>(), $type::TOKENS, stringify!($type));)* };
    }

    #[test]
    fn r10_tokens_are_the_names_in_json() {
        are_named_as_in_json!(Action Claimant Convergence Disuse EdgeKind End Kind Lack LaunchType Loss Members);
        are_named_as_in_json!(MissingResource Mode NodeFailure NodeStep NodeType Origin Outcome Outlook Place);
        are_named_as_in_json!(Progress ProjectUpdateType Resource ResourceKey Role Severity Simultaneous);
        are_named_as_in_json!(SkipReason State TaskRef Then WorkflowOf);
        assert_eq!(names::<Work>(), Kind::TOKENS, "work is named by its kind");
        let malformed = names::<Malformed>().into_iter().map(|name| alloc::format!("malformed_{name}"));
        assert!(malformed.eq(Reason::TOKENS.into_iter().take(8)), "a reason tells malformed rows apart");
    }

    #[test]
    fn tokens_lead_back() {
        fn back<T: FromStr<Err = UnknownToken> + PartialEq + Debug>(all: &[T], tokens: &[&str]) {
            let led: alloc::vec::Vec<T> = tokens.iter().map(|token| token.parse().unwrap()).collect();
            assert_eq!(all, led);
        }
        back(&Kind::ALL, Kind::TOKENS);
        back(&LaunchType::ALL, LaunchType::TOKENS);
        back(&Mode::ALL, Mode::TOKENS);
        assert_eq!(Kind::AdHocCommand.token().parse(), Ok(Kind::AdHocCommand));
        let unknown = "Any".parse::<Convergence>().unwrap_err();
        assert_eq!(unknown.to_string(), "no such convergence: it is one of any, all");
    }
}
