//! NTP and SNTP, versions 1 to 4: RFC 5905, section 7.3; control messages: RFC 9327, section 2; the
//! private mode of `ntpdc`.
//!
//! 48 bytes have few fixed bits: the times in a server's message must be plausible, and those in a
//! client's too. Clients that disclose nothing (chrony, `OpenNTPD`, ntpd) send zeros and a random
//! number instead of the time: <https://datatracker.ietf.org/doc/html/draft-ietf-ntp-data-minimization-04>.

use std::ops::RangeInclusive;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine, has_no_message};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a message without extensions and signature, and at most with them.
const MESSAGE: usize = 48;
const LONGEST: usize = 1024;
/// Bytes of the header of a control message and of a private one.
const CONTROL: usize = 12;
const PRIVATE: usize = 8;
/// Seconds since 1900 of 2000 and 2036.
const SANE: std::ops::Range<u32> = 0xbc17_c200..0xffff_ffff;
const PASSIVE: u8 = 2;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;
const BROADCAST: u8 = 5;
/// The mode of control messages; that of private ones is 7.
const CONTROL_MODE: u8 = 6;
/// The stratum of a server without a time of its own, the greatest.
const STRATUM: u8 = 16;
/// The precision that a client states to hide its own.
const HIDDEN: u8 = 32;

/// The first byte: a warning, a version from 1 to 4, and a mode, of which version 1 has none.
const FIRST: [RangeInclusive<u8>; 16] = [
    0x08..=0x0f,
    0x11..=0x17,
    0x19..=0x1f,
    0x21..=0x27,
    0x48..=0x4f,
    0x51..=0x57,
    0x59..=0x5f,
    0x61..=0x67,
    0x88..=0x8f,
    0x91..=0x97,
    0x99..=0x9f,
    0xa1..=0xa7,
    0xc8..=0xcf,
    0xd1..=0xd7,
    0xd9..=0xdf,
    0xe1..=0xe7,
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ntp, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&FIRST).udp_at_least(PRIVATE))
    .first_words()
    .facts(&["ntp.kiss", "ntp.mode", "ntp.stratum", "ntp.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x23\0\x06\xec\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xed\0\x11\x22\x80\0\0\0"],
            responder: &[b"\x24\x02\x06\xe8\0\0\x01\0\0\0\x02\0\xc0\0\x02\x01\xed\0\x10\0\0\0\0\0\xed\0\x11\x22\x80\0\0\0\xed\0\x11\x22\x90\0\0\0\xed\0\x11\x22\x91\0\0\0"],
        },
        Sample { transport: Transport::Udp, initiator: &[b"\x16\x02\0\x01\0\0\0\0\0\0\0\0"], responder: &[b"\x16\x82\0\x01\x06\x18\0\0\0\0\0\x04ab=1"] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    if has_no_message(opening, may_be) {
        return Detection::No;
    }
    combine(Protocol::Ntp, opening, depth, |statement| by_datagram(statement, message))
}

