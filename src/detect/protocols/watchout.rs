//! Dataton WATCHOUT up to version 6: lines of ASCII ended by CR or CR LF, to a display cluster (TCP
//! 3039) and to production software (TCP 3040),
//! <https://knowledge.dataton.com/knowledge/what-network-ports-are-used-by-watchout>. Commands and
//! answers: User's Guide, appendices D and E: `ping`, `authenticate 1`, `load "show"`, `run`;
//! `Ready "6.6.4" "WATCHPOINT" "Windows" true`, `Error 8 1`.
//!
//! Many protocols have lines of words and numbers, so a side is accepted only for a full answer
//! (`Ready`, a version and more values), for an error that answers a command, or for an
//! `authenticate` that another command follows.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines;
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a line at most.
const LONGEST: usize = 512;
const COMMANDS: &[&[u8]] = &[
    b"ping",
    b"authenticate",
    b"load",
    b"run",
    b"halt",
    b"kill",
    b"reset",
    b"online",
    b"standBy",
    b"getStatus",
    b"gotoTime",
    b"gotoControlCue",
    b"setInput",
    b"setInputs",
    b"delay",
    b"wait",
    b"enableLayerCond",
    b"layerCond",
    b"timecodeMode",
    b"setLogoString",
    b"update",
];
const ANSWERS: [&[u8]; 5] = [b"Ready", b"Busy", b"Error", b"Warning", b"Status"];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Watchout, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'!'..=b'~']))
    .first_words()
    .facts(&["watchout.command", "watchout.answer", "watchout.version"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"ping\r\n", b"authenticate 1\r\n", b"load \"My Show\"\r\n"],
            responder: &[b"Ready \"6.6.4\" \"WATCHPOINT\" \"Windows\" true\r\n", b"Ready\r\n"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"run\r"], responder: &[b"Error 8 1\r"] },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"authenticate 1\r\nonline true\r\n"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    // Where only a later part of the conversation was captured, either side may be the initiator.
    let requested = || opening.sides().any(|(_, stream)| is_command(stream.head()));
    combine(Protocol::Watchout, opening, depth, |statement| {
        if may_begin(statement.stream.head(), COMMANDS) {
            commands(statement)
        } else {
            answers(statement, &requested)
        }
    })
}

/// The whole lines, ended by CR, LF or both, and the beginning of another.
fn lines(bytes: &[u8]) -> (impl Iterator<Item = &[u8]>, &[u8]) {
    let end = bytes.iter().rposition(|b| matches!(b, b'\r' | b'\n')).map_or(0, |i| i + 1);
    let (whole, rest) = bytes.split_at(end);
    (whole.split(|b| matches!(b, b'\r' | b'\n')).filter(|line| !line.is_empty()), rest)
}

/// Whether a word is a value: a quoted string, `true`, `false` or a whole number.
fn is_value(value: &[u8]) -> bool {
    match value {
        [b'"', inside @ .., b'"'] => !inside.contains(&b'"'),
        b"true" | b"false" => true,
        _ => {
            let digits = value.strip_prefix(b"-").unwrap_or(value);
            (1..=10).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
    }
}

/// The values of a line, where a string may have spaces; `None` where a word is no value.
fn values(mut text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let end = match text.strip_prefix(b"\"") {
            Some(inside) => inside.iter().position(|&b| b == b'"')? + 2,
            None => text.iter().position(|&b| b == b' ').unwrap_or(text.len()),
        };
        let (value, rest) = text.split_at(end);
        if !is_value(value) {
            return None;
        }
        found.push(value);
        text = match rest {
            [] => rest,
            [b' ', more @ ..] if !more.is_empty() => more,
            _ => return None,
        };
    }
    Some(found)
}

/// The verb of a line that is a command. `run` and others take the name of a timeline, `ping` takes
/// nothing.
fn command(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (verb, arguments) = lines::first_word(line);
    (COMMANDS.contains(&verb) && values(arguments).is_some()).then_some((verb, arguments))
}

/// Whether the bytes begin with a command that has ended.
fn is_command(bytes: &[u8]) -> bool {
    lines(bytes).0.next().is_some_and(|line| command(line).is_some())
}

