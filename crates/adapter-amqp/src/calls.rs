//! The broadcasts and requests for one node, and its answers.
//!
//! Both are versioned JSON: `{"version":1,"broadcast":{"handler":"…","payload":…}}`, `{"version":1,"request":{"cancel":42}}`, and
//! the answer `{"version":1,"node":3,"reply":{"canceling":true}}`. Calls are for those who listen now, so nothing of them is kept
//! or acknowledged: one that is malformed or of another version is dropped with a line in the log.

use amqprs::BasicProperties;
use amqprs::channel::{BasicConsumeArguments, BasicPublishArguments, ConsumerMessage};
use async_trait::async_trait;
use control_plane::ports::{Broadcast, BrokerError, Call, Calls, Reply, ReplyTo, Request};
use scheduler_core::InstanceId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::AmqpConfig;
use crate::envelope::{self, EnvelopeError, VERSION};
use crate::session::{Role, Session};
use crate::topology::Topology;

/// The most bytes that a broadcast, a request or an answer may have.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// The name under which the broker lets answers reach the one who asked, without a queue.
pub(crate) const REPLY_TO: &str = "amq.rabbitmq.reply-to";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Broadcast(Broadcast),
    Request(Request),
}

#[derive(Serialize, Deserialize)]
struct CallMessage {
    version: u32,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize, Deserialize)]
struct ReplyMessage {
    version: u32,
    node: i64,
    reply: Reply,
}

pub(crate) fn encode_broadcast(broadcast: &Broadcast) -> Result<Vec<u8>, BrokerError> {
    encode(&CallMessage { version: VERSION, body: Body::Broadcast(broadcast.clone()) })
}

pub(crate) fn encode_request(request: Request) -> Result<Vec<u8>, BrokerError> {
    encode(&CallMessage { version: VERSION, body: Body::Request(request) })
}

fn encode_reply(node: InstanceId, reply: &Reply) -> Result<Vec<u8>, BrokerError> {
    encode(&ReplyMessage { version: VERSION, node: node.get(), reply: reply.clone() })
}

fn encode(message: &impl Serialize) -> Result<Vec<u8>, BrokerError> {
    let body = serde_json::to_vec(message)
        .map_err(|_| BrokerError::Refused("a message cannot be written as JSON".into()))?;
    if body.len() > LARGEST {
        let size = body.len();
        return Err(BrokerError::Refused(format!(
            "a message of {size} bytes: broadcasts, requests and answers have at most {LARGEST}"
        )));
    }
    Ok(body)
}

pub(crate) fn decode_reply(body: &[u8]) -> Result<(InstanceId, Reply), EnvelopeError> {
    let message: ReplyMessage = envelope::versioned(body, LARGEST)?;
    Ok((InstanceId::new(message.node), message.reply))
}

fn decode_call(message: &ConsumerMessage) -> Result<Call, EnvelopeError> {
    let body = message.content.as_deref().unwrap_or_default();
    let CallMessage { body, .. } = envelope::versioned(body, LARGEST)?;
    match body {
        Body::Broadcast(broadcast) => Ok(Call::Broadcast(broadcast)),
        Body::Request(request) => {
            let properties = message.basic_properties.as_ref();
            let address =
                properties.and_then(BasicProperties::reply_to).filter(|to| to.starts_with(REPLY_TO));
            let correlation = properties.and_then(BasicProperties::correlation_id);
            let (address, correlation) = address.zip(correlation).ok_or(EnvelopeError::NoAddress)?;
            Ok(Call::Request(request, ReplyTo { address: address.clone(), correlation: correlation.clone() }))
        }
    }
}

/// The listener of one node.
#[derive(Debug)]
pub(crate) struct AmqpCalls {
    session: Session,
    node: InstanceId,
    arrived: UnboundedReceiver<ConsumerMessage>,
}

impl AmqpCalls {
    pub(crate) async fn open(config: &AmqpConfig, node: InstanceId) -> Result<Self, BrokerError> {
        let session = Session::open(config, Role::Calls).await?;
        let channel = session.channel()?;
        let listening = async {
            let queue = Topology::new(&config.prefix).declare_calls(channel, node).await?;
            let arguments = BasicConsumeArguments::new(&queue, "calls").auto_ack(true).finish();
            channel.basic_consume_rx(arguments).await
        };
        match listening.await {
            Ok((_, arrived)) => Ok(Self { session, node, arrived }),
            Err(error) => Err(session.broken("listening for calls", error)),
        }
    }
}

#[async_trait]
impl Calls for AmqpCalls {
    async fn next(&mut self) -> Result<Call, BrokerError> {
        loop {
            let message = self.arrived.recv().await;
            let message = message.ok_or_else(|| self.session.ended("listening for calls"))?;
            match decode_call(&message) {
                Ok(call) => return Ok(call),
                Err(error) => tracing::warn!(%error, "a call cannot be read and is dropped"),
            }
        }
    }

    async fn reply(&mut self, to: ReplyTo, reply: &Reply) -> Result<(), BrokerError> {
        if !to.address.starts_with(REPLY_TO) || to.address.len() > 255 || to.correlation.len() > 255 {
            return Err(BrokerError::Refused("this is no address of a request".into()));
        }
        let body = encode_reply(self.node, reply)?;
        let properties = BasicProperties::default()
            .with_content_type("application/json")
            .with_correlation_id(&to.correlation)
            .finish();
        let arguments = BasicPublishArguments::new("", &to.address);
        let sent = self.session.channel()?.basic_publish(properties, body, arguments).await;
        sent.map_err(|error| self.session.broken("answering", error))
    }
}
