//! Live capture for real, between two network namespaces (`net.rs`).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use crate::net::{Net, TRAFFIC, ip, segments, signal, stderr_line, wait_for_frames};
use crate::privilege::public_folder;
use crate::run::{document, told};

/// It parses untrusted bytes, and no longer with any of root's rights, on none of its threads.
fn assert_powerless(child: &Child) {
    let threads: Vec<_> = std::fs::read_dir(format!("/proc/{}/task", child.id()))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(threads.len() > 1);
    for thread in threads {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            (field("Uid:"), field("Gid:")),
            (vec!["65534".to_owned(); 4], vec!["65534".to_owned(); 4])
        );
        assert_eq!(field("Groups:"), Vec::<String>::new());
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set), ["0000000000000000"], "{set}");
        }
        assert_eq!(
            (field("NoNewPrivs:"), field("Seccomp:")),
            (vec!["1".to_owned()], vec!["2".to_owned()])
        );
    }
}

#[test]
fn a_capture_sees_what_is_sent_and_ends_on_sigint_with_its_report() {
    let Some(net) = Net::new() else { return };
    let mut child =
        net.capture(&["-i", "veth0", "--format", "json", "--flows", "-f", "udp port 8000 or tcp"]);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 5);
    assert_powerless(&child);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        document["capture"]["dropped"],
        serde_json::json!({"kernel": 0, "interface": 0, "queue": 0})
    );
    assert_eq!(document["capture"]["complete"], true);
    let flows = document["flows"].as_array().unwrap();
    assert_eq!(
        flows
            .iter()
            .filter(|f| f["verdict"]["service"] == "eos" && f["verdict"]["confidence"] == "mark")
            .count(),
        3
    );
    let refused = flows.iter().find(|f| f["responder"]["port"] == 3001).unwrap();
    assert_eq!((&refused["outcome"], &refused["orientation"]), (&"refused".into(), &"seen".into()));
}

#[test]
fn only_the_frames_of_a_capture_that_is_saved_are_filtered_by_number() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let name = file.to_str().unwrap();
    for (save, filter) in [
        (&[][..], "ip.addr == 10.77.0.1 && ip.addr == 10.77.0.2 && udp.port == "),
        (&["-w", name], "frame.number == "),
        (&["-w", name, "-C", "1M"], "ip.addr == 10.77.0.1 && ip.addr == 10.77.0.2 && udp.port == "),
    ] {
        let args = ["-i", "veth0", "--why", "-f", "udp port 8000"];
        let mut child = net.capture(&[&args[..], save].concat());
        net.client(TRAFFIC);
        wait_for_frames(&mut child, 3);
        signal(&child, "INT");
        let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
        assert_eq!(status, 0, "{stderr}");
        assert_eq!(stdout.matches(&format!("Wireshark: {filter}")).count(), 3, "{stdout}");
    }
}

#[test]
fn what_came_just_before_the_end_is_still_read() {
    let Some(net) = Net::new() else { return };
    let child = net.capture(&["-i", "veth0", "-f", "udp port 8000 or tcp"]);
    net.client(TRAFFIC);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("veth0: 5 packets"), "{stdout}");
}

#[test]
fn a_count_and_a_time_end_a_capture_by_themselves() {
    let Some(net) = Net::new() else { return };
    let child = net.capture(&["-i", "veth0", "-c", "3", "-f", "udp port 8000", "-p"]);
    net.client(TRAFFIC);
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(
        stdout.contains("veth0: 3 packets")
            && stdout.contains("osc (no answer)")
            && stdout.contains("no packets dropped"),
        "{stdout}"
    );
    let child = net.capture(&["-i", "veth0", "--for", "200ms"]);
    assert_eq!(told(&child.wait_with_output().unwrap()).0, 0);
}

#[test]
fn all_interfaces_at_once_are_captured_as_any() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "any", "--flows", "-f", "udp port 8000"]);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    signal(&child, "TERM");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("10.77.0.2:8000  osc (no answer)"), "{stdout}");
}

#[test]
fn several_interfaces_are_captured_at_once() {
    let Some(net) = Net::new() else { return };
    let mut child =
        net.capture(&["-i", "veth0", "-i", "lo", "-i", "veth0", "--flows", "-f", "udp port 8000"]);
    net.client(TRAFFIC);
    net.shell('b', "printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/127.0.0.1/8000");
    wait_for_frames(&mut child, 4);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("veth0, lo: 4 packets"), "{stdout}");
    assert!(
        stdout.contains("10.77.0.2:8000  osc") && stdout.contains("127.0.0.1:8000  osc"),
        "{stdout}"
    );
}

