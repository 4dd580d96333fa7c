//! The progress of a replay: a line on stderr that is redrawn, and erased before the report.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portlore::source::Files;

/// Time before the first drawing and between two of them: a replay that takes less needs no line.
const REDRAW: Duration = Duration::from_millis(250);
/// Columns of the bar.
const WIDTH: usize = 24;

/// The thread that draws how far the files are read, while another thread reads them.
pub struct ProgressBar {
    /// Dropped to end the thread.
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl ProgressBar {
    /// Starts to draw. `None` where stderr is no terminal or the user wants none, where no regular
    /// file is read, and where no thread can be started. To be called when privileges were dropped,
    /// because it starts a thread.
    pub fn start(files: &mut Files, quiet: bool) -> Option<Self> {
        if quiet || !io::stderr().is_terminal() {
            return None;
        }
        let positions = files.positions()?;
        let (end, ended) = channel();
        let draw = move || {
            let (begin, mut drawn) = (Instant::now(), false);
            while ended.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                let line = line(positions.read(), positions.total(), begin.elapsed());
                drawn |= write!(io::stderr(), "\r{line}\x1b[K").is_ok();
            }
            if drawn {
                drop(write!(io::stderr(), "\r\x1b[K"));
            }
        };
        let thread = thread::Builder::new().name("progress".into()).spawn(draw);
        thread.ok().map(|thread| Self { end, thread })
    }

    /// Erases the line.
    pub fn finish(self) {
        drop(self.end);
        drop(self.thread.join());
    }
}

/// The line, after `read` of `total` bytes in the time `elapsed`.
fn line(read: u64, total: u64, elapsed: Duration) -> String {
    let done = if total == 0 { 1.0 } else { (read as f64 / total as f64).min(1.0) };
    let filled = (done * WIDTH as f64) as usize;
    let per_second = read as f64 / elapsed.as_secs_f64().max(0.001);
    let left = (total.saturating_sub(read)) as f64 / per_second.max(1.0);
    format!(
        "[{}{}] {:3.0} %  {} of {}, {}/s, {} left",
        "=".repeat(filled),
        " ".repeat(WIDTH - filled),
        done * 100.0,
        size(read as f64),
        size(total as f64),
        size(per_second),
        time(left)
    )
}

fn size(bytes: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let at =
        units.iter().enumerate().rposition(|(i, _)| bytes >= 1_000_f64.powi(i as i32)).unwrap_or(0);
    let figure = bytes / 1_000_f64.powi(at as i32);
    if at == 0 || figure >= 100.0 {
        format!("{figure:.0} {}", units[at])
    } else {
        format!("{figure:.1} {}", units[at])
    }
}

fn time(seconds: f64) -> String {
    let seconds = seconds.min(359_999.0).ceil() as u64;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m}:{s:02} min"),
        (h, m, _) => format!("{h}:{m:02} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long_yet() {
        assert_eq!(
            line(300_000_000, 1_200_000_000, Duration::from_secs(2)),
            "[======                  ]  25 %  300 MB of 1.2 GB, 150 MB/s, 6 s left"
        );
        assert_eq!(
            line(0, 0, Duration::ZERO),
            "[========================] 100 %  0 B of 0 B, 0 B/s, 0 s left"
        );
        assert!(line(1, 1_000_000_000, Duration::from_secs(1)).ends_with("99:59 h left"));
        assert_eq!(time(75.0), "1:15 min");
    }
}
