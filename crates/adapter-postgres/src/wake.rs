//! Wake-ups: one channel a schema, on a connection of its own that mends itself.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use control_plane::ports::{StoreError, Wake, Wakes, Wakeups};
use tokio::time::timeout;

use crate::connector::Listening;
use crate::error::{silent, store_error};
use crate::store::PostgresStore;

/// The longest pause between two attempts to reconnect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

const EVERYTHING: [Wake; 4] = [Wake::Schedule, Wake::Outbox, Wake::Orders, Wake::Members];

#[async_trait]
impl Wakes for PostgresStore {
    async fn wakeups(&self) -> Result<Box<dyn Wakeups>, StoreError> {
        drop(self.session("listening for wake-ups").await?);
        let listening = listen(self).await?;
        let (said, pause) = (VecDeque::new(), SHORTEST_PAUSE);
        Ok(Box::new(Listener { store: self.clone(), listening: Some(listening), said, pause }))
    }
}

/// A stream of wake-ups.
struct Listener {
    store: PostgresStore,
    listening: Option<Listening>,
    /// What was heard and not handed out yet, each at most once.
    said: VecDeque<Wake>,
    pause: Duration,
}

#[async_trait]
impl Wakeups for Listener {
    async fn next(&mut self) -> Result<Wake, StoreError> {
        loop {
            if let Some(wake) = self.said.pop_front() {
                return Ok(wake);
            }
            let Some(listening) = &mut self.listening else {
                self.mend().await;
                continue;
            };
            match listening.heard.recv().await {
                Some(payload) => self.hear(&payload),
                None => self.listening = None,
            }
        }
    }
}

impl Listener {
    fn hear(&mut self, payload: &str) {
        for word in payload.split(',') {
            let wake = match word {
                "schedule" => Wake::Schedule,
                "outbox" => Wake::Outbox,
                "orders" => Wake::Orders,
                "members" => Wake::Members,
                _ => continue,
            };
            if !self.said.contains(&wake) {
                self.said.push_back(wake);
            }
        }
    }

    /// One attempt to listen again, after a pause that grows while attempts fail. Anything may have been missed.
    async fn mend(&mut self) {
        tokio::time::sleep(self.pause).await;
        match listen(&self.store).await {
            Ok(listening) => {
                self.listening = Some(listening);
                self.said.extend(EVERYTHING);
                self.pause = SHORTEST_PAUSE;
                tracing::info!("listening to PostgreSQL again");
            }
            Err(error) => {
                tracing::warn!(%error, "cannot listen to PostgreSQL; trying again");
                self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn listen(store: &PostgresStore) -> Result<Listening, StoreError> {
    const WHAT: &str = "listening for wake-ups";
    let limit = store.inner.config.connect_timeout;
    let words = format!("LISTEN \"{}\"", store.inner.schema.channel());
    let listening = async {
        let listening = store.inner.connector.listen(&store.inner.listen).await?;
        listening.client.batch_execute(&words).await?;
        Ok(listening)
    };
    let listening = timeout(limit, listening).await.map_err(|_| silent(WHAT, limit))?;
    listening.map_err(|error| store_error(WHAT, &error))
}
