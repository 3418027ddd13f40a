//! What the project's own tests share: a slow model of the rules, and scenarios as text files.

pub mod model;
pub mod scenario;
pub mod workload;
