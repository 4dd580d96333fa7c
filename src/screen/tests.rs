//! The screen over a real capture, drawn into memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::pipeline::{self, Options, snapshot_requests};
use crate::source::Files;

fn view(catalogue: &Arc<Catalogue>) -> Snapshot {
    let stop = Arc::new(AtomicBool::new(false));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/showcase.pcap");
    let mut files = Files::open_with_stop(&[file], &stop).unwrap();
    let options = Options { keep_flows: true, ..Options::replay() };
    let run = pipeline::run(&mut files, None, catalogue, &options, None).unwrap();
    Snapshot { elapsed: Duration::from_secs(61), run, live_flows: 5, held_flows: 9, detail: None }
}

/// A screen with the capture on it.
struct Shown {
    state: ScreenState,
    terminal: Terminal<TestBackend>,
}

impl Shown {
    fn new(catalogue: &Arc<Catalogue>, width: u16, height: u16) -> Self {
        let mut state =
            ScreenState::new("eth0".into(), Arc::clone(catalogue), snapshot_requests().0, false);
        state.update(view(catalogue));
        Self { state, terminal: Terminal::new(TestBackend::new(width, height)).unwrap() }
    }

    fn text(&mut self) -> String {
        self.terminal.draw(|frame| draw::draw(&mut self.state, frame)).unwrap();
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        rows.map(|row| {
            row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
                + "\n"
        })
        .collect()
    }

    fn press(&mut self, keys: &str) -> String {
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\x7f' => KeyCode::Backspace,
                c => KeyCode::Char(c),
            };
            self.text();
            assert!(self.state.press(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        self.text()
    }
}

#[test]
fn ports_stand_beside_each_other_with_what_does_not_belong_first_and_drops_in_sight() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 80, 24);
    let text = shown.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("portlore  eth0  00:01:01  ") && lines[0].contains("5 live flows"),
        "{text}"
    );
    assert!(lines[1].starts_with("291 frames, 0 skipped; none dropped"), "{text}");
    assert!(
        lines[2].starts_with("PORT      REGISTERED") && lines[2].contains("SPEAKING"),
        "{text}"
    );
    assert!(
        lines[3].starts_with("3001/tcp  origo-nat…") && lines[3].contains("http: Express"),
        "{text}"
    );
    let eos = lines.iter().find(|line| line.starts_with("3037/tcp")).unwrap();
    assert!(eos.contains("! http: Python") && eos.contains(" +1"), "{eos}");
    assert!(lines[23].contains("q report"), "{text}");
    shown.state.latest.as_mut().unwrap().run.counters.queue = 7;
    assert!(shown.text().contains("dropped: kernel 0, interface 0, queue 7"));
}

#[test]
fn every_size_of_terminal_is_drawn_on_every_page() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    for (width, height) in [(1, 1), (20, 3), (40, 10), (80, 24), (160, 50), (400, 4)] {
        let mut shown = Shown::new(&catalogue, width, height);
        shown.press("jjk\nwj\x1b/osc\n\x1bsssspp");
    }
}

#[test]
fn a_filter_is_typed_refused_with_its_reason_and_cleared() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 120, 24);
    let ports = |text: &str| {
        text.lines().filter(|line| line.contains("/tcp ") || line.contains("/udp ")).count()
    };
    let all = ports(&shown.text());
    let text = shown.press("/tag:osc -port:8000\n");
    assert!(
        ports(&text) > 0
            && ports(&text) < all
            && text.contains("3037/tcp")
            && !text.contains("8000/udp"),
        "{text}"
    );
    assert_eq!(ports(&shown.press("\x1b")), all);
    let text = shown.press("/prt:1\n");
    assert!(text.contains("'prt:' is not known"), "{text}");
    let text = shown.press("\x7f\x7f\x7f\x7f\x7f\x7fservice:express\n");
    assert_eq!((ports(&text), text.contains("3001/tcp")), (1, true), "{text}");
}

#[test]
fn a_port_opens_with_its_flows_their_reasons_and_histograms() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 100, 40);
    let text = shown.press("/port:3037\n\n");
    for part in [
        "3037/tcp  registered: hp-san-mgmt",
        "osc: ETC Eos",
        "! http: Python",
        "handshake",
        "▏",
        "LATEST FLOWS  4 of 4",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let text = shown.press("w");
    assert!(text.contains("Wireshark: frame.number in {"), "{text}");
    assert!(shown.press("\x1b").contains("SPEAKING"));
}

#[test]
fn while_it_is_paused_the_table_stands_still_and_the_counts_go_on() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 100, 24);
    assert!(shown.press("p").contains("PAUSED"));
    let mut next = view(&catalogue);
    next.elapsed += Duration::from_secs(1);
    next.run.counters.frames = 1_000_000;
    next.run.stats.ports.clear();
    shown.state.update(next);
    let text = shown.text();
    assert!(text.contains("1,000,000 frames") && text.contains("3037/tcp"), "{text}");
    let text = shown.press("p");
    assert!(!text.contains("3037/tcp") && !text.contains("PAUSED"), "{text}");
}
