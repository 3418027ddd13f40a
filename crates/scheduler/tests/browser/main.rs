//! The page of a node in a real Chromium, on nodes as they are: what a person sees, clicks and types, and what then happens.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod page;
mod stale;
mod support;
