//! Wake-ups: four counters that only grow. A listener that has seen less than there is has something to hear, however much it
//! missed, so wake-ups coalesce by themselves and none is ever lost.

use std::sync::Arc;

use crate::ports::{StoreError, Wake, Wakeups};
use crate::watched::Watched;
use async_trait::async_trait;

/// Whom a transaction wakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Woken {
    pub(super) schedule: bool,
    pub(super) outbox: bool,
    pub(super) orders: bool,
    pub(super) members: bool,
}

/// How often each wake-up was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    schedule: u64,
    outbox: u64,
    orders: u64,
    members: u64,
}

/// Says wake-ups.
#[derive(Debug, Default)]
pub(super) struct Voice(Arc<Watched<Said>>);

impl Voice {
    pub(super) fn say(&self, woken: Woken) {
        if woken == Woken::default() {
            return;
        }
        self.0.modify(|said| {
            said.schedule = said.schedule.wrapping_add(u64::from(woken.schedule));
            said.outbox = said.outbox.wrapping_add(u64::from(woken.outbox));
            said.orders = said.orders.wrapping_add(u64::from(woken.orders));
            said.members = said.members.wrapping_add(u64::from(woken.members));
        });
    }

    pub(super) fn listen(&self) -> Ear {
        Ear { said: Arc::clone(&self.0), heard: self.0.get() }
    }
}

/// Hears wake-ups.
#[derive(Debug)]
pub(super) struct Ear {
    said: Arc<Watched<Said>>,
    heard: Said,
}

impl Ear {
    /// The next wake-up that was said and not heard.
    fn unheard(&mut self) -> Option<Wake> {
        let said = self.said.get();
        let heard = &mut self.heard;
        if heard.schedule != said.schedule {
            heard.schedule = said.schedule;
            Some(Wake::Schedule)
        } else if heard.outbox != said.outbox {
            heard.outbox = said.outbox;
            Some(Wake::Outbox)
        } else if heard.orders != said.orders {
            heard.orders = said.orders;
            Some(Wake::Orders)
        } else if heard.members != said.members {
            heard.members = said.members;
            Some(Wake::Members)
        } else {
            None
        }
    }
}

#[async_trait]
impl Wakeups for Ear {
    async fn next(&mut self) -> Result<Wake, StoreError> {
        loop {
            if let Some(wake) = self.unheard() {
                return Ok(wake);
            }
            let heard = self.heard;
            self.said.wait_for(|said| *said != heard).await;
        }
    }
}
