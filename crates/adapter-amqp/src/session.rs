//! One connection with one channel, supervised: whatever goes wrong ends the session as a whole, and its owner opens another.
//!
//! Each role of a node has a session of its own, so that the broker throttling a publisher does not keep acknowledgements
//! back, and an error on one channel touches no other. The driver tells of confirmations, cancellations and closing by callbacks,
//! which [`crate::listener`] turns into one stream of events.

use std::fmt;
use std::time::Duration;

use amqprs::channel::Channel;
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::security::SecurityCredentials;
use control_plane::ports::BrokerError;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::config::AmqpConfig;
use crate::listener::{ChannelListener, ConnectionListener, Event, LastWords};
use crate::topology::Topology;

/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pause after the first attempt that failed; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: a broker that is back is found soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Sets something up that begins with a session, in one attempt.
pub(crate) async fn once<T>(
    config: &AmqpConfig,
    attempt: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    timeout(ATTEMPT, attempt).await.unwrap_or_else(|_| {
        Err(BrokerError::Unavailable {
            context: format!("{} did not answer: is it a RabbitMQ, and does it run?", config.server.place()),
            source: Box::new(Fault::Late(ATTEMPT)),
        })
    })
}

/// Sets it up in as many attempts as it takes, for as long as the configuration says.
pub(crate) async fn persistently<T, F>(
    config: &AmqpConfig,
    attempt: impl Fn() -> F + Send,
) -> Result<T, BrokerError>
where
    F: Future<Output = Result<T, BrokerError>> + Send,
{
    let give_up = Instant::now() + config.patience;
    let mut pause = FIRST_PAUSE;
    loop {
        match once(config, attempt()).await {
            Err(BrokerError::Unavailable { .. }) if Instant::now() + pause < give_up => {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// What a session is for, as operators see it in the broker's list of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Publisher,
    Deliveries,
    Calls,
    Requests,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Deliveries => "deliveries",
            Self::Calls => "calls",
            Self::Requests => "requests",
        }
    }
}

pub(crate) struct Session {
    channel: Option<Channel>,
    connection: Option<Connection>,
    pub(crate) events: UnboundedReceiver<Event>,
    last_words: LastWords,
    place: String,
    runtime: Handle,
}

impl Session {
    /// Opens one, with the topology declared.
    pub(crate) async fn open(config: &AmqpConfig, role: Role) -> Result<Self, BrokerError> {
        let session = Self::connect(config, role).await;
        let broker = config.server.place();
        match &session {
            Ok(_) => tracing::debug!(broker, role = role.name(), "connected to the broker"),
            Err(error) => {
                tracing::warn!(broker, role = role.name(), %error, "could not connect to the broker");
            }
        }
        session
    }

    async fn connect(config: &AmqpConfig, role: Role) -> Result<Self, BrokerError> {
        let arguments = arguments(config, role)?;
        let place = config.server.place();
        // A task of its own, since the driver may panic over a server that is no RabbitMQ.
        let mut opening = JoinSet::new();
        opening.spawn(async move { Connection::open(&arguments).await });
        let connection = match opening.join_next().await {
            Some(Ok(Ok(connection))) => connection,
            Some(Ok(Err(error))) => return Err(not_opened(&place, error)),
            _ => {
                return Err(BrokerError::Refused(format!(
                    "{place} does not speak AMQP 0-9-1 as RabbitMQ does"
                )));
            }
        };
        let last_words = LastWords::default();
        let (sender, events) = unbounded_channel();
        let mut session = Self {
            channel: None,
            connection: Some(connection),
            events,
            last_words: last_words.clone(),
            place,
            runtime: Handle::current(),
        };
        let prepared = async {
            if let Some(connection) = &session.connection {
                connection.register_callback(ConnectionListener(last_words.clone())).await?;
                let channel = connection.open_channel(None).await?;
                channel.register_callback(ChannelListener { sender, last_words }).await?;
                Topology::new(&config.prefix).declare(&channel).await?;
                session.channel = Some(channel);
            }
            Ok::<(), Error>(())
        };
        match prepared.await {
            Ok(()) => Ok(session),
            Err(error) => Err(session.broken("preparing exchanges and queues", error)),
        }
    }

    /// The channel.
    pub(crate) fn channel(&self) -> Result<&Channel, BrokerError> {
        self.channel.as_ref().ok_or_else(|| self.ended("using the channel"))
    }

    /// Whether it has not been seen to end.
    pub(crate) fn is_alive(&self) -> bool {
        let channel = self.channel.as_ref().is_some_and(Channel::is_open);
        channel && self.connection.as_ref().is_some_and(Connection::is_open) && !self.events.is_closed()
    }

    /// What to answer when the driver reports an error.
    pub(crate) fn broken(&self, doing: &str, error: Error) -> BrokerError {
        self.error(doing, Fault::Driver(error))
    }

    /// What to answer when the session has ended.
    pub(crate) fn ended(&self, doing: &str) -> BrokerError {
        self.error(doing, Fault::Ended)
    }

    /// What to answer when the broker has been silent for too long.
    pub(crate) fn silent(&self, doing: &str, limit: Duration) -> BrokerError {
        self.error(doing, Fault::Late(limit))
    }

    fn error(&self, doing: &str, fault: Fault) -> BrokerError {
        let place = &self.place;
        match self.last_words.get() {
            Some(words) if words.refuse() => BrokerError::Refused(format!("{doing} at {place}: {words}")),
            Some(words) => BrokerError::Unavailable {
                context: format!("{doing} at {place} broke off: {words}"),
                source: Box::new(fault),
            },
            None => BrokerError::Unavailable {
                context: format!("{doing} at {place} broke off"),
                source: Box::new(fault),
            },
        }
    }
}

/// Takes leave of the broker in a task, the channel first: its answer says that the broker has read what was sent before, the last
/// acknowledgement above all. Left to itself the driver may hang up before that.
impl Drop for Session {
    fn drop(&mut self) {
        // The driver spawns too when what it has is dropped, and the session may be dropped anywhere.
        let _entered = self.runtime.enter();
        let (channel, connection) = (self.channel.take(), self.connection.take());
        self.runtime.spawn(async move {
            let leave = async {
                if let Some(channel) = channel {
                    drop(channel.close().await);
                }
                if let Some(connection) = connection {
                    drop(connection.close().await);
                }
            };
            drop(timeout(ATTEMPT, leave).await);
        });
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("place", &self.place).field("alive", &self.is_alive()).finish()
    }
}

fn arguments(config: &AmqpConfig, role: Role) -> Result<OpenConnectionArguments, BrokerError> {
    let server = &config.server;
    let mut arguments = OpenConnectionArguments::new(&server.host, server.port, "", "");
    arguments
        .credentials(SecurityCredentials::new_plain(&server.user, &server.password))
        .virtual_host(&server.virtual_host)
        .heartbeat(server.heartbeat)
        .connection_name(&format!("{} {}", config.prefix, role.name()));
    #[cfg(feature = "tls")]
    if server.tls {
        arguments.tls_adaptor(crate::tls::adaptor(config)?);
    }
    Ok(arguments)
}

/// Why no connection came about. A login that the broker rejects ends without a word, like a broker that is going down.
fn not_opened(place: &str, error: Error) -> BrokerError {
    match error {
        Error::ConnectionOpenError(reason) if !reason.contains("CONNECTION_FORCED") => {
            BrokerError::Refused(format!("opening a connection to {place}: {reason}"))
        }
        error => BrokerError::Unavailable {
            context: format!(
                "no connection to {place}: check that RabbitMQ runs there, and the URL's user, password and virtual host"
            ),
            source: Box::new(Fault::Driver(error)),
        },
    }
}

/// What went wrong underneath.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Driver(Error),
    #[error("the connection ended")]
    Ended,
    #[error("nothing came for {0:?}")]
    Late(Duration),
}
