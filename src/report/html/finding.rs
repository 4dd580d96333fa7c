//! A finding on the page.

use std::net::IpAddr;

use crate::findings::Finding;
use crate::report::Report;
use crate::report::parts::escape::SafeText;

/// A finding.
pub(super) struct HtmlFinding {
    pub(super) severity: &'static str,
    pub(super) port: String,
    /// The anchor of the port's row.
    pub(super) anchor: String,
    pub(super) server: Option<String>,
    pub(super) sentence: SafeText,
    pub(super) advice: Option<SafeText>,
    /// The number of the packet that shows it, in the file if there are several.
    pub(super) frame: Option<u64>,
    pub(super) file: Option<SafeText>,
}

impl HtmlFinding {
    pub(super) fn new(report: &Report<'_>, finding: &Finding) -> Self {
        let files = report.run.files.as_ref();
        let place = files.and_then(|files| files.place(finding.frame?));
        let server = |address: IpAddr| report.with_sensor(address.to_string(), finding.sensor);
        Self {
            severity: finding.severity.as_str(),
            port: finding.port.to_string(),
            anchor: super::port::anchor(finding.port),
            server: finding.server.map(server),
            sentence: SafeText::escape(&finding.sentence),
            advice: finding.advice.as_deref().map(SafeText::escape),
            frame: place.as_ref().map(|place| place.frame).or(finding.frame),
            file: place.map(|place| SafeText::escape(&place.file)),
        }
    }
}
