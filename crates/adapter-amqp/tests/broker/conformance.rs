//! RabbitMQ keeps every promise of the port.

use std::sync::Arc;

use adapter_amqp::AmqpBroker;
use conformance::BrokerFixture;

use crate::support;

async fn fixture() -> BrokerFixture {
    let prefix = support::prefix();
    let config = support::config(&support::url(), &prefix);
    let broker = AmqpBroker::connect(config.clone()).await.unwrap();
    let neighbour = AmqpBroker::new(config);
    BrokerFixture::of(Arc::new(broker), Arc::new(neighbour)).cleaned_up_by(support::clean_up(prefix))
}

conformance::test_broker! {
    #[ignore = "needs RabbitMQ: scripts/test starts one"]
    fixture
}
