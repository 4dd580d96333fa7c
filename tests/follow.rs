//! `replay --follow`: a capture that is being written, as people and programs watch it.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;

use crate::net::{Net, TRAFFIC, segments, signal, stderr_line, wait_for_frames};
use crate::privilege::public_folder;
use crate::run::{document, outcome, portlore, told};
use crate::terminal::Terminal;
use crate::time_window::{pcap, records};

const CAPTURE: &str = "fixtures/showcase.pcap";

fn start(args: &[&str]) -> Child {
    let mut command = portlore(&["replay", "--follow"]);
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The text behind `before` and in front of the next blank or semicolon.
fn word<'t>(text: &'t str, before: &str) -> &'t str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
    rest.split([' ', ';', '\n']).next().unwrap()
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Reads interval lines until they told of so many frames.
fn intervals(lines: &mut BufReader<ChildStdout>, wanted: u64) {
    let mut told = 0;
    while told < wanted {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let counts = line.split("  ").nth(2).and_then(|part| part.split_once(' '));
        let (frames, _) = counts.unwrap_or_else(|| panic!("no interval: {line:?}"));
        told += frames.replace(',', "").parse::<u64>().unwrap();
    }
    assert_eq!(told, wanted);
}

#[test]
fn of_a_growing_ring_lines_metrics_and_report_have_the_figures_of_a_plain_replay() {
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("ring");
    std::fs::create_dir(&ring).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let (header, records) = records(CAPTURE);
    let file = |n: usize| ring.join(format!("r{n}.pcap"));
    let parts: Vec<&[Vec<u8>]> = records.chunks(100).collect();
    std::fs::write(file(0), pcap(&header, &parts[0][..50])).unwrap();
    let mut child =
        start(&["--interval", "1s", "--metrics", "127.0.0.1:0", ring.to_str().unwrap()]);
    let line = stderr_line(&mut child);
    let address = word(&line, "metrics at http://").trim_end_matches("/metrics").to_owned();
    assert!(line.contains(&format!("following {}; ", ring.display())), "{line}");
    let append = |n: usize, records: &[Vec<u8>]| {
        let mut file = OpenOptions::new().append(true).open(file(n)).unwrap();
        file.write_all(&records.concat()).unwrap();
    };
    append(0, &parts[0][50..]);
    for (n, part) in parts.iter().enumerate().skip(1) {
        std::fs::write(file(n), pcap(&header, part)).unwrap();
    }
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    intervals(&mut lines, records.len() as u64);
    let metrics = loop {
        let text = scrape(&address);
        if text.contains(&format!("\nportlore_frames_total {}\n", records.len())) {
            break text;
        }
    };
    signal(&child, "INT");
    let mut report = String::new();
    // Interval lines that came until the signal begin with a time.
    for line in lines.lines().map(Result::unwrap) {
        if !report.is_empty() || line.starts_with(ring.to_str().unwrap()) {
            report += &(line + "\n");
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let (_, plain, _) = outcome(&["replay", CAPTURE]);
    let figures = |report: &str| report.split_once(':').unwrap().1.to_owned();
    assert_eq!(figures(&report), figures(&plain));
    let (_, document) = document(&[CAPTURE]);
    for port in document["ports"].as_array().unwrap() {
        let label = format!(
            "{{port=\"{}\",transport=\"{}\"}} {}",
            port["port"],
            port["transport"].as_str().unwrap(),
            port["flows"]
        );
        assert!(metrics.contains(&format!("portlore_port_flows_total{label}\n")), "{label}");
    }
}

#[test]
fn a_ring_that_live_writes_gives_its_follower_the_same_ports() {
    let Some(net) = Net::new() else { return };
    let folder = public_folder();
    let out = folder.path().join("out");
    let save = out.join("ring.pcapng");
    let args = ["-i", "veth0", "--format", "json", "-f", "udp port 8000 or tcp"];
    let mut live = net.capture(&[&args[..], &["-w", save.to_str().unwrap(), "-G", "1"]].concat());
    let mut follower = start(&["--format", "json", out.to_str().unwrap()]);
    assert!(stderr_line(&mut follower).contains("following"));
    for round in 1..4 {
        net.client(TRAFFIC);
        wait_for_frames(&mut live, 5 * round);
        while segments(&mut follower) < 5 * round {}
    }
    let ends = [live, follower].map(|child| {
        signal(&child, "INT");
        let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
        assert_eq!(status, 0, "{stderr}");
        let mut document: Value = serde_json::from_str(&stdout).unwrap();
        for port in document["ports"].as_array_mut().unwrap() {
            // Files know no processes.
            port.as_object_mut().unwrap().remove("processes");
        }
        document["ports"].take()
    });
    assert!(!ends[0].as_array().unwrap().is_empty());
    assert_eq!(ends[0], ends[1]);
}

#[test]
fn a_ring_that_only_root_can_read_is_warned_of_before_it_goes_on() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: only root becomes another user");
        return;
    }
    let ring = tempfile::tempdir().unwrap();
    std::fs::copy(CAPTURE, ring.path().join("a.pcap")).unwrap();
    std::fs::set_permissions(ring.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let mut child = start(&[ring.path().to_str().unwrap()]);
    let line = stderr_line(&mut child);
    let said =
        "drops its privileges to \"nobody\", who cannot read this: files that appear from now on";
    assert!(line.contains(said) && line.contains(ring.path().to_str().unwrap()), "{line}");
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn flags_of_a_running_capture_need_follow() {
    for (args, flag) in [
        (&["--metrics", "9464"][..], "--metrics"),
        (&["--interval", "5"], "--interval"),
        (&["--no-tui"], "--no-tui"),
    ] {
        let (status, stdout, stderr) = outcome(&[&["replay", CAPTURE][..], args].concat());
        assert_eq!((status, stdout.as_str()), (2, ""));
        assert!(
            stderr.starts_with(&format!("portlore: {flag} needs a capture"))
                && stderr.contains("add --follow"),
            "{stderr}"
        );
    }
    let (status, _, stderr) =
        outcome(&["replay", "--follow", "--interval", "5", "--format", "json", CAPTURE]);
    assert!(status == 2 && stderr.contains("JSON is a single document"), "{stderr}");
}

/// A shell's command on a terminal, which is the controlling one; the binary is `$0`, the folder
/// `$1`.
fn on_a_terminal(command: &str, folder: &Path) -> Terminal {
    let template = portlore(&[]);
    let mut shell = Command::new("setsid");
    shell
        .args(["--ctty", "--wait", "sh", "-c", command])
        .arg(template.get_program())
        .arg(folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(template.get_envs().filter_map(|(k, v)| Some((k, v?))));
    Terminal::start(&mut shell)
}

/// The ports on the screen, then the report when `q` was pressed.
fn shows_and_quits(mut terminal: Terminal) {
    const PORT: &str = "3037/tcp";
    terminal.wait_until(PORT, |shown| shown.shows(&[PORT]) && shown.is_full_screen());
    terminal.press("q");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    terminal.wait_until(PORT, |shown| shown.shows(&[PORT]) && !shown.is_full_screen());
}

#[test]
fn on_a_terminal_a_followed_file_has_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    shows_and_quits(on_a_terminal(
        "exec \"$0\" replay --follow fixtures/showcase.pcap",
        folder.path(),
    ));
}

#[test]
fn on_a_terminal_a_capture_from_standard_input_has_the_screen_and_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let terminal = on_a_terminal("exec \"$0\" replay --follow - < \"$1/pipe\"", folder.path());
    let mut writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    writer.write_all(&std::fs::read(CAPTURE).unwrap()).unwrap();
    shows_and_quits(terminal);
}
