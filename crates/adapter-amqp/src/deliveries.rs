//! The dispatches for one node: two consumers, of its own queue and of the shared one, on one channel.
//!
//! Deliveries of a channel are numbered without gaps, so that they are handed out in the order of their numbers and one
//! acknowledgement covers all that were handed out and nothing else. What cannot be read, or is of another control plane, is
//! rejected at once, goes to the dead letters, and holds nothing up.
//!
//! Acknowledge when the claim is committed, not when the task has ended: the broker closes a channel that holds a delivery for
//! more than its `consumer_timeout` of 30 minutes.

use std::collections::{BTreeMap, VecDeque};

use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicQosArguments, BasicRejectArguments, ConsumerMessage,
};
use amqprs::error::Error;
use async_trait::async_trait;
use control_plane::Tally;
use control_plane::ports::{BrokerError, ControlPlaneId, Deliveries, Dispatch, Queue};
use scheduler_core::InstanceId;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::AmqpConfig;
use crate::envelope::{self, EnvelopeError};
use crate::session::{Role, Session};
use crate::topology::Topology;

/// The consumer of one node's dispatches.
#[derive(Debug)]
pub(crate) struct AmqpDeliveries {
    session: Session,
    node: InstanceId,
    /// Whose dispatches it takes.
    serves: Option<ControlPlaneId>,
    own: UnboundedReceiver<ConsumerMessage>,
    shared: UnboundedReceiver<ConsumerMessage>,
    arrived: Arrivals,
    unreadable: VecDeque<u64>,
    refused: Tally,
    ready: VecDeque<(u64, Dispatch)>,
    /// The last one that was handed out and is not acknowledged.
    handed_out: Option<u64>,
}

impl AmqpDeliveries {
    pub(crate) async fn open(
        config: &AmqpConfig,
        serves: Option<ControlPlaneId>,
        node: InstanceId,
        prefetch: u16,
    ) -> Result<Self, BrokerError> {
        let session = Session::open(config, Role::Deliveries).await?;
        let topology = Topology::new(&config.prefix);
        let consumed = consume(&session, &topology, node, prefetch).await?;
        let (own, shared) = consumed.map_err(|error| session.broken("consuming dispatches", error))?;
        Ok(Self {
            session,
            node,
            serves,
            own,
            shared,
            arrived: Arrivals::default(),
            unreadable: VecDeque::new(),
            refused: Tally::new(),
            ready: VecDeque::new(),
            handed_out: None,
        })
    }

    /// Takes everything that is there.
    fn collect(&mut self) {
        while let Ok(message) = self.own.try_recv() {
            self.arrived.put(Queue::Node(self.node), message, self.serves);
        }
        while let Ok(message) = self.shared.try_recv() {
            self.arrived.put(Queue::Shared, message, self.serves);
        }
        let (mut first, mut refused) = (None, 0);
        while let Some((number, outcome)) = self.arrived.take() {
            match outcome {
                Ok(dispatch) => self.ready.push_back((number, dispatch)),
                Err(error) => {
                    first.get_or_insert(error);
                    refused += 1;
                    self.unreadable.push_back(number);
                }
            }
        }
        if let Some(error) = first
            && let Some(messages) = self.refused.add(refused)
        {
            tracing::warn!(messages, %error, "messages are not for this node to take and go to the dead letters");
        }
    }

    async fn reject_unreadable(&mut self) -> Result<(), BrokerError> {
        while let Some(number) = self.unreadable.front() {
            let rejected =
                self.session.channel()?.basic_reject(BasicRejectArguments::new(*number, false)).await;
            rejected.map_err(|error| self.session.broken("rejecting a message", error))?;
            self.unreadable.pop_front();
        }
        Ok(())
    }

