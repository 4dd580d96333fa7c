//! The levels and descriptions of alerts (RFC 8446, section 6; RFC 5246, section 7.2), which TLS and
//! DTLS have in common.

/// The level of an alert that does not end the connection.
pub(crate) const WARNING: u8 = 1;
/// The level of an alert after which the connection ends.
pub(crate) const FATAL: u8 = 2;

/// Descriptions and their names in IANA's registry.
const DESCRIPTIONS: &[(u8, &str)] = &[
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
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
    (113, "bad_certificate_status_response"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

/// The name of a description, and its number.
pub(crate) fn alert_name(description: u8) -> Option<String> {
    let (_, name) = DESCRIPTIONS.iter().find(|known| known.0 == description)?;
    Some(format!("{name} ({description})"))
}