#[test]
fn an_interface_that_goes_down_is_waited_for() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "veth0", "-f", "udp port 8000"]);
    net.shell('b', "ip link set veth0 down");
    assert!(stderr_line(&mut child).ends_with("veth0 is down; waiting for it to come up\n"));
    net.shell('b', "ip link set veth0 up");
    assert!(stderr_line(&mut child).ends_with("veth0 is up again\n"));
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("osc (no answer)"), "{stdout}");
}

/// Lines of talk up to the one that ends so.
fn lines_until(child: &mut Child, end: &str) -> Vec<String> {
    let mut lines = vec![stderr_line(child)];
    while !lines.last().is_none_or(|line| line.ends_with(&format!("{end}\n")) || line.is_empty()) {
        lines.push(stderr_line(child));
    }
    lines
}

#[test]
fn an_interface_that_goes_away_is_captured_on_again_when_it_is_back() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let file = folder.path().join("out/show.pcapng");
    let args = [
        "-i",
        "veth0",
        "-i",
        "lo",
        "-f",
        "udp port 8000",
        "--format",
        "json",
        "-w",
        file.to_str().unwrap(),
    ];
    let mut child = net.capture(&args);
    for round in 1..4 {
        net.client(TRAFFIC);
        wait_for_frames(&mut child, 3 * round);
        net.shell('a', "ip link del veth0");
        lines_until(&mut child, "veth0 disappeared; waiting for it to return");
        net.wire().unwrap();
        lines_until(&mut child, "veth0 is back; capture continues");
        assert_powerless(&child);
        let again = Command::new("ip")
            .args(["-n", &net.side('b'), "-d", "link", "show", "veth0"])
            .output()
            .unwrap();
        assert!(
            String::from_utf8_lossy(&again.stdout).contains("promiscuity 1"),
            "frames for others are seen again, too"
        );
    }
    net.client(TRAFFIC);
    net.shell('b', "printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/127.0.0.1/8000");
    wait_for_frames(&mut child, 13);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    let live: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        live["capture"]["dropped"],
        serde_json::json!({"kernel": 0, "interface": 0, "queue": 0})
    );
    assert_eq!(
        (&live["capture"]["frames"], &live["capture"]["complete"]),
        (&13.into(), &true.into())
    );
    let notices = live["capture"]["notices"].as_array().unwrap();
    let is_said = |notice: &serde_json::Value| {
        notice.as_str().unwrap().starts_with("veth0 was missing 3 times, for ")
    };
    assert!(notices.iter().any(is_said), "{notices:?}");
    assert_eq!(document(&[file.to_str().unwrap()]).1["capture"]["frames"], 13);
}

#[test]
fn an_interface_that_does_not_come_back_is_a_problem_and_the_others_are_not() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "lo", "-i", "veth0", "-f", "udp port 8000"]);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    net.shell('a', "ip link del veth0");
    lines_until(&mut child, "veth0 disappeared; waiting for it to return");
    net.shell('b', "printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/127.0.0.1/8000");
    wait_for_frames(&mut child, 4);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 3, "{stderr}");
    assert!(stderr.contains("veth0: disappeared and did not return"), "{stderr}");
    assert!(stdout.contains("4 packets"), "{stdout}");
}

/// A tunnel on side b, which has no hardware address; false, with the reason printed, where there
/// can be none.
fn tunnel(net: &Net, name: &str) -> bool {
    let made = ip(&format!("-n {} tuntap add name {name} mode tun", net.side('b')));
    let up = made.and_then(|()| ip(&format!("-n {} link set {name} up", net.side('b'))));
    up.inspect_err(|reason| eprintln!("skipped: {reason}")).is_ok()
}

#[test]
fn what_cannot_be_captured_on_again_is_left_and_the_last_one_ends_the_capture_with_its_report() {
    let Some(net) = Net::new() else { return };
    if !tunnel(&net, "tun7") {
        return;
    }
    let mut child = net.capture(&["-i", "veth0", "-i", "tun7", "-f", "udp port 8000"]);
    let tun = format!("-n {} tuntap del name tun7 mode tun", net.side('b'));
    ip(&tun).unwrap();
    lines_until(&mut child, "tun7 disappeared; waiting for it to return");
    assert!(tunnel(&net, "tun7"));
    let line = stderr_line(&mut child);
    assert!(
        line.contains("tun7: came back without a hardware address")
            && line.contains("on the other interfaces"),
        "{line}"
    );
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    net.shell('a', "ip link del veth0");
    lines_until(&mut child, "veth0 disappeared; waiting for it to return");
    // Its frames would begin with other headers.
    assert!(tunnel(&net, "veth0"));
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 3, "{stderr}");
    assert!(
        stderr.contains("veth0: came back as a different type of interface; capture ends"),
        "{stderr}"
    );
    assert!(stdout.contains("3 packets"), "{stdout}");
}

