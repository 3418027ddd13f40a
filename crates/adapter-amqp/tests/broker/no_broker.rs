//! What is told to whoever has the wrong address; needs no RabbitMQ.

use adapter_amqp::{AmqpBroker, AmqpConfig};
use control_plane::ports::{Broker, BrokerError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

fn config(place: &str) -> AmqpConfig {
    AmqpConfig::from_url(&format!("amqp://bob:s3cret@{place}/%2f")).unwrap()
}

#[tokio::test]
async fn nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = AmqpBroker::connect(config(&place)).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(&place), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn somebody_else_is_there() {
    let greetings: [&[u8]; 4] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"AMQP\x00\x01\x00\x00",
        b"\x01\x00\x00\x00\x00\x00\x04\x00\x63\x00\x63\xce",
        b"\x02\x00\x00\xff\xff\xff\xff",
    ];
    for greeting in greetings {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let answering = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            client.write_all(greeting).await.unwrap();
        });
        let error = AmqpBroker::connect(config(&place)).await.unwrap_err();
        assert!(error.to_string().contains(&place), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        answering.await.unwrap();
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let broker = AmqpBroker::new(config("localhost"));
    let shown = format!("{broker:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("bob"), "{shown}");
    assert_eq!(broker.publish(&[]).await.unwrap(), [], "nothing needs no broker");
}
