//! Who claims a port, over the transports that the page shows.

use std::sync::Arc;

use crate::catalogue::{Catalogue, Claim, Reach, Service, family};
use crate::decode::{ServicePort, Transport};
use crate::report::escape;

/// A service with its claim on the port.
#[derive(Clone, Copy)]
pub(super) struct Claimant<'c> {
    pub(super) service: &'c Arc<Service>,
    pub(super) claim: &'c Claim,
}

impl<'c> Claimant<'c> {
    /// The claims on a port, the likeliest first; one that holds for both transports once.
    pub(super) fn on(catalogue: &'c Catalogue, port: u16, transports: &[Transport]) -> Vec<Self> {
        let mut claimants: Vec<Self> = Vec::new();
        for &transport in transports {
            for (service, claim) in catalogue.claims_on(ServicePort::new(port, transport)) {
                if !claimants.iter().any(|other| std::ptr::eq(other.claim, claim)) {
                    claimants.push(Self { service, claim });
                }
            }
        }
        claimants.sort_by_key(|Self { service, claim }| {
            (service.origin, claim.prevalence, claim.standing)
        });
        claimants
    }

    /// Claimants under the heading of their family, in the order of the first of each.
    pub(super) fn by_family<'l>(
        claimants: impl IntoIterator<Item = &'l Self>,
    ) -> Vec<(&'c str, Vec<&'l Self>)>
    where
        'c: 'l,
    {
        let mut families: Vec<(&str, Vec<&Self>)> = Vec::new();
        for claimant in claimants {
            let heading = family::heading(&claimant.service.tag);
            match families.iter_mut().find(|(known, _)| *known == heading) {
                Some((_, members)) => members.push(claimant),
                None => families.push((heading, vec![claimant])),
            }
        }
        families
    }

    /// When a service that takes the next free port comes here: `when 3000 and 3001 are taken`.
    pub(super) fn overflow(&self) -> Option<String> {
        if self.claim.reach != Reach::Overflow {
            return None;
        }
        let port = self.claim.port;
        let before = self.service.claims.iter().filter(|other| {
            other.reach == Reach::Default
                && other.port < port
                && other.transports.iter().any(|t| self.claim.transports.contains(t))
        });
        Some(match before.map(|other| other.port).max() {
            None => "when the ports before it are taken".to_owned(),
            Some(first) if first + 1 == port => format!("when {first} is taken"),
            Some(first) if first + 2 == port => format!("when {first} and {} are taken", port - 1),
            Some(first) => format!("when {first} to {} are taken", port - 1),
        })
    }

    /// Whether a note says no more than when the service comes here.
    pub(super) fn is_overflow(&self, note: &str) -> bool {
        let note = note.trim_end_matches('.');
        self.overflow().is_some_and(|when| when.eq_ignore_ascii_case(note))
    }

    /// What the catalogue advises, each with when it holds: the service where it does not belong,
    /// something else on the port (the former left out where this says it, too), a closed port.
    pub(super) fn advice(&self) -> Vec<String> {
        let Claim { unexpected, foreign, closed, .. } = self.claim;
        let is_said = |advice: &&str| {
            let other = foreign.as_deref().unwrap_or_default();
            !other.starts_with(advice.trim_end_matches('.'))
        };
        let kinds = [
            ("Unexpected?", unexpected.as_deref().filter(is_said)),
            ("Something else here?", foreign.as_deref()),
            ("Closed?", closed.as_deref()),
        ];
        let text =
            |(when, advice): (&str, Option<&str>)| Some(format!("{when} {}", escape(advice?)));
        kinds.into_iter().filter_map(text).collect()
    }

    /// `tcp`, `udp`, or both.
    pub(super) fn transports(&self) -> String {
        let names: Vec<&str> = self.claim.transports.iter().map(|t| t.as_str()).collect();
        names.join(" and ")
    }
}
