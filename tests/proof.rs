//! No entry without proof: every service with marks is found in its captures and not in its
//! look-alikes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use portlore::catalogue::Catalogue;

use crate::run::{captures, document};

/// The services that marks name in each capture. Every capture is replayed once for all tests.
static MARKED: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let services = |capture: &String| {
        let (_, document) = document(&[capture]);
        let flows = document["flows"].as_array().unwrap().clone();
        let marks = flows.iter().map(|flow| &flow["verdict"]).filter(|v| v["confidence"] == "mark");
        marks.map(|v| v["service"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
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

/// Anybody can quote a page or a script: the head must say that the body is one, in the same
/// exchange.
#[test]
fn no_mark_rests_on_a_body_whose_head_says_nothing_of_its_type() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let mut bare = Vec::new();
    for service in catalogue.services() {
        for mark in &service.marks {
            let facts = || std::iter::once(&mark.first).chain(&mark.and).map(|c| c.fact.as_str());
            if facts().all(|fact| fact == "http.response-body") {
                bare.push(format!("{}.toml:{}", service.id, mark.line));
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}
