//! SLIP (RFC 1055), the framing of OSC 1.1 in streams.

/// Ends a packet, and begins one with senders that write it on both sides.
pub(crate) const END: u8 = 0xc0;
const ESC: u8 = 0xdb;
const ESC_END: u8 = 0xdc;
const ESC_ESC: u8 = 0xdd;

/// The packet between two ENDs. `None` where an escape is not defined, or cut.
pub(crate) fn unescape(frame: &[u8]) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(frame.len());
    let mut bytes = frame.iter();
    while let Some(&byte) = bytes.next() {
        packet.push(match byte {
            ESC => match *bytes.next()? {
                ESC_END => END,
                ESC_ESC => ESC,
                _ => return None,
            },
            other => other,
        });
    }
    Some(packet)
}
