//! The terminal, taken and restored: at the end, on errors, on signals, and when any thread panics.

use std::io::{self, Stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{event, execute};

use crate::{Error, ErrorKind, Result};

/// Whether the screen has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Opens the source of the keys, while the process may still open files.
///
/// # Errors
/// Of kind [`ErrorKind::System`] if there is no terminal.
pub fn prepare() -> Result<()> {
    event::poll(Duration::ZERO).map(drop).map_err(|error| {
        Error::new(ErrorKind::System, format!("the terminal cannot be read: {error}"))
            .with_remedy("--no-tui does without it")
    })
}

/// Restores the terminal; does nothing if it was not taken.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // An error here has no reader and no remedy.
        drop(execute!(io::stdout(), LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}

/// Whether the terminal was restored meanwhile.
pub(super) fn is_left() -> bool {
    !TAKEN.load(Ordering::SeqCst)
}

/// The terminal while the screen has it.
pub(super) struct Tty {
    /// Not dropped: it would show the cursor, which [`restore`] does, and complain on a terminal that
    /// is gone.
    pub(super) terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
}

impl Tty {
    pub(super) fn enter() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
            }));
        });
        let terminal = take().and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        let terminal = terminal.map(ManuallyDrop::new);
        terminal.map(|terminal| Self { terminal }).inspect_err(|_| restore())
    }

    /// Takes the terminal again after it was restored: everything is drawn anew.
    pub(super) fn enter_again(&mut self) -> io::Result<()> {
        // A new one knows nothing of what was drawn.
        self.terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        take()
    }
}

/// Takes the terminal.
fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen, Hide))
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    use nix::pty::openpty;
    use nix::sys::termios::{LocalFlags, tcgetattr};

    use super::*;

    #[test]
    fn a_panic_of_any_thread_gives_the_terminal_back_before_it_speaks() {
        let pty = openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let trial =
            ["--exact", "screen::terminal::tests::trial_of_panic", "--ignored", "--nocapture"];
        let mut command = Command::new(std::env::current_exe().unwrap());
        let status = command
            .args(trial)
            .env("RUST_BACKTRACE", "0")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .status()
            .unwrap();
        assert!(status.success());
        let modes = tcgetattr(pty.slave.as_fd()).unwrap();
        assert!(modes.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO));
        File::from(pty.slave).write_all(b"-- end --").unwrap();
        let mut master = File::from(pty.master);
        let mut text = String::new();
        while !text.ends_with("-- end --") {
            let mut buffer = [0; 1024];
            let length = master.read(&mut buffer).unwrap();
            text += &String::from_utf8_lossy(&buffer[..length]);
        }
        let at = |what: &str| {
            text.find(what).unwrap_or_else(|| panic!("{what:?} is missing in {text:?}"))
        };
        assert!(
            at("\x1b[?1049h") < at("\x1b[?1049l") && at("\x1b[?1049l") < at("on purpose"),
            "{text:?}"
        );
    }

    #[test]
    #[ignore = "takes the terminal and panics: run by the one above in a process of its own"]
    fn trial_of_panic() {
        let _tty = Tty::enter().unwrap();
        assert!(!is_left());
        std::thread::spawn(|| panic!("on purpose")).join().unwrap_err();
        assert!(is_left());
    }
}
