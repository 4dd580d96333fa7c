//! Names that come close to one that does not exist, for "did you mean".

use std::collections::BTreeSet;

use strsim::{jaro_winkler, osa_distance};

use crate::sentence::joined;

/// Names that are suggested at most.
const MOST: usize = 3;

/// A question with the names that come closest to `word`, `did you mean eth0?`; `None` where none
/// comes close: at most one letter in three, but at least one, is missing, wrong or in the place of
/// its neighbour.
pub(crate) fn did_you_mean<'n>(
    word: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).max(1);
    let close = |name: &'n str| {
        let distance = osa_distance(&word, &name.to_lowercase());
        // Of equally close names first those that begin alike.
        let unlike = 1.0 - jaro_winkler(&word, &name.to_lowercase());
        (distance <= most).then_some((distance, (unlike * 1e6) as u64, name))
    };
    let close: BTreeSet<_> = names.into_iter().filter_map(close).collect();
    let nearest = close.first().map(|&(distance, ..)| distance)?;
    let mut names: Vec<&str> = Vec::new();
    for &(.., name) in close.iter().take_while(|(distance, ..)| *distance == nearest) {
        if names.len() < MOST && !names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    Some(format!("did you mean {}?", joined(&names, "or")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_suggested_those_that_begin_alike_first() {
        let ask = |word: &str, names: &[&'static str]| did_you_mean(word, names.iter().copied());
        assert_eq!(ask("eht0", &["lo", "eth0", "eth1"]).unwrap(), "did you mean eth0?");
        assert_eq!(
            ask("htp", &["ntp", "ftp", "http", "ssh", "hp"]).unwrap(),
            "did you mean http, ftp or ntp?"
        );
        assert_eq!(ask("Postgre", &["postgresql"]), None, "three letters are missing");
        assert_eq!(ask("POSTGRES", &["postgresql"]).unwrap(), "did you mean postgresql?");
        assert_eq!((ask("wlan0", &["lo", "any"]), ask("", &["lo"])), (None, None));
        assert_eq!(ask("l", &["lo", "LO"]).unwrap(), "did you mean LO?", "each name once");
    }
}
