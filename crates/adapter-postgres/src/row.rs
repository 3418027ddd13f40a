//! Columns into values and back: the tokens that stand in the tables, and rows read with errors that name the column.

use std::str::FromStr;
use std::sync::Arc;

use control_plane::ports::StoreError;
use scheduler_core::{Forks, GroupId, Sharing, Timestamp, UnknownToken};
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind as TypeKind, Type};

use crate::error::unreadable;

/// A row being read column by column, in the order of the statement.
pub(crate) struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(crate) const fn of(row: &'a Row) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(crate) fn next<T: FromSql<'a>>(&mut self) -> Result<T, StoreError> {
        let at = self.next;
        self.next = at.saturating_add(1);
        self.row.try_get(at).map_err(|error| {
            let name = self.row.columns().get(at).map_or("a missing column", |column| column.name());
            unreadable(format!("column {name}: {error}"))
        })
    }

    /// The next column, a number of forks or the like, which the tables keep from being out of range.
    pub(crate) fn next_u32(&mut self) -> Result<u32, StoreError> {
        let number: i64 = self.next()?;
        u32::try_from(number)
            .map_err(|_| unreadable(format!("{number} is out of the range of 0 to 4294967295")))
    }

    pub(crate) fn next_forks(&mut self) -> Result<Forks, StoreError> {
        self.next_u32().map(Forks::new)
    }

    /// The next column, a moment.
    pub(crate) fn next_time(&mut self) -> Result<Timestamp, StoreError> {
        self.next::<Moment>().map(|moment| moment.0)
    }

    /// The next column, a moment that may be missing.
    pub(crate) fn next_time_if_any(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.next::<Option<Moment>>()?.map(|moment| moment.0))
    }

    /// The next column, JSON that anybody may have written; none for NULL.
    pub(crate) fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        let json: Option<serde_json::Value> = self.next()?;
        json.map(serde_json::from_value).transpose().map_err(unreadable)
    }

    /// The next column, an id that may be missing.
    pub(crate) fn next_id<I: From<i64>>(&mut self) -> Result<Option<I>, StoreError> {
        Ok(self.next::<Option<i64>>()?.map(I::from))
    }

    /// The next column, a list of ids; none for NULL.
    pub(crate) fn next_ids<I: From<i64>, C: FromIterator<I>>(&mut self) -> Result<C, StoreError> {
        Ok(self.next::<Option<Vec<i64>>>()?.into_iter().flatten().map(I::from).collect())
    }

    /// The next column, one of our tokens.
    pub(crate) fn next_token<T: FromStr<Err = UnknownToken>>(&mut self) -> Result<T, StoreError> {
        let token: &str = self.next()?;
        token.parse().map_err(|error| unreadable(format!("{token:?}: {error}")))
    }
}

/// A moment of PostgreSQL's, whose time goes on for longer: one that cannot be told, or is infinite, counts as the farthest that can.
#[derive(Clone, Copy)]
struct Moment(Timestamp);

/// From the beginning of Unix' time to that of PostgreSQL's.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl Moment {
    fn at(microseconds: i64) -> Self {
        let told = microseconds.checked_add(POSTGRES_EPOCH).and_then(Timestamp::from_timestamp_micros);
        let farthest = if microseconds < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
        Self(told.unwrap_or(farthest))
    }
}

impl<'a> FromSql<'a> for Moment {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::at(i64::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

/// A list in its wire form: compared before it is decoded, since most tasks of a queue have the same.
#[derive(Clone, Copy)]
struct RawList<'a>(&'a [u8]);

impl<'a> FromSql<'a> for RawList<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), TypeKind::Array(_))
    }
}

/// Shares the names and the lists of groups of tasks that are read one after the other.
#[derive(Default)]
pub(crate) struct Shared {
    sharing: Sharing,
    last_name: Option<Arc<str>>,
    last_groups: Option<(Vec<u8>, Arc<[GroupId]>)>,
}

impl Shared {
    pub(crate) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(last) = &self.last_name
            && **last == *name
        {
            return Arc::clone(last);
        }
        let shared = self.sharing.name(name);
        self.last_name = Some(Arc::clone(&shared));
        shared
    }

    /// The next column, a task's groups.
    pub(crate) fn groups(&mut self, columns: &mut Columns<'_>) -> Result<Arc<[GroupId]>, StoreError> {
        let raw: Option<RawList<'_>> = columns.next()?;
        let raw = raw.map_or(&[][..], |list| list.0);
        if let Some((last, groups)) = &self.last_groups
            && last == raw
        {
            return Ok(Arc::clone(groups));
        }
        let ids = if raw.is_empty() {
            Vec::new()
        } else {
            Vec::<i64>::from_sql(&Type::INT8_ARRAY, raw)
                .map_err(|error| unreadable(format!("groups: {error}")))?
        };
        let ids: Vec<GroupId> = ids.into_iter().map(GroupId::new).collect();
        let shared = self.sharing.groups(&ids);
        self.last_groups = Some((raw.to_vec(), Arc::clone(&shared)));
        Ok(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r11_every_moment_can_be_told() {
        assert_eq!(Moment::at(0).0.to_rfc3339(), "2000-01-01T00:00:00+00:00");
        assert_eq!(Moment::at(-1).0.to_rfc3339(), "1999-12-31T23:59:59.999999+00:00");
        assert_eq!(Moment::at(i64::MAX).0, Timestamp::MAX_UTC);
        assert_eq!(Moment::at(i64::MIN).0, Timestamp::MIN_UTC);
        assert_eq!(Moment::at(9_223_371_331_199_999_999).0, Timestamp::MAX_UTC);
    }
}
