//! Vectors on the stack, as state is written: the capacity of those on the heap counts as memory.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use smallvec::{Array, SmallVec};

pub(super) fn serialize<S: Serializer, A: Array<Item: Serialize>>(
    vec: &SmallVec<A>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let capacity = if vec.spilled() { vec.capacity() as u64 } else { 0 };
    (capacity, vec.as_slice()).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, A: Array<Item: Deserialize<'de>>>(
    deserializer: D,
) -> Result<SmallVec<A>, D::Error> {
    let (capacity, values) = <(u64, Vec<A::Item>)>::deserialize(deserializer)?;
    let (inline, len) = (A::size() as u64, values.len() as u64);
    let is_valid = match capacity {
        0 => len <= inline,
        heap => heap > inline && heap >= len && heap <= len.next_power_of_two(),
    };
    if !is_valid {
        return Err(D::Error::custom("a capacity is not valid"));
    }
    let mut vec = SmallVec::new();
    if capacity > 0 {
        vec.reserve_exact(capacity as usize);
    }
    vec.extend(values);
    Ok(vec)
}

/// The same where the capacity counts for nothing.
pub(super) mod uncounted {
    use super::{Array, Deserialize, Deserializer, Serialize, Serializer, SmallVec};

    pub(in crate::flow) fn serialize<S: Serializer, A: Array<Item: Serialize>>(
        vec: &SmallVec<A>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        vec.as_slice().serialize(serializer)
    }

    pub(in crate::flow) fn deserialize<
        'de,
        D: Deserializer<'de>,
        A: Array<Item: Deserialize<'de>>,
    >(
        deserializer: D,
    ) -> Result<SmallVec<A>, D::Error> {
        Vec::<A::Item>::deserialize(deserializer).map(|values| values.into_iter().collect())
    }
}
