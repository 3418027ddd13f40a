//! Which control plane this is: told apart from any other that shares its servers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The identity of a control plane, made once by its store and kept for as long as that lives: 128 bits, written as a UUID.
///
/// Messages carry it, so that two control planes which were given the same names on one broker are told apart. It is no secret.
/// A copy of a database has the identity of its original.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ControlPlaneId(u128);

/// A text that is no identity of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identity of a control plane is written as a UUID: 8-4-4-4-12 hex digits")]
pub struct ControlPlaneIdError;

impl ControlPlaneId {
    /// This identity.
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }
}

/// As a UUID.
impl fmt::Display for ControlPlaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |shift: u32, digits: u32| (self.0 >> shift) & ((1_u128 << (digits * 4)) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            group(96, 8),
            group(80, 4),
            group(64, 4),
            group(48, 4),
            group(0, 12)
        )
    }
}

impl fmt::Debug for ControlPlaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ControlPlaneId {
    type Err = ControlPlaneIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        let digits: String = text.split('-').collect();
        if lengths != [8, 4, 4, 4, 12] || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ControlPlaneIdError);
        }
        u128::from_str_radix(&digits, 16).map(Self).map_err(|_| ControlPlaneIdError)
    }
}

impl TryFrom<String> for ControlPlaneId {
    type Error = ControlPlaneIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ControlPlaneId> for String {
    fn from(id: ControlPlaneId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_as_a_uuid_and_read_again() {
        let text = "0af76519-16cd-43dd-8448-00211c80319c";
        let id: ControlPlaneId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(ControlPlaneId::new(u128::MAX).to_string().parse(), Ok(ControlPlaneId::new(u128::MAX)));
        for wrong in
            ["", "0af76519", "0af7651916cd43dd844800211c80319c", "+af76519-16cd-43dd-8448-00211c80319c"]
        {
            assert_eq!(wrong.parse::<ControlPlaneId>(), Err(ControlPlaneIdError), "{wrong}");
        }
    }
}
