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
    let (mut findings, mut expected) = (Vec::new(), BTreeMap::new());
    let mut answered: BTreeMap<ServicePort, u8> = BTreeMap::new();
    for (port, framings) in stats.servers.answered_framings() {
        *answered.entry(port).or_default() |= framings;
    }
    for server in stats.servers.notable() {
        let framings = answered.get(&server.key.service_port()).copied().unwrap_or(0);
        odd::find(&server, catalogue, framings, &mut expected, &mut findings);
        reached::find(&server, catalogue, &mut findings);
    }
    findings
}
