//! The page of `portlore services`: what the catalogue knows, a row for each service.

use std::io::{self, Write};

use serde::Serialize;

use crate::catalogue::{Origin, Reach, Service};
use crate::decode::Transport;
use crate::report::Style;
use crate::report::formats::json::write_line;
use crate::report::parts::layout::{self, Cell, Column, Row};
use crate::report::parts::units::plural;

/// The version of the document; later versions only add.
const SCHEMA: &str = "portlore/services/1";

const COLUMNS: [Column; 6] = [
    Column::text("ID", 25),
    Column::text("NAME", 16),
    Column::text("TAG", 8),
    Column::text("PORTS", 8),
    Column::text("PROTOCOLS", 7),
    Column::fixed("MARKS"),
];

/// Writes a row for each service, then how many there are.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, services: &[&Service], style: Style) -> io::Result<()> {
    let rows: Vec<Row> = services.iter().map(|service| row(service)).collect();
    layout::write(out, style, &COLUMNS, &rows)?;
    let marked = services.iter().filter(|service| !service.marks.is_empty()).count();
    if let [_] = services {
        let can = if marked == 1 { "can" } else { "cannot" };
        return writeln!(out, "\n1 service, which portlore {can} recognise by its packets (MARKS)");
    }
    let services = plural(services.len() as u64, "service");
    writeln!(out, "\n{services}; portlore can recognise {marked} of them by their packets (MARKS)")
}

fn row(service: &Service) -> Row {
    vec![
        Cell::escape(&service.id),
        Cell::escape(&service.name),
        Cell::escape(&service.tag),
        Cell::trusted(ports(service)),
        Cell::trusted(protocols(service)),
        Cell::trusted(if service.marks.is_empty() { "no" } else { "yes" }),
    ]
}

/// The ports that the service claims, in their order; those of an overflow are left out, because
/// they follow from the others: `3000 5353/udp`.
fn ports(service: &Service) -> String {
    let mut claimed: Vec<(u16, bool)> = service
        .claims
        .iter()
        .filter(|claim| claim.reach == Reach::Default)
        .map(|claim| (claim.port, claim.transports == [Transport::Udp]))
        .collect();
    claimed.sort_unstable();
    claimed.dedup();
    let text = |&(port, udp): &(u16, bool)| format!("{port}{}", if udp { "/udp" } else { "" });
    let texts: Vec<String> = claimed.iter().map(text).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(" ") }
}

fn protocols(service: &Service) -> String {
    let known = service.protocols.iter().map(|protocol| protocol.as_str());
    let names: Vec<&str> = known.chain(service.wire_unknown.then_some("unknown")).collect();
    names.join(" ")
}

#[derive(Serialize)]
struct ServicesDocumentJson<'s> {
    schema: &'static str,
    services: Vec<ServiceEntryJson<'s>>,
}

#[derive(Serialize)]
struct ServiceEntryJson<'s> {
    id: &'s str,
    name: &'s str,
    tag: &'s str,
    layer: &'static str,
    origin: &'static str,
    protocols: Vec<&'static str>,
    wire_unknown: bool,
    builds_on: &'s [String],
    note: Option<&'s str>,
    claims: Vec<ClaimEntryJson<'s>>,
    marks: usize,
    proved: Vec<&'s str>,
    documents: Vec<&'s str>,
}

#[derive(Serialize)]
struct ClaimEntryJson<'s> {
    port: u16,
    transports: Vec<&'static str>,
    standing: &'static str,
    prevalence: &'static str,
    reach: &'static str,
    protocols: Vec<&'static str>,
    cite: Option<&'s str>,
}

/// Writes the services as one JSON document.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_json(out: &mut dyn Write, services: &[&Service]) -> io::Result<()> {
    let services = services.iter().map(|service| ServiceEntryJson::from(*service)).collect();
    write_line(out, &ServicesDocumentJson { schema: SCHEMA, services })
}

