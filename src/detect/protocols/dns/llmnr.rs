//! Link-local multicast name resolution over UDP: RFC 4795, section 2.
//!
//! A message has the form of DNS with one question, and nothing in it that DNS does not have. Two
//! things tell them apart. No name server is asked at a group address, so a query to a group is
//! LLMNR's. And no name server answers a query for a name of one label, or for an address, with an
//! answer of a minute at most while it says neither that it is authoritative nor that it would ask
//! others: who answers a query to a group does, from its own address.

use super::message::{DnsMessage, Reading, read};
use super::name::{HEADER, is_reverse};
use super::{described, outcome};
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_deciding_datagrams, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Llmnr, inspect)
    .udp()
    .prefilter(Prefilter::ANY.udp_at_least(HEADER))
    .shares_test()
    .first_words()
    .facts(&["llmnr.query", "llmnr.response"])
    .samples(&[Sample {
        transport: Transport::Udp,
        initiator: &[b"\x1a\x2b\0\0\0\x01\0\0\0\0\0\0\x04buoy\0\0\x01\0\x01"],
        responder: &[b"\x1a\x2b\x80\0\0\x01\0\x01\0\0\0\0\x04buoy\0\0\x01\0\x01\x04buoy\0\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x07"],
    }]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Llmnr, opening, depth, |statement| {
        by_deciding_datagrams(statement, |statement, bytes, offset, cut| match read(bytes, cut) {
            Some(Reading::LinkLocal(message)) => judge(statement, &message, opening, offset),
            Some(Reading::Perhaps) => Side::Perhaps,
            None if cut && bytes.len() < HEADER => Side::Perhaps,
            Some(Reading::Message(_)) | None => Side::Other,
        })
    })
}

fn judge(
    statement: &mut Statement<'_>,
    message: &DnsMessage,
    opening: &Opening,
    offset: usize,
) -> Side {
    statement.role(if message.response { Role::Server } else { Role::Client });
    let (name, text) = if message.response {
        ("llmnr.response", outcome(message))
    } else {
        ("llmnr.query", described(message))
    };
    statement.fact_text(name, text, offset);
    let of_host = !message.about.contains('.') || is_reverse(&message.about);
    let answers = message.response && message.answers > 0 && of_host;
    if opening.is_to_group() || answers { Side::Matches } else { Side::Perhaps }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::registry;

    const QUERY: &[u8] = DETECTOR.samples[0].initiator[0];
    const RESPONSE: &[u8] = DETECTOR.samples[0].responder[0];

    fn detect(datagram: &[u8], to_group: bool) -> Option<Protocol> {
        let mut opening = Opening::from_payloads(Transport::Udp, &[datagram], &[]);
        if to_group {
            opening.address_to_group();
        }
        registry::inspect(&opening, Depth::Facts).protocol
    }

    /// `bytes` with the byte at `at` set.
    fn with(bytes: &[u8], at: usize, value: u8) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        changed[at] = value;
        changed
    }

    #[test]
    fn a_query_is_told_from_that_of_dns_by_the_group_that_it_goes_to() {
        assert_eq!(detect(QUERY, true), Some(Protocol::Llmnr));
        assert_eq!(detect(QUERY, false), None);
        // With recursion desired, it is a stub resolver's whatever its address.
        assert_eq!(detect(&with(QUERY, 2, 1), true), Some(Protocol::Dns));
        let multicast: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04buoy\x05local\0\0\x01\0\x01";
        assert_eq!(detect(multicast, true), Some(Protocol::Mdns));
        let netbios: &[u8] =
            b"\x85\x3d\0\0\0\x01\0\0\0\0\0\0\x20EFEDEJFPEEEPENEBEJEOCACACACACABM\0\0\x20\0\x01";
        assert_eq!(detect(netbios, true), Some(Protocol::Nbns));
        // Two questions; an update.
        assert_eq!(detect(&with(QUERY, 5, 2), true), None);
        assert_eq!(detect(&with(QUERY, 2, 0x28), true), None);
    }

    #[test]
    fn an_answer_from_a_host_of_one_label_is_no_name_servers() {
        assert_eq!(detect(RESPONSE, false), Some(Protocol::Llmnr));
        // Authoritative; recursion desired; recursion available; it lasts an hour.
        for (at, value) in [(2, 0x84), (2, 0x81), (3, 0x80), (34, 0x0e)] {
            assert_eq!(detect(&with(RESPONSE, at, value), false), Some(Protocol::Dns), "{at}");
        }
        // What a host answers whose address was asked for (Windows).
        let reverse: &[u8] = b"\x1a\x2b\x80\0\0\x01\0\x01\0\0\0\0\x017\x012\x010\x03192\x07in-addr\x04arpa\0\0\x0c\0\x01\xc0\x0c\0\x0c\0\x01\0\0\0\x1e\0\x06\x04buoy\0";
        assert_eq!(detect(reverse, false), Some(Protocol::Llmnr));
        // Without an answer nothing distinguishes them.
        let none = with(&RESPONSE[..22], 7, 0);
        assert_eq!(detect(&none, false), None);
    }
}
