//! How many connections the port takes, and how long each may take for what it does.
//!
//! Every connection costs a descriptor, and a node needs its descriptors for the tasks that it runs. So there are [`MOST`]
//! at a time, far below the 1,024 that a process usually may have. When there is no room, the one that has waited longest
//! without asking anything makes some: strangers who open connections and say nothing keep nobody out. What waits for an answer
//! to be read, or asked a moment ago, stays.
//!
//! A request has [`HEADERS_WITHIN`] to come and an answer [`READ_WITHIN`] to be read, whole, however few bytes at a time.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The most connections at a time.
pub(super) const MOST: usize = 128;

/// A client that takes longer to send the head of its next request is let go.
pub(super) const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// A client that takes longer to read an answer is let go.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// A connection that is told to leave is gone as soon as it is looked at.
const ROOM_WITHIN: Duration = Duration::from_secs(1);

/// The room for connections.
pub(super) struct Seats {
    room: Arc<Semaphore>,
    taken: Mutex<Vec<Arc<Seat>>>,
    /// Counts the moments at which somebody began to wait.
    turn: AtomicU64,
}

/// What is known of one connection.
pub(super) struct Seat {
    /// Whether a request is being answered.
    busy: AtomicBool,
    /// Since which turn it waits for a request.
    waiting_since: AtomicU64,
    leave: CancellationToken,
}

/// A place for one connection, which is free again with the value.
pub(super) struct Taken {
    seats: Arc<Seats>,
    seat: Arc<Seat>,
    _room: OwnedSemaphorePermit,
}

impl Seats {
    /// For so many.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            room: Arc::new(Semaphore::new(most)),
            taken: Mutex::default(),
            turn: AtomicU64::new(0),
        })
    }

    /// A place, and whether somebody had to leave for it. `None` when all are being answered.
    pub(super) async fn take(self: &Arc<Self>) -> Option<(Taken, bool)> {
        let (room, made) = match self.room.clone().try_acquire_owned() {
            Ok(room) => (room, false),
            Err(_) => {
                self.longest_waiting()?.leave.cancel();
                (timeout(ROOM_WITHIN, self.room.clone().acquire_owned()).await.ok()?.ok()?, true)
            }
        };
        let seat = Arc::new(Seat {
            busy: AtomicBool::new(false),
            waiting_since: AtomicU64::new(self.turn.fetch_add(1, Ordering::Relaxed)),
            leave: CancellationToken::new(),
        });
        self.all(|taken| taken.push(seat.clone()));
        Some((Taken { seats: self.clone(), seat, _room: room }, made))
    }

    fn longest_waiting(&self) -> Option<Arc<Seat>> {
        self.all(|taken| {
            let waiting = taken.iter().filter(|seat| !seat.busy.load(Ordering::Relaxed));
            waiting.min_by_key(|seat| seat.waiting_since.load(Ordering::Relaxed)).cloned()
        })
    }

    fn all<T>(&self, look: impl FnOnce(&mut Vec<Arc<Seat>>) -> T) -> T {
        look(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Taken {
    /// Done when it must make room.
    pub(super) fn leave(&self) -> CancellationToken {
        self.seat.leave.clone()
    }

    /// A request has come.
    pub(super) fn asked(&self) {
        self.seat.busy.store(true, Ordering::Relaxed);
    }

    /// Its answer has gone out.
    fn answered(&self) {
        self.seat.waiting_since.store(self.seats.turn.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.seat.busy.store(false, Ordering::Relaxed);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.all(|taken| taken.retain(|seat| !Arc::ptr_eq(seat, &self.seat)));
    }
}

/// A connection whose answers must be read in time.
pub(super) struct Connection {
    stream: TcpStream,
    taken: Arc<Taken>,
    /// Whether something was written that is not known to have gone out.
    writing: bool,
    /// Runs from the first moment at which nothing more could be written until all has gone out.
    limit: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// This connection in this place.
    pub(super) const fn new(stream: TcpStream, taken: Arc<Taken>) -> Self {
        Self { stream, taken, writing: false, limit: None }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() && self.limit.is_none() {
            self.writing = true;
            return written;
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(READ_WITHIN)));
        match (limit.as_mut().poll(context), written) {
            (Poll::Ready(()), _) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            (Poll::Pending, written) => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.writing {
            self.writing = false;
            self.limit = None;
            self.taken.answered();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_has_waited_longest_makes_room_and_whoever_is_answered_stays() {
        let seats = Seats::new(2);
        let (first, _) = seats.take().await.unwrap();
        let (second, _) = seats.take().await.unwrap();
        first.asked();
        first.answered();
        let told = second.leave();
        let (next, ()) = tokio::join!(seats.take(), async {
            told.cancelled().await;
            drop(second);
        });
        let (third, made) = next.unwrap();
        assert!(made && !first.leave().is_cancelled(), "the first asked since");
        first.asked();
        third.asked();
        assert!(seats.take().await.is_none(), "all are being answered");
        drop(third);
        assert!(seats.take().await.is_some_and(|(_, made)| !made));
    }
}
