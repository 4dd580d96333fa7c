//! Conversations with the same addresses in several VLANs and virtual networks.

use serde_json::{Value, json};

use crate::run::{document, outcome};

/// One conversation in the VLANs 10 and 20 and in the VXLAN networks 7 and 8, frame by frame.
const CAPTURE: &str = "fixtures/forms/tenants.pcap";

/// What tells the flows apart, and their packets of both sides.
fn flows(args: &[&str]) -> Vec<Value> {
    let (status, document) = document(&[args, &[CAPTURE]].concat());
    assert_eq!(status, 0);
    let flows = document["flows"].as_array().unwrap().iter();
    flows
        .map(|flow| {
            assert_eq!(flow["verdict"]["service"], "eos");
            let packets = &flow["packets"];
            let all =
                packets["initiator"].as_u64().unwrap() + packets["responder"].as_u64().unwrap();
            json!([flow["tunnel"], flow.get("vlan"), flow.get("vni"), all])
        })
        .collect()
}

fn notices(args: &[&str]) -> Vec<String> {
    let (_, document) = document(&[args, &[CAPTURE]].concat());
    let notices = document["capture"]["notices"].as_array().unwrap().iter();
    notices.map(|notice| notice.as_str().unwrap().to_owned()).collect()
}

#[test]
fn flows_of_several_tenants_are_one_unless_the_key_has_them_and_a_notice_says_so() {
    assert_eq!(flows(&[]), [json!([null, null, null, 124])]);
    let told = notices(&[]);
    assert!(
        told.len() == 2
            && told[0].starts_with("the same addresses appear in VLANs 10 and 20: 192.0.2.21 and ")
            && told[0].ends_with("--key vlan keeps them apart")
            && told[1].starts_with("the same addresses appear in virtual networks (VNI) 7 and 8: ")
            && told[1].ends_with("--key vni keeps them apart"),
        "{told:?}"
    );
}

#[test]
fn a_key_with_the_tenant_keeps_flows_apart_and_shows_it() {
    let tagged = |vlan: u64| json!([null, vlan, null, 31]);
    let in_network = |vni: u64| json!(["vxlan", null, vni, 31]);
    let all = [tagged(10), tagged(20), in_network(7), in_network(8)];
    assert_eq!(flows(&["--key", "vlan,vni"]), all);
    assert!(notices(&["--key", "vlan,vni"]).is_empty());
    let by_vlan = [tagged(10), tagged(20), json!(["vxlan", null, null, 62])];
    assert_eq!(flows(&["--key", "vlan"]), by_vlan);
    assert_eq!(notices(&["--key", "vlan"]).len(), 1);
    assert_eq!(flows(&["--key", "vni"])[0], json!([null, null, null, 62]));
    let (_, stdout, _) = outcome(&["replay", "--flows", "--key", "vlan", "--key", "vni", CAPTURE]);
    for flow in [":3037 vlan 10  osc: ETC Eos", ":3037 via vxlan vni 7  osc: ETC Eos"] {
        assert!(stdout.contains(flow), "{stdout}");
    }
}

#[test]
fn only_a_key_with_the_tenant_has_fields_for_it() {
    for (args, fields) in [
        (&[][..], [false; 3]),
        (&["--key", "vlan"], [true, true, false]),
        (&["--key", "vni"], [false, false, true]),
    ] {
        let (_, document) = document(&[args, &["fixtures/forms/link-qinq.pcap"]].concat());
        let flow = document["flows"][0].as_object().unwrap();
        assert_eq!(["vlan", "outer_vlan", "vni"].map(|field| flow.contains_key(field)), fields);
        if fields[0] {
            assert_eq!((&flow["vlan"], &flow["outer_vlan"]), (&json!(100), &json!(500)));
        }
    }
}

#[test]
fn tenants_read_the_same_with_any_number_of_workers() {
    let captures = [CAPTURE, "fixtures/forms/link-qinq.pcap", "fixtures/showcase.pcap"];
    for key in [&[][..], &["--key", "vlan,vni"]] {
        let read = |workers| {
            let args = ["replay", "--why", "--format", "json", "--workers", workers];
            let (status, stdout, _) = outcome(&[&args[..], key, &captures].concat());
            assert_eq!(status, 0);
            stdout
        };
        let one = read("1");
        for workers in ["2", "4", "16"] {
            assert!(read(workers) == one, "{workers} workers, {key:?}");
        }
    }
}
