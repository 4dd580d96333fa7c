//! The same capture, the same bytes out; and every frame in a bucket.

use portlore::report::FORMATS;

use crate::run::{captures, document, outcome};

#[test]
fn the_output_does_not_depend_on_the_number_of_workers() {
    for capture in [
        "fixtures/showcase.pcap",
        "fixtures/nextjs-3000.pcap",
        "fixtures/forms/ng-interfaces.pcapng",
    ] {
        for format in FORMATS.iter().map(|format| format.name) {
            let with = |workers: &str| {
                outcome(&[
                    "replay",
                    "--flows",
                    "--why",
                    "--format",
                    format,
                    "--workers",
                    workers,
                    capture,
                ])
            };
            let one = with("1");
            for workers in ["2", "4", "7", "16"] {
                assert_eq!(with(workers), one, "{capture} with {workers} workers");
            }
        }
    }
}

/// Long enough for many batches and for the thresholds of the figures.
#[test]
fn the_output_of_many_batches_does_not_depend_on_the_workers() {
    let mut args = vec!["replay", "--format", "json"];
    for _ in 0..60 {
        args.extend(["fixtures/showcase.pcap", "fixtures/x32-udp-10023.pcap"]);
    }
    let with = |workers: &'static str| outcome(&[&args[..], &["--workers", workers]].concat());
    let one = with("1");
    assert!(one.1.contains("\"frames\":") && one.1.len() > 5_000);
    for workers in ["2", "5", "16"] {
        assert_eq!(with(workers), one);
    }
}

#[test]
fn limits_give_the_same_output_with_any_number_of_workers() {
    let all: Vec<String> = captures("fixtures");
    let with = |workers: &str| {
        let mut args = vec![
            "replay",
            "--flows",
            "--format",
            "json",
            "--max-flows",
            "16",
            "--opening-mib",
            "1",
            "--workers",
            workers,
        ];
        args.extend(all.iter().map(String::as_str));
        outcome(&args)
    };
    let one = with("1");
    let document: serde_json::Value = serde_json::from_str(&one.1).unwrap();
    assert!(
        document["capture"]["evicted_flows"].as_u64().unwrap() > 0,
        "the limit was not reached"
    );
    assert_eq!(with("4"), one);
}

/// A pcap file of raw IPv4: callers of some UDP ports, each answered after another time.
fn calls(ports: &[u16], callers: u16) -> Vec<u8> {
    let mut file = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 228].map(u32::to_be_bytes).concat();
    let mut datagram = |time: u32, ends: [(u8, u16); 2]| {
        let [(from, from_port), (to, to_port)] = ends;
        file.extend(
            [1_700_000_000 + time / 1_000_000, time % 1_000_000, 29, 29]
                .map(u32::to_be_bytes)
                .concat(),
        );
        file.extend([0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
        file.extend([from_port, to_port, 9, 0].map(u16::to_be_bytes).concat());
        file.push(0xaa);
    };
    let mut time = 0;
    for caller in 0..callers {
        for &port in ports {
            let call = [(1, 61_000 + caller), (2, port)];
            datagram(time, call);
            datagram(time + 1000 * (1 + u32::from(caller)), [call[1], call[0]]);
            time += 1_000_000;
        }
    }
    file
}

/// A pcap file of raw IPv4: datagrams from port 8000, which is well known, to as many others. Of
/// three one is refused by ICMP, one is refused and answered, and one gets nothing.
fn errors(flows: u16) -> Vec<u8> {
    let mut file = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 228].map(u32::to_be_bytes).concat();
    let mut time = 0;
    let mut packet = |protocol: u8, ends: (u8, u8), body: &[u8]| {
        time += 1;
        let len = 20 + body.len() as u32;
        file.extend([1_700_000_000, time, len, len].map(u32::to_be_bytes).concat());
        file.extend([0x45, 0, 0, len as u8, 0, 0, 0, 0, 64, protocol, 0, 0]);
        file.extend([10, 0, 0, ends.0, 10, 0, 0, ends.1]);
        file.extend(body);
    };
    let datagram =
        |from: u16, to: u16| [&[from, to, 9, 0].map(u16::to_be_bytes).concat()[..], &[1]].concat();
    for flow in 0..flows {
        let port = 30_001 + flow;
        packet(17, (1, 2), &datagram(8000, port));
        if flow % 3 > 0 {
            let quoted = [0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            let error = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted, &datagram(8000, port)].concat();
            packet(1, (2, 1), &error);
        }
        if flow % 3 > 1 {
            packet(17, (2, 1), &datagram(port, 8000));
        }
    }
    file
}

