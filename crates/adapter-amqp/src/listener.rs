//! What the driver tells by callbacks, as one stream of events and the broker's last words.
//!
//! The stream ends when the channel does, however that happens (closed, connection lost, the driver failing): the driver then
//! drops the callback that holds the sending half.

use std::fmt;
use std::sync::{Arc, OnceLock};

use amqprs::callbacks::{ChannelCallback, ConnectionCallback};
use amqprs::channel::Channel;
use amqprs::connection::Connection;
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, Close, CloseChannel, Nack, Return};
use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;

/// What the broker says unasked.
#[derive(Debug)]
pub(crate) enum Event {
    /// It has answered this message, or all up to it.
    Answered { number: u64, all_up_to: bool, taken: bool },
    /// It could not route the message of this name.
    Returned { message: Option<String> },
}

/// What the broker said when it closed the channel or the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastWords(Arc<OnceLock<Words>>);

impl LastWords {
    pub(crate) fn get(&self) -> Option<&Words> {
        self.0.get()
    }

    /// The first reason is the cause; what follows it is not.
    fn hear(&self, code: u16, text: &str) {
        tracing::warn!(code, text, "the broker closes a session");
        drop(self.0.set(Words { code, text: text.into() }));
    }
}

#[derive(Debug)]
pub(crate) struct Words {
    code: u16,
    text: String,
}

impl Words {
    /// Whether the same request would meet the same answer: no access, a clash of declarations, what is not implemented.
    pub(crate) const fn refuse(&self) -> bool {
        matches!(self.code, 403 | 405 | 406 | 530 | 540)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// Listens to a channel.
pub(crate) struct ChannelListener {
    pub(crate) sender: UnboundedSender<Event>,
    pub(crate) last_words: LastWords,
}

impl ChannelListener {
    /// Nobody listens any more when the session is dropped, and then nobody misses the event.
    fn tell(&self, event: Event) {
        drop(self.sender.send(event));
    }
}

#[async_trait]
impl ChannelCallback for ChannelListener {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        self.last_words.hear(close.reply_code(), close.reply_text());
        Ok(())
    }

    /// The driver ends the consumer's stream, which its reader sees.
    async fn cancel(&mut self, _: &Channel, cancel: Cancel) -> Result<(), Error> {
        tracing::warn!(
            consumer = cancel.consumer_tag(),
            "the broker cancels a consumer: its queue was deleted"
        );
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        self.tell(Event::Answered { number: ack.delivery_tag(), all_up_to: ack.mutiple(), taken: true });
    }

    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        self.tell(Event::Answered { number: nack.delivery_tag(), all_up_to: nack.multiple(), taken: false });
    }

    async fn publish_return(&mut self, _: &Channel, _: Return, properties: BasicProperties, _: Vec<u8>) {
        self.tell(Event::Returned { message: properties.message_id().cloned() });
    }
}

/// Listens to a connection. It holds no sender of events, so that their stream ends with the channel.
pub(crate) struct ConnectionListener(pub(crate) LastWords);

#[async_trait]
impl ConnectionCallback for ConnectionListener {
    async fn close(&mut self, _: &Connection, close: Close) -> Result<(), Error> {
        self.0.hear(close.reply_code(), close.reply_text());
        Ok(())
    }

    async fn blocked(&mut self, _: &Connection, reason: String) {
        tracing::warn!(reason, "the broker is short of memory or disk and takes no messages for now");
    }

    async fn unblocked(&mut self, _: &Connection) {
        tracing::info!("the broker takes messages again");
    }

    async fn secret_updated(&mut self, _: &Connection) {}
}
