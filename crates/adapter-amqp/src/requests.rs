//! Broadcasts and requests as the one who asks sees them.
//!
//! Answers come back over the broker's direct reply-to, which needs no queue and ends with the channel. A caller is
//! used by one request at a time and then kept for the next; an answer that comes late has the number of a request that nobody
//! waits for any more, and is passed over.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use amqprs::BasicProperties;
use amqprs::channel::{BasicConsumeArguments, ConsumerMessage};
use control_plane::ports::{Broadcast, BrokerError, ControlPlaneId, Publication, Recipient, Reply, Request};
use scheduler_core::InstanceId;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use crate::calls::{self, REPLY_TO};
use crate::config::AmqpConfig;
use crate::publisher::{Outgoing, Publisher};
use crate::session::Role;
use crate::topology::Topology;

/// Sends calls and gathers answers.
#[derive(Debug)]
pub(crate) struct Caller {
    publisher: Publisher,
    answers: UnboundedReceiver<ConsumerMessage>,
    topology: Topology,
    /// Whose calls it sends.
    serves: Option<ControlPlaneId>,
    /// Who asks, for people.
    by: Option<String>,
    /// What the numbers of requests are made from: no one else can tell which comes next.
    numbers: RandomState,
    asked: u64,
}

impl Caller {
    pub(crate) async fn open(
        config: &AmqpConfig,
        serves: Option<ControlPlaneId>,
    ) -> Result<Self, BrokerError> {
        let publisher = Publisher::open(config, Role::Requests).await?;
        let arguments = BasicConsumeArguments::new(REPLY_TO, "answers").auto_ack(true).finish();
        let consumed = publisher.session.channel()?.basic_consume_rx(arguments).await;
        let (_, answers) =
            consumed.map_err(|error| publisher.session.broken("waiting for answers", error))?;
        Ok(Self {
            publisher,
            answers,
            topology: Topology::new(&config.prefix),
            serves,
            by: config.asking_as.clone(),
            numbers: RandomState::new(),
            asked: 0,
        })
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.publisher.session.is_alive()
    }

    /// Sends to all who listen. Nobody listening is no error.
    pub(crate) async fn broadcast(&mut self, broadcast: &Broadcast) -> Result<(), BrokerError> {
        let body = calls::encode_broadcast(broadcast, self.serves)?;
        let message = self.message(self.topology.broadcast(), String::new(), "broadcast", body);
        match self.publish(message).await? {
            Publication::Confirmed | Publication::Unroutable => Ok(()),
            Publication::Refused => Err(refused("broadcast")),
        }
    }

    /// Asks, and gathers the answers of these nodes, and of others that are quick, until the deadline.
    pub(crate) async fn request(
        &mut self,
        to: &Recipient,
        expected: &[InstanceId],
        request: Request,
        deadline: Instant,
    ) -> Result<BTreeMap<InstanceId, Reply>, BrokerError> {
        self.asked += 1;
        let correlation = format!("{:016x}", self.numbers.hash_one(self.asked));
        let (exchange, key) = match to {
            Recipient::Node(node) => (self.topology.calls(), Topology::call_key(*node)),
            Recipient::All { .. } => (self.topology.broadcast(), String::new()),
        };
        let body = calls::encode_request(request, self.by.as_deref(), self.serves)?;
        let mut message = self.message(exchange, key, "request", body);
        message.properties.with_reply_to(REPLY_TO).with_correlation_id(&correlation);
        match timeout_at(deadline, self.publish(message)).await {
            Err(_) => return Err(self.publisher.session.ended("asking in time")),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Publication::Refused)) => return Err(refused("request")),
            Ok(Ok(Publication::Unroutable)) => return Ok(BTreeMap::new()),
            Ok(Ok(Publication::Confirmed)) => {}
        }
        let mut replies = BTreeMap::new();
        while !expected.iter().all(|node| replies.contains_key(node)) {
            match timeout_at(deadline, self.answers.recv()).await {
                Err(_) => break,
                Ok(None) if replies.is_empty() => {
                    return Err(self.publisher.session.ended("waiting for answers"));
                }
                Ok(None) => break,
                Ok(Some(message)) => {
                    if let Some((node, reply)) = answer(&message, &correlation, self.serves) {
                        replies.entry(node).or_insert(reply);
                    }
                }
            }
        }
        Ok(replies)
    }

    fn message(&self, exchange: String, key: String, name: &str, body: Vec<u8>) -> Outgoing {
        let properties = BasicProperties::default().with_content_type("application/json").finish();
        Outgoing { exchange, key, name: name.into(), properties, body }
    }

    async fn publish(&mut self, message: Outgoing) -> Result<Publication, BrokerError> {
        let publications = self.publisher.publish([message].into_iter()).await?;
        Ok(publications.first().copied().unwrap_or(Publication::Refused))
    }
}

/// The answer in this message, if it is one to this question.
fn answer(
    message: &ConsumerMessage,
    correlation: &str,
    ours: Option<ControlPlaneId>,
) -> Option<(InstanceId, Reply)> {
    let properties = message.basic_properties.as_ref();
    if properties.and_then(BasicProperties::correlation_id)? != correlation {
        return None;
    }
    match calls::decode_reply(message.content.as_deref().unwrap_or_default(), ours) {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::warn!(%error, "an answer cannot be read and is dropped");
            None
        }
    }
}

fn refused(what: &str) -> BrokerError {
    BrokerError::Refused(format!("the broker did not take the {what}"))
}