/// Whether [`message`] need be called: by the mode, the length and the stratum.
fn may_be(bytes: &[u8], cut: bool) -> bool {
    let Some((&first, rest)) = bytes.split_first() else { return false };
    let is_time = (cut || bytes.len() >= MESSAGE && bytes.len().is_multiple_of(4))
        && rest.first().is_none_or(|&stratum| stratum <= STRATUM);
    first & 7 >= CONTROL_MODE || is_time
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let Some(&first) = bytes.first() else { return Side::Other };
    let (version, mode) = (first >> 3 & 7, first & 7);
    if !(1..=4).contains(&version) {
        return Side::Other;
    }
    let (mode, side) = match mode {
        // Version 1 had no modes (RFC 1059, appendix B).
        0 if version == 1 => {
            let mode = if is_zero(bytes.get(24..40)) { CLIENT } else { SERVER };
            (mode, time(bytes, mode, cut))
        }
        1..=5 => (mode, time(bytes, mode, cut)),
        6 => (mode, control(bytes, cut)),
        7 => (mode, private(bytes, first, cut)),
        _ => return Side::Other,
    };
    if side == Side::Matches {
        let name = ["", "active", "passive", "client", "server", "broadcast", "control", "private"]
            [usize::from(mode)];
        let is_answer = match mode {
            6 => bytes.get(1).is_some_and(|operation| operation & 0x80 != 0),
            7 => first & 0x80 != 0,
            mode => matches!(mode, PASSIVE | SERVER | BROADCAST),
        };
        statement.role(if is_answer { Role::Server } else { Role::Client });
        statement.fact("ntp.version", version.to_string().as_bytes(), offset);
        statement.fact("ntp.mode", name.as_bytes(), offset);
        if let (&[_, stratum, ..], SERVER | BROADCAST) = (bytes, mode) {
            statement.fact("ntp.stratum", stratum.to_string().as_bytes(), offset);
            if let Some(code) = kiss(bytes).filter(|_| mode == SERVER) {
                statement.fact("ntp.kiss", code, offset);
            }
        }
    }
    side
}

/// Whether all bytes are there, and zero.
fn is_zero(bytes: Option<&[u8]>) -> bool {
    bytes.is_some_and(|bytes| bytes.iter().all(|&b| b == 0))
}

/// The code of a kiss-o'-death, by which a server refuses to serve (RFC 5905, section 7.4).
fn kiss(bytes: &[u8]) -> Option<&[u8]> {
    let code = bytes.get(12..16)?;
    (bytes[1] == 0 && code.iter().all(u8::is_ascii_uppercase)).then_some(code)
}

fn time(bytes: &[u8], mode: u8, cut: bool) -> Side {
    let is_scale = |stratum: u8, poll: u8, precision: u8| {
        // Those who hide their precision state that of 2^32 seconds.
        stratum <= STRATUM
            && poll <= 24
            && (matches!(precision, 0 | HIDDEN) || (-40..0).contains(&precision.cast_signed()))
    };
    let [stratum, poll, precision] = [1, 2, 3].map(|at| bytes.get(at).copied().unwrap_or(0));
    // Extensions and signatures are multiples of four bytes.
    if bytes.len() > LONGEST
        || !is_scale(stratum, poll, precision)
        || !(cut || bytes.len() >= MESSAGE && bytes.len().is_multiple_of(4))
    {
        return Side::Other;
    }
    if bytes.len() < MESSAGE {
        return Side::Perhaps;
    }
    let seconds = |at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b))
    };
    let [reference, origin, received, sent] = [16, 24, 32, 40].map(seconds);
    let is_time = |seconds: u32| seconds == 0 || SANE.contains(&seconds);
    let is_time_told = SANE.contains(&sent) && is_time(reference) && is_time(received);
    match mode {
        CLIENT if is_time_told && is_time(origin) => Side::Matches,
        CLIENT => hidden(bytes),
        SERVER if is_time_told => Side::Matches,
        // A server that refuses a client repeats the number that the client sent.
        SERVER if kiss(bytes).is_some() && bytes[24..32] == bytes[40..48] => Side::Matches,
        // A server whose clock is wrong still repeats the client's number.
        SERVER if origin != 0 && sent != 0 => Side::Perhaps,
        SERVER => Side::Other,
        _ if is_time_told => Side::Matches,
        _ => Side::Other,
    }
}

/// Judges a client's message that does not tell the time: all fields but the number that the answer
/// repeats are zero.
fn hidden(bytes: &[u8]) -> Side {
    let (version, warning) = (bytes[0] >> 3 & 7, bytes[0] >> 6);
    let is_quiet = matches!(warning, 0 | 3) && bytes[1] == 0 && is_zero(bytes.get(4..24));
    let (is_untimed, is_numbered) = (is_zero(bytes.get(24..40)), !is_zero(bytes.get(40..48)));
    match bytes.len() {
        // The simplest clients send nothing but the version and the mode.
        MESSAGE if is_quiet && is_untimed && (is_numbered || version >= 3) => Side::Matches,
        // Interleaved, the numbers of earlier messages are repeated.
        MESSAGE if is_quiet && is_numbered && bytes[3] == HIDDEN => Side::Matches,
        _ => Side::Perhaps,
    }
}

