//! Which process groups have a process that has not ended: one look at `/proc` for all who ask.
//!
//! The system counts processes that have ended and that nobody has waited for as members of their group, so only their states tell.
//! A look costs time with every process of the machine; so looks have a pace, which leaves nearly all of a core to
//! others however many ask, and happen on a thread for blocking work.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// The shortest time between two looks.
const PACE: Duration = Duration::from_millis(50);

/// How many times what the last one took passes before the next.
const REST: u32 = 20;

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Census(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    began: Instant,
    next: Instant,
    /// The groups with a living process; `None` where `/proc` says nothing.
    living: Option<HashSet<i32>>,
}

impl Census {
    /// Whether a process of this group, which exists since then, lives, as far as `/proc` tells; where it tells nothing, yes.
    pub(super) async fn lives(&self, group: Pid, since: Instant) -> bool {
        let mut seen = self.0.lock().await;
        if let Some(last) = &*seen {
            if Instant::now() < last.next && since <= last.began {
                return last.has(group);
            }
            tokio::time::sleep_until(last.next.into()).await;
        }
        // An error is a panic or the end of the runtime: nothing is known then.
        let Ok(new) = spawn_blocking(Seen::now).await else { return true };
        let lives = new.has(group);
        *seen = Some(new);
        lives
    }
}

impl Seen {
    fn now() -> Self {
        let began = Instant::now();
        let living = living();
        let ended = Instant::now();
        Self { began, next: ended + ended.duration_since(began).saturating_mul(REST).max(PACE), living }
    }

    fn has(&self, group: Pid) -> bool {
        self.living.as_ref().is_none_or(|living| living.contains(&group.as_raw_nonzero().get()))
    }
}

fn living() -> Option<HashSet<i32>> {
    let mut groups = HashSet::new();
    let mut tells = false;
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        if !process.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let Ok(stat) = std::fs::read(process.path().join("stat")) else { continue };
        tells = true;
        groups.extend(group_if_living(&String::from_utf8_lossy(&stat)));
    }
    tells.then_some(groups)
}

/// `pid (name) state parent group …`, and the name may hold anything.
fn group_if_living(stat: &str) -> Option<i32> {
    let mut fields = stat.rsplit(") ").next()?.split(' ');
    let (state, group) = (fields.next()?, fields.nth(1)?);
    (!matches!(state, "Z" | "X")).then(|| group.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_does_not_live_whatever_its_name() {
        assert_eq!(group_if_living("17 (sleep) S 1 16 16 0 -1"), Some(16));
        assert_eq!(group_if_living("17 (a) Z 1 5) S 1 16 16 0 -1"), Some(16));
        assert_eq!(group_if_living("17 (sleep) Z 1 16 16 0 -1"), None);
        assert_eq!(group_if_living(""), None);
    }

    #[tokio::test]
    async fn many_who_ask_share_one_look_and_none_is_older_than_what_it_is_asked_about() {
        let census = Census::default();
        let own = rustix::process::getpgrp();
        let before = Instant::now();
        assert!(census.lives(own, before).await);
        let first = census.0.lock().await.as_ref().map(|seen| seen.began);
        assert!(census.lives(own, before).await);
        assert_eq!(census.0.lock().await.as_ref().map(|seen| seen.began), first);
        let later = Instant::now();
        assert!(census.lives(own, later).await);
        assert!(census.0.lock().await.as_ref().is_some_and(|seen| seen.began >= later));
    }
}
