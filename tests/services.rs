//! What the catalogue knows, for people and for programs, and trying services of one's own.

use crate::run::{DESK, outcome};

const CAPTURE: &str = "fixtures/showcase.pcap";

#[test]
fn services_are_listed_in_eighty_columns_and_found_by_a_word() {
    let (status, all, _) = outcome(&["services"]);
    assert_eq!(status, 0);
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    let (_, found, _) = outcome(&["services", "3037"]);
    assert!(found.lines().any(|line| line.starts_with("eos ")) && found.len() < all.len());
    let (_, both, _) = outcome(&["services", "osc", "3037"]);
    assert!(both.lines().any(|line| line.starts_with("eos ")) && both.len() <= found.len());
    let (status, stdout, stderr) = outcome(&["services", "no such thing"]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("'no such thing'"), "{stderr}");
}

#[test]
fn services_as_json_have_claims_and_marks() {
    let (status, text, _) = outcome(&["services", "eos", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &document["schema"]), (0, &"portlore/services/1".into()));
    let services = document["services"].as_array().unwrap();
    let eos = services.iter().find(|service| service["id"] == "eos").unwrap();
    let claims = eos["claims"].as_array().unwrap();
    assert!(eos["marks"].as_u64().unwrap() > 0 && claims.iter().any(|claim| claim["port"] == 3037));
}

#[test]
fn a_port_page_in_markdown_says_nothing_of_this_machine() {
    let (status, page, _) = outcome(&["port", "3037", "3002", "--format", "md"]);
    assert_eq!(status, 0);
    assert!(page.starts_with("# Port 3037\n") && page.contains("\n# Port 3002\n"), "{page}");
    assert!(page.contains("- **ETC Eos") && !page.contains("Listening here"), "{page}");
}

#[test]
fn a_service_of_ones_own_is_tried_against_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("desk.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        outcome(&["catalogue", "check", file.to_str().unwrap(), "--against", CAPTURE])
    };
    let (status, page, _) = check(DESK);
    assert_eq!(status, 0, "{page}");
    assert!(page.starts_with("1 service file, no errors\n"), "{page}");
    assert!(page.contains("Our desk") && page.contains("sends a message to /eos/"), "{page}");
    assert!(page.contains("Wireshark: frame.number"), "{page}");
    assert!(page.contains("\ndesk: named on "), "{page}");
    let (status, page, _) = check(&DESK.replace("/eos/", "/harbour/"));
    assert_eq!(status, 1);
    assert!(page.contains("desk: named on none of "), "{page}");
    assert!(page.contains("osc.address begins with /harbour/: it is /eos/"), "{page}");
    let (status, _, stderr) = check(&DESK.replace("osc.address", "osc.colour"));
    assert_eq!(status, 2);
    assert!(stderr.contains("no detector states 'osc.colour'"), "{stderr}");
}
