//! RabbitMQ keeps every promise of the port.

use std::sync::Arc;

use adapter_amqp::AmqpBroker;
use testkit::conformance::broker::Fixture;

use crate::support;

async fn fixture() -> Fixture {
    let prefix = support::prefix();
    let config = support::config(&support::url(), &prefix);
    let broker = AmqpBroker::connect(config.clone()).await.unwrap();
    let neighbour = AmqpBroker::new(config);
    Fixture::new(Arc::new(broker), Arc::new(neighbour)).cleaned_up_by(support::clean_up(prefix))
}

testkit::broker_conformance! {
    #[ignore = "needs RabbitMQ: scripts/test starts one"]
    fixture
}
