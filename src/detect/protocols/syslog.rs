//! Syslog: RFC 5424, section 6, and the older form of RFC 3164, section 4.1, over UDP and, with a
//! line or a count for each message, over TCP (RFC 6587, section 3.4); and what rsyslog forwards,
//! the older form with a time of RFC 3339
//! (<https://www.rsyslog.com/doc/configuration/templates.html>, `RSYSLOG_ForwardFormat`).
//!
//! A message is a priority in angle brackets and text. Over TCP, where markup may begin so too, the
//! version or the time of day must follow the priority.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// The greatest priority: eight times the facility, plus the severity.
const MOST: u32 = 191;
/// Bytes of `Mmm dd hh:mm:ss`, and bytes after which either form can be recognised.
const STAMP: usize = 15;
const FORM: usize = 24;
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "information", "debug"];
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "console", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Syslog, inspect)
    .udp()
    .tcp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[b'<'..=b'<', b'1'..=b'9'])
            .udp_first_byte(&[b'<'..=b'<'])
            .udp_then(&[b'0'..=b'9'])
            .udp_at_least(4),
    )
    .first_words()
    .one_way()
    .facts(&["syslog.form", "syslog.priority"])
    .samples(&[
        Sample { transport: Transport::Udp, initiator: &[b"<34>Oct 11 22:14:15 buoy su: 'su root' failed"], responder: &[] },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"<189>29: 0:01:23: %SYS-5-CONFIG_I: Configured from console"],
            responder: &[],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"<165>1 2026-11-20T19:00:00.003Z buoy tide - ID47 - high\n<14>Nov 20 19:00:01 buoy tide: low\n"],
            responder: &[],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"<167>2026-11-20T19:00:00.003451+02:00 buoy tide[7]: high\n"],
            responder: &[],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"29 <13>1 - buoy tide - - - high x"], responder: &[] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Syslog, opening, depth, |statement| match opening.transport() {
        Transport::Udp => by_datagram(statement, datagram),
        Transport::Tcp => stream(statement),
    })
}

fn datagram(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let Some((priority, text)) = priority(bytes) else {
        return if cut && may_begin(bytes) { Side::Perhaps } else { Side::Other };
    };
    let is_text = |b: &u8| *b >= b' ' || b.is_ascii_whitespace() || matches!(*b, 0 | 0x1b);
    if cut && text.is_empty() {
        return Side::Perhaps;
    }
    if text.is_empty() || !text.iter().all(is_text) {
        return Side::Other;
    }
    state(statement, priority, form(text).unwrap_or("text"), offset);
    Side::Matches
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    if bytes.first() == Some(&b'0') {
        return Side::Other;
    }
    let digits = bytes.iter().take(6).take_while(|b| b.is_ascii_digit()).count();
    let message = match (digits, bytes.get(digits)) {
        (0, _) => bytes,
        (1..6, None) => return Side::Perhaps,
        (1..6, Some(b' ')) => &bytes[digits + 1..],
        _ => return Side::Other,
    };
    let Some((priority, text)) = priority(message) else {
        return if may_begin(message) { Side::Perhaps } else { Side::Other };
    };
    match form(text) {
        Some(form) => {
            state(statement, priority, form, 0);
            Side::Matches
        }
        None if text.len() < FORM && text.iter().all(|b| b.is_ascii_graphic() || *b == b' ') => {
            Side::Perhaps
        }
        None => Side::Other,
    }
}

/// The priority and the text after it.
fn priority(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let inside = bytes.strip_prefix(b"<")?;
    let digits = inside.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let value =
        inside[..digits].iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    let text = inside.get(digits..)?.strip_prefix(b">")?;
    ((1..=3).contains(&digits) && value <= MOST && (digits == 1 || inside[0] != b'0'))
        .then_some((value, text))
}

/// Whether the bytes end within a priority.
fn may_begin(bytes: &[u8]) -> bool {
    let fits = |(i, b): (usize, &u8)| match i {
        0 => *b == b'<',
        _ => b.is_ascii_digit() || *b == b'>',
    };
    bytes.len() < 5 && bytes.iter().enumerate().all(fits)
}

/// The form of a message, by the text after the priority.
fn form(text: &[u8]) -> Option<&'static str> {
    if let Some(rest) = text.strip_prefix(b"1 ") {
        let stamp = rest.split(|&b| b == b' ').next().unwrap_or(rest);
        let is_date =
            stamp.len() >= 20 && stamp.get(4) == Some(&b'-') && stamp.get(10) == Some(&b'T');
        return (stamp == b"-" && rest.len() > 1 || is_date).then_some("RFC 5424");
    }
    let stamp = text.get(..STAMP)?;
    if is_rfc_3339(text) {
        return Some("rsyslog");
    }
    let is_time =
        MONTHS.contains(&&stamp[..3]) && stamp[3] == b' ' && stamp[9] == b':' && stamp[12] == b':';
    is_time.then_some("RFC 3164")
}

/// Whether the text begins with a time as `2026-11-20T19:00:00`.
fn is_rfc_3339(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    text.get(..SHAPE.len()).is_some_and(|stamp| {
        SHAPE
            .iter()
            .zip(stamp)
            .all(|(shape, byte)| if *shape == b'0' { byte.is_ascii_digit() } else { shape == byte })
    })
}

fn state(statement: &mut Statement<'_>, priority: u32, form: &str, offset: usize) {
    statement.role(Role::Client);
    let facility = FACILITIES.get(priority as usize / 8).unwrap_or(&"");
    let severity = SEVERITIES[priority as usize % 8];
    statement.fact("syslog.priority", format!("{facility}.{severity}").as_bytes(), offset);
    statement.fact("syslog.form", form.as_bytes(), offset);
}
