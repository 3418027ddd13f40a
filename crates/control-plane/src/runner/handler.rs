//! A handler: a function with a typed payload in and an outcome out, and what it is told of its task.
//!
//! Payloads may hold secrets: one that does not fit is described by the place in it and by what was expected, never by what
//! it is.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use scheduler_core::{DispatchId, Kind, Outcome, TaskId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Boxed, Came};
use crate::ports::{Assignment, Ended, Slice, TraceContext};

/// What a handler knows of the task that it runs, besides the payload.
#[derive(Clone, Debug)]
pub struct Context {
    /// The task.
    pub task: TaskId,
    /// The fence under which it runs.
    pub dispatch: DispatchId,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Arc<str>,
    /// Which slice it is, of a job that was cut into several.
    pub slice: Option<Slice>,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
    stopping: CancellationToken,
}

impl Context {
    pub(super) fn new(
        assignment: &Assignment,
        trace: Option<TraceContext>,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            task: assignment.task,
            dispatch: assignment.dispatch,
            kind: assignment.kind,
            name: Arc::from(assignment.name.as_str()),
            slice: assignment.slice,
            trace,
            stopping,
        }
    }

    /// Waits until the task is told to stop. A handler that then returns anything but success ends as `canceled` (or is
    /// handed back, see [`Handler::restartable`]); one that does not return is cut off after a grace time.
    pub async fn stopped(&self) {
        self.stopping.cancelled().await;
    }

    /// Whether the task was told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// The same as a token, for what waits on several things or stops children of its own.
    #[must_use]
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}

/// What a handler may return.
pub trait IntoEnded {
    /// As the end of the task.
    fn into_ended(self) -> Ended;
}

impl IntoEnded for Ended {
    fn into_ended(self) -> Ended {
        self
    }
}

/// Successful.
impl IntoEnded for () {
    fn into_ended(self) -> Ended {
        Ended::of(Outcome::Successful)
    }
}

/// An error is `failed`, and its words the explanation.
impl<T: IntoEnded, E: fmt::Display> IntoEnded for Result<T, E> {
    fn into_ended(self) -> Ended {
        match self {
            Ok(value) => value.into_ended(),
            Err(error) => Ended::because(Outcome::Failed, error.to_string()),
        }
    }
}

/// Runs tasks that name it.
#[derive(Clone)]
pub struct Handler {
    call: Arc<dyn Fn(Value, Context) -> Boxed<Came> + Send + Sync>,
    restartable: bool,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("restartable", &self.restartable).finish_non_exhaustive()
    }
}

impl Handler {
    /// A handler from a function of the payload. A task whose payload does not fit its type ends with `error`.
    pub fn new<P, F, R>(run: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(P, Context) -> R + Send + Sync + 'static,
        R: Future<Output: IntoEnded> + Send + 'static,
    {
        Self::of(move |payload, context| {
            let work = run(payload, context);
            async move { Ok(work.await.into_ended()) }
        })
    }

    /// The same of a function that may find no room to begin.
    pub(super) fn of<P, F, R>(run: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(P, Context) -> R + Send + Sync + 'static,
        R: Future<Output = Came> + Send + 'static,
    {
        let call = move |payload: Value, context: Context| -> Boxed<Came> {
            match read::<P>(payload) {
                Ok(payload) => Box::pin(run(payload, context)),
                Err(misfit) => Box::pin(std::future::ready(Ok(Ended::because(Outcome::Error, misfit)))),
            }
        };
        Self { call: Arc::new(call), restartable: false }
    }

    /// Its tasks may be run again from the start: a node that stops hands them back instead of canceling them.
    #[must_use]
    pub fn restartable(mut self) -> Self {
        self.restartable = true;
        self
    }

    pub(super) const fn is_restartable(&self) -> bool {
        self.restartable
    }

    /// Boxed again, so that a panic while the future is made is inside it.
    pub(super) fn call(&self, payload: Value, context: Context) -> Boxed<Came> {
        let call = Arc::clone(&self.call);
        Box::pin(async move { call(payload, context).await })
    }
}

/// Runs broadcasts that name it.
#[derive(Clone)]
pub struct BroadcastHandler(Arc<dyn Fn(Value) -> Boxed<Result<(), String>> + Send + Sync>);

impl fmt::Debug for BroadcastHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BroadcastHandler").finish_non_exhaustive()
    }
}

impl BroadcastHandler {
    /// A handler from a function of the payload. Nobody waits for what it returns.
    pub fn new<P, F, R>(run: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(P) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |payload| match read::<P>(payload) {
            Ok(payload) => {
                let work = run(payload);
                Box::pin(async move {
                    work.await;
                    Ok(())
                })
            }
            Err(misfit) => Box::pin(std::future::ready(Err(misfit))),
        }))
    }

    /// Runs it; an error says why the payload does not fit.
    pub(crate) async fn call(&self, payload: Value) -> Result<(), String> {
        (self.0)(payload).await
    }
}

/// The payload as a value of its type, or where it does not fit.
fn read<P: DeserializeOwned>(payload: Value) -> Result<P, String> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        let place = match error.path().to_string() {
            root if root == "." => String::new(),
            path => format!(" at `{path}`"),
        };
        match expected(&error.into_inner().to_string()) {
            Some(expected) => format!("the payload does not fit the handler{place}: {expected}"),
            None => format!("the payload does not fit the handler{place}"),
        }
    })
}

/// The part of serde's words that comes from the type. What stands before it may repeat a value.
fn expected(message: &str) -> Option<String> {
    if message.starts_with("missing field `") {
        return Some(message.into());
    }
    let known =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown field ", "unknown variant "];
    known.iter().any(|start| message.starts_with(start)).then_some(())?;
    message.rsplit_once(", expected ").map(|(_, expected)| format!("expected {expected}"))
}
