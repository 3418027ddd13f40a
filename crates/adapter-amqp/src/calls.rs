//! The broadcasts and requests for one node, and its answers.
//!
//! Both are versioned JSON: `{"version":1,"broadcast":{"handler":"…","payload":…}}`,
//! `{"version":1,"by":"root@desk","request":{"cancel":42}}`, and the answer `{"version":1,"node":3,"reply":{"canceling":true}}`; each
//! names its `control_plane` too. Calls are for those who listen now, so nothing of them is kept: one that is malformed, of another
//! version or of another control plane is dropped with a line in the log, and so are the oldest when more come than a node
//! has room for.

use amqprs::BasicProperties;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, ConsumerMessage,
};
use async_trait::async_trait;
use control_plane::Tally;
use control_plane::ports::{Broadcast, BrokerError, Call, Calls, ControlPlaneId, Reply, ReplyTo, Request};
use scheduler_core::InstanceId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::AmqpConfig;
use crate::envelope::{self, EnvelopeError, VERSION};
use crate::session::{Role, Session};
use crate::topology::Topology;

/// How many calls a node has in hand before the broker holds the others back.
const IN_HAND: u16 = 16;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control_plane: Option<ControlPlaneId>,
    /// Who says to have asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize, Deserialize)]
struct ReplyMessage {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control_plane: Option<ControlPlaneId>,
    node: i64,
    reply: Reply,
}

pub(crate) fn encode_broadcast(
    broadcast: &Broadcast,
    of: Option<ControlPlaneId>,
) -> Result<Vec<u8>, BrokerError> {
    let body = Body::Broadcast(broadcast.clone());
    encode(&CallMessage { version: VERSION, control_plane: of, by: None, body })
}

pub(crate) fn encode_request(
    request: Request,
    by: Option<&str>,
    of: Option<ControlPlaneId>,
) -> Result<Vec<u8>, BrokerError> {
    let (by, body) = (by.map(str::to_owned), Body::Request(request));
    encode(&CallMessage { version: VERSION, control_plane: of, by, body })
}

fn encode_reply(node: InstanceId, reply: &Reply, of: Option<ControlPlaneId>) -> Result<Vec<u8>, BrokerError> {
    let (node, reply) = (node.get(), reply.clone());
    encode(&ReplyMessage { version: VERSION, control_plane: of, node, reply })
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

pub(crate) fn decode_reply(
    body: &[u8],
    ours: Option<ControlPlaneId>,
) -> Result<(InstanceId, Reply), EnvelopeError> {
    let message: ReplyMessage = envelope::versioned(body, LARGEST, ours)?;
    Ok((InstanceId::new(message.node), message.reply))
}

fn decode_call(message: &ConsumerMessage, ours: Option<ControlPlaneId>) -> Result<Call, EnvelopeError> {
    let body = message.content.as_deref().unwrap_or_default();
    let CallMessage { body, by, .. } = envelope::versioned(body, LARGEST, ours)?;
    match body {
        Body::Broadcast(broadcast) => Ok(Call::Broadcast(broadcast)),
        Body::Request(request) => {
            let properties = message.basic_properties.as_ref();
            let address =
                properties.and_then(BasicProperties::reply_to).filter(|to| to.starts_with(REPLY_TO));
            let correlation = properties.and_then(BasicProperties::correlation_id);
            let (address, correlation) = address.zip(correlation).ok_or(EnvelopeError::NoAddress)?;
            let to = ReplyTo {
                asked_by: by.map(|by| printable(&by)),
                address: address.clone(),
                correlation: correlation.clone(),
            };
            Ok(Call::Request(request, to))
        }
    }
}

/// How much of a name is shown.
const LONGEST_NAME: usize = 100;

/// A name from outside, fit for a line of a log.
fn printable(name: &str) -> String {
    name.chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .take(LONGEST_NAME)
        .collect()
}

/// The listener of one node.
#[derive(Debug)]
pub(crate) struct AmqpCalls {
    session: Session,
    node: InstanceId,
    /// Whose calls it hears.
    serves: Option<ControlPlaneId>,
    arrived: UnboundedReceiver<ConsumerMessage>,
    dropped: Tally,
}

impl AmqpCalls {
    pub(crate) async fn open(
        config: &AmqpConfig,
        serves: Option<ControlPlaneId>,
        node: InstanceId,
    ) -> Result<Self, BrokerError> {
        let session = Session::open(config, Role::Calls).await?;
        let channel = session.channel()?;
        let listening = async {
            let queue = Topology::new(&config.prefix).declare_calls(channel, node).await?;
            channel.basic_qos(BasicQosArguments::new(0, IN_HAND, false)).await?;
            channel.basic_consume_rx(BasicConsumeArguments::new(&queue, "calls")).await
        };
        match listening.await {
            Ok((_, arrived)) => Ok(Self { session, node, serves, arrived, dropped: Tally::new() }),
            Err(error) => Err(session.broken("listening for calls", error)),
        }
    }
}

impl AmqpCalls {
    /// Lets the broker send another: what waits stays in the queue, which has bounds, and not in this process.
    async fn make_room(&self, message: &ConsumerMessage) -> Result<(), BrokerError> {
        let Some(delivery) = &message.deliver else { return Ok(()) };
        let taken = BasicAckArguments::new(delivery.delivery_tag(), false);
        let acknowledged = self.session.channel()?.basic_ack(taken).await;
        acknowledged.map_err(|error| self.session.broken("taking a call", error))
    }
}

#[async_trait]
impl Calls for AmqpCalls {
    async fn next(&mut self) -> Result<Call, BrokerError> {
        loop {
            let message = self.arrived.recv().await;
            let message = message.ok_or_else(|| self.session.ended("listening for calls"))?;
            self.make_room(&message).await?;
            match decode_call(&message, self.serves) {
                Ok(call) => return Ok(call),
                Err(error) => {
                    if let Some(calls) = self.dropped.add(1) {
                        tracing::warn!(calls, %error, "calls are not for this node and are dropped");
                    }
                }
            }
        }
    }

    async fn reply(&mut self, to: ReplyTo, reply: &Reply) -> Result<(), BrokerError> {
        if !to.address.starts_with(REPLY_TO) || to.address.len() > 255 || to.correlation.len() > 255 {
            return Err(BrokerError::Refused("this is no address of a request".into()));
        }
        let body = encode_reply(self.node, reply, self.serves)?;
        let properties = BasicProperties::default()
            .with_content_type("application/json")
            .with_correlation_id(&to.correlation)
            .finish();
        let arguments = BasicPublishArguments::new("", &to.address);
        let sent = self.session.channel()?.basic_publish(properties, body, arguments).await;
        sent.map_err(|error| self.session.broken("answering", error))
    }
}
