//! The loops on real servers, in one process: nodes race for the lock, die at every step of a task's way, and lose their
//! connections; nothing is lost and nothing runs twice (R12).
//!
//! Nodes as processes of their own are tested beside the program.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod cluster;
mod deliveries;
mod lock;
mod network;
mod steps;
