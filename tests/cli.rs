//! The real binary as people use it.

use std::io::Write;
use std::process::Stdio;

use crate::run::{DESK, document, outcome, portlore, told};

const CAPTURE: &str = "fixtures/acceptance.pcap";

/// Express on 3001, TLS on 3002, OSC in SLIP on 3037 and HTTP on 3037.
#[test]
fn the_acceptance_capture_reads_right() {
    let (status, document) = document(&[CAPTURE]);
    assert_eq!(status, 0);
    let verdicts = |port: u64| -> Vec<serde_json::Value> {
        let flows = document["flows"].as_array().unwrap().iter();
        flows.filter(|f| f["responder"]["port"] == port).map(|f| f["verdict"].clone()).collect()
    };
    for verdict in verdicts(3001) {
        assert_eq!(
            (&verdict["service"], &verdict["confidence"], &verdict["tag"]),
            (&"express".into(), &"mark".into(), &"dev-server".into())
        );
    }
    for verdict in verdicts(3002) {
        assert_eq!(
            (&verdict["protocol"], &verdict["confidence"], &verdict["fit"]),
            (&"tls".into(), &"protocol".into(), &"agrees".into())
        );
        assert!(
            verdict["candidates"].as_array().unwrap().len() > 3 && verdict["service"].is_null()
        );
    }
    let on_3037 = verdicts(3037);
    let eos = on_3037.iter().find(|v| v["protocol"] == "osc").unwrap();
    assert_eq!(
        (&eos["service"], &eos["confidence"], &eos["fit"]),
        (&"eos".into(), &"mark".into(), &"agrees".into())
    );
    let http = on_3037.iter().find(|v| v["protocol"] == "http").unwrap();
    assert_eq!(http["fit"], "contradicts");
    for verdict in verdicts(3001).iter().chain(&on_3037) {
        assert!(verdict["reasons"][0]["frame"].as_u64().unwrap() > 0);
    }
}

