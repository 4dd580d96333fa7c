//! `portlore ports` beside `ss`, over sockets of a network namespace.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::net::Net;
use crate::run::{portlore, told};

/// Twelve sockets: TCP and UDP, IPv4 and IPv6, on loopback, one address and all.
const TWELVE: &str = "
import socket, time
kept = []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for n, (family, address) in enumerate((
        (socket.AF_INET, '127.0.0.1'), (socket.AF_INET, '10.77.0.2'), (socket.AF_INET, '0.0.0.0'),
        (socket.AF_INET6, '::1'), (socket.AF_INET6, 'fd00::2'), (socket.AF_INET6, '::'),
    )):
        s = socket.socket(family, kind)
        s.bind((address, 3000 + n))
        if kind == socket.SOCK_STREAM:
            s.listen()
        kept.append(s)
print('ready', flush=True)
time.sleep(1000)
";
/// A socket in a process of its own, which is to be in a container.
const ONE: &str = "
import socket, time
t = socket.create_server(('127.0.0.1', 8080))
print('ready', flush=True)
time.sleep(1000)
";
const CONTAINER: &str =
    "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";

fn inside(net: &Net, program: &str, args: &[&str]) -> String {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &net.side('b'), program]).args(args);
    let (status, stdout, stderr) = told(&command.output().unwrap());
    assert_eq!(status, 0, "{program} {args:?}: {stderr}");
    stdout
}

/// Transport, address, port and process of each listening socket, by `ss`.
fn by_ss(net: &Net) -> BTreeSet<(String, String, u64, u64)> {
    let lines = inside(net, "ss", &["-Htulnp"]);
    let socket = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = words[4].rsplit_once(':').unwrap();
        let address = address.trim_matches(['[', ']']).split('%').next().unwrap();
        let address = if address == "*" { "::" } else { address };
        let pid = line.split("pid=").nth(1).unwrap().split(',').next().unwrap();
        (words[0].to_owned(), address.to_owned(), port.parse().unwrap(), pid.parse().unwrap())
    };
    lines.lines().map(socket).collect()
}

/// Makes the cgroup of a container and moves a process into it; `None` where cgroups cannot be
/// made.
fn contain(process: u32) -> Option<Group> {
    let places = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup"];
    places.iter().find_map(|place| {
        let group = Group(format!("{place}/{CONTAINER}"));
        std::fs::create_dir(&group.0).ok()?;
        std::fs::write(format!("{}/cgroup.procs", group.0), process.to_string()).ok()?;
        Some(group)
    })
}

/// A cgroup that is removed on drop, after its process.
struct Group(String);

impl Drop for Group {
    fn drop(&mut self) {
        drop(std::fs::remove_dir(&self.0));
    }
}

#[test]
fn all_that_ss_lists_is_listed_with_its_process_folder_scope_and_container() {
    let Some(net) = Net::new() else { return };
    net.shell('b', "ip addr add fd00::2/64 dev veth0 nodad");
    let twelve = net.python('b', TWELVE, &[]);
    let one = net.python('b', ONE, &[]);
    let group = contain(one.0.id());
    let program = portlore(&[]).get_program().to_str().unwrap().to_owned();
    let document: Value =
        serde_json::from_str(&inside(&net, &program, &["ports", "--format", "json"])).unwrap();
    let sockets = document["listeners"].as_array().unwrap();
    let listed: BTreeSet<(String, String, u64, u64)> = sockets
        .iter()
        .map(|socket| {
            let text = |field: &str| socket[field].as_str().unwrap().to_owned();
            let pid = socket["processes"][0]["pid"].as_u64().unwrap();
            (text("transport"), text("address"), socket["port"].as_u64().unwrap(), pid)
        })
        .collect();
    assert_eq!(listed, by_ss(&net));
    assert_eq!(listed.len(), 13);
    for socket in sockets {
        let scope = match socket["address"].as_str().unwrap() {
            "127.0.0.1" | "::1" => "loopback",
            "0.0.0.0" | "::" => "all",
            _ => "address",
        };
        assert_eq!(socket["scope"], scope, "{socket}");
        let process = &socket["processes"][0];
        assert_eq!(
            (&process["name"], &process["folder"]),
            (&"python3".into(), &"/usr/share".into())
        );
        let expected = if socket["port"] == 8080 {
            assert_eq!(process["pid"], one.0.id());
            group.as_ref().map(|_| "docker:0123456789ab")
        } else {
            assert_eq!(process["pid"], twelve.0.id());
            None
        };
        assert_eq!(process["container"].as_str(), expected, "{socket}");
    }
    let table = inside(&net, &program, &["ports"]);
    let row = table.lines().find(|line| line.starts_with("3000/tcp")).unwrap();
    assert!(row.contains("127.0.0.1 only") && row.contains("/usr/share"), "{table}");
    drop((one, group));
}
