//! How far a replay is, on a terminal: a line on stderr that is redrawn, and gone before the
//! report.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portlore::source::file::FilePositions;
use portlore::source::{Block, Drops, Files, Filled, Next, Source};

/// Between two drawings, and before the first: what is done at once needs no line.
const REDRAW: Duration = Duration::from_millis(250);
/// Columns of the bar.
const WIDTH: usize = 24;

/// Files whose reading shows.
pub struct Shown<'f> {
    files: &'f mut Files,
    bar: Option<Bar>,
}

impl<'f> Shown<'f> {
    /// Shows it where somebody sees it and wants to. To be called when privileges were given up: it
    /// starts a thread.
    pub fn of(files: &'f mut Files, quiet: bool) -> Self {
        let bar = if quiet || !io::stderr().is_terminal() {
            None
        } else {
            files.positions().and_then(Bar::start)
        };
        Self { files, bar }
    }
}

impl Source for Shown<'_> {
    fn next(&mut self) -> portlore::Result<Next<'_>> {
        self.files.next()
    }

    fn read(&mut self, block: &mut Block) -> portlore::Result<Filled> {
        self.files.read(block)
    }

    fn drops(&mut self) -> Drops {
        self.files.drops()
    }

    fn notices(&self) -> Vec<String> {
        self.files.notices()
    }

    fn problems(&self) -> Vec<String> {
        self.files.problems()
    }

    fn interface(&self, number: u32) -> String {
        self.files.interface(number)
    }

    fn is_endless(&self) -> bool {
        self.files.is_endless()
    }

    fn finish(&mut self) {
        self.bar.take().into_iter().for_each(Bar::end);
        self.files.finish();
    }
}

struct Bar {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Bar {
    /// None where no thread can be started: then there is no bar.
    fn start(places: FilePositions) -> Option<Self> {
        let (end, ended) = channel();
        let draw = move || {
            let (begin, mut drawn) = (Instant::now(), false);
            while ended.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                let line = line(places.read(), places.total(), begin.elapsed());
                drawn |= write!(io::stderr(), "\r{line}\x1b[K").is_ok();
            }
            if drawn {
                drop(write!(io::stderr(), "\r\x1b[K"));
            }
        };
        thread::Builder::new()
            .name("progress".into())
            .spawn(draw)
            .ok()
            .map(|thread| Self { end, thread })
    }

    fn end(self) {
        drop(self.end);
        drop(self.thread.join());
    }
}

/// What is drawn.
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
