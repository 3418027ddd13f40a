//! Tables whose positions are dense numbers that the pass itself gave out, and maps that find rows by their ids.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A hash map for ids and rows.
pub(crate) type FxHashMap<K, V> = hashbrown::HashMap<K, V, rustc_hash::FxBuildHasher>;
/// A hash set for ids and rows.
pub(crate) type FxHashSet<K> = hashbrown::HashSet<K, rustc_hash::FxBuildHasher>;

/// A position in a [`Table`]: a row of the snapshot, an instance, a group, a class.
pub(crate) type Row = u32;

/// A vector that is indexed by positions which the same pass gave out for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table<T>(pub(crate) Vec<T>);

impl<T> Table<T> {
    pub(crate) fn push(&mut self, value: T) -> Row {
        let row = position(self.0.len());
        self.0.push(value);
        row
    }

    pub(crate) fn rows(&self) -> core::ops::Range<Row> {
        0..position(self.0.len())
    }
}

impl<T> Index<Row> for Table<T> {
    type Output = T;

    #[expect(
        clippy::indexing_slicing,
        reason = "positions come from the table's own length, which never shrinks"
    )]
    fn index(&self, row: Row) -> &T {
        &self.0[row as usize]
    }
}

impl<T> IndexMut<Row> for Table<T> {
    #[expect(
        clippy::indexing_slicing,
        reason = "positions come from the table's own length, which never shrinks"
    )]
    fn index_mut(&mut self, row: Row) -> &mut T {
        &mut self.0[row as usize]
    }
}

/// So many values are compared one by one faster than one is hashed.
pub(crate) const FEW: usize = 16;

/// A list that is asked again and again whether it holds something.
pub(crate) enum Lookup<'t, T> {
    Few(&'t [T]),
    Many(FxHashSet<T>),
}

impl<'t, T: Copy + Eq + core::hash::Hash> Lookup<'t, T> {
    pub(crate) fn of(list: &'t [T]) -> Self {
        if list.len() <= FEW { Self::Few(list) } else { Self::Many(list.iter().copied().collect()) }
    }

    pub(crate) fn contains(&self, value: T) -> bool {
        match self {
            Self::Few(list) => list.contains(&value),
            Self::Many(set) => set.contains(&value),
        }
    }
}

/// A length as a position. A snapshot of more than four thousand million rows would need 700 GB; what lies beyond the
/// largest position would fold onto it.
pub(crate) fn position(length: usize) -> Row {
    Row::try_from(length).unwrap_or(Row::MAX)
}

/// Rows by their ids; an id of several rows leads to `None`.
pub(crate) fn unique<K: core::hash::Hash + Eq, V>(
    rows: impl Iterator<Item = (K, V)>,
) -> FxHashMap<K, Option<V>> {
    let mut found: FxHashMap<K, Option<V>> = FxHashMap::default();
    found.reserve(rows.size_hint().0);
    for (id, row) in rows {
        found.entry(id).and_modify(|known| *known = None).or_insert(Some(row));
    }
    found
}
