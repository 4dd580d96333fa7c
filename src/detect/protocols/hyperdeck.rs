//! The control protocol of Blackmagic's `HyperDeck` recorders:
//! <https://documents.blackmagicdesign.com/DeveloperManuals/HyperDeckEthernetProtocol.pdf>. Text over
//! TCP: commands in a line, responses with a number and a name, and lines `name: value` up to an
//! empty one.
//!
//! The recorder greets. Commands are common words, which prove nothing without a response.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Direction, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a line at most.
const LONGEST: usize = 512;
/// Lines of a side that are read at most.
const READ: usize = 32;
/// Commands of a side that are stated at most.
const STATED: usize = 8;

/// Responses with lines behind them. None but these has a colon.
const RESPONSES: [&[u8]; 14] = [
    b"500 connection info:",
    b"201 help:",
    b"202 slot info:",
    b"204 device info:",
    b"205 clips info:",
    b"206 disk list:",
    b"208 transport info:",
    b"209 notify:",
    b"210 remote info:",
    b"211 configuration:",
    b"502 slot info:",
    b"508 transport info:",
    b"510 remote info:",
    b"511 configuration:",
];

const COMMANDS: [&[u8]; 25] = [
    b"authenticate:",
    b"clips",
    b"commands",
    b"configuration",
    b"device info",
    b"disk list",
    b"format",
    b"goto",
    b"help",
    b"identify",
    b"jog",
    b"notify",
    b"ping",
    b"play",
    b"playrange",
    b"preview",
    b"quit",
    b"record",
    b"remote",
    b"shuttle",
    b"slot",
    b"stop",
    b"transport info",
    b"uptime",
    b"watchdog",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Hyperdeck, inspect)
    .tcp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[
                b'2'..=b'2',
                b'5'..=b'5',
                b'a'..=b'a',
                b'c'..=b'd',
                b'f'..=b'j',
                b'n'..=b'n',
                b'p'..=b'u',
                b'w'..=b'w',
            ])
            .then(&[
                b'0'..=b'1',
                b'a'..=b'a',
                b'e'..=b'e',
                b'd'..=b'd',
                b'h'..=b'i',
                b'l'..=b'l',
                b'o'..=b'p',
                b'r'..=b'r',
                b't'..=b'u',
            ])
            .then(&[b'0'..=b'9', b'a'..=b'z'])
            .then(&[b' '..=b' ', b':'..=b':', b'\r'..=b'\r', b'\n'..=b'\n', b'a'..=b'z']),
    )
    .facts(&["hyperdeck.command", "hyperdeck.model", "hyperdeck.response", "hyperdeck.version"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"notify: transport: true\r\n", b"ping\r\n"],
            responder: &[
                b"500 connection info:\r\nprotocol version: 1.11\r\nmodel: HyperDeck Quay\r\n\r\n",
                b"200 ok\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"208 transport info:\r\nstatus: stopped\r\nspeed: 0\r\n\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let greets = opening.sides().any(|(_, stream)| is_response(stream.head()));
    combine(Protocol::Hyperdeck, opening, depth, |statement| {
        let bytes = statement.stream.head();
        match bytes.first() {
            Some(b'2' | b'5') => recorder(statement, bytes),
            Some(b'a'..=b'z') => client(statement, bytes, greets),
            _ => Side::Other,
        }
    })
}

fn is_response(bytes: &[u8]) -> bool {
    matches!(bytes, [b'2' | b'5', b'0' | b'1', ..])
        && RESPONSES.iter().any(|response| bytes.starts_with(response))
}

fn recorder(statement: &mut Statement<'_>, bytes: &[u8]) -> Side {
    let begins = |response: &&[u8]| bytes.iter().zip(*response).all(|(a, b)| a == b);
    if !RESPONSES.iter().any(begins) {
        return Side::Other;
    }
    let first = match lines::first_line(bytes, LONGEST) {
        FirstLine::Whole(first) => first.text,
        FirstLine::Begun(_) => return Side::Perhaps,
        FirstLine::No => return Side::Other,
    };
    if !RESPONSES.contains(&first) || bytes.get(first.len()) != Some(&b'\r') {
        return Side::Other;
    }
    statement.role(Role::Server);
    statement.fact("hyperdeck.response", &first[..first.len() - 1], 0);
    for line in lines::whole_lines(bytes).take(READ).skip(1).take_while(|l| !l.text.is_empty()) {
        for (name, fact) in
            [(&b"protocol version: "[..], "hyperdeck.version"), (b"model: ", "hyperdeck.model")]
        {
            if let Some(value) = line.text.strip_prefix(name).filter(|value| !value.is_empty()) {
                statement.fact(fact, value, line.at + name.len());
            }
        }
    }
    Side::Matches
}

/// Judges commands; `greets`: the other side has sent a response.
fn client(statement: &mut Statement<'_>, bytes: &[u8], greets: bool) -> Side {
    // Nearly all others are refused here.
    let may_begin = match *bytes {
        [first, second, ..] => match first {
            b'a' | b'j' | b'q' | b'r' | b't' | b'u' | b'w' | b'n' | b'g' | b'f' | b'h' => {
                matches!(second, b'u' | b'o' | b'e' | b'r' | b'p' | b'a')
            }
            b'c' | b'd' | b'i' => matches!(second, b'l' | b'o' | b'e' | b'i' | b'd'),
            _ => matches!(second, b'i' | b'l' | b'r' | b'h' | b't'),
        },
        _ => true,
    };
    if !may_begin || !COMMANDS.iter().any(|command| lines_up(bytes, command)) {
        return Side::Other;
    }
    let mut stated = 0;
    for line in lines::whole_lines(bytes).take(READ) {
        if let Some(command) = COMMANDS.iter().rfind(|command| is_command(line.text, command)) {
            if stated < STATED && greets {
                // What follows the name may be a password.
                statement.fact("hyperdeck.command", &line.text[..command.len()], line.at);
                stated += 1;
            }
        } else if line.at == 0 {
            return Side::Other;
        }
    }
    if greets && stated > 0 {
        statement.role(Role::Client);
        return Side::Matches;
    }
    if statement.direction == Direction::Initiator { Side::Perhaps } else { Side::Other }
}

/// Whether bytes begin with the command, or may when more have come.
fn lines_up(bytes: &[u8], command: &[u8]) -> bool {
    bytes.iter().zip(command).all(|(a, b)| a == b)
}

fn is_command(line: &[u8], command: &[u8]) -> bool {
    line.strip_prefix(command).is_some_and(|rest| {
        rest.is_empty() || matches!(rest[0], b':' | b' ') || command.ends_with(b":")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn replies_and_commands_of_others_are_no_hyperdeck() {
        for bytes in [
            &b"500 Syntax error, command unrecognized\r\n"[..],
            b"500 connection info:\nmodel: a\n\n",
            b"500 connection information:\r\n",
            b"200 ok\r\n",
            b"220 mail.example.org ESMTP\r\n",
            b"208 transport info\r\n",
        ] {
            assert_eq!(detect(&[], &[bytes]), Detection::No, "{}", bytes.escape_ascii());
        }
        assert_eq!(detect(&[b"stopped\r\n"], &[]), Detection::No);
        assert_eq!(detect(&[b"ping\r\n"], &[]), Detection::NeedMore, "a common word");
        assert_eq!(detect(&[b"ping\r\n"], &[b"pong\r\n"]), Detection::No);
    }

    #[test]
    fn a_password_is_not_stated() {
        let Detection::Yes(found) = detect(
            &[b"authenticate: username: keeper password: example-word\r\nplay: speed: 200\r\n"],
            &[b"500 connection info:\r\nprotocol version: 1.13\r\nmodel: Quay\r\n\r\n"],
        ) else {
            panic!()
        };
        let commands = found.facts.iter().filter(|fact| fact.name.is("hyperdeck.command"));
        let commands: Vec<_> = commands.map(|fact| &fact.value[..]).collect();
        assert_eq!(commands, ["authenticate:", "play"]);
    }
}
