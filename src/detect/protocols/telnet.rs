//! Telnet: RFC 854 and 855; options as IANA lists them (telnet-options), and those of games that
//! IANA does not list.
//!
//! Text with commands in it, which begin with the byte 255 (IAC). A side that begins with commands
//! must keep their form: MP3 (`ff fb 90`), JPEG (`ff d8`) and UTF-16 (`ff fe`) begin with 255 too.
//! Two negotiated options prove Telnet, or one before text. What the client types is never stated.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const IAC: u8 = 255;
const DO: u8 = 253;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const ECHO: u8 = 1;
const TERMINAL_TYPE: u8 = 24;
const NAWS: u8 = 31;
/// Bytes of a side that are read at most.
const READ: usize = 1024;
/// Options of a side that are stated at most.
const STATED: usize = 12;
/// Bytes of text behind a single option that prove Telnet.
const ENOUGH: usize = 4;
/// What stands before the colon of a prompt, at its end.
const PROMPTS: &[&[u8]] = &[b"login", b"username", b"user", b"user name", b"account", b"password"];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Telnet, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[IAC..=IAC]))
    .facts(&["telnet.option", "telnet.terminal", "telnet.prompt"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\xff\xfb\x18\xff\xfb\x20\xff\xfc\x23\xff\xfb\x27",
                b"\xff\xfa\x18\0XTERM\xff\xf0\xff\xfd\x03",
            ],
            responder: &[
                b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27",
                b"\xff\xfa\x18\x01\xff\xf0\xff\xfb\x03\xff\xfb\x01",
                b"Debian GNU/Linux 12\r\nbuoy login: ",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03", b"\r\nUsername: "],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"\xff\xfb\x01Password: "],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let begins = |bytes: &[u8]| bytes.first() == Some(&IAC);
    if !opening.is_silent() && !opening.sides().any(|(_, stream)| begins(stream.head())) {
        return Detection::No;
    }
    let mut options = 0;
    combine(Protocol::Telnet, opening, depth, |statement| session(statement, &mut options))
}

/// What follows an IAC.
enum TelnetCommand<'a> {
    /// A data byte 255, or a command without an option.
    Plain,
    /// WILL, WONT, DO or DONT, and the option.
    Option(u8, u8),
    /// The option of a subnegotiation, and its parameters.
    Parameters(u8, &'a [u8]),
}

/// Reads a command behind its IAC with its length: `Ok(None)` where it is cut, `Err` where there is
/// no such command.
fn command(rest: &[u8]) -> Result<Option<(TelnetCommand<'_>, usize)>, ()> {
    match *rest {
        [] | [SB..=254] | [SB, _] => Ok(None),
        [241..=249 | IAC, ..] => Ok(Some((TelnetCommand::Plain, 1))),
        [verb @ WILL..=254, option, ..] if name(option).is_some() => {
            Ok(Some((TelnetCommand::Option(verb, option), 2)))
        }
        [SB, option, ref parameters @ ..] if name(option).is_some() => {
            let Some(end) = parameters.windows(2).position(|pair| pair == [IAC, SE]) else {
                return Ok(None);
            };
            Ok(Some((TelnetCommand::Parameters(option, &parameters[..end]), 2 + end + 2)))
        }
        _ => Err(()),
    }
}

/// Judges a side; `options` counts those of both sides.
fn session(statement: &mut Statement<'_>, options: &mut usize) -> Side {
    let head = statement.stream.head();
    let bytes = &head[..head.len().min(READ)];
    let mut text = Vec::new();
    let (mut at, mut own) = (0, 0);
    while let Some((&byte, rest)) = bytes.get(at..).and_then(<[u8]>::split_first) {
        if byte != IAC {
            text.push((byte, at));
            at += 1;
            continue;
        }
        let Ok(read) = command(rest) else { return Side::Other };
        let Some((command, len)) = read else { break };
        match command {
            TelnetCommand::Plain => {}
            TelnetCommand::Option(verb, option) => {
                own += 1;
                if own <= STATED {
                    let value = format!("{} {}", verb_name(verb), name(option).unwrap_or_default());
                    statement.fact_text("telnet.option", value, at);
                }
                role(verb, option).into_iter().for_each(|role| statement.role(role));
            }
            TelnetCommand::Parameters(TERMINAL_TYPE, [0, terminal @ ..]) => {
                statement.role(Role::Client);
                own += 1;
                if own <= STATED {
                    statement.fact("telnet.terminal", terminal, at + 4);
                }
            }
            TelnetCommand::Parameters(TERMINAL_TYPE, [1]) => {
                statement.role(Role::Server);
                own += 1;
            }
            TelnetCommand::Parameters(NAWS, [_, _, _, _, ..]) => {
                statement.role(Role::Client);
                own += 1;
            }
            TelnetCommand::Parameters(..) => own += 1,
        }
        at += 1 + len;
    }
    *options += own;
    if statement.read_as == Role::Server {
        prompt(statement, &text);
    }
    let begins = bytes.first() == Some(&IAC);
    // A carriage return alone is CR NUL.
    let foreign = |(i, &(byte, _)): (usize, &(u8, usize))| match byte {
        0 => i == 0 || text[i - 1].0 != b'\r',
        1..=6 | 14..=26 | 28..=31 | 127.. => true,
        _ => false,
    };
    match own {
        2.. if begins => Side::Matches,
        1 if begins && *options > 1 => Side::Matches,
        1 if begins => {
            if text.iter().enumerate().any(foreign) {
                Side::Other
            } else if text.len() >= ENOUGH {
                Side::Matches
            } else {
                Side::Perhaps
            }
        }
        _ => Side::Perhaps,
    }
}

/// States the first prompt for a name or password, without what may stand behind it.
fn prompt(statement: &mut Statement<'_>, text: &[(u8, usize)]) {
    for line in text.split(|&(byte, _)| matches!(byte, b'\n' | b'\r' | 0)) {
        let Some(end) = line.iter().position(|&(byte, _)| byte == b':') else { continue };
        let value: Vec<u8> = line[..=end].iter().map(|&(byte, _)| byte).collect();
        let before = value[..end].trim_ascii();
        let asks = |prompt: &&[u8]| {
            before
                .len()
                .checked_sub(prompt.len())
                .is_some_and(|from| before[from..].eq_ignore_ascii_case(prompt))
        };
        if PROMPTS.iter().any(asks)
            && let Some(&(_, at)) = line.first()
        {
            return statement.fact("telnet.prompt", value.trim_ascii(), at);
        }
    }
}

/// Who negotiates so: the terminal's side has the options that describe a terminal, and the other
/// one requests them and offers to echo.
fn role(verb: u8, option: u8) -> Option<Role> {
    match (verb, option) {
        (WILL, ECHO) => Some(Role::Server),
        (WILL..=252, TERMINAL_TYPE | NAWS..=36 | 39) => Some(Role::Client),
        (DO..=254, TERMINAL_TYPE | NAWS..=36 | 39) => Some(Role::Server),
        _ => None,
    }
}

fn verb_name(verb: u8) -> &'static str {
    match verb {
        WILL => "will",
        252 => "wont",
        DO => "do",
        _ => "dont",
    }
}

