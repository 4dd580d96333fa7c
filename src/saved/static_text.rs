//! Texts that are part of the program, as facts have for names: read from bytes, they are kept once,
//! for as long as the program runs. Their number and length are bounded.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::de::Error;
use serde::{Deserializer, Serializer};

/// Texts that are kept at most, and bytes of the longest: the registry has some 15,000 names.
const TEXTS: usize = 1 << 15;
const LONGEST: usize = 64;

/// The type of such a text. serde's derive takes a reference for one to the bytes that are read.
pub(crate) type StaticText = &'static str;

pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<StaticText, D::Error> {
    let text = super::text(deserializer)?;
    kept(text).ok_or_else(|| D::Error::custom("there are too many names"))
}

/// The text that is kept; `None` where no more are.
fn kept(text: &str) -> Option<StaticText> {
    static KEPT: Mutex<BTreeSet<StaticText>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(text) {
        return Some(known);
    }
    if kept.len() >= TEXTS || text.len() > LONGEST {
        return None;
    }
    let text: StaticText = Box::leak(text.into());
    kept.insert(text);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_a_long_one_never() {
        let first = kept("http.path").unwrap();
        assert!(std::ptr::eq(first, kept(&String::from("http.path")).unwrap()));
        assert_eq!(kept(&"x".repeat(LONGEST + 1)), None);
    }
}
