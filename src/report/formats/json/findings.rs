//! Findings in the document.

use std::net::IpAddr;

use serde::Serialize;

use super::flow::PlaceJson;
use crate::findings::Finding;
use crate::pipeline::Run;

#[derive(Serialize)]
pub(super) struct FindingJson<'f> {
    kind: &'static str,
    severity: &'static str,
    port: u16,
    transport: &'static str,
    server: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensor: Option<&'f str>,
    service: Option<&'f str>,
    frame: Option<u64>,
    #[serde(flatten)]
    place: Option<PlaceJson>,
    sentence: &'f str,
    advice: Option<&'f str>,
}

impl<'f> FindingJson<'f> {
    pub(super) fn new(run: &'f Run, finding: &'f Finding) -> Self {
        Self {
            kind: finding.kind.as_str(),
            severity: finding.severity.as_str(),
            port: finding.port.port,
            transport: finding.port.transport.as_str(),
            server: finding.server,
            sensor: run.sensor(finding.sensor),
            service: finding.service.as_deref(),
            frame: finding.frame,
            place: PlaceJson::new(run.files.as_ref(), finding.frame),
            sentence: &finding.sentence,
            advice: finding.advice.as_deref(),
        }
    }
}
