//! What the responder calls itself, from every protocol that has a word for it.

use crate::evidence::{Direction, Evidence, Fact};

/// The longest product, in characters.
pub(super) const MAX_PRODUCT: usize = 96;

/// The headers whose value names the product that answers.
pub(super) const PRODUCT_HEADERS: [&str; 2] =
    ["http.response-header.server", "http.response-header.x-powered-by"];

/// The facts by which a responder names itself, in the order in which one is chosen.
pub(super) const FACTS: [&str; 25] = [
    PRODUCT_HEADERS[0],
    PRODUCT_HEADERS[1],
    "ssh.software",
    "smtp.greeting",
    "ftp.greeting",
    "pop3.greeting",
    "imap.greeting",
    "mysql.version",
    "postgresql.version",
    "redis.version",
    "mongodb.version",
    "sip.server",
    "sip.user-agent",
    "rtsp.server",
    "snmp.sysdescr",
    "http.response-header.icy-notice2",
    "amqp.product",
    "ldap.vendor-name",
    "memcached.version",
    "nats.version",
    "stun.software",
    "atem.product",
    "hyperdeck.model",
    "videohub.model",
    "citp.product",
];

/// Whether a fact states what its sender calls itself.
pub(super) fn is_product(fact: &str) -> bool {
    FACTS.contains(&fact)
}

/// The fact by which the responder names itself, if it does.
pub(super) fn product(evidence: &Evidence) -> Option<&Fact> {
    let by_responder = |fact: &&Fact| {
        fact.direction == Direction::Responder && fact.value.chars().any(|c| !c.is_whitespace())
    };
    let (fact, _) = evidence
        .facts
        .iter()
        .filter(by_responder)
        .filter_map(|fact| Some((fact, FACTS.iter().position(|name| fact.name.is(name))?)))
        // The first of those that are named first.
        .min_by_key(|(_, place)| *place)?;
    Some(fact)
}

/// The value of a [`product`], on one line and at most [`MAX_PRODUCT`] characters long.
pub(super) fn text(fact: &Fact) -> String {
    let value = fact.value.trim();
    if value.chars().count() <= MAX_PRODUCT {
        return value.to_owned();
    }
    value.chars().take(MAX_PRODUCT - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::FactName;

    fn evidence(facts: &[(&'static str, Option<&str>, &str, Direction)]) -> Evidence {
        let fact = |&(stem, leaf, value, direction): &(_, Option<&str>, &str, _)| Fact {
            name: FactName { stem, leaf: leaf.map(str::to_owned) },
            value: value.into(),
            direction,
            frame: 6,
            later: Vec::new(),
            exchange: 1,
        };
        Evidence { facts: facts.iter().map(fact).collect(), ..Evidence::default() }
    }

    #[test]
    fn the_server_header_outweighs_what_powers_it_and_what_the_client_says_never_counts() {
        let header = "http.response-header";
        let found = evidence(&[
            ("sip.user-agent", None, "phone", Direction::Initiator),
            (header, Some("x-powered-by"), "PHP/8.2", Direction::Responder),
            (header, Some("server"), " ", Direction::Responder),
        ]);
        assert_eq!(text(product(&found).unwrap()), "PHP/8.2");
        let found = evidence(&[
            (header, Some("x-powered-by"), "PHP/8.2", Direction::Responder),
            (header, Some("server"), "nginx ", Direction::Responder),
            (header, Some("server"), "Apache", Direction::Responder),
        ]);
        assert_eq!(text(product(&found).unwrap()), "nginx");
        assert!(product(&evidence(&[("ssh.software", None, "x", Direction::Initiator)])).is_none());
    }

    #[test]
    fn a_long_product_is_cut_to_its_limit() {
        let long = "é".repeat(500);
        let found = evidence(&[("ssh.software", None, &long, Direction::Responder)]);
        let cut = text(product(&found).unwrap());
        assert!(cut.chars().count() == MAX_PRODUCT && cut.ends_with("é…"), "{cut}");
    }
}
