//! A relay between a client and the broker, whose connections a test can cut, freeze or refuse.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) struct Relay {
    address: SocketAddr,
    target: String,
    connections: Arc<Mutex<JoinSet<()>>>,
    listening: JoinHandle<()>,
    flowing: watch::Sender<bool>,
}

impl Relay {
    /// Relays to this place.
    pub(crate) async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::default();
        let flowing = watch::Sender::new(true);
        let listening = listen(listener, target.into(), Arc::clone(&connections), flowing.subscribe());
        Self { address, target: target.into(), connections, listening, flowing }
    }

    /// Host and port.
    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    /// Cuts every connection; new ones are welcome.
    pub(crate) fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }

    /// Cuts every connection and refuses new ones.
    pub(crate) async fn close(&mut self) {
        self.listening.abort();
        drop((&mut self.listening).await);
        self.cut();
    }

    /// Is there again, under the same address.
    pub(crate) async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let connections = Arc::clone(&self.connections);
        self.listening = listen(listener, self.target.clone(), connections, self.flowing.subscribe());
    }

    /// Lets nothing through, and keeps the connections.
    pub(crate) fn freeze(&self) {
        self.flowing.send_replace(false);
    }

    /// Lets everything through again.
    pub(crate) fn thaw(&self) {
        self.flowing.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn listen(
    listener: TcpListener,
    target: String,
    connections: Arc<Mutex<JoinSet<()>>>,
    flowing: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (target, flowing) = (target.clone(), flowing.clone());
            connections.lock().unwrap().spawn(async move {
                let server = TcpStream::connect(target).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::select! {
                    () = pump(from_client, to_server, flowing.clone()) => {}
                    () = pump(from_server, to_client, flowing) => {}
                }
            });
        }
    })
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flowing: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if flowing.wait_for(|flowing| *flowing).await.is_err()
            || to.write_all(&buffer[..count]).await.is_err()
        {
            break;
        }
    }
}
