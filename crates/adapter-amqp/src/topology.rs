//! The names of exchanges and queues, and their declaration.
//!
//! Every session declares what all share, so that it does not matter who comes first or whether somebody deleted it;
//! declaring again what is there is void, and a clash with what others declared is refused by the broker with its reason.

use amqprs::channel::{
    Channel, ExchangeDeclareArguments, ExchangeType, QueueBindArguments, QueueDeclareArguments,
};
use amqprs::error::Error;
use amqprs::{FieldTable, FieldValue};
use control_plane::ports::Queue;
use scheduler_core::InstanceId;

/// How long the queue of a node that is gone is kept: by then its tasks are long reaped, and dispatches to it are void.
const ABANDONED_AFTER_MILLISECONDS: i32 = 7 * 24 * 3600 * 1000;

/// How many dead letters are kept, and how many bytes of them; the oldest go first.
const DEAD_LETTERS: i32 = 10_000;
const DEAD_BYTES: i32 = 64 * 1024 * 1024;

/// How many calls wait for a node that is busy, and how many bytes of them; the oldest go first.
const WAITING_CALLS: i32 = 1_000;
const WAITING_BYTES: i32 = 16 * 1024 * 1024;

/// The names that begin with one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    prefix: String,
}

impl Topology {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The direct exchange of dispatches.
    pub(crate) fn dispatch(&self) -> String {
        format!("{}.dispatch", self.prefix)
    }

    /// The fanout exchange of broadcasts, and of requests to all.
    pub(crate) fn broadcast(&self) -> String {
        format!("{}.broadcast", self.prefix)
    }

    /// The direct exchange of requests to one node.
    pub(crate) fn calls(&self) -> String {
        format!("{}.calls", self.prefix)
    }

    fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// What no node could take. Not `dead-letters`: under that name earlier versions declared a queue without a bound of bytes, and
    /// the bounds of a queue that exists cannot be changed.
    fn dead_letters(&self) -> String {
        format!("{}.rejected", self.prefix)
    }

    /// The queue of dispatches.
    pub(crate) fn queue(&self, queue: Queue) -> String {
        format!("{}.{}", self.prefix, Self::key(queue))
    }

    /// The routing key of dispatches.
    pub(crate) fn key(queue: Queue) -> String {
        match queue {
            Queue::Node(node) => format!("node.{node}"),
            Queue::Shared => "shared".into(),
        }
    }

    /// The routing key of requests.
    pub(crate) fn call_key(node: InstanceId) -> String {
        node.to_string()
    }

    /// Declares what all sessions share.
    pub(crate) async fn declare(&self, channel: &Channel) -> Result<(), Error> {
        for (name, kind) in [
            (self.dispatch(), ExchangeType::Direct),
            (self.calls(), ExchangeType::Direct),
            (self.broadcast(), ExchangeType::Fanout),
            (self.dead(), ExchangeType::Fanout),
        ] {
            channel
                .exchange_declare(ExchangeDeclareArguments::of_type(&name, kind).durable(true).finish())
                .await?;
        }
        declare_durable(channel, &self.dead_letters(), bounded(DEAD_LETTERS, DEAD_BYTES)).await?;
        channel.queue_bind(QueueBindArguments::new(&self.dead_letters(), &self.dead(), "")).await?;
        self.declare_queue(channel, Queue::Shared).await
    }

    /// Declares a queue of dispatches.
    pub(crate) async fn declare_queue(&self, channel: &Channel, queue: Queue) -> Result<(), Error> {
        let mut arguments = FieldTable::new();
        if let Ok(dead) = self.dead().try_into() {
            set(&mut arguments, "x-dead-letter-exchange", FieldValue::S(dead));
        }
        if let Queue::Node(_) = queue {
            set(&mut arguments, "x-expires", FieldValue::I(ABANDONED_AFTER_MILLISECONDS));
        }
        let name = self.queue(queue);
        declare_durable(channel, &name, arguments).await?;
        channel.queue_bind(QueueBindArguments::new(&name, &self.dispatch(), &Self::key(queue))).await
    }

    /// Declares a queue for the calls of a node, which is gone with its connection. It has a name of the broker's choice: under a
    /// name of its own a node that reconnects would be locked out until the broker notices that its old connection is dead.
    pub(crate) async fn declare_calls(&self, channel: &Channel, node: InstanceId) -> Result<String, Error> {
        let mut declaration = QueueDeclareArguments::exclusive_server_named();
        declaration.auto_delete(true).arguments(bounded(WAITING_CALLS, WAITING_BYTES));
        let declared = channel.queue_declare(declaration).await?;
        let name = declared.map(|(name, ..)| name).unwrap_or_default();
        channel.queue_bind(QueueBindArguments::new(&name, &self.broadcast(), "")).await?;
        channel.queue_bind(QueueBindArguments::new(&name, &self.calls(), &Self::call_key(node))).await?;
        Ok(name)
    }
}

/// The arguments of a queue that drops its oldest messages when there are more of them, or of their bytes.
fn bounded(messages: i32, bytes: i32) -> FieldTable {
    let mut arguments = FieldTable::new();
    set(&mut arguments, "x-max-length", FieldValue::I(messages));
    set(&mut arguments, "x-max-length-bytes", FieldValue::I(bytes));
    arguments
}

async fn declare_durable(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), Error> {
    let declaration = QueueDeclareArguments::durable_client_named(name).arguments(arguments).finish();
    channel.queue_declare(declaration).await.map(drop)
}

pub(crate) fn set(table: &mut FieldTable, name: &str, value: FieldValue) {
    if let Ok(name) = name.try_into() {
        table.insert(name, value);
    }
}
