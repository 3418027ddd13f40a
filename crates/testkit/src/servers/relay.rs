//! A relay in front of a server, to cut its connections, to be unreachable, or to fall silent.
//!
//! It knows nothing of what it carries. Whoever connects through it sees what a broken network looks like: a reset
//! connection, a refused one, or one that says nothing more.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the relay does with connections, and how often it has cut them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weather {
    reachable: bool,
    silent: bool,
    cuts: u64,
}

/// A relay. Dropping it cuts everything.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    listening: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

impl Relay {
    /// A relay to the server at this host and port.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn to(server: impl Into<String>) -> Self {
        let server = server.into();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let weather = watch::Sender::new(Weather { reachable: true, silent: false, cuts: 0 });
        let seen = weather.subscribe();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Refusing is closing at once: a listener that comes and goes could lose its port to others.
                if seen.borrow().reachable {
                    tokio::spawn(carry(client, server.clone(), seen.clone()));
                }
            }
        });
        Self { address, weather, listening }
    }

    /// Where to connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection; new ones are welcome.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Cuts every connection and takes no new ones.
    pub fn down(&self) {
        self.weather.send_modify(|weather| {
            weather.cuts += 1;
            weather.reachable = false;
        });
    }

    /// Takes connections again, and carries what was held back.
    pub fn up(&self) {
        self.weather.send_modify(|weather| {
            weather.reachable = true;
            weather.silent = false;
        });
    }

    /// Carries nothing more, without closing anything: a network that loses every packet.
    pub fn silence(&self) {
        self.weather.send_modify(|weather| weather.silent = true);
    }
}

/// Carries one connection until an end closes it or the relay cuts it.
async fn carry(client: TcpStream, server: String, weather: watch::Receiver<Weather>) {
    let cuts = weather.borrow().cuts;
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Neither end's small messages may wait for others: the relay must not be what makes a test slow.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut cut = weather.clone();
    tokio::select! {
        () = pump(&mut from_client, &mut to_server, weather.clone()) => {}
        () = pump(&mut from_server, &mut to_client, weather) => {}
        _ = cut.wait_for(|now| now.cuts != cuts) => {}
    }
}

/// Carries one direction until it ends, and nothing while the relay is silent.
async fn pump(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if weather.wait_for(|now| !now.silent).await.is_err() || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::Relay;

    /// A server that says everything back.
    async fn echo() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn echoes(stream: &mut TcpStream) -> bool {
        let mut answer = [0; 4];
        stream.write_all(b"here").await.is_ok()
            && stream.read_exact(&mut answer).await.is_ok()
            && answer == *b"here"
    }

    #[tokio::test]
    async fn a_relay_carries_cuts_refuses_and_comes_back() {
        let relay = Relay::to(echo().await).await;
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert!(echoes(&mut stream).await);
        relay.cut();
        assert!(!echoes(&mut stream).await, "a cut connection is gone");
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert!(echoes(&mut stream).await, "a cut relay takes new ones");
        relay.down();
        assert!(!echoes(&mut stream).await);
        let mut refused = TcpStream::connect(relay.address()).await.unwrap();
        assert!(!echoes(&mut refused).await, "a relay that is down carries nothing");
        relay.up();
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert!(echoes(&mut stream).await);
    }

    #[tokio::test]
    async fn what_a_silent_relay_held_back_comes_later_and_whole() {
        let relay = Relay::to(echo().await).await;
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        relay.silence();
        stream.write_all(b"late").await.unwrap();
        let mut answer = [0; 4];
        let quiet =
            tokio::time::timeout(std::time::Duration::from_millis(50), stream.read_exact(&mut answer));
        assert!(quiet.await.is_err());
        relay.up();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"late");
    }
}
