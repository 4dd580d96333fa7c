//! No entry without proof: every service with marks is found in its captures and not in its
//! look-alikes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use portlore::catalogue::{Catalogue, Condition};

use crate::run::{captures, document};

/// The services that marks name in each capture, also those beside the verdict. Every capture is
/// replayed once for all tests.
static MARKED: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let services = |capture: &String| {
        let (_, document) = document(&[capture]);
        let flows = document["flows"].as_array().unwrap().clone();
        let marks = flows.iter().map(|flow| &flow["verdict"]).filter(|v| v["confidence"] == "mark");
        let also = |v: &serde_json::Value| v["also"].as_array().cloned().unwrap_or_default();
        let named = marks.flat_map(|v| std::iter::once(v["service"].clone()).chain(also(v)));
        named.map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let name = |capture: &String| {
        capture.trim_start_matches("fixtures/").trim_end_matches(".pcap").to_owned()
    };
    captures("fixtures").iter().map(|capture| (name(capture), services(capture))).collect()
});

#[test]
fn every_marked_service_is_tagged_on_its_captures_and_never_on_its_look_alikes() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let mut wrong = Vec::new();
    for service in catalogue.services() {
        for capture in &service.fixtures {
            if !MARKED[capture].contains(&service.id.to_string()) {
                wrong.push(format!(
                    "{} is not tagged on {capture}: {:?}",
                    service.id, MARKED[capture]
                ));
            }
        }
        for capture in &service.lookalikes {
            if MARKED[capture].contains(&service.id.to_string()) {
                wrong.push(format!("{} is tagged on {capture}", service.id));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_row_of_the_catalogue_that_has_marks_is_tagged_somewhere() {
    for service in Catalogue::load(&[]).unwrap().services().iter().filter(|s| !s.marks.is_empty()) {
        assert!(
            MARKED.values().any(|services| services.contains(&service.id.to_string())),
            "{} is tagged on no capture",
            service.id
        );
    }
}

/// Every capture is a look-alike of every service that does not list it among its captures.
#[test]
fn no_capture_is_tagged_as_a_service_that_is_not_in_it() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let mut wrong = Vec::new();
    for (capture, services) in &*MARKED {
        let inside: Vec<_> = catalogue
            .services()
            .iter()
            .filter(|service| service.fixtures.contains(capture))
            .collect();
        for id in services {
            if !inside.iter().any(|service| *service.id == **id || catalogue.builds_on(service, id))
            {
                wrong.push(format!("{capture} is tagged as {id}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The marks that look at content, each with what else its exchange must show: anybody can write
/// a page, and quote a script. `PORTLORE_BLESS=1` writes the table anew; the rules themselves are
/// in `src/catalogue/lint.rs`.
#[test]
fn the_table_of_marks_on_content_is_that_of_the_catalogue() {
    let mut rows = String::new();
    for service in Catalogue::load(&[]).unwrap().services() {
        for mark in &service.marks {
            let conditions = || std::iter::once(&mark.first).chain(&mark.and);
            let (content, beside): (Vec<_>, Vec<_>) = conditions().partition(|c| is_content(c));
            if !content.is_empty() {
                let (content, beside) = (phrases(&content), phrases(&beside));
                let reason = why_it_is_safe(conditions());
                rows += &format!("| {} | {content} | {beside} | {reason} |\n", service.id);
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/body-marks.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (text, table) = page.split_once("|---|---|---|---|\n").unwrap();
    if std::env::var_os("PORTLORE_BLESS").is_some() {
        std::fs::write(&path, format!("{text}|---|---|---|---|\n{rows}")).unwrap();
    } else {
        assert!(table == rows, "{} is not what the catalogue says", path.display());
    }
}

fn is_content(condition: &Condition) -> bool {
    let fact = condition.fact.as_str();
    fact.ends_with("-body") || ["http.response-text", "websocket.text", "csta.root"].contains(&fact)
}

/// Why whoever writes the content of an exchange does not fulfil these conditions with it.
fn why_it_is_safe<'a>(conditions: impl Iterator<Item = &'a Condition>) -> &'static str {
    let (mut reason, mut rank) = ("", 0);
    for condition in conditions {
        let text = condition.to_string();
        let (reached, words) = match condition.fact.as_str() {
            "csta.framing" => (4, "only the framing of the product carries such a message"),
            "http.status" if text.ends_with("101") => {
                (4, "a server that accepts this upgrade is not a file server")
            }
            "http.status" if !text.ends_with("200") => {
                (3, "an error is the server's own answer, not a page that it serves")
            }
            "http.target" => (2, "the path is the product's own"),
            fact if fact.ends_with("content-type") => continue,
            fact if fact.starts_with("http.response-header.") => {
                (1, "the server sends the header, not the author of the body")
            }
            fact if fact.starts_with("http.request-header.") => {
                (1, "only the product's client sends the header")
            }
            _ => continue,
        };
        if reached > rank {
            (reason, rank) = (words, reached);
        }
    }
    reason
}

/// Conditions in the cell of a table.
fn phrases(conditions: &[&Condition]) -> String {
    let phrase = |condition: &&Condition| {
        let text = condition.to_string().replace('\n', "\\n").replace('|', "\\|");
        let tick = if text.contains('`') { "``" } else { "`" };
        format!("{tick}{text}{tick}")
    };
    conditions.iter().map(phrase).collect::<Vec<_>>().join(", ")
}
