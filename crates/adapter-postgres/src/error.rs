//! What the driver says, sorted into what a caller can do about it, and cleared of what nobody may read.
//!
//! A database error's detail can hold a whole row, and its message a value: both stay here. What comes out is the SQLSTATE,
//! and the message only for classes that speak of the server and not of data.

use std::fmt;
use std::time::Duration;

use control_plane::ports::StoreError;
use tokio_postgres::error::SqlState;

use crate::migration::NEEDED;

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
    match remedy(code.code()) {
        Some(remedy) if *code == SqlState::LOCK_NOT_AVAILABLE => {
            StoreError::Kept(format!("{what}: {remedy}"))
        }
        Some(remedy) => StoreError::Unavailable {
            context: format!("{what}: {remedy}"),
            source: Box::new(Driver(format!("{} {}: {message}", database.severity(), code.code()))),
        },
        None => StoreError::Refused(format!(
            "{what}: PostgreSQL refused a value with {}{}",
            code.code(),
            database.constraint().map(|name| format!(" ({name})")).unwrap_or_default()
        )),
    }
}

/// What to do about an error that is not about what was asked: the same call may succeed later, by itself or once a person has mended
/// something. `None` for one that is, and would be given again.
fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "57014" => {
            "it took longer than the limit on a statement (`statement_timeout`, or `pass_timeout`), or somebody canceled it; see \
             in pg_stat_activity what it waited for, and try again"
        }
        "55P03" => {
            "somebody else has kept a row or a lock that it needs for longer than `lock_timeout` allows; see in pg_stat_activity \
             who, usually a transaction that was left open, end that, and try again"
        }
        "25P03" => {
            "this program stood still in the middle of a transaction, stopped or cut off, so the server ended that, and \
             nothing of it was written; try again"
        }
        "25006" => "the server is read-only, probably a standby; let the URL lead to the primary",
        "26000" => {
            "the server does not know a statement that was prepared; a pooler between needs `max_prepared_statements`"
        }
        "40P01" | "40001" => "it collided with another transaction; it is tried again",
        _ => return remedy_of_class(code.get(..2).unwrap_or_default()),
    })
}

fn remedy_of_class(class: &str) -> Option<&'static str> {
    Some(match class {
        // Data, integrity, a view's check, limits of the program, and what functions and triggers raise, ours among them.
        "22" | "23" | "44" | "54" | "P0" | "SC" => return None,
        "08" | "57" => "the server is stopping, starting, or ended the connection; it is tried again",
        "25" | "40" | "55" => "it collided with another transaction, or lost its own; it is tried again",
        "53" | "58" => "the server lacks resources; look at its log",
        "28" | "3D" | "3F" | "42" => "check the user, the database and what the user may do there",
        "0A" => "the server, or a pooler before it, cannot do that; see which versions are supported",
        _ => "the server is in trouble; look at its log",
    })
}

/// No answer came within this time.
pub(crate) fn silent(what: &str, limit: Duration) -> StoreError {
    StoreError::Unavailable {
        context: format!("{what}: check that the server is well and can be reached"),
        source: Box::new(Driver(format!("no answer within {limit:?}"))),
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
    let remedy = if error.is_closed() {
        "the server ended the connection: it was restarted, or this program stood still in the middle of a transaction; try again"
    } else {
        "check that the server runs and that the URL leads to it"
    };
    StoreError::Unavailable { context: format!("{what}: {remedy}"), source: Box::new(Driver(text)) }
}

/// Sorts an error of the pool.
pub(crate) fn pool_error(what: &str, error: deadpool_postgres::PoolError) -> StoreError {
    match error {
        deadpool_postgres::PoolError::Backend(error)
        | deadpool_postgres::PoolError::PostCreateHook(deadpool_postgres::HookError::Backend(error)) => {
            store_error(what, &error)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_the_request_is_refused_for_good() {
        for refused in ["22003", "23505", "23514", "44000", "54000", "P0001", "SCH02"] {
            assert_eq!(remedy(refused), None, "{refused}");
        }
        for again in [
            "08006", "0A000", "25006", "25P02", "25P03", "26000", "28P01", "40001", "40P01", "42501",
            "53300", "55006", "55P03", "57014", "57P01", "58030", "72000", "F0000", "XX000", "XX001",
            "XX002", "", "ü",
        ] {
            assert!(remedy(again).is_some(), "{again}");
        }
    }

    #[test]
    fn limits_that_were_reached_have_words_of_their_own() {
        let words = |code| remedy(code).unwrap_or_default();
        assert!(words("57014").contains("statement_timeout"));
        assert!(words("55P03").contains("pg_stat_activity"));
        assert!(words("25P03").contains("stood still"));
    }
}
