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
