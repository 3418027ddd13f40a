//! The message of a dispatch: versioned JSON, this adapter's own wire type.
//!
//! ```json
//! {"version":1,"control_plane":"0af76519-…","task":42,"dispatch":7,"kind":"job","handler":"command","trace":"00-…"}
//! ```
//!
//! It names its control plane, since two may have been given the same names on one broker: what is another's is not for us to
//! take. A message that names none is read, as are all of a node that does not know yet whom it serves; the store's fence
//! decides about it.
//!
//! A field that this version does not know is passed over, so that a newer node may add one; whatever changes the
//! meaning gets a new version, which older nodes refuse. What to run is not in it: payloads never pass through the broker.

use control_plane::definition::HandlerName;
use control_plane::ports::{ControlPlaneId, Dispatch, Queue, TraceContext};
use scheduler_core::{DispatchId, Kind, TaskId};
use serde::{Deserialize, Serialize};

/// The version of every message that this adapter writes, and the only one that it reads.
pub(crate) const VERSION: u32 = 1;

/// A dispatch is far smaller; whatever is larger is not one, and is not worth parsing.
const LARGEST: usize = 64 * 1024;

/// Why a message cannot be read. It says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("it is of version {0}, and this node reads version {VERSION}: a newer node wrote it", VERSION = VERSION)]
    Version(u32),
    #[error("it is no message of this program: see line {line}, column {column}")]
    Malformed { line: usize, column: usize },
    #[error("it has {0} bytes, more than any message of this program")]
    TooLarge(usize),
    #[error("it names no kind of task of this version")]
    Kind,
    #[error("it asks for an answer and does not say where to")]
    NoAddress,
    #[error(
        "it is of control plane {theirs}, and this node serves {ours}: both use the same names on this broker; give each a prefix of its own"
    )]
    Foreign { theirs: ControlPlaneId, ours: ControlPlaneId },
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<ControlPlaneId>,
    task: i64,
    dispatch: i64,
    kind: &'static str,
    handler: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
}

#[derive(Deserialize)]
struct Read {
    task: i64,
    dispatch: i64,
    kind: String,
    handler: HandlerName,
    trace: Option<String>,
}

/// What every message has, whatever else it is.
#[derive(Deserialize)]
struct Head {
    version: u32,
    control_plane: Option<ControlPlaneId>,
}

pub(crate) fn encode(dispatch: &Dispatch, of: Option<ControlPlaneId>) -> Vec<u8> {
    let written = Written {
        version: VERSION,
        control_plane: of,
        task: dispatch.task.get(),
        dispatch: dispatch.dispatch.get(),
        kind: dispatch.kind.token(),
        handler: dispatch.handler.as_str(),
        trace: dispatch.trace.as_ref().map(TraceContext::as_str),
    };
    // Writing numbers and texts to memory cannot fail, and an empty message would be refused by its reader.
    serde_json::to_vec(&written).unwrap_or_default()
}

/// Reads a dispatch for a node that serves this control plane.
pub(crate) fn decode(
    body: &[u8],
    queue: Queue,
    ours: Option<ControlPlaneId>,
) -> Result<Dispatch, EnvelopeError> {
    let read: Read = versioned(body, LARGEST, ours)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.token() == read.kind).ok_or(EnvelopeError::Kind)?;
    Ok(Dispatch {
        task: TaskId::new(read.task),
        dispatch: DispatchId::new(read.dispatch),
        kind,
        handler: read.handler,
        queue,
        // A trace that cannot be read is no reason not to run a task.
        trace: read.trace.and_then(|text| TraceContext::try_from(text).ok()),
    })
}