#[test]
fn icmp_errors_reach_their_flows_in_the_order_of_the_capture_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("errors.pcap");
    std::fs::write(&capture, errors(9_000)).unwrap();
    let with = |workers: &str| {
        let form = ["replay", "--flows", "--format", "json", "--workers", workers];
        let (status, stdout, _) = outcome(&[&form[..], &[capture.to_str().unwrap()]].concat());
        assert_eq!(status, 0);
        stdout
    };
    let one = with("1");
    let document: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(document["capture"]["skipped"]["icmp"], 6_000);
    let flows = document["flows"].as_array().unwrap();
    let count = |outcome: &str, client: u64| {
        let is = |flow: &&serde_json::Value| {
            flow["outcome"] == outcome && (flow["initiator"]["port"] == 8000) == (client == 8000)
        };
        flows.iter().filter(is).count()
    };
    assert_eq!((flows.len(), count("refused", 8000)), (9_000, 3_000), "turned by the error");
    // The port 8000 is well known: without an error that still counts, it is the server's.
    assert_eq!(count("answered", 0), 6_000);
    for workers in ["2", "4", "16"] {
        assert_eq!(with(workers), one, "{workers} workers");
    }
}

#[test]
fn of_ports_with_many_times_the_lowest_keep_theirs_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("calls.pcap");
    std::fs::write(&capture, calls(&[9300, 9100, 9200, 9050], 300)).unwrap();
    let limited = |workers: &str, limit: &str| {
        let form = ["replay", "--format", "json", "--workers", workers, "--histogram-ports", limit];
        let (status, stdout, _) = outcome(&[&form[..], &[capture.to_str().unwrap()]].concat());
        assert_eq!(status, 0);
        stdout
    };
    for (limit, with) in [("0", &[][..]), ("2", &[9050, 9100]), ("4", &[9050, 9100, 9200, 9300])] {
        let one = limited("1", limit);
        let document: serde_json::Value = serde_json::from_str(&one).unwrap();
        let ports = document["ports"].as_array().unwrap();
        let kept = ports
            .iter()
            .filter(|port| port["first_response_ns"]["count"] == 300)
            .filter_map(|port| port["port"].as_u64());
        assert_eq!(kept.collect::<Vec<_>>(), with, "{limit}");
        assert_eq!(
            ports.iter().filter(|port| port["first_response_ns"].is_null()).count(),
            4 - with.len()
        );
        let services = document["services"].as_array().unwrap();
        let counted: u64 = services
            .iter()
            .filter_map(|service| service["first_response_ns"]["count"].as_u64())
            .sum();
        assert_eq!(counted, 1200, "services count all flows");
        let notices = document["capture"]["notices"].as_array().unwrap();
        assert_eq!(notices.len(), usize::from(with.len() < 4), "{notices:?}");
        for workers in ["2", "3", "7"] {
            assert_eq!(limited(workers, limit), one);
        }
    }
}

#[test]
fn the_buckets_add_up_on_every_capture() {
    for capture in ["fixtures", "fixtures/cases", "fixtures/forms"].into_iter().flat_map(captures) {
        let (status, stdout, _) = outcome(&["replay", "--flows", "--format", "json", &capture]);
        if status == 2 {
            continue;
        }
        let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let capture_part = &document["capture"];
        let number = |value: &serde_json::Value| value.as_u64().unwrap();
        let skipped: u64 = capture_part["skipped"].as_object().unwrap().values().map(number).sum();
        let queue = number(&capture_part["dropped"]["queue"]);
        assert_eq!(
            number(&capture_part["frames"]),
            number(&capture_part["segments"]) + skipped + queue,
            "{capture}"
        );
        for part in ["interfaces", "link_types"] {
            let rows = capture_part[part].as_array().unwrap();
            for row in rows {
                let skipped: u64 = row["skipped"].as_object().unwrap().values().map(number).sum();
                assert_eq!(
                    number(&row["frames"]),
                    number(&row["segments"]) + skipped,
                    "{capture}: {part}"
                );
            }
            let frames: u64 = rows.iter().map(|row| number(&row["frames"])).sum();
            assert_eq!(frames, number(&capture_part["frames"]), "{capture}: {part}");
        }
        let both = |v: &serde_json::Value| number(&v["initiator"]) + number(&v["responder"]);
        for part in ["ports", "services", "flows"] {
            let packets: u64 =
                document[part].as_array().unwrap().iter().map(|row| both(&row["packets"])).sum();
            assert_eq!(packets, number(&capture_part["segments"]), "{capture}: {part}");
        }
    }
}

#[test]
fn several_files_read_as_one_stream_in_capture_order_however_they_are_named() {
    let (_, a) = document(&["fixtures/express-3001.pcap", "fixtures/eos-tcp-slip-3037.pcap"]);
    let (_, b) = document(&["fixtures/eos-tcp-slip-3037.pcap", "fixtures/express-3001.pcap"]);
    assert_eq!(a["flows"], b["flows"]);
    assert_eq!(a["ports"], b["ports"]);
    let first: Vec<_> = a["flows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["first"].as_str().unwrap().to_owned())
        .collect();
    assert!(first.is_sorted());
}

#[test]
fn frames_are_told_apart_by_interface_and_link_type_where_it_is_asked_for() {
    let (status, stdout, _) =
        outcome(&["replay", "-v", "fixtures/forms/ng-interfaces.pcapng", "fixtures/showcase.pcap"]);
    assert_eq!(status, 0);
    for line in ["INTERFACE ", "fixtures/showcase.pcap (link type 1) ", "all of link type 101 "] {
        assert!(stdout.lines().any(|found| found.starts_with(line)), "{line} in {stdout}");
    }
}
