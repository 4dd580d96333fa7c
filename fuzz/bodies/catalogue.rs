//! Text as a service file: it is parsed, or the error names a line of the file. What is parsed is
//! matched against facts: those of all samples of detectors, and some that are made to fulfil its
//! conditions. The index of marks finds every mark that holds, and the verdict follows the marks.

use std::sync::LazyLock;

use portlore::catalogue::{Catalogue, Compare, Condition, Origin, Service, parse};
use portlore::classify::{classify, mark_frame};
use portlore::decode::{ServicePort, Transport};
use portlore::detect::{self, DETECTORS};
use portlore::evidence::{Depth, Direction, Evidence, Fact, FactName, Protocol};

/// Copies of a service whose marks are more than are searched one by one.
const COPIES: usize = 70;
/// Marks of a service that is copied: the copies of more take time and find nothing else.
const COPIED: usize = 2;

/// What detectors state of their samples.
static SAMPLES: LazyLock<Vec<Evidence>> = LazyLock::new(|| {
    let samples = DETECTORS.iter().flat_map(|detector| detector.samples);
    samples.map(|sample| detect::inspect(&sample.opening(), Depth::Facts)).collect()
});

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, "fuzzed.toml", Origin::User) {
        Ok(service) => check(service),
        Err(error) => {
            let lines = text.lines().count() + 1;
            let line = error.object().strip_prefix("fuzzed.toml:").and_then(|n| n.parse().ok());
            assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{error:?}");
        }
    }
}

fn check(service: Service) {
    let conditions = service.marks.iter().flat_map(|mark| mark.and.iter().chain([&mark.first]));
    let made: Vec<Fact> = conditions.flat_map(fulfilling).collect();
    let protocol = service.protocols.first().copied().or(Some(Protocol::Http));
    let made = Evidence { protocol, facts: made, ..Evidence::default() };
    if (1..=COPIED).contains(&service.marks.len()) {
        let copy = |n| {
            let mut copy = service.clone();
            copy.id = format!("{}-{n:02}", service.id).into();
            copy
        };
        match_all(&Catalogue::of_services((0..COPIES).map(copy).collect()), &[&made]);
    }
    let evidence: Vec<&Evidence> = SAMPLES.iter().chain([&made]).collect();
    match_all(&Catalogue::of_services(vec![service]), &evidence);
}

/// Facts of which the condition holds, if it can be seen how: one as the condition has it, and one in
/// capital letters if these are the same to it.
fn fulfilling(condition: &Condition) -> Vec<Fact> {
    let mut value = String::new();
    let mut is_certain = condition.compare.len() <= 1;
    for compare in &condition.compare {
        match compare {
            Compare::Equals(text) => value.clone_from(text),
            Compare::Prefix(text) => value = format!("{text}{value}"),
            Compare::Suffix(text) => value = format!("{value}{text}"),
            Compare::Contains(_) | Compare::Matches(_) => {
                // The condition as a phrase has the text behind the first space.
                let phrase = compare.to_string();
                value = format!("<{}>", phrase.split_once(' ').map_or("", |(_, text)| text));
                is_certain &= matches!(compare, Compare::Contains(_));
            }
            _ => is_certain = false,
        }
    }
    let Some(name) = fact_name(&condition.fact) else { return Vec::new() };
    let direction = condition.direction.unwrap_or(Direction::Responder);
    let fact = |value: String| {
        let (name, later) = (name.clone(), Vec::new());
        Fact { name, value, direction, frame: 1, later, exchange: 0 }
    };
    let mut facts = vec![fact(value.clone())];
    if condition.ignore_case {
        facts.push(fact(value.to_ascii_uppercase()));
    }
    for fact in &facts {
        assert!(!is_certain || condition.holds(fact), "{condition} does not hold of {fact:?}");
    }
    facts
}

/// The name of a fact that a detector may state.
fn fact_name(name: &str) -> Option<FactName> {
    detect::facts().find_map(|known| match known.strip_suffix(".*") {
        Some(stem) => {
            let leaf = name.strip_prefix(stem)?.strip_prefix('.')?;
            Some(FactName { stem, leaf: Some(leaf.to_owned()) })
        }
        None => (known == name).then(|| known.into()),
    })
}

fn match_all(catalogue: &Catalogue, all: &[&Evidence]) {
    let mut places = Vec::new();
    for evidence in all {
        let facts = &evidence.facts;
        let mut holding = Vec::new();
        for fact in facts {
            let name = fact.name.to_string();
            let found: Vec<_> = catalogue
                .marks_for(&name, &fact.value, &mut places)
                .map(|(_, mark)| std::ptr::from_ref(mark))
                .collect();
            for service in catalogue.services() {
                for mark in &service.marks {
                    let Some(proof) = mark.proof(fact, facts) else { continue };
                    assert!(found.contains(&std::ptr::from_ref(mark)), "{} is missed", mark.first);
                    assert_eq!(proof.len(), 1 + mark.and.len());
                    let name = mark.service_name(fact).unwrap_or_default();
                    assert!(name.chars().count() <= 64 && !name.contains(char::is_control));
                    holding.push(&*service.id);
                }
            }
        }
        for service in catalogue.services() {
            let is_proved = holding.contains(&&*service.id);
            assert_eq!(mark_frame(service, facts).is_some(), is_proved, "{}", service.id);
        }
        let port = ServicePort::new(3001, Transport::Tcp);
        let verdict = classify(catalogue, port, Some(evidence), true);
        assert_eq!(verdict.protocol, evidence.protocol);
        if let Some(service) = &verdict.service {
            assert!(holding.contains(&&*service.id), "{} is named", service.id);
        }
    }
}