fn commands(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    let (whole, rest) = lines(bytes);
    let (mut side, mut authenticated, mut any) = (Side::Perhaps, false, false);
    for line in whole.take(8) {
        let Some((verb, arguments)) = command(line) else {
            return if any { side } else { Side::Other };
        };
        if authenticated {
            side = Side::Matches;
        }
        authenticated |= verb == b"authenticate" && matches!(arguments, b"1" | b"2");
        if !any {
            statement.role(Role::Client);
            statement.fact("watchout.command", verb, 0);
        }
        any = true;
    }
    if !any && (rest.len() >= LONGEST || !rest.iter().all(|b| (0x20..0x7f).contains(b))) {
        return Side::Other;
    }
    side
}

fn answers(statement: &mut Statement<'_>, requested: &impl Fn() -> bool) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    if !may_begin(bytes, &ANSWERS) {
        return Side::Other;
    }
    let (mut whole, rest) = lines(bytes);
    let Some(text) = whole.next() else {
        return if rest.len() < LONGEST && rest.iter().all(|b| (0x20..0x7f).contains(b)) {
            Side::Perhaps
        } else {
            Side::Other
        };
    };
    let (word, arguments) = lines::first_word(text);
    let Some(values) = values(arguments) else { return Side::Other };
    let is_number = |value: &&[u8]| value.iter().all(u8::is_ascii_digit);
    let side = match (word, values.as_slice()) {
        (b"Ready", [version, product, more @ ..]) if is_version(version) => {
            let own =
                [&b"\"WATCHPOINT\""[..], b"\"WATCHOUT\"", b"\"WATCHMAKER\""].contains(product);
            statement.fact("watchout.version", &version[1..version.len() - 1], word.len() + 2);
            if own || requested() && product.starts_with(b"\"") && !more.is_empty() {
                Side::Matches
            } else {
                Side::Perhaps
            }
        }
        (b"Ready", [version]) if requested() && is_version(version) => Side::Matches,
        (b"Error" | b"Warning", [kind, code, more @ ..])
            if is_number(kind) && is_number(code) && more.len() <= 1 =>
        {
            if requested() {
                Side::Matches
            } else {
                Side::Perhaps
            }
        }
        (b"Busy" | b"Ready", []) | (b"Status", [_, _, ..]) => Side::Perhaps,
        _ => Side::Other,
    };
    if side != Side::Other {
        statement.role(Role::Server);
        statement.fact("watchout.answer", word, 0);
    }
    side
}

/// Whether a value is a quoted version: numbers and dots.
fn is_version(value: &[u8]) -> bool {
    value.len() > 4
        && value.contains(&b'.')
        && value[1..value.len() - 1].iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// Whether the bytes can be the beginning of one of these words, in this spelling, and what follows
/// it.
fn may_begin(bytes: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| {
        bytes.iter().zip(*word).all(|(a, b)| a == b)
            && bytes.get(word.len()).is_none_or(|b| matches!(b, b' ' | b'\r' | b'\n'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn other_lines_with_the_same_words_are_not_watchout() {
        for (asked, answered) in [
            (&b"ping\r\n"[..], &b"pong\r\n"[..]),
            (b"ping\r\n", b"Ready to serve\r\n"),
            (b"hello\r\n", b"Ready \"1.0\"\r\n"),
            (b"hello\r\n", b"Error 8 1\r\n"),
            (b"run\r\n", b"Error 8: not found\r\n"),
            (b"authenticate me please\r\nrun\r\n", b""),
            (b"load average 1\r\n", b""),
            (b"PING\r\n", b"+PONG\r\n"),
        ] {
            let answered: &[&[u8]] = if answered.is_empty() { &[] } else { &[answered] };
            assert!(
                !matches!(detect(&[asked], answered), Detection::Yes(..)),
                "{}",
                asked.escape_ascii()
            );
        }
        assert_eq!(detect(&[b"ping\r\n"], &[]), Detection::NeedMore);
        assert_eq!(detect(&[b"authenticate 1\r\n"], &[]), Detection::NeedMore);
        assert_eq!(
            detect(&[b"authenticate 1\r\nrun\r\n"], &[b"HTTP/1.1 400 Bad Request\r\n"]),
            Detection::No
        );
    }

    #[test]
    fn a_ready_with_its_product_is_enough() {
        assert!(matches!(
            detect(&[], &[b"Ready \"4.2\" \"WATCHPOINT\" \"Windows\" true\r\n"]),
            Detection::Yes(..)
        ));
        assert!(matches!(detect(&[b"ping\r"], &[b"Ready \"6.1.6\"\r"]), Detection::Yes(..)));
    }
}
