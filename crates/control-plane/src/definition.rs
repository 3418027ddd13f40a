//! What people define, as the crate `definition` reads it, and what applying it changed.

pub use ::definition::*;

/// What applying definitions changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// New ones.
    pub created: Vec<(DefinitionKind, String)>,
    /// Those that are different now.
    pub changed: Vec<(DefinitionKind, String)>,
    /// How many were as they are already.
    pub unchanged: usize,
    /// Whether the rules are different now.
    pub rules_changed: bool,
}
