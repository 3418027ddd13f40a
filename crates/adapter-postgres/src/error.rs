//! What the driver says, sorted into what a caller can do about it, and cleared of what nobody may read.
//!
//! A database error's detail can hold a whole row, and its message a value: both stay here. What comes out is the SQLSTATE,
//! and the message only for classes that speak of the server and not of data.

use std::fmt;

use control_plane::ports::StoreError;
use tokio_postgres::error::SqlState;

use crate::migrate::NEEDED;

/// Raised by this crate's own SQL functions, with a message for people.
const REFUSED: &str = "SCH01";

/// The driver's error without data in it.
#[derive(Debug)]
struct Driver(String);

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Driver {}

/// Sorts an error that came up while doing `what` ("reading the snapshot").
pub(crate) fn store_error(what: &str, error: &tokio_postgres::Error) -> StoreError {
    let Some(database) = error.as_db_error() else {
        return without_code(what, error);
    };
    let (code, message) = (database.code(), database.message());
    if code.code() == REFUSED {
        return StoreError::Refused(message.to_owned());
    }
    if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME {
        return StoreError::Version { found: 0, needed: NEEDED };
    }
    if *code == SqlState::UNTRANSLATABLE_CHARACTER || *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE {
        return StoreError::Refused(format!(
            "{what}: a text holds the character U+0000, which PostgreSQL cannot keep: remove it"
        ));
    }
    let remedy = match code.code().get(..2).unwrap_or_default() {
        "08" | "57" => "the server is stopping, starting, or ended the connection; it is tried again",
        "25" => "the transaction stood still for too long and was ended; it is tried again",
        "40" | "55" => "it collided with another transaction; it is tried again",
        "53" | "58" => "the server lacks resources: look at its log",
        "28" | "3D" | "3F" | "42" => "check the user, the database and what the user may do there",
        _ => {
            return StoreError::Refused(format!(
                "{what}: PostgreSQL refused a value with {}{}",
                code.code(),
                database.constraint().map(|name| format!(" ({name})")).unwrap_or_default()
            ));
        }
    };
    StoreError::Unavailable {
        context: format!("{what}: {remedy}"),
        source: Box::new(Driver(format!("{} {}: {message}", database.severity(), code.code()))),
    }
}

/// An error that the server did not send: of the network, of TLS, or of decoding a row.
fn without_code(what: &str, error: &tokio_postgres::Error) -> StoreError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    // The driver's own words name the failed step and, when a row cannot be decoded, its column; never a value.
    let text = error.to_string();
    if text.starts_with("error deserializing") || text.starts_with("invalid column") {
        return StoreError::Unreadable(format!("{what}: {text}"));
    }
    if text.starts_with("error serializing") {
        return StoreError::Refused(format!("{what}: a value cannot be sent to PostgreSQL ({text})"));
    }
    let text = if text.contains(&cause) { text } else { text + &cause };
    StoreError::Unavailable {
        context: format!("{what}: check that the server runs and that the URL leads to it"),
        source: Box::new(Driver(text)),
    }
}

/// Sorts an error of the pool.
pub(crate) fn pool_error(what: &str, error: deadpool_postgres::PoolError) -> StoreError {
    match error {
        deadpool_postgres::PoolError::Backend(error) => store_error(what, &error),
        deadpool_postgres::PoolError::Timeout(stage) => StoreError::Unavailable {
            context: format!(
                "{what}: no connection in time; check that the server runs, or allow a larger pool"
            ),
            source: Box::new(Driver(format!("timeout of the pool in {stage:?}"))),
        },
        other => StoreError::Unavailable {
            context: format!("{what}: the pool has no connection"),
            source: Box::new(Driver(other.to_string())),
        },
    }
}

/// Something in a row that this version cannot read.
pub(crate) fn unreadable(place: impl fmt::Display) -> StoreError {
    StoreError::Unreadable(place.to_string())
}
