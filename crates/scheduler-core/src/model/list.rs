//! How the short lists of a task are written and read: as any list. `thin-vec` can do this by itself, but only together with
//! the standard library, which this crate must build without.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thin_vec::ThinVec;

pub(crate) fn serialize<T: Serialize, S: Serializer>(
    list: &ThinVec<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    list.as_slice().serialize(serializer)
}

pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ThinVec<T>, D::Error> {
    Vec::deserialize(deserializer).map(ThinVec::from)
}