impl<'s> From<&'s Service> for ServiceEntryJson<'s> {
    fn from(service: &'s Service) -> Self {
        let mut proved: Vec<&str> =
            service.marks.iter().flat_map(|mark| &mark.proved).map(String::as_str).collect();
        let mut documents: Vec<&str> =
            service.marks.iter().filter_map(|mark| mark.document.as_deref()).collect();
        for texts in [&mut proved, &mut documents] {
            texts.sort_unstable();
            texts.dedup();
        }
        let claims = service.claims.iter().map(|claim| ClaimEntryJson {
            port: claim.port,
            transports: claim.transports.iter().map(|transport| transport.as_str()).collect(),
            standing: claim.standing.as_str(),
            prevalence: claim.prevalence.as_str(),
            reach: claim.reach.as_str(),
            protocols: claim.protocols.iter().map(|protocol| protocol.as_str()).collect(),
            cite: claim.cite.as_deref(),
        });
        Self {
            id: &service.id,
            name: &service.name,
            tag: &service.tag,
            layer: service.layer.as_str(),
            origin: match service.origin {
                Origin::User => "user",
                Origin::Shipped => "shipped",
            },
            protocols: service.protocols.iter().map(|protocol| protocol.as_str()).collect(),
            wire_unknown: service.wire_unknown,
            builds_on: &service.builds_on,
            note: service.note.as_deref(),
            claims: claims.collect(),
            marks: service.marks.len(),
            proved,
            documents,
        }
    }
}

/// Whether the service is meant by a word: a port's number, a tag or a protocol, or a part of the id
/// or of the name that begins a word of it; in either case of letters.
#[must_use]
pub fn is_meant(service: &Service, word: &str) -> bool {
    if let Ok(port) = word.parse::<u16>() {
        return service.claims.iter().any(|claim| claim.port == port);
    }
    let word = word.to_lowercase();
    begins_word(&service.id, &word)
        || begins_word(&service.name.to_lowercase(), &word)
        || *service.tag == *word
        || service.protocols.iter().any(|protocol| protocol.as_str() == word)
}

/// Whether some word of `text` begins with `part`; a part of one or two letters must be a whole
/// word, or it would mean half the catalogue.
fn begins_word(text: &str, part: &str) -> bool {
    let is_short = part.chars().count() < 3;
    text.match_indices(part).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + part.len()..]);
        let is_within = before.ends_with(char::is_alphanumeric);
        let goes_on = behind.starts_with(char::is_alphanumeric);
        !(is_within || is_short && goes_on)
    })
}

/// The remark where no service is meant; the words are not escaped yet.
#[must_use]
pub fn nothing_meant(words: &[String]) -> String {
    match words {
        [only] => format!("no service has the name, tag, protocol or port '{only}'"),
        words => format!("no service matches all of these words: {}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::catalogue::Catalogue;

    fn meant(word: &str) -> Vec<String> {
        let catalogue = Catalogue::shipped().unwrap();
        let services = catalogue.services().iter().filter(|service| is_meant(service, word));
        services.map(|service| service.id.to_string()).collect()
    }

    #[test]
    fn the_whole_catalogue_fits_eighty_columns() {
        let catalogue = Catalogue::shipped().unwrap();
        let services: Vec<&Service> = catalogue.services().iter().map(|s| &**s).collect();
        let mut out = Vec::new();
        write(&mut out, &services, Style { width: 80, ..Style::default() }).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().find(|line| line.width() > 80), None);
        assert_eq!(text.lines().count(), services.len() + 3);
    }

    #[test]
    fn a_word_means_a_port_a_tag_a_protocol_an_id_or_a_name() {
        assert!(meant("3037").contains(&"eos".to_owned()));
        assert!(!meant("303").contains(&"eos".to_owned()));
        assert!(meant("csta").contains(&"uacsta".to_owned()));
        assert!(meant("postgresql").contains(&"postgresql".to_owned()));
        assert_eq!(meant("ETC Eos"), ["eos"]);
        assert_eq!(meant("no such thing"), [""; 0]);
        let ai = meant("ai");
        assert!(ai.contains(&"ollama".to_owned()) && !ai.contains(&"rails".to_owned()), "{ai:?}");
        assert!(meant("web").contains(&"open-webui".to_owned()), "begins a word of the name");
    }

    #[test]
    fn the_document_has_each_service_with_its_claims() {
        let catalogue = Catalogue::shipped().unwrap();
        let mut out = Vec::new();
        write_json(&mut out, &[catalogue.service("eos").unwrap()]).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(document["schema"], SCHEMA);
        let eos = &document["services"][0];
        assert_eq!((&eos["id"], &eos["origin"]), (&"eos".into(), &"shipped".into()));
        assert!(eos["claims"].as_array().unwrap().iter().any(|claim| claim["port"] == 3037));
        assert!(eos["marks"].as_u64().unwrap() > 0);
    }
}
