//! Findings in the document.

use std::net::IpAddr;

use serde::Serialize;

use crate::findings::Finding;

#[derive(Serialize)]
pub(super) struct FindingJson<'f> {
    kind: &'static str,
    severity: &'static str,
    port: u16,
    transport: &'static str,
    server: Option<IpAddr>,
    service: Option<&'f str>,
    frame: Option<u64>,
    sentence: &'f str,
    advice: Option<&'f str>,
}

impl<'f> From<&'f Finding> for FindingJson<'f> {
    fn from(finding: &'f Finding) -> Self {
        Self {
            kind: finding.kind.as_str(),
            severity: finding.severity.as_str(),
            port: finding.port.port,
            transport: finding.port.transport.as_str(),
            server: finding.server,
            service: finding.service.as_deref(),
            frame: finding.frame,
            sentence: &finding.sentence,
            advice: finding.advice.as_deref(),
        }
    }
}
