//! Alerts in the clear (RFC 8446, section 6; RFC 5246, section 7.2): a level and a description.

use super::record::{ALERT, HANDSHAKE, HEADER, records};
use crate::detect::formats::tls_alert::{FATAL, WARNING, alert_name};

/// Bytes of a record with one alert.
const WHOLE: usize = HEADER + 2;

/// The alert of a side that sent one fatal alert and nothing else: a refusal. Anything may follow a
/// warning.
pub(super) fn refusal(bytes: &[u8]) -> Option<String> {
    let &[_, _, _, 0, 2, FATAL, description] = bytes else { return None };
    alert_name(description)
}

/// The first fatal alert in the clear behind a hello, and the offset of its record: before the side
/// changes to encryption, as whoever is not content with a certificate sends it up to TLS 1.2.
pub(super) fn behind_hello(bytes: &[u8]) -> Option<(String, usize)> {
    let in_clear = records(bytes).take_while(|record| matches!(record.content, HANDSHAKE | ALERT));
    in_clear.filter(|record| record.content == ALERT).find_map(|record| match record.bytes {
        [FATAL, description] if record.len == 2 => Some((alert_name(*description)?, record.at)),
        _ => None,
    })
}

/// Whether a side has changed to encryption.
pub(super) fn is_encrypted(bytes: &[u8]) -> bool {
    records(bytes).any(|record| !matches!(record.content, HANDSHAKE | ALERT))
}

/// Whether the bytes can be the beginning of a refusal.
pub(super) fn may_be_refusal(bytes: &[u8]) -> bool {
    let at = |i: usize, value: u8| bytes.get(i).is_none_or(|&b| b == value);
    bytes.len() < WHOLE
        && at(3, 0)
        && at(4, 2)
        && bytes.get(HEADER).is_none_or(|&level| level == WARNING || level == FATAL)
}
