//! Formats that several protocols share. They know no detector and no protocol.

pub(super) mod ber;
pub(super) mod bson;
mod cipher_suites;
pub(super) mod csta_xml;
pub(super) mod framing;
pub(super) mod headers;
pub(super) mod json;
pub(super) mod lines;
pub(super) mod redact;
pub(super) mod tls_alert;
pub(super) mod tls_hello;
