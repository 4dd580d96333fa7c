//! A finding on the page.

use crate::findings::Finding;
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
    pub(super) frame: Option<u64>,
}

impl HtmlFinding {
    pub(super) fn new(finding: &Finding) -> Self {
        Self {
            severity: finding.severity.as_str(),
            port: finding.port.to_string(),
            anchor: super::port::anchor(finding.port),
            server: finding.server.map(|server| server.to_string()),
            sentence: SafeText::escape(&finding.sentence),
            advice: finding.advice.as_deref().map(SafeText::escape),
            frame: finding.frame,
        }
    }
}
