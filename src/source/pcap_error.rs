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
    Error::new(ErrorKind::Filter, reason(error))
        .with_object(format_args!("filter '{expression}'"))
        .with_remedy("see `man pcap-filter` for the syntax")
}
