//! JSON texts, RFC 8259, as far as they were captured: one pass, no recursion, nothing allocated.
//!
//! Cut and damaged texts give what stands before the cut or the damage. Numbers and words are not
//! checked beyond their characters.

use memchr::memchr2;

/// Steps from the root at most to a value that is told.
pub(crate) const TOLD_DEPTH: usize = 4;
/// Containers within each other at most; deeper texts are read to there.
const MAX_DEPTH: usize = 64;

/// A step from a container to one of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonStep<'a> {
    /// The name of a member, with its escapes as they are.
    Key(&'a [u8]),
    /// The place in an array, counted from 0.
    Item(usize),
}

/// A value, or the beginning of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonValue<'a> {
    /// What stands between the quotes, with its escapes as they are.
    Text(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
    Object,
    Array,
}

/// How the reading of a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonEnd {
    /// The value is whole; other bytes may follow it.
    Whole,
    /// The text ends within the value.
    Cut,
    /// The bytes are not JSON, or their containers are too deep.
    Damaged,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JsonNext {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

/// Calls `tell` for each value of the text that is at most [`TOLD_DEPTH`] steps from the root, in
/// their order, with the steps that lead there. A container is told when it begins. A value that
/// is cut is not told.
pub(crate) fn read_json<'a>(
    text: &'a [u8],
    mut tell: impl FnMut(&[JsonStep<'a>], JsonValue<'a>),
) -> JsonEnd {
    use JsonNext::{CommaOrEnd, Key, KeyOrEnd, Value, ValueOrEnd};
    let mut steps = [JsonStep::Item(0); TOLD_DEPTH];
    // Bit n: the container at depth n is an object.
    let mut objects = 0_u64;
    let (mut depth, mut at, mut expected) = (0, 0, Value);
    loop {
        at += text.get(at..).unwrap_or(&[]).iter().take_while(|b| b.is_ascii_whitespace()).count();
        let Some(&first) = text.get(at) else { return JsonEnd::Cut };
        let in_object = depth > 0 && objects >> (depth - 1) & 1 == 1;
        match (expected, first) {
            (Value | ValueOrEnd, b'{' | b'[') => {
                let is_object = first == b'{';
                if let Some(steps) = steps.get(..depth) {
                    tell(steps, if is_object { JsonValue::Object } else { JsonValue::Array });
                }
                if depth == MAX_DEPTH {
                    return JsonEnd::Damaged;
                }
                objects = objects & !(1 << depth) | u64::from(is_object) << depth;
                if let Some(step) = steps.get_mut(depth) {
                    *step = JsonStep::Item(0);
                }
                depth += 1;
                at += 1;
                expected = if is_object { KeyOrEnd } else { ValueOrEnd };
                continue;
            }
            (ValueOrEnd, b']') | (KeyOrEnd, b'}') => depth -= 1,
            (CommaOrEnd, b'}' | b']') if in_object == (first == b'}') => depth -= 1,
            (CommaOrEnd, b',') => {
                at += 1;
                expected = if in_object { Key } else { Value };
                if let Some(JsonStep::Item(place)) = steps.get_mut(depth - 1)
                    && !in_object
                {
                    *place += 1;
                }
                continue;
            }
            (Key | KeyOrEnd, b'"') => {
                let Some(end) = string_end(text, at + 1) else { return JsonEnd::Cut };
                if let Some(step) = steps.get_mut(depth - 1) {
                    *step = JsonStep::Key(&text[at + 1..end]);
                }
                at = end + 1;
                at += text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
                match text.get(at) {
                    Some(b':') => (at, expected) = (at + 1, Value),
                    Some(_) => return JsonEnd::Damaged,
                    None => return JsonEnd::Cut,
                }
                continue;
            }
            (Value | ValueOrEnd, b'"') => {
                let Some(end) = string_end(text, at + 1) else { return JsonEnd::Cut };
                if let Some(steps) = steps.get(..depth) {
                    tell(steps, JsonValue::Text(&text[at + 1..end]));
                }
                at = end;
            }
            (Value | ValueOrEnd, b'-' | b'0'..=b'9' | b'a'..=b'z') => {
                let is_word = |b: &&u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
                let len = text[at..].iter().take_while(is_word).count();
                // More of it may follow.
                if at + len == text.len() && depth > 0 {
                    return JsonEnd::Cut;
                }
                if let Some(steps) = steps.get(..depth) {
                    tell(steps, JsonValue::Word(&text[at..at + len]));
                }
                at += len - 1;
            }
            _ => return JsonEnd::Damaged,
        }
        // A value has ended with the byte at `at`.
        if depth == 0 {
            return JsonEnd::Whole;
        }
        (at, expected) = (at + 1, CommaOrEnd);
    }
}

/// The offset of the quote that ends the string that begins at `at`.
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The text of a string without its escapes; those that are none stay as they are.
pub(crate) fn unescaped(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    if !text.contains('\\') {
        return text.into_owned();
    }
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> (Vec<String>, JsonEnd) {
        let mut all = Vec::new();
        let end = read_json(text.as_bytes(), |steps, value| {
            let mut line = String::new();
            for step in steps {
                match step {
                    JsonStep::Key(key) => line += &format!(".{}", String::from_utf8_lossy(key)),
                    JsonStep::Item(place) => line += &format!("[{place}]"),
                }
            }
            let value = match value {
                JsonValue::Text(text) => format!("'{}'", unescaped(text)),
                JsonValue::Word(word) => String::from_utf8_lossy(word).into_owned(),
                JsonValue::Object => "{".into(),
                JsonValue::Array => "[".into(),
            };
            all.push(format!("{line}={value}"));
        });
        (all, end)
    }

    #[test]
    fn values_are_told_with_the_steps_that_lead_to_them() {
        let (told, end) =
            told(r#" {"a" : [1, {"b":"x\"\u00e9"}, []], "c":{}, "d":-1.5e+3, "e":null} x"#);
        assert_eq!(end, JsonEnd::Whole);
        let wanted = "={ .a=[ .a[0]=1 .a[1]={ .a[1].b='x\"é' .a[2]=[ .c={ .d=-1.5e+3 .e=null";
        assert_eq!(told.join(" "), wanted);
    }

    #[test]
    fn a_cut_text_tells_what_stands_before_the_cut() {
        let text = r#"{"a":{"b":"one"},"c":[12,34],"d":true}"#;
        let (whole, end) = told(text);
        assert_eq!(end, JsonEnd::Whole);
        for cut in 0..text.len() {
            let (part, end) = told(&text[..cut]);
            assert_eq!(end, JsonEnd::Cut, "{cut}");
            assert!(whole.starts_with(&part), "{cut}: {part:?}");
        }
    }

    #[test]
    fn what_is_not_json_is_damaged_and_depth_is_bounded() {
        for text in ["<p>", "{a:1}", r#"{"a" 1}"#, "[1 2]", r#"{"a":1]"#, "[1,]", "]", r#"{"a":}"#]
        {
            assert_eq!(told(text).1, JsonEnd::Damaged, "{text}");
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(told(&deep(MAX_DEPTH)).1, JsonEnd::Whole);
        assert_eq!(told(&deep(100_000)).1, JsonEnd::Damaged);
        assert_eq!(told(&deep(9)).0.len(), TOLD_DEPTH + 1);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\",:\\\\ a1é]{0,40}") {
            told(&text);
        }

        #[test]
        fn whatever_is_json_is_whole(texts in prop::collection::vec(".{0,9}", 0..6)) {
            let value = serde_json::json!({ "a": texts, "b": { "c": texts.len() } });
            let (told, end) = told(&value.to_string());
            prop_assert_eq!(end, JsonEnd::Whole);
            for (i, text) in texts.iter().enumerate() {
                let line = format!(".a[{i}]='{text}'");
                prop_assert!(told.contains(&line));
            }
        }
    }
}
