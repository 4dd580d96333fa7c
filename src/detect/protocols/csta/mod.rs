//! CSTA, computer-supported telecommunications applications: messages between a telephone switch
//! and a program, in XML (ECMA-323) or BER (ECMA-180, ECMA-218, ECMA-285), over TCP. The detectors
//! of SIP and HTTP state what they carry of it.

mod asn1;
mod xml;

use self::asn1::Dialogue;
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, combine};
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::Opening;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Csta, inspect)
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[
            0..=7, 0x26..=0x26, b'<'..=b'<', b'B'..=b'B', b'P'..=b'P', 0x60..=0x64, 0xa1..=0xa4,
        ])
        .max_leading_zeros(3),
    )
    .facts(&[
        "csta.edition", "csta.encoding", "csta.error", "csta.extension", "csta.framing",
        "csta.monitor", "csta.namespace", "csta.operation", "csta.root",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\xc30001<?xml version=\"1.0\" encoding=\"UTF-8\"?><MonitorStart xmlns=\"http://www.ecma-international.org/standards/ecma-323/csta/ed3\"><monitorObject><deviceObject>4711</deviceObject></monitorObject></MonitorStart>"],
            responder: &[b"\0\0\0\x5d0001<MonitorStartResponse><monitorCrossRefID>1</monitorCrossRefID></MonitorStartResponse>"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"\0\0\0\x140001<keepalive/>"], responder: &[] },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x26\x80\x18\x60\x16\xa1\x07\x06\x05\x2b\x0c\0\x81\x5a\xbe\x0b\x28\x09\xa0\x07\xa0\x05\x03\x03\0\x10\0"],
            responder: &[b"\x26\x80\x0e\x61\x0c\xa1\x07\x06\x05\x2b\x0c\0\x81\x5a\xa2\x01\0", b"\x26\x80\x0e\xa1\x0c\x02\x01\x02\x02\x02\0\xd3\x30\x03\x0a\x01\x02"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\x0f\xa1\x0d\x02\x01\x01\x02\x01\x47\x30\x05\x80\x03555"],
            responder: &[b"\0\x0e\xa2\x0c\x02\x01\x01\x30\x07\x02\x01\x47\x55\x02\0\x01"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut dialogue = Dialogue::default();
    let judge = |dialogue: &mut Dialogue| {
        combine(Protocol::Csta, opening, depth, |statement| match xml::messages(statement) {
            Side::Other => asn1::messages(statement, dialogue),
            side => side,
        })
    };
    let detection = judge(&mut dialogue);
    // An operation and its answer prove both sides, of which the first was read alone.
    if dialogue.is_paired() { judge(&mut dialogue) } else { detection }
}
