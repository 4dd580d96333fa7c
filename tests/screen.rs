//! The screen of a live capture, on a real terminal: what it shows, and that the terminal is given
//! back.

use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::net::{Net, signal};
use crate::run::portlore;

/// How long a text may take to come before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();
const OSC: &str =
    "for i in 1 2 3; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/10.77.0.2/8000; done";

/// A program on a terminal of its own, and what the terminal shows.
struct Terminal {
    child: Child,
    /// Our end: what is written here was typed.
    ours: std::fs::File,
    /// The program's end, which stays open when it has gone.
    theirs: OwnedFd,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    /// The program on side b, on a terminal of 80 by 24.
    fn start(net: &Net, args: &[&str]) -> Self {
        let size =
            Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let template = portlore(&[]);
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &net.side('b')])
            .arg(template.get_program())
            .arg("live")
            .args(args);
        command
            .envs(template.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .env_remove("SUDO_UID")
            .env("NO_COLOR", "1");
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let ours = std::fs::File::from(pty.master);
        let mut reader = ours.try_clone().unwrap();
        let (give, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if give.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, ours, theirs: pty.slave, bytes, screen: vt100::Parser::new(ROWS, COLUMNS, 0) }
    }

    /// Reads on until the terminal shows all of this.
    fn wait_for(&mut self, texts: &[&str]) -> String {
        loop {
            let shown = self.screen.screen().contents();
            if texts.iter().all(|text| shown.contains(text)) {
                return shown;
            }
            let bytes = self
                .bytes
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("{texts:?} never came:\n{shown}"));
            self.screen.process(&bytes);
        }
    }

    fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether the terminal is as a shell wants it: lines, echo, signals, cursor, its own page.
    fn is_restored(&self) -> bool {
        let modes = tcgetattr(self.theirs.as_fd()).unwrap();
        let wanted = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        let screen = self.screen.screen();
        modes.local_flags.contains(wanted) && !screen.hide_cursor() && !screen.alternate_screen()
    }

    /// Waits for its end, with all it has written.
    fn end(mut self) -> (Option<i32>, String, bool) {
        let status = self.child.wait().unwrap();
        // What was written before the end is in the terminal's buffer; a mark behind it says that
        // it was read.
        std::fs::File::from(self.theirs.try_clone().unwrap()).write_all(b"-- end --").unwrap();
        let shown = self.wait_for(&["-- end --"]);
        (status.code(), shown, self.is_restored())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_screen_shows_ports_opens_one_and_gives_the_terminal_back_with_the_report() {
    let Some(net) = Net::new("sa") else { return };
    let mut terminal = Terminal::start(&net, &["-i", "veth0", "-f", "udp port 8000"]);
    terminal.wait_for(&["none dropped", "q report"]);
    assert!(!terminal.is_restored(), "the screen has the terminal");
    net.client(OSC);
    terminal.wait_for(&["8000/udp", "osc (no answ", "REGISTERED"]);
    terminal.press("/tag:csta\r");
    terminal.wait_for(&["No port that the filter lets pass"]);
    terminal.press("\x1b");
    terminal.wait_for(&["8000/udp"]);
    terminal.press("\rw");
    terminal.wait_for(&["LATEST FLOWS", "sends to the address /eos/ping", "Wireshark: ip.addr"]);
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
    let Some(net) = Net::new("sb") else { return };
    for name in ["TERM", "INT"] {
        let mut terminal = Terminal::start(&net, &["-i", "veth0", "-f", "udp port 8000"]);
        terminal.wait_for(&["q report"]);
        signal(&terminal.child, name);
        let (status, shown, restored) = terminal.end();
        assert!(
            status == Some(0) && restored && shown.contains("No packet matched the filter"),
            "{name}: {shown}"
        );
    }
}

#[test]
fn two_signals_at_once_do_not_leave_the_terminal_to_nobody() {
    let Some(net) = Net::new("sc") else { return };
    let mut terminal = Terminal::start(&net, &["-i", "veth0", "-f", "udp port 8000"]);
    terminal.wait_for(&["q report"]);
    let both = format!("kill -INT {0}; kill -TERM {0}", terminal.child.id());
    assert!(Command::new("sh").args(["-c", &both]).status().unwrap().success());
    let (_, shown, restored) = terminal.end();
    assert!(restored, "{shown}");
}
