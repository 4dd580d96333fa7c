//! What is expected to be spoken: services, tags and protocols.

use std::fmt;

use crate::catalogue::Catalogue;
use crate::classify::Verdict;
use crate::evidence::{Protocol, ProtocolSet};
use crate::similar::did_you_mean;
use crate::stats::Server;

/// A service, a tag or a protocol, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenName {
    /// In lower case.
    id: String,
    protocol: Option<Protocol>,
    is_service: bool,
    is_tag: bool,
    /// The protocols that it allows: itself, those of its family, those of the service or of the
    /// services with the tag.
    allowed: ProtocolSet,
}

impl SpokenName {
    /// Looks up an id.
    pub(super) fn new(text: &str, catalogue: &Catalogue) -> Result<Self, String> {
        let id = text.trim().to_lowercase();
        let protocol = Protocol::from_id(&id);
        let is_service = catalogue.service(&id).is_some();
        let services = catalogue.services().iter();
        let named = services.filter(|service| *service.id == *id || *service.tag == *id);
        let of_family =
            Protocol::ALL.iter().copied().filter(|protocol| protocol.family() == Some(&*id));
        let is_tag =
            named.clone().any(|service| *service.tag == *id) || of_family.clone().next().is_some();
        if protocol.is_some() || is_service || is_tag {
            let spoken = named.flat_map(|service| service.protocols.iter().copied());
            let mut allowed = ProtocolSet::EMPTY;
            spoken.chain(of_family).chain(protocol).for_each(|one| allowed.insert(one));
            return Ok(Self { id, protocol, is_service, is_tag, allowed });
        }
        let services = catalogue.services().iter();
        let services = services.flat_map(|service| [&*service.id, &*service.tag]);
        let names = services.chain(Protocol::ALL.iter().map(|protocol| protocol.as_str()));
        let question = did_you_mean(&id, names).map(|question| question + " ");
        Err(format!(
            "'{text}' is not a service, tag or protocol; {}portlore services lists them",
            question.unwrap_or_default()
        ))
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the verdict of a flow has it; [`flow_filter`](Self::flow_filter) says the same.
    pub(super) fn is_in(&self, verdict: &Verdict) -> bool {
        let mut services = verdict.service.iter().chain(&verdict.also);
        self.is_service && services.any(|service| *service.id == *self.id)
            || self.is_tag && verdict.tag() == Some(&*self.id)
            || self.protocol.is_some() && verdict.protocol == self.protocol
    }

    /// Whether a server speaks it.
    pub(super) fn is_spoken_at(&self, server: &Server<'_>, catalogue: &Catalogue) -> bool {
        server.protocols().any(|protocol| self.is_of(protocol))
            || server.services.iter().any(|proved| self.is_service_or_tag(proved.id, catalogue))
    }

    /// Whether it is the protocol, or its family.
    fn is_of(&self, protocol: Protocol) -> bool {
        self.protocol == Some(protocol)
            || self.is_tag && protocol.family().is_some_and(|family| *family == *self.id)
    }

    fn is_service_or_tag(&self, id: &str, catalogue: &Catalogue) -> bool {
        self.is_service && *id == *self.id
            || self.is_tag && catalogue.service(id).is_some_and(|service| *service.tag == *self.id)
    }

    /// Whether it allows a protocol: it is the protocol, its family, or a service or the family of
    /// services that speak it.
    pub(super) fn allows(&self, protocol: Protocol) -> bool {
        self.allowed.contains(protocol)
    }

    /// Whether what speaks `other` may be allowed by it: one is the other, its family or its protocol.
    pub(super) fn may_include(&self, other: &Self) -> bool {
        let is_common = |one: &Protocol| self.allows(*one) && other.allows(*one);
        self.id == other.id || Protocol::ALL.iter().any(is_common)
    }

    /// Whether it allows a service that was proved by a protocol: it is the service, its tag, or
    /// that protocol.
    pub(super) fn allows_service(
        &self,
        id: &str,
        protocol: Option<Protocol>,
        catalogue: &Catalogue,
    ) -> bool {
        self.is_service_or_tag(id, catalogue) || protocol.is_some_and(|one| self.is_of(one))
    }

    /// The filter for the flows that show it.
    pub(super) fn flow_filter(&self) -> String {
        let fields = [
            (self.is_service, "service"),
            (self.is_service, "also"),
            (self.is_tag, "tag"),
            (self.protocol.is_some(), "protocol"),
        ];
        let terms: Vec<String> = fields
            .into_iter()
            .filter(|(is_it, _)| *is_it)
            .map(|(_, field)| format!("{field} = {}", self.id))
            .collect();
        terms.join(" or ")
    }
}

impl fmt::Display for SpokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}