/// The name of an option; `None` where there is no such option.
fn name(option: u8) -> Option<&'static str> {
    Some(match option {
        0 => "binary",
        ECHO => "echo",
        3 => "suppress-go-ahead",
        5 => "status",
        6 => "timing-mark",
        23 => "send-location",
        TERMINAL_TYPE => "terminal-type",
        25 => "end-of-record",
        28 => "tn3270-regime",
        NAWS => "window-size",
        32 => "terminal-speed",
        33 => "flow-control",
        34 => "linemode",
        35 => "x-display",
        36 => "environ",
        37 => "authentication",
        38 => "encryption",
        39 => "new-environ",
        40 => "tn3270e",
        42 => "charset",
        44 => "com-port",
        46 => "start-tls",
        2 | 4 | 7..=22 | 26 | 27 | 29 | 30 | 41 | 43 | 45 | 47..=49 | 138..=140 => "other",
        69 => "msdp",
        70 => "mssp",
        85 | 86 => "compress",
        90 => "msp",
        91 => "mxp",
        201 => "gmcp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Fact, Recognition};

    fn detect(initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]), Depth::Facts)
    }

    fn facts(detection: Detection) -> Vec<Fact> {
        match detection {
            Detection::Yes(Recognition { facts, .. }) => facts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_begins_with_255_but_has_no_commands_is_not_telnet() {
        for bytes in [
            &b"\xff\xfb\x90\x64\0\x0f\xf0\0\0\x69\0\0\0\x08"[..], // MP3
            b"\xff\xfa\x30\xc4\x01\x02",                          // MP3, protected
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            b"\xff\xfeH\0e\0l\0l\0o\0",
            b"\xff\xfe\x0a\0h\0i\0",
            b"\xff\xff\xff\xffgetstatus\n",
            b"\xff\x01\x02\x03",
        ] {
            for (initiator, responder) in [(bytes, &b""[..]), (b"", bytes)] {
                let detection = detect(initiator, responder);
                assert!(!matches!(detection, Detection::Yes(_)), "{bytes:?}: {detection:?}");
            }
        }
    }

    #[test]
    fn a_client_that_only_types_does_not_hide_the_server() {
        assert!(matches!(detect(b"admin\r\n", b"\xff\xfb\x01Password: "), Detection::Yes(_)));
    }

    #[test]
    fn nothing_that_the_client_types_or_the_server_echoes_is_stated() {
        let facts = facts(detect(
            b"\xff\xfb\x18\xff\xfd\x03root\r\0hunter2\r\0",
            b"\xff\xfd\x18\xff\xfb\x01buoy login: root\r\nPassword: \r\n$ ",
        ));
        let prompts: Vec<_> =
            facts.iter().filter(|fact| fact.name.stem == "telnet.prompt").collect();
        assert_eq!(prompts.len(), 1);
        assert_eq!(prompts[0].value, "buoy login:");
        assert!(!facts.iter().any(|f| f.value.contains("root") || f.value.contains("hunter2")));
    }
}
