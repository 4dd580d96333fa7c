//! The screen of a live capture, on a real terminal: what it shows, and that the terminal is given
//! back.

use std::process::Command;

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use portlore::screen::{KEYS, KeyGroup};

use crate::net::{Net, signal};
use crate::run::portlore;
use crate::terminal::{ROWS, Terminal};

/// The line with the names of the views.
const VIEWS: u16 = 2;
const OSC: &str =
    "for i in 1 2 3; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/10.77.0.2/8000; done";

/// `portlore live` on side b, on a terminal.
fn start(net: &Net, args: &[&str]) -> Terminal {
    Terminal::start(&mut net.command(args))
}

/// The command line of a capture on side b.
fn live(net: &Net, args: &[&str]) -> String {
    let command = net.command(args);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// The view that is shown.
fn view(shown: &Terminal) -> String {
    shown.reversed(VIEWS)
}

/// The row that is chosen.
fn chosen(shown: &Terminal) -> String {
    let rows = (VIEWS + 1..ROWS.get() - 2).map(|row| shown.reversed(row));
    rows.into_iter().find(|row| !row.is_empty()).unwrap_or_default()
}

#[test]
fn the_screen_shows_ports_opens_one_and_gives_the_terminal_back_with_the_report() {
    let Some(net) = Net::new() else { return };
    let mut terminal = start(&net, &["-i", "veth0", "-f", "udp port 8000"]);
    terminal.wait_for(&["no packets dropped", "q quit"]);
    assert!(!terminal.is_restored(), "the screen has the terminal");
    net.client(OSC);
    terminal.wait_for(&["8000/udp", "osc (no answer)", "REGISTERED"]);
    terminal.press("/tag:csta\r");
    terminal.wait_for(&["No ports match the filter.", "filter: tag:csta  0 of 1 port", "q quit"]);
    terminal.press("\x1b");
    terminal.wait_for(&["8000/udp"]);
    terminal.press("\r");
    terminal.wait_for(&["8000/udp  registered: irdmi", "IDLE▴", "→ 10.77.0.2:8000"]);
    terminal.press("\r");
    terminal.wait_for(&["WHY", "sends a message to /eos/ping", "Wireshark: ip.addr"]);
    terminal.press("q");
    let (status, shown, restored) = terminal.end();
    assert_eq!(status, Some(0), "{shown}");
    assert!(restored);
    assert!(
        shown.contains("SPEAKING") && shown.contains("osc (no answer)"),
        "the report is there:\n{shown}"
    );
}

#[test]
fn a_signal_gives_the_terminal_back_too() {
    let Some(net) = Net::new() else { return };
    for name in ["TERM", "INT", "HUP", "QUIT", "ALRM", "USR2"] {
        let mut terminal = start(&net, &["-i", "veth0", "-f", "udp port 8000"]);
        terminal.wait_for(&["q quit"]);
        signal(&terminal.child, name);
        let (status, shown, restored) = terminal.end();
        assert!(
            status == Some(0) && restored && shown.contains("No packet matched the filter"),
            "{name}: {shown}"
        );
    }
}

#[test]
fn a_terminal_that_is_gone_ends_the_capture_with_what_it_has() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.pcap");
    let mut command = net.command(&["-i", "veth0", "-f", "udp port 8000"]);
    // It is nobody's controlling terminal, so that no SIGHUP says that it is gone.
    let mut terminal = Terminal::start_with_errors_elsewhere(command.arg("-w").arg(&saved));
    terminal.wait_for(&["q quit"]);
    net.client(OSC);
    terminal.wait_for(&["8000/udp", "osc (no answer)"]);
    let errors = terminal.hang_up();
    assert!(errors.contains("\nportlore: the terminal is gone\n"), "{errors}");
    let all_ours = errors.lines().all(|line| line.starts_with("portlore: "));
    assert!(all_ours, "libraries complain: {errors}");
    let output = portlore(&["replay", saved.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("3 packets"), "{output:?}");
}

#[test]
fn a_process_that_is_aborted_gives_the_terminal_back_first() {
    let Some(net) = Net::new() else { return };
    let mut terminal = start(&net, &["-i", "veth0", "-f", "udp"]);
    terminal.wait_for(&["q quit"]);
    signal(&terminal.child, "ABRT");
    let (status, shown, restored) = terminal.end();
    assert!(status.is_none() && restored, "{shown}");
}

#[test]
fn a_stopped_process_leaves_the_terminal_and_takes_it_again_when_it_goes_on() {
    let Some(net) = Net::new() else { return };
    let mut terminal = start(&net, &["-i", "veth0", "-f", "udp"]);
    terminal.wait_for(&["q quit"]);
    let pid = Pid::from_raw(terminal.child.id().cast_signed());
    for _ in 0..2 {
        signal(&terminal.child, "TSTP");
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
        let shown = terminal.read_all();
        assert!(terminal.is_restored(), "{shown}");
        signal(&terminal.child, "CONT");
        terminal.wait_until("the screen", |terminal| {
            terminal.shows(&["q quit"]) && terminal.is_cursor_hidden()
        });
        assert!(!terminal.is_restored() && !terminal.is_cooked(), "the screen has the terminal");
    }
    terminal.press("q");
    let (status, shown, restored) = terminal.end();
    assert!(status == Some(0) && restored, "{shown}");
}

#[test]
fn a_shell_with_job_control_gets_the_terminal_and_gives_it_back_with_fg() {
    let Some(net) = Net::new() else { return };
    // A session of its own whose terminal this is, and a shell that leaves its modes alone.
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "dash", "-i"]).env("PS1", "[ready] ").env("ENV", "");
    let mut terminal = Terminal::start(&mut shell);
    terminal.wait_for(&["[ready]"]);
    let command = live(&net, &["-i", "veth0", "-f", "udp"]);
    terminal.press(&format!("sh -c 'echo pid:$$:; exec {command}'\r"));
    let begun = terminal.wait_until("its pid", |terminal| {
        terminal.contents().lines().any(|line| line.starts_with("pid:") && line.ends_with(':'))
    });
    let pid = begun.lines().find_map(|line| line.strip_prefix("pid:")).unwrap();
    let pid = pid.trim_end_matches(':').to_owned();
    terminal.wait_for(&["q quit"]);
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-TSTP", &pid]).status().unwrap().success());
        terminal.wait_until("the shell", |terminal| {
            terminal.contents().contains("Stopped") && terminal.contents().ends_with("[ready] ")
        });
        assert!(terminal.is_restored());
        terminal.press("fg\r");
        terminal.wait_for(&["q quit"]);
        terminal.wait_until("the screen", Terminal::is_cursor_hidden);
        assert!(!terminal.is_cooked(), "the screen has the keys again");
    }
    terminal.press("q");
    terminal.wait_for(&["No packet matched the filter", "[ready]"]);
    assert!(terminal.is_restored());
    terminal.press("exit\r");
    let (status, shown, restored) = terminal.end();
    assert!(status == Some(0) && restored, "{shown}");
}

