//! What deserves a look at single servers.

mod odd;
mod reached;

use std::collections::BTreeMap;

use super::Finding;
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::stats::Stats;

/// The findings at all servers.
pub(super) fn find(stats: &Stats, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut answered: BTreeMap<ServicePort, u8> = BTreeMap::new();
    for server in stats.servers.unordered().filter(|server| server.framings != 0) {
        *answered.entry(server.key.service_port()).or_default() |= server.framings;
    }
    for server in stats.servers.unordered() {
        let framings = answered.get(&server.key.service_port()).copied().unwrap_or(0);
        odd::find(&server, catalogue, framings, &mut findings);
        reached::find(&server, catalogue, &mut findings);
    }
    findings
}
