//! The state of a run as bytes: what stages write of themselves, and read again in the next run.
//!
//! Takes values, gives bytes of `postcard`, one value behind the other. Stages implement serde's
//! traits where their state is; this module has what several of them need for that. What is read
//! may come from anybody: a stage checks what it takes before it uses it.

mod adapters;
pub(crate) mod static_text;

pub(crate) use adapters::{arc_slice, arc_slice_option, array, registers};
pub(crate) use static_text::StaticText;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The greatest number of anything that is counted: no capture has more, and sums do not overflow.
pub(crate) const MOST: u64 = 1 << 48;

/// State that cannot be: it is damaged, or no program wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadState(pub(crate) &'static str);

impl fmt::Display for BadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Fails with this reason unless `holds`.
///
/// # Errors
/// What is checked does not hold.
pub(crate) const fn check(holds: bool, reason: &'static str) -> Result<(), BadState> {
    if holds { Ok(()) } else { Err(BadState(reason)) }
}

/// Writes values one behind the other.
#[derive(Debug, Default)]
pub(crate) struct StateWriter(Vec<u8>);

impl StateWriter {
    /// Adds a value.
    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        let bytes = std::mem::take(&mut self.0);
        // Fails only where a buffer is full, or a sequence has no length; neither is the case.
        self.0 = postcard::to_extend(value, bytes).unwrap_or_default();
    }

    /// The bytes of all values.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`StateWriter`] wrote.
#[derive(Debug)]
pub(crate) struct StateReader<'b>(&'b [u8]);

impl<'b> StateReader<'b> {
    /// Reads these bytes.
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the next value.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> Result<T, BadState> {
        let taken = postcard::take_from_bytes(self.0);
        let (value, rest) = taken.map_err(|_| BadState("a value is not valid"))?;
        self.0 = rest;
        Ok(value)
    }

    /// Takes the number of entries that follow, of at least one byte each.
    ///
    /// # Errors
    /// There is none, or there are not so many bytes.
    pub(crate) fn take_len(&mut self) -> Result<usize, BadState> {
        let len: u64 = self.take()?;
        let len = usize::try_from(len).ok().filter(|&len| len <= self.0.len());
        len.ok_or(BadState("there are fewer entries than stated"))
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// Something is left.
    pub(crate) const fn end(&self) -> Result<(), BadState> {
        check(self.0.is_empty(), "there are more bytes than values")
    }
}

/// The bytes of one value.
pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut writer = StateWriter::default();
    writer.put(value);
    writer.finish()
}

/// The value of which these are the bytes.
///
/// # Errors
/// They are no such value, or more than one.
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadState> {
    let mut reader = StateReader::new(bytes);
    let value = reader.take()?;
    reader.end()?;
    Ok(value)
}

/// Writes a value by its name and reads it by its name: numbers of protocols and the like change
/// from version to version.
macro_rules! by_name {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = $crate::saved::text(deserializer)?;
                let known = Self::ALL.iter().find(|value| value.as_str() == name);
                known.copied().ok_or_else(|| serde::de::Error::custom("a name is not known"))
            }
        }
    };
}

pub(crate) use by_name;

/// A text with its length, as it stands among other values: a name that is not kept.
pub(crate) fn text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<&'de str, D::Error> {
    <&str>::deserialize(deserializer)
}
