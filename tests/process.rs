//! Processes behind sockets, with real programs: they have sockets in a network namespace whose
//! interface is captured.

use std::process::{Child, Command};

use serde_json::Value;

use crate::net::{Net, Running, segments, signal, stderr_line, wait_for_frames};
use crate::run::told;

/// The arguments of a program, of which one is a secret.
const SECRET: &[&str] = &["--token", "hunter2"];

/// Replies to each connection with a word, and echoes datagrams.
const SERVER: &str = "
import socket, threading
t = socket.create_server(('10.77.0.2', 3001))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(('10.77.0.2', 3037))
def echo():
    while True:
        data, who = u.recvfrom(2048)
        u.sendto(data, who)
threading.Thread(target=echo, daemon=True).start()
print('ready', flush=True)
while True:
    c, _ = t.accept()
    c.recv(100)
    c.sendall(b'hello')
    c.close()
";
/// Two processes with the same listening socket, neither of which has taken the connection yet.
const FORKED: &str = "
import os, socket, time
t = socket.create_server(('10.77.0.2', 3001))
if os.fork():
    print('ready', flush=True)
time.sleep(1000)
";
const CONNECT: &str = "exec 3<>/dev/tcp/10.77.0.2/3001; printf 'x' >&3; cat <&3";
const DATAGRAM: &str = "printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/10.77.0.2/3037";

