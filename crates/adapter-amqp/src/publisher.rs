//! Publishing with confirmations: a window of unanswered messages, and what became of each.
//!
//! A publisher is good for batch after batch until one fails; then its numbers are in doubt and it is thrown away, and of the
//! failed batch nothing counts as sent. What the broker did take of it arrives twice, which the fence of the store absorbs.

use std::num::NonZeroU16;
use std::time::Duration;

use amqprs::BasicProperties;
use amqprs::channel::{BasicPublishArguments, ConfirmSelectArguments};
use control_plane::ports::{BrokerError, Publication};
use tokio::time::timeout;

use crate::config::AmqpConfig;
use crate::ledger::Ledger;
use crate::listener::Event;
use crate::session::{Role, Session};

/// A message to publish. It is sent back when no queue takes it.
pub(crate) struct Outgoing {
    pub(crate) exchange: String,
    pub(crate) key: String,
    /// For people who look at queues; the publisher adds the message's number to it.
    pub(crate) name: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) session: Session,
    next: u64,
    window: NonZeroU16,
    confirm_timeout: Duration,
}

impl Publisher {
    pub(crate) async fn open(config: &AmqpConfig, role: Role) -> Result<Self, BrokerError> {
        let session = Session::open(config, role).await?;
        let selected = session.channel()?.confirm_select(ConfirmSelectArguments::new(false)).await;
        selected.map_err(|error| session.broken("asking for confirmations", error))?;
        Ok(Self { session, next: 1, window: config.window, confirm_timeout: config.confirm_timeout })
    }

    /// Publishes all and waits for all answers. After an error, or dropped before it ends, the publisher is of no use any more.
    pub(crate) async fn publish(
        &mut self,
        messages: impl ExactSizeIterator<Item = Outgoing> + Send,
    ) -> Result<Vec<Publication>, BrokerError> {
        let mut ledger = Ledger::new(self.next, messages.len());
        for message in messages {
            while ledger.open() >= usize::from(self.window.get()) {
                self.wait(&mut ledger).await?;
            }
            self.send(ledger.publish(), message).await?;
        }
        while ledger.open() > 0 {
            self.wait(&mut ledger).await?;
        }
        self.next = ledger.next();
        Ok(ledger.into_publications())
    }

    async fn send(&self, number: u64, message: Outgoing) -> Result<(), BrokerError> {
        let Outgoing { exchange, key, name, mut properties, body } = message;
        properties.with_message_id(&format!("{name}-{number}"));
        let mut arguments = BasicPublishArguments::default();
        arguments.exchange(exchange).routing_key(key).mandatory(true);
        let sent = self.session.channel()?.basic_publish(properties, body, arguments).await;
        sent.map_err(|error| self.session.broken("publishing", error))
    }

    /// Waits for an answer, and takes what else is there.
    async fn wait(&mut self, ledger: &mut Ledger) -> Result<(), BrokerError> {
        match timeout(self.confirm_timeout, self.session.events.recv()).await {
            Ok(Some(event)) => note(ledger, event),
            Ok(None) => return Err(self.session.ended("publishing")),
            Err(_) => {
                return Err(self.session.silent("waiting for confirmations", self.confirm_timeout));
            }
        }
        while let Ok(event) = self.session.events.try_recv() {
            note(ledger, event);
        }
        Ok(())
    }
}

fn note(ledger: &mut Ledger, event: Event) {
    match event {
        Event::Answered { number, all_up_to, taken } => ledger.answered(number, all_up_to, taken),
        Event::Returned { message } => {
            let number = message.as_deref().and_then(|name| name.rsplit('-').next()?.parse().ok());
            if let Some(number) = number {
                ledger.returned(number);
            }
        }
    }
}
