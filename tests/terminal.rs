//! A program on a terminal of its own, of 80 by 24, and what the terminal shows.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

/// How long a text may take to come before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
pub const ROWS: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();

/// The program is killed on drop.
pub struct Terminal {
    pub child: Child,
    /// Our end: what is written here was typed.
    ours: File,
    /// The program's end, which stays open when it has gone.
    theirs: OwnedFd,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts a command on a terminal, without colours.
    pub fn start(command: &mut Command) -> Self {
        let size =
            Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        command.env("NO_COLOR", "1").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        let ours = File::from(pty.master);
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
    pub fn wait_for(&mut self, texts: &[&str]) -> String {
        self.wait_until(&format!("{texts:?}"), |terminal| terminal.shows(texts))
    }

    /// Reads on until what the terminal shows is as wanted.
    pub fn wait_until(&mut self, wanted: &str, is_so: impl Fn(&Self) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.bytes.recv_timeout(left);
            let Ok(bytes) = bytes else { panic!("{wanted} never came:\n{}", self.contents()) };
            self.screen.process(&bytes);
        }
        self.contents()
    }

    pub fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    pub fn shows(&self, texts: &[&str]) -> bool {
        let shown = self.contents();
        texts.iter().all(|text| shown.contains(text))
    }

    /// Whether a program has a page of its own, beside that of the shell.
    pub fn is_full_screen(&self) -> bool {
        self.screen.screen().alternate_screen()
    }

    /// The text of the cells of a row that stand out.
    pub fn reversed(&self, row: u16) -> String {
        let cells = (0..COLUMNS.get()).filter_map(|column| self.screen.screen().cell(row, column));
        cells.filter(|cell| cell.inverse()).map(vt100::Cell::contents).collect()
    }

    pub fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    pub fn is_cursor_hidden(&self) -> bool {
        self.screen.screen().hide_cursor()
    }

    /// Whether the terminal gives lines, with echo and signals.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(self.theirs.as_fd()).unwrap();
        modes.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    /// Whether the terminal is as a shell wants it: lines, echo, signals, cursor, its own page.
    pub fn is_restored(&self) -> bool {
        self.is_cooked() && !self.is_cursor_hidden() && !self.is_full_screen()
    }

    /// Reads all that a program has written which ended or was stopped: it is in the terminal's
    /// buffer, and a mark behind it says that it was read.
    pub fn read_all(&mut self) -> String {
        File::from(self.theirs.try_clone().unwrap()).write_all(b"-- end --").unwrap();
        self.wait_for(&["-- end --"])
    }

    /// Waits for its end, with all it has written.
    pub fn end(mut self) -> (Option<i32>, String, bool) {
        let status = self.child.wait().unwrap();
        let shown = self.read_all();
        (status.code(), shown, self.is_restored())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