/// Judges a message of `ntpq`: operation 1 to 31, and as many bytes of data as its count.
fn control(bytes: &[u8], cut: bool) -> Side {
    let Some(head) = bytes.first_chunk::<CONTROL>() else { return unless_cut(cut) };
    let count = usize::from(u16::from_be_bytes([head[10], head[11]]));
    let is_request = head[1] & 0x80 == 0;
    let operation = head[1] & 0x1f;
    // Padding to a multiple of four bytes, then perhaps a key's number and a signature.
    let fits = (bytes.len() - CONTROL)
        .checked_sub(count)
        .is_some_and(|more| matches!(more, 0..=7 | 20..=31));
    // Requests are text, which an early DTLS with the same first bytes is not.
    let is_text = bytes[CONTROL..]
        .iter()
        .take(count)
        .all(|&b| b == 0 || b.is_ascii_graphic() || b.is_ascii_whitespace());
    let is_quiet =
        is_request && is_text && head[1] >> 5 == 0 && head[4..6] == [0; 2] && head[8..10] == [0; 2];
    let is_known = head[0] >> 6 == 0 && matches!(operation, 1..=12 | 31);
    match is_known && (is_quiet || !is_request) {
        true if fits => Side::Matches,
        true => unless_cut(cut),
        false => Side::Other,
    }
}

/// The judgement on a message that is too short.
const fn unless_cut(cut: bool) -> Side {
    if cut { Side::Perhaps } else { Side::Other }
}