#[test]
fn the_document_has_the_fields_of_its_contract_in_order() {
    let (_, stdout, _) = outcome(&["replay", "--flows", "--format", "json", CAPTURE]);
    let mut rest = stdout.as_str();
    for field in [
        "schema",
        "capture",
        "files",
        "frames",
        "segments",
        "skipped",
        "dropped",
        "kernel",
        "interface",
        "queue",
        "evicted_flows",
        "bytes",
        "first",
        "last",
        "complete",
        "problems",
        "notices",
        "ports",
        "port",
        "transport",
        "registered",
        "claims",
        "speaking",
        "service",
        "tag",
        "candidate_tags",
        "also",
        "protocol",
        "confidence",
        "proved_by",
        "fit",
        "candidates",
        "products",
        "flows",
        "packets",
        "initiator",
        "responder",
        "bytes",
        "initiators",
        "outcomes",
        "retransmissions",
        "packet_bytes",
        "count",
        "p50",
        "p90",
        "p99",
        "max",
        "duration_ns",
        "handshake_rtt_ns",
        "first_response_ns",
        "services",
        "flows",
        "orientation",
        "first_frame",
        "last_frame",
        "payload_bytes",
        "tcp",
        "state",
        "verdict",
        "service",
        "service_name",
        "tag",
        "candidate_tags",
        "also",
        "protocol",
        "product",
        "proved_by",
        "confidence",
        "fit",
        "candidates",
        "reasons",
        "fact",
        "value",
        "direction",
        "frame",
    ] {
        let at = rest
            .find(&format!("\"{field}\":"))
            .unwrap_or_else(|| panic!("{field} is missing or out of order"));
        rest = &rest[at + 1..];
    }
    assert!(
        outcome(&["replay", "--format", "json", CAPTURE]).1.contains("\"schema\":\"portlore/2\"")
    );
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let bytes = std::fs::read(format!("{}/{CAPTURE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut child =
        portlore(&["replay", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let (status, stdout, _) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0);
    let (_, from_file, _) = outcome(&["replay", CAPTURE]);
    assert_eq!(stdout.trim_start_matches('-'), from_file.trim_start_matches(CAPTURE));
}

#[test]
fn an_interrupted_pipe_ends_with_its_report() {
    let mut child = portlore(&["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let capture = std::fs::read(format!("{}/{CAPTURE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    pipe.write_all(&capture).unwrap();
    // More than a pipe holds: when this has gone through, the program reads and knows its signals.
    for _ in 0..20 {
        pipe.write_all(&capture[24..]).unwrap();
    }
    // The counts are told only by a program that has read what there is: then the pipe is quiet,
    // and still open.
    crate::net::wait_for_frames(&mut child, 21 * 137);
    crate::net::signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    drop(pipe);
    let (status, stdout, stderr) = told(&output);
    assert!(stdout.contains("osc: ETC Eos"), "{stdout}");
    assert_eq!(status, 3, "not all was read, and it says so");
    assert!(stderr.contains("interrupted after frame 2877; the rest was not read"), "{stderr}");
}

#[test]
fn a_filter_leaves_frames_out_and_counts_them() {
    let (_, all) = document(&[CAPTURE]);
    let (status, some) = document(&["-f", "tcp port 3037", CAPTURE]);
    assert_eq!(status, 0);
    assert!(some["ports"].as_array().unwrap().iter().all(|p| p["port"] == 3037));
    assert_eq!(some["capture"]["frames"], all["capture"]["frames"]);
    assert!(some["capture"]["skipped"]["filtered"].as_u64().unwrap() > 0);
    let first = |d: &serde_json::Value| {
        let flows = d["flows"].as_array().unwrap().clone();
        flows.into_iter().find(|f| f["responder"]["port"] == 3037).unwrap()["first_frame"].clone()
    };
    assert_eq!(first(&some), first(&all), "frames keep the numbers that Wireshark shows");
    let (_, mixed) = document(&["-f", "tcp", "fixtures/forms/ng-interfaces.pcapng"]);
    assert_eq!(mixed["capture"]["skipped"], serde_json::json!({}), "compiled for each link type");
}

#[test]
fn a_count_ends_the_reading() {
    let (status, document) = document(&["-c", "5", CAPTURE]);
    assert_eq!((status, &document["capture"]["frames"]), (0, &5.into()));
    let (_, filtered) = crate::run::document(&["-c", "5", "-f", "tcp port 3037", CAPTURE]);
    assert_eq!(filtered["capture"]["segments"], 5, "frames that pass are counted, as tcpdump does");
}

#[test]
fn a_reader_who_goes_away_is_a_quiet_end() {
    let mut child = portlore(&["replay", "--why", CAPTURE])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(told(&output), (0, String::new(), String::new()));
}

#[test]
fn a_report_can_go_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let (status, stdout, _) =
        outcome(&["replay", "--format", "json", "-o", path.to_str().unwrap(), CAPTURE]);
    assert_eq!((status, stdout.as_str()), (0, ""));
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        outcome(&["replay", "--format", "json", CAPTURE]).1
    );
}

#[test]
fn a_users_catalogue_is_heard_without_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("desk.toml"), DESK).unwrap();
    let (_, document) = document(&["--catalogue", folder.path().to_str().unwrap(), CAPTURE]);
    let flows = document["flows"].as_array().unwrap();
    let osc = flows.iter().find(|f| f["verdict"]["protocol"] == "osc").unwrap();
    assert_eq!(
        (&osc["verdict"]["service"], &osc["verdict"]["confidence"]),
        (&"desk".into(), &"mark".into())
    );
    let checked = outcome(&["catalogue", "check", folder.path().to_str().unwrap()]);
    assert_eq!((checked.0, checked.1.as_str()), (0, "1 service file, no errors\n"));
}

/// Text of no known protocol is named by its first line, whether or not flows are kept with reasons.
#[test]
fn a_users_mark_names_text_in_a_protocol_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let text = "id = \"tides\"\nname = \"Tides\"\ntag = \"web-app\"\nspeaks = [\"text\"]\n[[mark]]\nfact = \"text.line\"\nprefix = \"201 TIDES\"\ndirection = \"responder\"\n";
    std::fs::write(folder.path().join("tides.toml"), text).unwrap();
    let args =
        ["--catalogue", folder.path().to_str().unwrap(), "fixtures/lines-lookalike-7000.pcap"];
    let is_named = |verdict: &serde_json::Value| verdict["service"] == "tides";
    let (_, document) = document(&args);
    let flows: Vec<_> = document["flows"].as_array().unwrap().iter().collect();
    let named: Vec<_> = flows.iter().filter(|flow| is_named(&flow["verdict"])).collect();
    assert_eq!(named.len(), 1);
    let verdict = &named[0]["verdict"];
    assert_eq!((&verdict["protocol"], &verdict["confidence"]), (&"text".into(), &"mark".into()));
    let without = outcome(&[&["replay", "--format", "json"], &args[..]].concat()).1;
    let without: serde_json::Value = serde_json::from_str(&without).unwrap();
    let of_port = |port: &&serde_json::Value| port["port"] == 5250;
    let port = without["ports"].as_array().unwrap().iter().find(of_port).unwrap();
    assert!(port["speaking"].as_array().unwrap().iter().any(is_named), "{port}");
}

#[test]
fn a_port_page_has_the_listener_first_then_the_answer_registry_claimants_and_commands() {
    let (status, page, _) = outcome(&["port", "3002"]);
    assert_eq!(status, 0);
    for text in [
        "Listening here   ",
        "In short            Most likely a development server",
        "exlm-agent (EXLM Agent), remoteware-srv (RemoteWare Server)",
        "when 3000 and 3001 are taken",
        "On another machine  macOS: lsof -i :3002 · Windows: netstat -ano | findstr :3002",
        "Linux: ss -tlnp 'sport = :3002'",
        "portlore port 3002 --all",
    ] {
        assert!(page.contains(text), "{text} is missing in\n{page}");
    }
    let (_, all, _) = outcome(&["port", "3002", "--all"]);
    for text in ["registered (1024-49151)", "Miralix CSTA", "Elastic"] {
        assert!(all.contains(text), "{text} is missing in\n{all}");
    }
    for (port, advice) in
        [("3001", "Unexpected? "), ("3037", "Something else here? "), ("3037", "Closed? ")]
    {
        let (_, page, _) = outcome(&["port", port]);
        assert!(page.contains(advice), "{advice} is missing in\n{page}");
    }
    let (_, page, _) = outcome(&["port", "3001/udp"]);
    assert!(page.contains("3001/udp reserved") && page.contains("ss -ulnp"), "{page}");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (_, page, _) = outcome(&["port", &format!("{port}/tcp")]);
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let pid = format!("(pid {})", std::process::id());
    assert!(page.contains("on 127.0.0.1 only") && page.contains(&pid), "{page}");
}

#[test]
fn local_times_are_those_of_this_machine_though_the_file_system_is_closed() {
    // The tests run in Asia/Kathmandu, which is 5 hours and 45 minutes ahead.
    let (_, text, _) = outcome(&["replay", "--local", "fixtures/showcase.pcap"]);
    let has_zones = std::path::Path::new("/usr/share/zoneinfo/Asia/Kathmandu").exists();
    let expected = if has_zones { "2026-11-21 01:12:21-01:12:24 +0545" } else { " UTC (" };
    assert!(text.contains(expected), "{text}");
}

#[test]
fn ports_are_asked_for_by_number_range_and_name_and_a_bare_number_is_enough() {
    let document = |args: &[&str]| -> serde_json::Value {
        let (status, stdout, stderr) = outcome(&[args, &["--format", "json"]].concat());
        assert_eq!(status, 0, "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    };
    let numbers = |document: &serde_json::Value| -> Vec<u64> {
        let pages = document["ports"].as_array().unwrap();
        pages.iter().map(|page| page["port"].as_u64().unwrap()).collect()
    };
    let asked = document(&["port", "3000-3002", "ssh", "3001", "eos/tcp"]);
    assert_eq!(numbers(&asked), [3000, 3001, 3002, 22, 3032, 3033, 3037, 4703]);
    let page = &asked["ports"][1];
    assert_eq!(
        (&page["range"], &page["claims"][0]["service"]),
        (&"registered".into(), &"nextjs".into())
    );
    assert_eq!(page["claims"][0]["reach"], "overflow");
    assert!(page["listeners"].is_array(), "{page}");
    assert_eq!(outcome(&["3037/tcp"]), outcome(&["port", "3037/tcp"]));
    let (status, _, stderr) = outcome(&["port", "no-such-name"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("no-such-name") && stderr.contains("such as ssh"), "{stderr}");
    let (status, _, stderr) = outcome(&["port", "1-1000"]);
    assert!(status == 2 && stderr.contains("more than 64 ports"), "{stderr}");
}

#[test]
fn interfaces_are_listed_with_addresses_and_state() {
    let (status, stdout, stderr) = outcome(&["interfaces"]);
    assert_eq!(status, 0, "{stderr}");
    let loopback = stdout.lines().find(|line| line.starts_with("lo")).unwrap();
    assert!(loopback.contains("127.0.0.1/8") && loopback.contains("up"), "{stdout}");
}

#[test]
fn the_doctor_says_what_is_there_and_the_recipe_for_this_very_binary() {
    let root = nix::unistd::Uid::effective().is_root();
    let (status, stdout, stderr) = outcome(&["doctor"]);
    assert_eq!((status, stderr.as_str()), (i32::from(!root), ""), "{stdout}");
    for subject in
        ["libpcap", "CAP_NET_RAW", "capture", "file system", "system calls", "interfaces"]
    {
        assert!(stdout.lines().any(|line| line.starts_with(subject)), "{subject}: {stdout}");
    }
    if root {
        // Without root's rights the same binary names its own remedy.
        let args = [
            "--bounding-set=-all",
            "--inh-caps=-all",
            "--reuid=65534",
            "--clear-groups",
            env!("CARGO_BIN_EXE_portlore"),
            "doctor",
        ];
        let (status, stdout, _) =
            told(&std::process::Command::new("setpriv").args(args).output().unwrap());
        assert_eq!(status, 1, "{stdout}");
        assert!(stdout.contains("not held") && stdout.contains("permission denied"), "{stdout}");
        assert!(
            stdout.contains(env!("CARGO_BIN_EXE_portlore")) && stdout.contains("sudo"),
            "{stdout}"
        );
        assert!(
            stdout.contains("CAP_SYS_PTRACE")
                && stdout.contains("to identify the processes of other users"),
            "{stdout}"
        );
    }
}

#[test]
fn help_and_version_are_no_errors_and_wrong_usage_is_two() {
    assert_eq!(outcome(&["--version"]).0, 0);
    let (status, help, _) = outcome(&["replay", "--help"]);
    assert!(status == 0 && help.contains("--filter"));
    for wrong in [
        &["replay"][..],
        &["nonsense"],
        &["osc"],
        &["port", "99999"],
        &["live", "-i", "lo", "--for", "soon"],
        &["live", "-i", "lo", "--interval", "1s", "--format", "json"],
    ] {
        assert_eq!(outcome(wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_flow_names_its_tunnel_and_the_outer_packets_can_be_had_instead() {
    let capture = "fixtures/forms/tunnel-vxlan.pcap";
    let (status, inner) = document(&[capture]);
    assert_eq!((status, &inner["flows"][0]["tunnel"]), (0, &"vxlan".into()));
    assert_eq!(inner["flows"][0]["responder"]["port"], 3037);
    let (_, plain) = document(&[CAPTURE]);
    assert!(plain["flows"].as_array().unwrap().iter().all(|flow| flow["tunnel"].is_null()));
    let (status, outer) = document(&["--no-tunnels", capture]);
    assert_eq!((status, &outer["flows"][0]["tunnel"]), (0, &serde_json::Value::Null));
    assert_eq!(outer["capture"]["segments"], inner["capture"]["segments"]);
    assert!(outer["flows"].as_array().unwrap().iter().all(|flow| flow["transport"] == "udp"));
    let (_, gre) = document(&["--no-tunnels", "fixtures/forms/tunnel-gre.pcap"]);
    assert_eq!(gre["capture"]["skipped"]["tunnel"], gre["capture"]["frames"]);
}

/// Every form of the base conversation says what the base says.
#[test]
fn every_link_layer_and_tunnel_gives_the_conversation_in_it() {
    let base = document(&["fixtures/eos-tcp-slip-3037.pcap"]).1["flows"][0].clone();
    let forms = crate::run::captures("fixtures/forms");
    let mut seen = 0;
    for form in forms
        .iter()
        .filter(|f| ["/link-", "/tunnel-", "/fragments-"].iter().any(|kind| f.contains(kind)))
    {
        if ["link-usb", "tunnel-lookalikes", "fragments-refused"]
            .iter()
            .any(|other| form.contains(other))
        {
            continue;
        }
        let (status, document) = document(&[form]);
        assert_eq!((status, document["flows"].as_array().unwrap().len()), (0, 1), "{form}");
        let flow = &document["flows"][0];
        for field in ["packets", "payload_bytes", "tcp", "outcome"] {
            assert_eq!(flow[field], base[field], "{form}: {field}");
        }
        assert_eq!(flow["verdict"]["service"], "eos", "{form}");
        assert_eq!(
            flow["tunnel"].is_string(),
            form.contains("/tunnel-") || form.contains("vxlan"),
            "{form}"
        );
        seen += 1;
    }
    assert!(seen > 40, "{seen} forms");
}

#[test]
fn findings_fail_a_run_from_the_severity_on_that_is_asked_for() {
    let status = |capture: &str, severity: &str| {
        let args = ["replay", "-q", "--only", "findings", "--fail-on", severity, capture];
        outcome(&args).0
    };
    assert_eq!(status("fixtures/showcase.pcap", "alert"), 1);
    let log_in = "fixtures/cases/finding-log-in.pcap";
    assert_eq!(
        [status(log_in, "note"), status(log_in, "warning"), status(log_in, "alert")],
        [1, 0, 0]
    );
    assert_eq!(status("fixtures/cases/finding-quiet-names.pcap", "note"), 0);
    assert_eq!(status("no such file", "note"), 2);
}

#[test]
fn severity_port_and_frame_of_a_finding_are_never_cut() {
    let (_, out, _) = outcome(&["replay", "--only", "findings", "fixtures/swapped-ports.pcap"]);
    let rows: Vec<&str> = out.lines().filter(|line| line.starts_with("alert")).collect();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(row.contains("/tcp") && row.contains("frame ") && !row.contains('…'), "{row}");
    }
}
