//! Secrets within one word: in an address, behind a name, or known by their form.

use std::ops::Range;

use super::HIDDEN;
use super::names::{is_choice, names_secret};

/// Forms of keys and tokens that services give out, by their beginnings.
const ISSUED: [&str; 18] = [
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "npm_",
    "pypi-",
    "sk-",
    "sk_live_",
    "tskey-",
    "xoxb-",
    "xoxp-",
    "ya29.",
];
/// Characters of such a key at least.
const ISSUED_LEAST: usize = 16;

/// A word with each secret in it replaced.
pub(super) struct SafeWord {
    pub(super) text: String,
    /// The quotation mark that ends the last secret, in one of the next words.
    pub(super) open_quote: Option<char>,
}

/// A word without the secrets in it.
pub(super) fn without_secrets(word: &str) -> SafeWord {
    let mut secrets = Vec::new();
    in_addresses(word, &mut secrets);
    let open_quote = behind_names(word, &mut secrets);
    issued(word, &mut secrets);
    secrets.sort_unstable_by_key(|secret| (secret.start, secret.end));
    let (mut text, mut written) = (String::with_capacity(word.len()), 0);
    for Range { start, end } in secrets {
        if start >= written {
            text.push_str(&word[written..start]);
            text.push_str(HIDDEN);
        }
        written = written.max(end);
    }
    text.push_str(&word[written..]);
    SafeWord { text, open_quote }
}

/// User names and passwords before `@`: `scheme://user:password@host`, `user:password@host`.
fn in_addresses(word: &str, secrets: &mut Vec<Range<usize>>) {
    let mut begin = 0;
    let mut has_scheme = false;
    while let Some(at) = word[begin..].find("://").map(|at| begin + at) {
        has_scheme = true;
        let scheme = &word[..at];
        let scheme = &scheme[scheme.trim_end_matches(is_of_scheme).len()..];
        let from = at + 3;
        let next = word[from..].find("://").map_or(word.len(), |next| from + next);
        let rest = &word[from..next];
        let authority = rest.find(['/', '?', '#', '"', '\'']).unwrap_or(rest.len());
        let end = match (rest[..authority].rfind('@'), rest.rfind('@')) {
            (Some(end), _) => Some(end),
            // A password with one of these characters as it is: what follows the colon is no port.
            (None, Some(end)) => {
                let port = rest[..authority].split_once(':').map(|(_, port)| port);
                port.is_some_and(|port| !is_port(port)).then_some(end)
            }
            (None, None) => None,
        };
        if let Some(end) = end {
            match rest[..end].find(':') {
                Some(colon) => secrets.push(from + colon + 1..from + end),
                // The only thing before the host is a token.
                None if scheme.contains("http") => secrets.push(from..from + end),
                None => {}
            }
        }
        begin = next.max(from);
    }
    if !has_scheme
        && let Some((user, _)) = word.split_once(':')
        && let Some(at) = word.rfind('@')
    {
        let is_user =
            !user.is_empty() && user.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
        let host = &word[at + 1..];
        let is_digest = ["sha256:", "sha384:", "sha512:"].iter().any(|kind| host.starts_with(kind));
        if is_user && !is_digest && at > user.len() && host.starts_with(char::is_alphanumeric) {
            secrets.push(user.len() + 1..at);
        }
    }
}

const fn is_of_scheme(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-')
}

pub(super) fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.parse::<u16>().is_ok()
}

/// Values of names that hold secrets: `token=…`, `password:…`, `"password":"…"`. Returns the
/// quotation mark of a value that is not at its end.
fn behind_names(word: &str, secrets: &mut Vec<Range<usize>>) -> Option<char> {
    let mut begin = 0;
    while let Some(at) = word[begin..].find(['=', ':']).map(|at| begin + at) {
        let before = word[begin..at].trim_end_matches(['"', '\'']);
        let name = &before[before.trim_end_matches(is_of_name).len()..];
        let is_first = begin == 0 && name.len() == at;
        begin = at + 1;
        let rest = &word[begin..];
        if !names_secret(name) || word[at..].starts_with(':') && is_place(name, rest) {
            continue;
        }
        // An option or a variable is followed by nothing else.
        let is_variable = !name.contains(|c: char| c.is_ascii_lowercase());
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let closing = quote.map(|quote| rest[1..].find(quote).ok_or(quote));
        let (from, to) = match closing {
            Some(Ok(end)) => (1, end + 1),
            Some(Err(quote)) => {
                secrets.push(begin + 1..word.len());
                return Some(quote);
            }
            None if is_first && (word.starts_with('-') || is_variable) => (0, rest.len()),
            None => (0, end_of_value(rest)),
        };
        if !is_choice(&rest[from..to]) {
            secrets.push(begin + from..begin + to);
            begin += to;
        }
    }
    None
}

/// Whether what follows a colon is a path, or the port of a host that the name is of:
/// `/secrets:/run`, `auth:8080`.
fn is_place(name: &str, value: &str) -> bool {
    let end = value.find(['/', ',', '?']).unwrap_or(value.len());
    let is_host = !["pass", "pwd", "secret"].iter().any(|part| name.contains(part));
    value.starts_with('/') || is_host && is_port(&value[..end])
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// Where a value ends that others may follow: before a separator that ends the word, or behind which
/// a name stands.
fn end_of_value(text: &str) -> usize {
    let separators = text.char_indices().filter(|(_, c)| matches!(c, '&' | ';' | ',' | '}'));
    let mut ends = separators.filter(|&(at, _)| {
        let rest = text[at + 1..].trim_start_matches(['"', '\'']);
        let behind = rest.trim_start_matches(is_of_name);
        rest.is_empty()
            || behind.len() < rest.len()
                && behind.trim_start_matches(['"', '\'']).starts_with(['=', ':'])
    });
    ends.next().map_or(text.len(), |(at, _)| at)
}

/// Keys that are known by their beginnings; those stay.
fn issued(word: &str, secrets: &mut Vec<Range<usize>>) {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut from = 0;
    for key in word.split(|c| !is_of_key(c)) {
        let at = from;
        from += key.len() + word[from + key.len()..].chars().next().map_or(0, char::len_utf8);
        if let Some(begin) = ISSUED.iter().find(|begin| key.starts_with(**begin))
            && key.len() >= ISSUED_LEAST
        {
            secrets.push(at + begin.len()..at + key.len());
        }
    }
}
