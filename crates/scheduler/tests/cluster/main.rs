//! Nodes as processes of their own, on real servers: a whole life cycle, and what a process and a server can suffer (R12).
//!
//! Each task appends its token to a file when it begins and when it ends, beyond the reach of any store: what the store says
//! in the end is compared with that.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod kills;
mod life_cycle;
mod output;
mod servers;
mod support;
