//! RabbitMQ keeps every promise of the port.

use std::sync::Arc;

use adapter_amqp::AmqpBroker;
use testkit::conformance::broker::Fixture;

use crate::support;

async fn fixture() -> Fixture {
    let prefix = support::prefix();
    let broker = AmqpBroker::connect(support::config(&support::url(), &prefix)).await.unwrap();
    Fixture::new(Arc::new(broker)).cleaned_up_by(support::clean_up(prefix))
}

testkit::broker_conformance! {
    #[ignore = "needs RabbitMQ: scripts/test starts one"]
    fixture
}