#[test]
fn an_interface_that_gets_another_name_is_captured_on() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "veth0", "-f", "udp port 8000"]);
    net.shell('b', "ip link set veth0 down; ip link set veth0 name veth7 up");
    lines_until(&mut child, "veth0 was renamed to veth7; capture continues");
    // What is sent before the wire works again is lost.
    while segments(&mut child) < 3 {
        net.client(TRAFFIC);
    }
    signal(&child, "INT");
    let (status, _, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
}

/// A service of one's own on port 8000, which its first words name.
const SERVICE: &str = r#"
id = "cues"
name = "Cue desk"
tag = "osc"
speaks = ["osc"]

[[claim]]
port = 8000
transport = "udp"
standing = "customary"
prevalence = "common"
cite = "https://wiki.example.test/cues"

[[mark]]
fact = "osc.address"
equals = "/eos/ping"
"#;

#[test]
fn a_hangup_has_the_catalogue_read_again_and_a_broken_one_changes_nothing() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let services = folder.path().join("out");
    std::fs::write(services.join("cues.toml"), SERVICE.replace("/eos/ping", "/never/heard"))
        .unwrap();
    let mut child = net.capture(&[
        "-i",
        "veth0",
        "-f",
        "udp port 8000",
        "--catalogue",
        services.to_str().unwrap(),
        "--why",
    ]);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    let root_folder = format!("/proc/{}/root", child.id());
    assert_eq!(std::fs::read_dir(root_folder).unwrap().count(), 0, "it reads no file itself");
    std::fs::write(services.join("cues.toml"), "id = ").unwrap();
    signal(&child, "HUP");
    assert!(stderr_line(&mut child).contains("cues.toml:1"));
    assert!(stderr_line(&mut child).contains("the previous catalogue stays in use"));
    std::fs::write(services.join("cues.toml"), SERVICE).unwrap();
    signal(&child, "HUP");
    let line = stderr_line(&mut child);
    assert!(line.contains("catalogue reloaded"), "{line}");
    // What was asked for before is done: the counts are told by the thread that takes the new
    // catalogue.
    segments(&mut child);
    segments(&mut child);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 6);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(stdout.matches("asked for Cue desk; nothing answered").count(), 6, "{stdout}");
}

#[test]
fn a_reader_of_the_report_who_went_away_is_a_quiet_end() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "veth0", "-f", "udp port 8000"]);
    drop(child.stdout.take());
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    signal(&child, "INT");
    assert_eq!(told(&child.wait_with_output().unwrap()), (0, String::new(), String::new()));
}

#[test]
fn a_line_for_each_interval_says_what_came_and_what_was_lost() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "veth0", "-f", "udp port 8000", "--interval", "1s"]);
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.find(|line| !line.contains(" 0 packets")).unwrap();
    assert!(
        first.contains("  3 packets, 3/s, ") && first.contains("3 flows live  no packets dropped"),
        "{first}"
    );
    assert!(first.ends_with("8000/udp osc (no answer) 174 B  1 finding"), "{first}");
    // What was told is not told again.
    let second = lines.next().unwrap();
    assert!(
        second.contains("  0 packets, 0/s, 0 B  3 flows live  no packets dropped")
            && second.ends_with("dropped  1 finding"),
        "{second}"
    );
    signal(&child, "INT");
    let report: Vec<String> = lines.collect();
    assert!(report.iter().any(|line| line.starts_with("veth0: 3 packets")), "{report:?}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_capture_that_is_not_as_expected_ends_with_status_1_and_the_reasons() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let file = folder.path().join("show.toml");
    for (rule, expected) in [("at_least = 3", 0), ("none = true", 1)] {
        let text = format!("[[flow]]\nname = \"cues\"\nwhere = \"tag = osc\"\n{rule}\n");
        std::fs::write(&file, text).unwrap();
        let args = ["-i", "veth0", "-f", "udp port 8000", "--expect", file.to_str().unwrap()];
        let mut child = net.capture(&args);
        net.client(TRAFFIC);
        wait_for_frames(&mut child, 3);
        signal(&child, "INT");
        let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
        assert_eq!(status, expected, "{stderr}");
        assert!(stdout.starts_with("veth0: 3 packets"), "{stdout}");
        assert_eq!(stderr.contains("portlore: VIOLATED  cues (line 1)"), expected == 1, "{stderr}");
        assert_eq!(stderr.contains("the client sends a message to /eos/"), expected == 1);
    }
    std::fs::write(&file, "[[flow]]\n").unwrap();
    let mut command = net.command(&["-i", "veth0", "--expect", file.to_str().unwrap()]);
    let (status, _, stderr) = told(&command.output().unwrap());
    assert!(status == 2 && stderr.contains("show.toml:1:1: the rule expects nothing"), "{stderr}");
}
