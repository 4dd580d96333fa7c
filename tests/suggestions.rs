//! "Did you mean": what does not exist gets the names that come close.

use crate::run::{DESK, outcome, refusal};

#[test]
fn a_mistyped_service_name_gets_those_of_the_registry_and_the_catalogue() {
    let http = refusal(&["port", "htp"]);
    assert!(http.starts_with("portlore: htp: no service has this name; did you mean "));
    assert!(http.contains("http"), "{http}");
    assert!(refusal(&["port", "posgresql"]).ends_with("; did you mean postgresql?\n"));
    assert!(refusal(&["port", "no-such-thing"]).ends_with("from the IANA registry, such as ssh\n"));
}

#[test]
fn the_name_of_a_protocol_leads_to_its_ports() {
    let osc = refusal(&["port", "osc"]);
    assert!(osc.starts_with("portlore: osc: is a protocol, not the name of a service; write one"));
    assert!(osc.contains("3032") && osc.ends_with(" more\n"), "{osc}");
}

#[test]
fn an_unknown_tag_of_a_service_file_is_a_fault_that_lists_the_tags() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("desk.toml");
    let check = |tag: &str| {
        std::fs::write(&file, DESK.replace("OSC", tag)).unwrap();
        outcome(&["catalogue", "check", file.to_str().unwrap()])
    };
    let (status, _, stderr) = check("llm");
    assert_eq!(status, 2);
    assert!(stderr.contains("desk.toml:1: tag: there is no 'llm'; the tags are ai, app-search"));
    assert!(check("dev-sever").2.contains("; did you mean dev-server? the tags are ai"));
    assert_eq!(check("OSC").0, 0);
}

#[test]
fn a_mistyped_flag_command_or_word_gets_the_one_that_there_is() {
    for (args, word) in [
        (&["replya", "x"][..], "'replay'"),
        (&["replay", "--folow", "x"], "'--follow'"),
        (&["replay", "--format", "tabel", "x"], "'table'"),
        (&["replay", "--fail-on", "alart", "x"], "'alert'"),
    ] {
        let said = refusal(args);
        assert!(said.contains("tip: a similar") && said.contains(word), "{said}");
    }
    assert!(!refusal(&["replay", "--metrics", "9464", "x"]).contains("-- --metrics"));
}
