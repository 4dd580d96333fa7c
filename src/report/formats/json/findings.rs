//! Findings in the document.

use std::net::IpAddr;

use serde::Serialize;

use crate::findings::Finding;

#[derive(Serialize)]
pub(super) struct FindingJson {
    kind: &'static str,
    severity: &'static str,
    port: u16,
    transport: &'static str,
    server: Option<IpAddr>,
    service: Option<String>,
    frame: Option<u64>,
    sentence: String,
    advice: Option<String>,
}

impl From<Finding> for FindingJson {
    fn from(finding: Finding) -> Self {
        Self {
            kind: finding.kind.as_str(),
            severity: finding.severity.as_str(),
            port: finding.port.port,
            transport: finding.port.transport.as_str(),
            server: finding.server,
            service: finding.service,
            frame: finding.frame,
            sentence: finding.sentence,
            advice: finding.advice,
        }
    }
}
