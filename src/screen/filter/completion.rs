//! Completions of what is typed of a filter: names of fields, and the values that there are.

use super::FIELDS;
use crate::flow_filter::{column_names, finding_words};

/// The values of `fit:`.
const FITS: [&str; 3] = ["!", "agrees", "unclaimed"];
/// Completions at most.
const MOST: usize = 64;

/// Gives the values that a field has in what is shown, in order.
pub(in crate::screen) type KnownValues<'k> = dyn Fn(&str) -> Vec<String> + 'k;

/// The words that the last word of a filter may become.
pub(super) fn of(word: &str, known: &KnownValues<'_>) -> Vec<String> {
    let bare = word.strip_prefix(['-', '!']).unwrap_or(word);
    let sign = &word[..word.len() - bare.len()];
    let Some((field, value)) = bare.split_once(':') else {
        let bare = bare.to_lowercase();
        let fields = FIELDS.iter().filter(|field| field.name.starts_with(&bare));
        let mut words: Vec<String> = fields.map(|field| format!("{sign}{}:", field.name)).collect();
        if words.is_empty() && !bare.is_empty() {
            let columns = column_names().filter(|name| name.starts_with(&bare));
            words.extend(columns.take(MOST).map(|name| format!("{sign}{name}")));
        }
        return words;
    };
    let values: Vec<String> = match field {
        "fit" => FITS.map(str::to_owned).into(),
        "finding" => finding_words().into_iter().map(str::to_owned).collect(),
        _ => known(field),
    };
    let value = value.to_lowercase();
    let fitting = values.into_iter().filter(|known| {
        // A blank would end the word.
        known.to_lowercase().starts_with(&value) && !known.contains(char::is_whitespace)
    });
    fitting.take(MOST).map(|value| format!("{sign}{field}:{value}")).collect()
}