/// Reads a message of this version and of our control plane; that is looked at first, since another's may look quite different.
pub(crate) fn versioned<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    largest: usize,
    ours: Option<ControlPlaneId>,
) -> Result<T, EnvelopeError> {
    if body.len() > largest {
        return Err(EnvelopeError::TooLarge(body.len()));
    }
    let head: Head = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if let (Some(theirs), Some(ours)) = (head.control_plane, ours)
        && theirs != ours
    {
        return Err(EnvelopeError::Foreign { theirs, ours });
    }
    if head.version != VERSION {
        return Err(EnvelopeError::Version(head.version));
    }
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> EnvelopeError {
    EnvelopeError::Malformed { line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: ControlPlaneId = ControlPlaneId::new(7);

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn dispatch(kind: Kind, trace: Option<&str>) -> Dispatch {
        Dispatch {
            task: TaskId::new(42),
            dispatch: DispatchId::new(7),
            kind,
            handler: HandlerName::command(),
            queue: Queue::Shared,
            trace: trace.map(|text| TraceContext::try_from(text.to_owned()).unwrap()),
        }
    }

    #[test]
    fn the_written_form_is_this_one() {
        let text = String::from_utf8(encode(&dispatch(Kind::Job, Some(TRACE)), Some(OURS))).unwrap();
        let expected = format!(
            r#"{{"version":1,"control_plane":"{OURS}","task":42,"dispatch":7,"kind":"job","handler":"command","trace":"{TRACE}"}}"#
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for kind in Kind::ALL {
            for trace in [None, Some(TRACE)] {
                let dispatch = dispatch(kind, trace);
                for of in [None, Some(OURS)] {
                    assert_eq!(
                        decode(&encode(&dispatch, of), Queue::Shared, Some(OURS)),
                        Ok(dispatch.clone())
                    );
                }
            }
        }
    }

    #[test]
    fn a_field_of_a_newer_node_is_passed_over_and_a_bad_trace_too() {
        let body = br#"{"version":1,"task":1,"dispatch":2,"kind":"job","handler":"x","new":[1],"trace":"?"}"#;
        let read = decode(body, Queue::Shared, Some(OURS)).unwrap();
        assert_eq!((read.task.get(), read.dispatch.get(), read.trace), (1, 2, None));
    }

    #[test]
    fn what_is_of_another_control_plane_is_refused_and_both_are_named() {
        let theirs = ControlPlaneId::new(8);
        let body = encode(&dispatch(Kind::Job, None), Some(theirs));
        let refused = decode(&body, Queue::Shared, Some(OURS)).unwrap_err();
        assert_eq!(refused, EnvelopeError::Foreign { theirs, ours: OURS });
        assert!(refused.to_string().contains(&theirs.to_string()), "{refused}");
        assert!(refused.to_string().contains(&OURS.to_string()), "{refused}");
        assert!(decode(&body, Queue::Shared, None).is_ok(), "a consumer that serves nobody in particular");
    }

    #[test]
    fn another_version_is_refused_whatever_else_it_says() {
        for body in [r#"{"version":2,"task":1}"#, r#"{"something":"else","version":2}"#] {
            assert_eq!(
                decode(body.as_bytes(), Queue::Shared, Some(OURS)),
                Err(EnvelopeError::Version(2)),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_no_message_is_refused_without_repeating_it() {
        let large = vec![b' '; LARGEST + 1];
        let bodies: [&[u8]; 9] = [
            b"",
            b"secret",
            b"\xff\xfe",
            b"[]",
            br#"{"version":"secret"}"#,
            br#"{"version":1,"control_plane":"secret","task":1,"dispatch":2,"kind":"job","handler":"x"}"#,
            br#"{"version":1,"task":"secret","dispatch":2,"kind":"job","handler":"x"}"#,
            br#"{"version":1,"task":1,"dispatch":2,"kind":"job","handler":"a secret"}"#,
            &large,
        ];
        for body in bodies {
            let refused = decode(body, Queue::Shared, Some(OURS)).unwrap_err();
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
        let unknown = br#"{"version":1,"task":1,"dispatch":2,"kind":"secret","handler":"x"}"#;
        assert_eq!(decode(unknown, Queue::Shared, Some(OURS)), Err(EnvelopeError::Kind));
    }
}
