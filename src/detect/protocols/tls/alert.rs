//! Alerts in the clear (RFC 8446, section 6; RFC 5246, section 7.2): a level and a description.

use super::record::{HEADER, WARNING};

const FATAL: u8 = 2;
/// Bytes of a record with one alert.
const WHOLE: usize = HEADER + 2;

/// Descriptions and their names in IANA's registry.
const DESCRIPTIONS: &[(u8, &str)] = &[
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (47, "illegal_parameter"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (112, "unrecognized_name"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

/// The alert of a side that sent one fatal alert and nothing else: a refusal. Anything may follow a
/// warning.
pub(super) fn refusal(bytes: &[u8]) -> Option<String> {
    let &[_, _, _, 0, 2, FATAL, description] = bytes else { return None };
    let (_, name) = DESCRIPTIONS.iter().find(|known| known.0 == description)?;
    Some(format!("{name} ({description})"))
}

/// Whether the bytes can be the beginning of a refusal.
pub(super) fn may_be_refusal(bytes: &[u8]) -> bool {
    let at = |i: usize, value: u8| bytes.get(i).is_none_or(|&b| b == value);
    bytes.len() < WHOLE
        && at(3, 0)
        && at(4, 2)
        && bytes.get(HEADER).is_none_or(|&level| level == WARNING || level == FATAL)
}
