//! The terminal, taken and given back: at the end, on errors, and when some thread panics.

use std::io::{self, Stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{event, execute};

/// The screen has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Opens what the keys come from, while the process may still do so.
///
/// # Errors
/// Where there is no terminal.
pub fn prepare() -> Result<(), String> {
    event::poll(Duration::ZERO)
        .map(drop)
        .map_err(|error| format!("the terminal cannot be read: {error}; --no-tui does without it"))
}

/// Gives the terminal back as it was; nothing where it was not taken.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // There is nobody to tell, and nothing else to try.
        drop(execute!(io::stdout(), LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}

/// Whether the terminal was given back meanwhile.
pub(super) fn is_left() -> bool {
    !TAKEN.load(Ordering::SeqCst)
}

/// The terminal while the screen has it.
pub(super) struct Tty {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
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
        TAKEN.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen, Hide));
        let terminal = taken.and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        terminal.map(|terminal| Self { terminal }).inspect_err(|_| restore())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}
