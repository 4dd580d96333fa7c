use super::*;
use crate::Replay;
use crate::findings;
use crate::pipeline::Run;

fn run(capture: &str) -> Run {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(capture);
    Replay::open([path]).unwrap().run().unwrap()
}

fn parse(text: &str) -> Result<Expectations> {
    let catalogue = Catalogue::shipped().unwrap();
    Expectations::parse(text, "x.toml", &catalogue)
}

#[test]
fn few_flows_are_kept_however_many_break_a_rule() {
    let run = run("showcase.pcap");
    let text = "[[flow]]\nmust = \"http\"\nonly = \"protocol = http\"\nat_least = 1\nat_most_bytes = 1\n\
                [[flow]]\nnone = true\n[[server]]\nmust = \"http\"\nonly = \"http\"\nat_most_bytes = 1\n";
    let expectations = parse(text).unwrap();
    let mut checker = Checker::new(&expectations);
    for _ in 0..200 {
        run.flows.iter().for_each(|flow| checker.flow(flow));
    }
    let checked = checker.end(&run, &[]);
    assert_eq!(checked.violated(), 3);
    for violation in checked.rules.iter().flat_map(|rule| &rule.violations) {
        assert!(violation.flows.len() <= 10, "{}", violation.message);
    }
    // Rules about servers come first.
    let of_flows = &checked.rules[1].violations;
    let largest = of_flows.iter().find(|one| one.expectation == Expectation::AtMostBytes).unwrap();
    let sizes: Vec<u64> = largest.flows.iter().map(|flow| flow.record.bytes.sum()).collect();
    let most = run.flows.iter().map(|flow| flow.record.bytes.sum()).max().unwrap();
    assert!(sizes.iter().all(|&size| size == most), "{sizes:?}");
    assert_eq!(largest.more, 200 * run.flows.len() as u64 - 10);
}

#[test]
fn rules_have_the_lines_and_names_of_the_file() {
    let text = "# head\n[[server]]\nname = \" Eos \"\nmust = \"eos\"\n\n[[flow]]\nwhere = \"tag = osc\"\n\
                at_least = 2\n\n[findings]\nno = [\n  \"exposed\",\n]\n";
    let expectations = parse(text).unwrap();
    let rules: Vec<_> =
        expectations.rules.iter().map(|rule| (rule.table(), &*rule.name, rule.line)).collect();
    assert_eq!(
        rules,
        [
            ("server", "Eos", 2),
            ("flow", "at least 2 flows where tag = osc", 6),
            ("findings", "findings: no exposed", 12),
        ]
    );
}

#[test]
fn there_is_a_bound_on_rules() {
    assert!(parse(&"[[flow]]\nat_least = 1\n".repeat(1_000)).is_ok());
    let fault = parse(&"[[flow]]\nat_least = 1\n".repeat(1_001)).err().unwrap();
    assert_eq!(fault.to_string(), "x.toml:1:1: there are more than 1000 rules; divide the file");
}

#[test]
fn filters_of_rules_say_which_facts_they_need() {
    let text = "[[flow]]\nwhere = \"sni = a.example\"\nonly = \"http_status = 200 or sni = b\"\n";
    let facts = parse(text).unwrap().facts();
    assert!(facts.contains(&"tls.sni") && facts.contains(&"http.status"), "{facts:?}");
    let once: std::collections::BTreeSet<_> = facts.iter().collect();
    assert_eq!(once.len(), facts.len());
}

#[test]
fn the_filter_of_a_violation_is_valid() {
    let run = run("showcase.pcap");
    let text = "[[flow]]\nwhere = \"bytes > 0 or packets > 0\"\nmust = [\"http\", \"express\"]\n\
                only = \"protocol = http\"\n[[server]]\naddress = [\"192.0.2.10\", \"192.0.2.0/24\"]\n\
                port = [\"1-9999\", \"3037/tcp\"]\nmust = \"http\"\nonly = \"http\"\nat_least = 99\n\
                [findings]\nno = [\"alert\", \"note\", \"warning\"]\n";
    let expectations = parse(text).unwrap();
    let mut checker = Checker::new(&expectations);
    run.flows.iter().for_each(|flow| checker.flow(flow));
    let found = findings::find(&run.stats, &run.catalogue);
    let checked = checker.end(&run, &found);
    let violations: Vec<_> = checked.rules.iter().flat_map(|rule| &rule.violations).collect();
    assert!(violations.len() > 8, "{}", violations.len());
    for violation in violations {
        let text = violation.filter.as_deref().unwrap();
        let filter = crate::flow_filter::FlowFilter::parse(text);
        let filter = filter.unwrap_or_else(|fault| panic!("{fault}"));
        // It selects every flow that is shown.
        assert!(violation.flows.iter().all(|flow| filter.matches(flow.view())), "{text}");
    }
}

#[test]
fn what_is_learnt_is_escaped() {
    let run = run("showcase.pcap");
    let hostile = ["a\n[[flow]]\nnone = true\u{202e}\"".to_owned()];
    let text = learn(&run, &[], &hostile);
    assert!(!text.contains('\u{202e}') && parse(&text).unwrap().rules.len() > 5, "{text}");
    assert!(!text.contains("\n[[flow]]\nnone"), "{text}");
}
