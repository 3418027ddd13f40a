//! RabbitMQ keeps every promise of the port.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need the rest of it")]
mod support;

use std::sync::Arc;

use adapter_amqp::AmqpBroker;
use testkit::conformance::broker::Fixture;

async fn fixture() -> Fixture {
    let prefix = support::prefix();
    let broker = AmqpBroker::connect(support::config(&support::url(), &prefix)).await.unwrap();
    Fixture::new(Arc::new(broker)).cleaned_up_by(support::clean_up(prefix))
}

testkit::broker_conformance! {
    #[ignore = "needs RabbitMQ: scripts/test starts one"]
    fixture
}