/// Judges a message of `ntpdc`: implementation 2 or 3, and items whose size and number fill the
/// message.
fn private(bytes: &[u8], first: u8, cut: bool) -> Side {
    let Some(head) = bytes.first_chunk::<PRIVATE>() else { return unless_cut(cut) };
    let items = usize::from(u16::from_be_bytes([head[4] & 0x0f, head[5]]));
    let size = usize::from(u16::from_be_bytes([head[6] & 0x0f, head[7]]));
    let is_answer = first & 0x80 != 0;
    let fits = if is_answer {
        items > 0 && bytes.len() == PRIVATE + items * size
    } else {
        items * size <= bytes.len()
    };
    let is_known = matches!(head[2], 2 | 3)
        && head[3] <= 45
        && head[6] >> 4 == 0
        && (is_answer || head[4] >> 4 == 0);
    match is_known && (is_answer || matches!(head[1], 0 | 0x80)) {
        true if fits => Side::Matches,
        true => unless_cut(cut),
        false => Side::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Recognition, Roles};

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4096))]
        #[test]
        fn what_need_not_be_read_is_no_message(
            pick in 0..4_usize,
            first: u8,
            second in 0..40_u8,
            len in 1..80_usize,
            cut: bool,
        ) {
            let samples = DETECTOR.samples.iter().flat_map(|s| s.initiator.iter().chain(s.responder));
            let mut bytes = samples.cycle().nth(pick).unwrap().to_vec();
            bytes.resize(len, 0);
            (bytes[0], bytes[len.min(2) - 1]) = (first, second);
            let opening = Opening::from_datagrams(&[(0, &bytes, len as u32 + u32::from(cut))]);
            let mut facts = Vec::new();
            let side = crate::evidence::Direction::Initiator;
            let mut statement = Statement::new(&opening, Depth::Facts, side, &mut facts);
            let judgement = super::message(&mut statement, &bytes, 0, cut);
            proptest::prop_assert!(may_be(&bytes, cut) || judgement == Side::Other);
        }
    }

    const NOW: [u8; 8] = [0xed, 0, 0x11, 0x22, 0x80, 0, 0, 0];
    const NONCE: [u8; 8] = [0xac, 0x59, 0x0f, 0x34, 0x87, 0xc4, 0xee, 0xe6];

    /// A message of 48 bytes: the first four, and what stands at some offsets.
    fn message(first: [u8; 4], fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; MESSAGE];
        bytes[..4].copy_from_slice(&first);
        for (at, field) in fields {
            bytes[*at..at + field.len()].copy_from_slice(field);
        }
        bytes
    }

    fn detect(initiator: &[u8], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, &[initiator], responder), Depth::Facts)
    }

    fn recognised(initiator: &[u8], responder: &[&[u8]]) -> (Roles, Vec<(&'static str, String)>) {
        match detect(initiator, responder) {
            Detection::Yes(Recognition { roles, facts, .. }) => {
                (roles, facts.into_iter().map(|f| (f.name.stem, f.value)).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_that_hides_the_time_is_recognised_unanswered() {
        for request in [
            message([0x23, 0, 6, HIDDEN], &[(40, &NONCE)]),
            message([0xe3, 0, 10, 0], &[(40, &NONCE)]),
            message([0x1b, 0, 0, 0], &[]),
            message([0x0b, 0, 0, 0], &[(40, &NOW)]),
            message([0x08, 0, 6, 0xfa], &[(40, &NOW)]),
            message([0x13, 0, 4, 0xfa], &[(40, &NOW)]),
            // chrony in interleaved mode.
            message([0x23, 0, 6, HIDDEN], &[(24, &NONCE), (32, &NONCE), (40, &NONCE)]),
        ] {
            assert_eq!(recognised(&request, &[]).0, [Some(Role::Client), None]);
        }
    }

    #[test]
    fn numbers_instead_of_times_and_zeros_prove_nothing() {
        for other in [
            message([0x23, 0, 6, 0xfa], &[(16, &NONCE), (24, &NONCE), (40, &NONCE)]),
            message([0x63, 0, 6, 0], &[(40, &NONCE)]),
            message([0x23, 0, 6, 0], &[(4, &NONCE), (40, &NONCE)]),
            message([0x0b, 0, 0, 0], &[]),
        ] {
            assert_eq!(detect(&other, &[]), Detection::NeedMore, "{other:02x?}");
        }
        for other in [
            message([0x23, 17, 6, 0], &[(40, &NONCE)]),
            message([0x23, 0, 6, 33], &[(40, &NONCE)]),
            message([0x2b, 0, 6, 0], &[(40, &NONCE)]),
            message([0x24, 0, 6, 0], &[(40, &NONCE)]),
            // DTLS 1.2, change cipher spec and handshake.
            message([0x14, 0xfe, 0xfd, 0], &[]),
            message([0x19, 0xfe, 0xfd, 0], &[]),
        ] {
            assert_eq!(detect(&other, &[]), Detection::No, "{other:02x?}");
        }
    }

    #[test]
    fn a_refusal_repeats_the_clients_number_and_states_its_code() {
        let request = message([0x23, 0, 6, HIDDEN], &[(40, &NONCE)]);
        let refusal =
            message([0xe4, 0, 6, 0xe9], &[(12, b"RATE"), (24, &NONCE), (32, &NONCE), (40, &NONCE)]);
        let (roles, facts) = recognised(&request, &[&refusal]);
        assert_eq!(roles, [Some(Role::Client), Some(Role::Server)]);
        assert!(facts.contains(&("ntp.kiss", "RATE".into())), "{facts:?}");
        assert_eq!(recognised(&refusal, &[]).0, [Some(Role::Server), None]);
    }

    #[test]
    fn a_server_with_a_wrong_clock_does_not_undo_its_clients_request() {
        let request = message([0x23, 0, 6, HIDDEN], &[(40, &NONCE)]);
        let answer =
            message([0x24, 1, 6, 0xe9], &[(24, &NONCE), (32, &[0, 0, 1]), (40, &[0, 0, 1])]);
        assert_eq!(recognised(&request, &[&answer]).0, [Some(Role::Client), None]);
        assert_eq!(detect(&answer, &[]), Detection::NeedMore);
    }
}
