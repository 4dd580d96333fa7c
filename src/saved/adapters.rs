//! What serde has no form for: long arrays, registers and shared slices.

/// Arrays of any length.
pub(crate) mod array {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, T: Serialize, const N: usize>(
        array: &[T; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        array.as_slice().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[T; N], D::Error> {
        let values = Vec::<T>::deserialize(deserializer)?;
        values.try_into().map_err(|_| D::Error::custom("a list has another length"))
    }
}

/// The registers of a sketch.
pub(crate) mod registers {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        registers: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(registers)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Box<[u8; N]>, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let registers = <[u8; N]>::try_from(bytes).map_err(|_| D::Error::custom("no registers"))?;
        // A register has the length of a run of zeros in 64 bits, plus one.
        let is_run = registers.iter().all(|&register| register <= 65);
        is_run.then(|| Box::new(registers)).ok_or_else(|| D::Error::custom("no registers"))
    }
}

/// Slices that are shared.
pub(crate) mod arc_slice {
    use std::sync::Arc;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, T: Serialize>(
        slice: &Arc<[T]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        slice.as_ref().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Arc<[T]>, D::Error> {
        Vec::<T>::deserialize(deserializer).map(Arc::from)
    }
}

/// Slices that are shared, or none.
pub(crate) mod arc_slice_option {
    use std::sync::Arc;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "the form that serde calls")]
    pub(crate) fn serialize<S: Serializer, T: Serialize>(
        slice: &Option<Arc<[T]>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        slice.as_deref().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<[T]>>, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|slice| slice.map(Arc::from))
    }
}