#[test]
fn two_signals_at_once_do_not_leave_the_terminal_to_nobody() {
    let Some(net) = Net::new() else { return };
    let mut terminal = start(&net, &["-i", "veth0", "-f", "udp port 8000"]);
    terminal.wait_for(&["q quit"]);
    let both = format!("kill -INT {0}; kill -TERM {0}", terminal.child.id());
    assert!(Command::new("sh").args(["-c", &both]).status().unwrap().success());
    let (_, shown, restored) = terminal.end();
    assert!(restored, "{shown}");
}

/// Speaks HTTP where SSH is expected.
const HTTP_ON_22: &str = "
import socket
t = socket.create_server(('10.77.0.2', 22))
print('ready', flush=True)
while True:
    c, _ = t.accept()
    request = b''
    while b'\\r\\n\\r\\n' not in request:
        request += c.recv(1000)
    c.sendall(b'HTTP/1.0 200 OK\\r\\nServer: SimpleHTTP/0.6 Python/3.11.2\\r\\n\\r\\n')
    c.close()
";
const GET: &str = "exec 3<>/dev/tcp/10.77.0.2/22; printf 'GET /%090d HTTP/1.0\\r\\n\\r\\n' 1 >&3; cat <&3 >/dev/null";
const REFUSED: &str = "(exec 3<>/dev/tcp/10.77.0.2/3001) 2>/dev/null; true";

/// A terminal whose keys are those of help, and those that were driven.
struct KeyDriver {
    terminal: Terminal,
    driven: Vec<(KeyGroup, &'static str)>,
}

impl KeyDriver {
    /// What a terminal sends for a key of help.
    fn sends(group: KeyGroup, name: &str) -> (&'static str, &'static str) {
        let keys = KEYS.iter().filter(|help| help.group == group);
        let mut keys = keys.flat_map(|help| help.keys);
        let key = keys.find(|key| key.name == name);
        let key = key.unwrap_or_else(|| panic!("help lists no {name}"));
        (key.name, key.sends)
    }