    fn hand_out(&mut self, max: usize) -> Vec<Dispatch> {
        let count = self.ready.len().min(max.max(1));
        let mut dispatches = Vec::with_capacity(count);
        for (number, dispatch) in self.ready.drain(..count) {
            tracing::trace!(task = %dispatch.task, dispatch = %dispatch.dispatch, "a dispatch has arrived");
            self.handed_out = Some(number);
            dispatches.push(dispatch);
        }
        dispatches
    }
}

#[async_trait]
impl Deliveries for AmqpDeliveries {
    async fn next(&mut self, max: usize) -> Result<Vec<Dispatch>, BrokerError> {
        loop {
            self.collect();
            self.reject_unreadable().await?;
            if !self.ready.is_empty() {
                return Ok(self.hand_out(max));
            }
            let (queue, message) = tokio::select! {
                message = self.own.recv() => (Queue::Node(self.node), message),
                message = self.shared.recv() => (Queue::Shared, message),
            };
            match message {
                Some(message) => self.arrived.put(queue, message, self.serves),
                None => return Err(self.session.ended("consuming dispatches")),
            }
        }
    }

    async fn acknowledge(&mut self) -> Result<(), BrokerError> {
        let Some(number) = self.handed_out else { return Ok(()) };
        if !self.session.is_alive() {
            return Err(self.session.ended("acknowledging dispatches"));
        }
        let acknowledged = self.session.channel()?.basic_ack(BasicAckArguments::new(number, true)).await;
        acknowledged.map_err(|error| self.session.broken("acknowledging dispatches", error))?;
        self.handed_out = None;
        Ok(())
    }
}

type Streams = (UnboundedReceiver<ConsumerMessage>, UnboundedReceiver<ConsumerMessage>);

async fn consume(
    session: &Session,
    topology: &Topology,
    node: InstanceId,
    prefetch: u16,
) -> Result<Result<Streams, Error>, BrokerError> {
    let channel = session.channel()?;
    let consume = async {
        topology.declare_queue(channel, Queue::Node(node)).await?;
        // Global: the limit holds for both consumers together. 0 would be no limit.
        channel.basic_qos(BasicQosArguments::new(0, prefetch.max(1), true)).await?;
        let stream = async |queue, tag| {
            channel.basic_consume_rx(BasicConsumeArguments::new(&topology.queue(queue), tag)).await
        };
        let (_, own) = stream(Queue::Node(node), "own").await?;
        let (_, shared) = stream(Queue::Shared, "shared").await?;
        Ok((own, shared))
    };
    Ok(consume.await)
}

/// Puts the deliveries of two streams back into the order of their numbers.
#[derive(Debug, Default)]
struct Arrivals {
    waiting: BTreeMap<u64, Result<Dispatch, EnvelopeError>>,
    taken: u64,
}

impl Arrivals {
    fn put(&mut self, queue: Queue, message: ConsumerMessage, serves: Option<ControlPlaneId>) {
        let Some(delivery) = message.deliver else { return };
        let body = message.content.unwrap_or_default();
        self.waiting.insert(delivery.delivery_tag(), envelope::decode(&body, queue, serves));
    }

    /// The next one in order, if it is there.
    fn take(&mut self) -> Option<(u64, Result<Dispatch, EnvelopeError>)> {
        let first = self.waiting.first_entry().filter(|first| *first.key() == self.taken + 1)?;
        self.taken += 1;
        Some(first.remove_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_two_queues_are_handed_out_in_the_order_of_their_numbers() {
        let mut arrivals = Arrivals::default();
        for number in [2, 4, 1, 5] {
            arrivals.waiting.insert(number, Err(EnvelopeError::Kind));
        }
        let mut taken =
            || std::iter::from_fn(|| arrivals.take()).map(|(number, _)| number).collect::<Vec<_>>();
        assert_eq!(taken(), [1, 2], "3 is still on its way");
        arrivals.waiting.insert(3, Err(EnvelopeError::Kind));
        let rest: Vec<u64> = std::iter::from_fn(|| arrivals.take()).map(|(number, _)| number).collect();
        assert_eq!(rest, [3, 4, 5]);
    }
}
