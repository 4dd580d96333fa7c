//! Real OSC software in two namespaces: python-osc, and liblo's `oscsend`; skipped where they are
//! not installed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::net::{Net, signal, stderr_line};

/// Whether a program ends well; otherwise says that the test is skipped.
fn is_there(program: &str, args: &[&str]) -> bool {
    let found = Command::new(program).args(args).output().is_ok_and(|out| out.status.success());
    if !found {
        eprintln!("skipped: {program} {} is not installed", args.join(" "));
    }
    found
}

/// Starts `portlore osc` on side b.
fn watch(net: &Net, args: &[&str]) -> Child {
    let mut child = net.program("osc", &[&["-i", "veth0"], args].concat()).spawn().unwrap();
    let line = stderr_line(&mut child);
    assert!(line.contains("capturing on"), "{line}");
    child
}

/// The next events, which come while the capture goes on; those of other kinds are passed over.
fn next(lines: &mut impl Iterator<Item = String>, n: usize) -> Vec<Value> {
    let events = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let messages = events.filter(|event| event["event"] == "message" || event["event"] == "bundle");
    messages.take(n).collect()
}

#[test]
fn messages_of_python_osc_and_liblo_are_shown_while_they_come() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_python = is_there(&python, &["-c", "import pythonosc"]);
    let has_liblo = is_there("sh", &["-c", "command -v oscsend"]);
    if !has_python && !has_liblo {
        return;
    }
    let Some(net) = Net::new() else { return };
    let mut child = watch(&net, &["--format", "ndjson"]);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = stdout.lines().map(Result::unwrap);
    if has_python {
        let script = "
from pythonosc import udp_client, tcp_client, osc_bundle_builder, osc_message_builder
c = udp_client.SimpleUDPClient('10.77.0.2', 9000)
c.send_message('/eos/chan/7', [80, 0.5, 'full', b'blob', True])
b = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
m = osc_message_builder.OscMessageBuilder('/eos/ping'); b.add_content(m.build()); b.add_content(m.build())
c.send(b.build())
";
        net.client(&format!("{python} - <<'END'\n{script}\nEND"));
        let came = next(&mut lines, 2);
        assert_eq!(came[0]["message"]["address"], "/eos/chan/7");
        assert_eq!(came[0]["message"]["types"], "ifsbT");
        assert_eq!(came[0]["message"]["arguments"][3]["hex"], "626c6f62");
        assert_eq!(came[0]["source"]["address"], "10.77.0.1");
        let bundle = &came[1]["bundle"];
        assert_eq!(
            (&bundle["time_tag"], bundle["elements"].as_array().unwrap().len()),
            (&"immediately".into(), 2)
        );
    }
    if has_liblo {
        net.client("oscsend osc.udp://10.77.0.2:9001 /cue/1/start if 5 0.25");
        let came = next(&mut lines, 1);
        assert_eq!(came[0]["message"]["address"], "/cue/1/start");
        assert_eq!(came[0]["message"]["arguments"][1]["value"], 0.25);
        assert_eq!(came[0]["framing"], "datagram");
    }
    signal(&child, "INT");
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(rest.last().unwrap()["event"], "end");
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success(), "{said}");
}

#[test]
fn a_stream_is_shown_while_it_comes_and_a_reader_that_goes_away_ends_it_quietly() {
    let Some(net) = Net::new() else { return };
    if !is_there("python3", &["-c", "import socket"]) {
        return;
    }
    let mut child = watch(&net, &["--format", "ndjson"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Length and body in segments of their own, as liblo sends them; then one message a datagram
    // until the program has seen that nobody reads.
    let script = "
import socket, threading
s = socket.create_server(('10.77.0.2', 3032))
print('listening', flush=True)
c = s.accept()[0]
while c.recv(4096): pass
";
    let mut server = Command::new("ip")
        .args(["netns", "exec", &net.side('b'), "python3", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "listening\n");
    let client = "
import socket
c = socket.create_connection(('10.77.0.2', 3032))
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
c.sendall(bytes([0, 0, 0, 16])); c.sendall(b'/eos/ping\\0\\0\\0,\\0\\0\\0'); c.close()
";
    net.client(&format!("python3 - <<'END'\n{client}\nEND"));
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&event["framing"], &event["message"]["address"]),
        (&"length-prefix".into(), &"/eos/ping".into())
    );
    drop(stdout);
    server.wait().unwrap();
    while child.try_wait().unwrap().is_none() {
        net.client("printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/10.77.0.2/8000");
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
