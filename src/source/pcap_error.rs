//! The text of libpcap's errors, and the error of a filter expression.

use crate::{Error, ErrorKind};

/// The text of a libpcap error, on one line.
pub(super) fn reason(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.replace('\n', " "),
        other => other.to_string(),
    }
}

/// The error of a filter expression that libpcap cannot compile.
pub(super) fn invalid_filter(expression: &str, error: &pcap::Error) -> Error {
    let reason = reason(error);
    let remedy = match reason.split(' ').next() {
        // libpcap looks names up: `unknown host 'x'`, `unknown network`, `unknown ether host`.
        Some("unknown") if reason.contains("host") => "check the name, or use an IP address",
        Some("unknown") if reason.contains("network") => "check the name, or use an address",
        Some("unknown") if reason.contains("port") => "check the name, or use a port number",
        _ => "see `man pcap-filter` for the syntax",
    };
    Error::new(ErrorKind::Filter, reason)
        .with_object(format_args!("filter '{expression}'"))
        .with_remedy(remedy)
}