/// Ends the capture and returns its JSON document.
fn document(child: Child) -> Value {
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// The processes behind the responder of each flow of a port.
fn responders(document: &Value, port: u64) -> Vec<Value> {
    let flows = document["flows"].as_array().unwrap().iter();
    flows
        .filter(|f| f["responder"]["port"] == port)
        .map(|f| f["process"]["responder"].clone())
        .collect()
}

#[test]
fn the_process_behind_a_port_is_named_and_none_where_nobody_listens() {
    let Some(net) = Net::new() else { return };
    let server = net.python('b', SERVER, SECRET);
    let mut child =
        net.capture(&["-i", "veth0", "--format", "json", "--flows", "-f", "tcp or udp port 3037"]);
    net.client(CONNECT);
    net.client(DATAGRAM);
    // A service manager signals all processes of a service; the helper process must go on.
    for signal in ["HUP", "USR1", "INT"] {
        let helpers = Command::new("pkill")
            .args([&format!("-{signal}"), "-P", &child.id().to_string()])
            .status();
        assert!(helpers.unwrap().success());
    }
    net.client("(exec 3<>/dev/tcp/10.77.0.2/3002) 2>/dev/null; true");
    wait_for_frames(&mut child, 14);
    let document = document(child);
    let tcp = responders(&document, 3001);
    let [holder] = &tcp[0]["holders"].as_array().unwrap()[..] else { panic!("{}", tcp[0]) };
    assert_eq!((&holder["pid"], &holder["user"]), (&server.0.id().into(), &"root".into()));
    assert!(holder["name"].as_str().unwrap().starts_with("python3"), "{holder}");
    let command = holder["command"].as_str().unwrap();
    assert!(command.contains("python3 -c") && !command.contains("hunter2"), "{command}");
    assert_eq!(tcp[0]["unknown"], Value::Null);
    assert_eq!(responders(&document, 3037)[0]["holders"][0]["pid"], server.0.id());
    let nobody = &responders(&document, 3002)[0];
    assert_eq!((&nobody["holders"], &nobody["unknown"]), (&serde_json::json!([]), &"gone".into()));
    let port = document["ports"].as_array().unwrap().iter().find(|p| p["port"] == 3001).unwrap();
    let behind = &port["processes"];
    assert_eq!(
        (&behind["responder"][0]["pid"], &behind["responder"][0]["flows"]),
        (&server.0.id().into(), &1.into())
    );
    assert_eq!((&behind["unknown_responder_flows"], &behind["shared"]), (&0.into(), &false.into()));
    assert_eq!(
        document["flows"][0]["process"]["initiator"],
        Value::Null,
        "the client is on another machine"
    );
}

#[test]
fn processes_that_share_a_socket_are_all_named_as_sharing_it() {
    let Some(net) = Net::new() else { return };
    let parent = net.python('b', FORKED, SECRET);
    let mut child = net.capture(&["-i", "veth0", "--format", "json", "--flows", "-f", "port 3001"]);
    net.client("exec 3<>/dev/tcp/10.77.0.2/3001");
    wait_for_frames(&mut child, 3);
    let document = document(child);
    let side = &responders(&document, 3001)[0];
    let pids: Vec<_> = side["holders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|holder| holder["pid"].as_u64().unwrap())
        .collect();
    assert!(pids.len() == 2 && pids.contains(&u64::from(parent.0.id())), "{side}");
    assert_eq!(side["ground"], "listener");
    assert_eq!(document["ports"][0]["processes"]["shared"], true);
    pids.iter().for_each(|pid| drop(Command::new("kill").arg(pid.to_string()).status()));
}

#[test]
fn a_catalogue_can_name_a_service_by_its_process_where_the_bytes_name_none() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = "id = \"greeter\"\nname = \"Our greeter\"\ntag = \"web-app\"\nspeaks = []\n\
        [[mark]]\nfact = \"process.command\"\ncontains = \"create_server\"\n  [[mark.and]]\n  fact = \"process.user\"\n  equals = \"root\"\n";
    let file = folder.path().join("greeter.toml");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(crate::run::outcome(&["catalogue", "check", file]).0, 0);
    let _server = net.python('b', SERVER, SECRET);
    let args = [
        "-i",
        "veth0",
        "--format",
        "json",
        "--flows",
        "-f",
        "port 3001 or udp port 3037",
        "--catalogue",
        file,
    ];
    let mut child = net.capture(&args);
    net.client(CONNECT);
    net.client(DATAGRAM);
    wait_for_frames(&mut child, 10);
    let document = document(child);
    let verdict = |port: u64| {
        let flows = document["flows"].as_array().unwrap();
        flows.iter().find(|f| f["responder"]["port"] == port).unwrap()["verdict"].clone()
    };
    let greeter = verdict(3001);
    assert_eq!((&greeter["service"], &greeter["confidence"]), (&"greeter".into(), &"mark".into()));
    let reason = &greeter["reasons"][0];
    assert_eq!((&reason["fact"], &reason["frame"]), (&"process.command".into(), &Value::Null));
}

/// Sends a signal to the process that a capture looks up processes with.
fn signal_helper(capture: &Child, name: &str) {
    let (name, parent) = (format!("-{name}"), capture.id().to_string());
    let sent = Command::new("pkill").args([&name, "-P", &parent, "-f", "process-lookup"]).status();
    assert!(sent.unwrap().success());
}

/// A capture of connections to port 3001, and whom they reach.
fn capture_of_server(net: &Net) -> (Child, Running) {
    let server = net.python('b', SERVER, SECRET);
    (net.capture(&["-i", "veth0", "--format", "json", "--flows", "-f", "port 3001"]), server)
}

/// Makes a connection, ends the capture, and returns why the server's process is unknown.
fn why_unknown(net: &Net, mut capture: Child) -> Value {
    let before = segments(&mut capture);
    net.client(CONNECT);
    wait_for_frames(&mut capture, before + 8);
    responders(&document(capture), 3001).pop().unwrap()["unknown"].take()
}

#[test]
fn the_death_of_the_helper_process_is_said_at_once_and_flows_from_then_on_say_it() {
    let Some(net) = Net::new() else { return };
    let (mut capture, _server) = capture_of_server(&net);
    signal_helper(&capture, "KILL");
    let line = stderr_line(&mut capture);
    assert!(line.contains("the process lookup has ended; new flows have no process"), "{line}");
    assert_eq!(why_unknown(&net, capture), "unanswered");
}

#[test]
fn a_stopped_helper_process_is_said_at_once_and_flows_from_then_on_say_it() {
    let Some(net) = Net::new() else { return };
    let (mut capture, _server) = capture_of_server(&net);
    for (signal, said) in [
        ("STOP", "the process lookup was stopped; new flows have no process until it continues"),
        ("CONT", "the process lookup continues"),
        ("STOP", "the process lookup was stopped"),
    ] {
        signal_helper(&capture, signal);
        let line = stderr_line(&mut capture);
        assert!(line.contains(said), "{line}");
    }
    assert_eq!(why_unknown(&net, capture), "unanswered");
}
