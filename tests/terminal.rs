//! A program on a terminal of its own, of 80 by 24, and what the terminal shows.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::termios::{LocalFlags, tcgetattr};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long a text may take to come before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
pub const ROWS: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();

/// Both ends of a new terminal. No program inherits them that is not given them: one that had our end
/// would keep the terminal alive.
fn pair() -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    let size = Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).unwrap();
    (ours, theirs)
}

/// The program is killed on drop.
pub struct Terminal {
    pub child: Child,
    /// Our end: what is written here was typed.
    ours: File,
    /// The program's end, which stays open when it has gone.
    theirs: OwnedFd,
    bytes: Receiver<Vec<u8>>,
    /// Reads our end, until nobody wants to know.
    reader: Option<JoinHandle<()>>,
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts a command on a terminal, without colours.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::from)
    }

    /// The same, but for errors, which are a pipe's.
    pub fn start_with_errors_elsewhere(command: &mut Command) -> Self {
        Self::start_with(command, |_| Stdio::piped())
    }

    fn start_with(command: &mut Command, errors: impl FnOnce(OwnedFd) -> Stdio) -> Self {
        let (ours, theirs) = pair();
        let end = || theirs.try_clone().unwrap();
        command.env("NO_COLOR", "1").stdin(end()).stdout(end()).stderr(errors(end()));
        let child = command.spawn().unwrap();
        let ours = File::from(ours);
        let mut reader = ours.try_clone().unwrap();
        let (give, bytes) = channel();
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if give.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        Self { child, ours, theirs, bytes, reader: Some(reader), screen }
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

    /// Closes our end, as a window does that is closed, and waits for the end of the program. Returns
    /// what it wrote to the pipe of its errors, which closes with the last of its processes.
    pub fn hang_up(mut self) -> String {
        let mut pipe = self.child.stderr.take().unwrap();
        let nowhere = File::options().read(true).write(true).open("/dev/null").unwrap();
        // The reader has our end too: it ends with the next that it reads.
        self.bytes = channel().1;
        File::from(self.theirs.try_clone().unwrap()).write_all(b"\n").unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.ours = nowhere;
        let (give, told) = channel();
        thread::spawn(move || {
            let mut errors = String::new();
            pipe.read_to_string(&mut errors).unwrap();
            // Nobody waits any more.
            let _ = give.send(errors);
        });
        told.recv_timeout(PATIENCE).expect("the program goes on without its terminal")
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
