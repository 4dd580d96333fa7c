//! Tunnels through DNS.

use super::{Finding, FindingKind, Severity};
use crate::stats::{DnsParent, Stats};

/// Different names under one domain that are many.
const MANY: u64 = 30;

/// Domains under which clients asked for many long random names, with answers that carry much.
pub(super) fn find(stats: &Stats, findings: &mut Vec<Finding>) {
    let parents = &stats.dns_parents;
    let is_tunnel = |parent: &DnsParent| parent.names() >= MANY && parent.is_bulky();
    for (domain, parent) in parents.iter().filter(|(_, parent)| is_tunnel(parent)) {
        let labels = domain.split('.').count();
        let longer = |(other, names): &(&str, &DnsParent)| {
            other.len() > domain.len() && is_below(other, domain) && is_tunnel(names)
        };
        let above = domain.split_once('.').and_then(|(_, above)| parents.get(above));
        // One of the two is named: that of three labels if all names are under it.
        let is_less = if labels == 2 {
            parents.iter().filter(longer).any(|(_, names)| names.has_names_of(parent))
        } else {
            above.is_some_and(|above| is_tunnel(above) && !above.has_names_of(parent))
        };
        if is_less {
            continue;
        }
        let names = parent.names();
        let number = if parent.is_exact() { names.to_string() } else { format!("about {names}") };
        let server = parent.server();
        findings.push(Finding {
            kind: FindingKind::Tunnel,
            severity: Severity::Warning,
            port: server.service_port(),
            server: Some(server.address),
            sensor: server.sensor,
            service: None,
            frame: Some(parent.frame()),
            sentence: format!("{number} long unique names under {domain} suggest a DNS tunnel"),
            advice: None,
        });
    }
}

fn is_below(domain: &str, above: &str) -> bool {
    domain.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
}