    /// Presses a key, and waits for its effect.
    fn drive(&mut self, group: KeyGroup, name: &str, is_so: impl Fn(&Terminal) -> bool) {
        let (name, sends) = Self::sends(group, name);
        self.terminal.press(sends);
        self.terminal.wait_until(name, is_so);
        self.driven.push((group, name));
    }
}

#[test]
fn every_key_that_help_lists_has_its_effect() {
    use KeyGroup::{Everywhere, Filter, Rows, Text};

    let Some(net) = Net::new() else { return };
    let _server = net.python('b', HTTP_ON_22, &[]);
    let terminal = start(&net, &["-i", "veth0", "-f", "tcp or udp"]);
    let mut keys = KeyDriver { terminal, driven: Vec::new() };
    keys.terminal.wait_for(&["no packets dropped", "q quit"]);
    [OSC, REFUSED, GET].iter().for_each(|script| net.client(script));
    // The connection was closed and the attempt refused; only the three datagrams' flows are open.
    keys.terminal.wait_for(&["22/tcp", "3001/tcp", "8000/udp", "! http", "3 flows open"]);

    keys.drive(Everywhere, "?", |shown| shown.contents().contains("open or close this help"));
    keys.drive(Everywhere, "h", |shown| !shown.contents().contains("open or close this help"));
    for (key, name) in [("4", "Flows"), ("3", "Findings"), ("2", "Servers"), ("1", "Ports")] {
        keys.drive(Everywhere, key, |shown| view(shown).contains(name));
    }
    keys.drive(Everywhere, "Shift-Tab", |shown| view(shown).contains("Flows"));
    keys.drive(Everywhere, "Tab", |shown| view(shown).contains("Ports"));
    keys.drive(Everywhere, "p", |shown| shown.contents().contains("PAUSED"));
    keys.drive(Everywhere, "Space", |shown| !shown.contents().contains("PAUSED"));

    keys.drive(Rows, "s", |shown| shown.contents().contains("PORT▴"));
    keys.drive(Rows, "S", |shown| shown.contents().contains("PORT▾"));
    keys.drive(Rows, "S", |shown| shown.contents().contains("PORT▴"));
    for (key, port) in [
        ("g", "22/tcp"),
        ("j", "3001/tcp"),
        ("↓", "8000/udp"),
        ("k", "3001/tcp"),
        ("↑", "22/tcp"),
        ("PgDn", "8000/udp"),
        ("PgUp", "22/tcp"),
        ("End", "8000/udp"),
        ("Home", "22/tcp"),
        ("G", "8000/udp"),
        ("g", "22/tcp"),
    ] {
        keys.drive(Rows, key, |shown| chosen(shown).starts_with(port));
    }

    keys.drive(Rows, "/", |shown| shown.contents().contains("Tab: port: service:"));
    keys.terminal.press("po");
    keys.drive(Filter, "Tab", |shown| shown.contents().contains("filter: port: "));
    keys.terminal.press("3001");
    keys.terminal.wait_for(&["filter: port:3001   1 of 3 ports"]);
    keys.drive(Filter, "Enter", |shown| {
        let shown = shown.contents();
        shown.contains("filter: port:3001  1 of 3 ports") && shown.contains("q quit")
    });
    keys.terminal.press("/ tcp");
    keys.terminal.wait_for(&["filter: port:3001 tcp   1 of 3 ports"]);
    keys.drive(Filter, "Esc", |shown| {
        let shown = shown.contents();
        shown.contains("filter: port:3001  1 of 3 ports") && shown.contains("q quit")
    });
    keys.terminal.press("/");
    let text = |text: &'static str| move |shown: &Terminal| shown.contents().contains(text);
    keys.drive(Filter, "Backspace", text("filter: port:300   0 of 3 ports"));
    keys.drive(Filter, "Ctrl-U", text("filter:    3 of 3 ports"));
    keys.terminal.press("port:22\r");
    keys.terminal.wait_for(&["filter: port:22  1 of 3 ports", "q quit"]);
    keys.drive(Everywhere, "Esc", |shown| {
        let shown = shown.contents();
        shown.contains("8000/udp") && !shown.contains("filter: ")
    });

    keys.drive(Rows, "Enter", text("22/tcp  registered: ssh"));
    keys.terminal.wait_for(&["→ 10.77.0.2:22/tcp", "closed"]);
    keys.terminal.press("\r");
    // The facts come with the first bytes.
    keys.terminal.wait_for(&["contradicts", "WHY", "facts: Server"]);
    // At the end are the first bytes of the server: HTTP.
    keys.drive(Rows, "End", text("0000  48 54 54 50"));
    keys.drive(Text, "→", |shown| !shown.contents().contains("0000  48"));
    keys.drive(Text, "←", text("0000  48 54 54 50"));
    keys.drive(Everywhere, "Backspace", text("22/tcp  registered: ssh"));
    keys.terminal.press("3");
    keys.terminal.wait_for(&["alert", "22/tcp"]);

    let KeyDriver { terminal, mut driven } = keys;
    let mut terminal = Some(terminal);
    for name in ["q", "Ctrl-C", "Ctrl-D"] {
        let mut ending = terminal.take().unwrap_or_else(|| {
            let mut other = start(&net, &["-i", "veth0", "-f", "tcp or udp"]);
            other.wait_for(&["no packets dropped", "q quit"]);
            other
        });
        let (name, sends) = KeyDriver::sends(Everywhere, name);
        ending.press(sends);
        let (status, shown, restored) = ending.end();
        assert!(status == Some(0) && restored, "{name}: {shown}");
        driven.push((Everywhere, name));
    }
    for help in KEYS {
        for key in help.keys {
            let is_driven = driven.contains(&(help.group, key.name));
            assert!(is_driven, "help lists {}, which nothing drives", key.name);
        }
    }
}
