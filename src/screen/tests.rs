//! The screen over a real capture, drawn into memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::lists;
use super::state::Page;
use super::*;
use crate::catalogue::Catalogue;
use crate::flow::Opening;
use crate::pipeline::{self, FlowDetail, Options, snapshot_requests};
use crate::source::Files;

fn view(catalogue: &Arc<Catalogue>, file: &str) -> Snapshot {
    let stop = Arc::new(AtomicBool::new(false));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut files = Files::open_with_stop(&[file], &stop).unwrap();
    let options = Options { keep_flows: true, ..Options::replay() };
    let run = pipeline::run(&mut files, None, catalogue, &options, None).unwrap();
    let view = Snapshot::of_run(run, Duration::from_secs(61));
    Snapshot { live_flows: 5, held_flows: 9, ..view }
}

const SHOWCASE: &str = "fixtures/showcase.pcap";

/// A screen with the capture on it.
struct Shown {
    state: ScreenState,
    terminal: Terminal<TestBackend>,
}

impl Shown {
    fn new(catalogue: &Arc<Catalogue>, width: u16, height: u16) -> Self {
        let mut state = ScreenState::new("eth0".into(), snapshot_requests().0, false);
        state.update(view(catalogue, SHOWCASE));
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
                '\t' => KeyCode::Tab,
                '\x1b' => KeyCode::Esc,
                '\x7f' => KeyCode::Backspace,
                '→' => KeyCode::Right,
                '↓' => KeyCode::Down,
                c => KeyCode::Char(c),
            };
            self.text();
            assert!(self.state.press(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        self.text()
    }

    /// Answers the request for the flow that is open.
    fn answer(&mut self, opening: Option<Opening>) -> String {
        let Page::Flow(frame) = self.state.page() else { panic!("no flow is open") };
        let mut snapshot = view(&self.state.view().unwrap().snapshot.run.catalogue, SHOWCASE);
        snapshot.elapsed = Duration::from_secs(62);
        snapshot.request.flow = Some(frame);
        snapshot.detail = opening.map(|opening| {
            let flow = self.state.flow.as_ref().unwrap().flow.clone();
            Box::new(FlowDetail { flow, opening: Some(opening) })
        });
        self.state.update(snapshot);
        self.text()
    }
}

/// Rows that begin with a port.
fn ports(text: &str) -> usize {
    let is_port = |line: &&str| {
        line.split(' ').next().is_some_and(|word| word.ends_with("/tcp") || word.ends_with("/udp"))
    };
    text.lines().filter(is_port).count()
}

#[test]
fn ports_stand_beside_each_other_with_what_does_not_belong_first_and_drops_in_sight() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 80, 24);
    let text = shown.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("portlore  eth0  00:01:01  ") && lines[0].contains("5 flows open"),
        "{text}"
    );
    assert!(lines[1].starts_with("291 packets, 0 not analysed; no packets dropped"), "{text}");
    assert!(lines[2].starts_with(" 1 Ports ") && lines[2].contains(" 3 Findings "), "{text}");
    assert!(lines[3].starts_with("PORT      REGISTERED") && lines[3].ends_with("RATE▾"), "{text}");
    let express = lines.iter().find(|line| line.starts_with("3001/tcp")).unwrap();
    assert!(express.contains("http: Express"), "{text}");
    let eos = lines.iter().find(|line| line.starts_with("3037/tcp")).unwrap();
    assert!(eos.contains("! http: Python http.server +1"), "{eos}");
    assert!(lines[23].starts_with("q quit  ? help"), "{text}");
    shown.state.latest.as_mut().unwrap().snapshot.run.counters.queue = 7;
    assert!(shown.text().contains("dropped: kernel 0, interface 0, queue 7"));
}

#[test]
fn every_size_of_terminal_is_drawn_on_every_page() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let sizes =
        [(1, 1), (20, 3), (20, 5), (40, 10), (40, 15), (80, 24), (100, 30), (160, 50), (400, 4)];
    for (width, height) in sizes {
        let mut shown = Shown::new(&catalogue, width, height);
        shown.press("jjk\nj\n→↓?→↓?\x1b\x1b2j\n\x1b3j\n\x1b4sS\n\x1b\t/osc\t\n\x1bsssspph\x1b");
    }
}

#[test]
fn the_sorted_column_is_marked_and_shown_in_narrow_windows() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    for width in [40, 80, 160] {
        let mut shown = Shown::new(&catalogue, width, 24);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let text = shown.press("s");
            let titles = text.lines().nth(3).unwrap();
            let marked = titles.split_whitespace().find(|title| title.ends_with(['▾', '▴']));
            seen.push(marked.unwrap_or_else(|| panic!("{width}: {titles}")).to_owned());
        }
        assert_eq!(seen, ["PORT▴", "FLOWS▾", "BYTES▾", "RATE▾"]);
    }
    let mut shown = Shown::new(&catalogue, 80, 24);
    let first = |text: &str| text.lines().nth(4).unwrap().split(' ').next().unwrap().to_owned();
    let (lowest, highest) = (first(&shown.press("s")), first(&shown.press("S")));
    let number = |port: &str| port.split('/').next().unwrap().parse::<u16>().unwrap();
    assert!(number(&lowest) < number(&highest), "{lowest} {highest}");
}

#[test]
fn a_filter_applies_while_it_is_typed_and_what_is_wrong_with_it_is_told_in_full() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 80, 24);
    let all = ports(&shown.text());
    let text = shown.press("/tag:osc -port:8000");
    assert!(text.contains("filter: tag:osc -port:8000") && text.contains("3037/tcp"), "{text}");
    assert!(ports(&text) > 0 && ports(&text) < all && !text.contains("8000/udp"), "{text}");
    let text = shown.press("\n");
    assert!(text.lines().nth(3).unwrap().starts_with("filter: tag:osc -port:8000  "), "{text}");
    assert_eq!(ports(&shown.press("\x1b")), all);
    let text = shown.press("/prt:1\n");
    assert!(text.contains("\nthere is no field 'prt'; did you mean port?\n"), "{text}");
    assert_eq!(ports(&text), 0, "the word before the colon");
    let text = shown.press("\x7f\x7f\x7f\x7f\x7f\x7fservice:express\n");
    assert_eq!((ports(&text), text.contains("3001/tcp")), (1, true), "{text}");
    // Esc in the prompt returns to the filter from before.
    let text = shown.press("/ port:1\x1b");
    assert_eq!((ports(&text), text.contains("filter: service:express")), (1, true), "{text}");
}

#[test]
fn tab_completes_fields_and_the_values_that_there_are() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 80, 24);
    let text = shown.press("/");
    assert!(text.contains("Tab: port: service: tag: protocol: process: server: fit: finding:"));
    let text = shown.press("fi");
    assert!(text.contains("\nTab: fit: finding:\n"), "{text}");
    let text = shown.press("n\t");
    assert!(text.contains("filter: finding: ") && text.contains("Tab: finding:alert"), "{text}");
    let text = shown.press("\t");
    assert!(text.contains("filter: finding:alert"), "{text}");
    let text = shown.press("\n");
    assert!(text.contains("3037/tcp") && !text.contains("3001/tcp"), "{text}");
}

#[test]
fn filters_by_fit_finding_and_server_select_in_every_view() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 120, 40);
    for filter in ["fit:!", "!", "finding:contradicts", "finding:alert"] {
        let text = shown.press(&format!("1/{filter}\n"));
        assert!(ports(&text) >= 1 && text.contains("! http: Python"), "{filter}\n{text}");
        assert!(!text.contains("3001/tcp"), "{filter}\n{text}");
        let text = shown.press("2");
        assert!(text.contains(":3037/tcp") && !text.contains(":3001/tcp"), "{filter}\n{text}");
        let text = shown.press("3");
        assert!(text.contains("3037/tcp"), "{filter}\n{text}");
        let text = shown.press("4");
        assert!(text.contains(":3037/tcp ") && !text.contains(":3001/tcp "), "{filter}\n{text}");
        shown.press("\x1b");
    }
    let text = shown.press("1/server:192.0.2.10\n");
    assert!(ports(&text) > 0, "{text}");
    assert_eq!(ports(&shown.press("\x1b/server:203.0.113.99\n")), 0);
}

#[test]
fn a_word_matches_what_is_visible_and_no_hidden_candidate() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 160, 40);
    for word in ["express", "python", "osc", "nextjs", "3001"] {
        let text = shown.press(&format!("/{word}\n"));
        let rows = text.lines().filter(|line| ports(line) == 1);
        for row in rows {
            // What speaks second stands behind `+1`, and the port's page shows it.
            let is_shown = row.to_lowercase().contains(word) || row.contains(" +");
            assert!(is_shown, "{word}: {row}");
        }
        shown.press("\x1b");
    }
}

#[test]
fn a_port_opens_with_its_flows_and_figures_and_a_flow_with_all_reasons() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 100, 40);
    let text = shown.press("/port:3037\n\n");
    for part in
        ["3037/tcp  registered: hp-san-mgmt", "osc: ETC Eos", "! http: Python", "handshake", "▏"]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains("IDLE▴"), "{text}");
    let text = shown.press("\n");
    assert!(text.contains("WHY") && text.contains("Wireshark: frame.number"), "{text}");
    assert!(text.contains("Loading …"), "{text}");
    assert!(shown.answer(None).contains("The first bytes have been discarded."));
    assert!(shown.press("\x1b").contains("3037/tcp  registered"));
    assert!(shown.press("\x1b").contains("SPEAKING"));
}

#[test]
fn the_first_bytes_of_a_flow_are_shown_escaped_and_long_lines_scroll_sideways() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 80, 50);
    shown.press("/port:3001\n\n\n");
    let long = format!("GET /{}END HTTP/1.1\r\nHost: \x1b[2J\r\n\r\n", "x".repeat(90));
    let opening = Opening::from_payloads(
        crate::decode::Transport::Tcp,
        &[long.as_bytes()],
        &[b"HTTP/1.1 200 OK\r\n\r\n"],
    );
    let text = shown.answer(Some(opening));
    assert!(text.contains("GET /xxxx") && text.contains("Host: \\x1b[2J"), "{text}");
    assert!(text.contains("0000  47 45 54 20 2f 78"), "{text}");
    assert!(text.contains("FIRST BYTES FROM THE SERVER") && text.contains("200 OK"), "{text}");
    assert!(!text.contains("END HTTP/1.1"), "{text}");
    assert!(shown.press("→→→→→→→→").contains("xEND HTTP/1.1"));
}

#[test]
fn a_finding_is_shown_whole_and_opens_its_server_with_the_flow_chosen() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 80, 24);
    let text = shown.press("3/finding:contradicts\n");
    let finding = shown.state.view().unwrap().findings[0].1.clone();
    let last_word = finding.sentence.split(' ').next_back().unwrap();
    assert!(text.contains(last_word) && text.contains("alert"), "{text}");
    let text = shown.press("\n");
    let server = format!("{}:{}", finding.server.unwrap(), finding.port);
    assert!(text.contains(&server) && text.contains("alert: "), "{text}");
    let chosen = shown.state.chosen();
    let Some(lists::RowKey::Flow(frame)) = chosen else { panic!("{chosen:?}") };
    let flow = shown.state.view().unwrap().flow(frame).unwrap();
    let frames = flow.record.first_frame..=flow.record.last_frame;
    assert!(frames.contains(&finding.frame.unwrap()));
}

#[test]
fn help_lists_the_keys_and_the_signs_of_the_view_behind_it() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 100, 100);
    for (view, sign) in [("1", "(1 kB/s)"), ("2", "called NAME"), ("3", "alert"), ("4", "→?")] {
        let text = shown.press(&format!("{view}?"));
        assert!(text.contains(sign), "{view}: {text}");
        for help in KEYS {
            let names: Vec<&str> = help.keys.iter().map(|key| key.name).collect();
            assert!(text.contains(&names.join(" ")), "{names:?} in\n{text}");
        }
        assert!(shown.press("h").contains("q quit  ? help  1-4 Tab views"));
    }
    assert!(shown.press("4\n?").contains("[mark]"));
}

#[test]
fn while_it_is_paused_the_table_stands_still_and_the_counts_go_on() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 100, 24);
    assert!(shown.press("p").contains("PAUSED"));
    let mut next = view(&catalogue, SHOWCASE);
    next.elapsed += Duration::from_secs(1);
    next.run.counters.frames = 1_000_000;
    next.run.stats.ports.clear();
    shown.state.update(next);
    let text = shown.text();
    assert!(text.contains("1,000,000 packets") && text.contains("3037/tcp"), "{text}");
    let text = shown.press("p");
    assert!(!text.contains("3037/tcp") && !text.contains("PAUSED"), "{text}");
}

#[test]
fn a_port_that_is_idle_keeps_its_figures() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut shown = Shown::new(&catalogue, 110, 24);
    for seconds in 62..100 {
        let mut next = view(&catalogue, SHOWCASE);
        next.elapsed = Duration::from_secs(seconds);
        shown.state.update(next);
    }
    let text = shown.text();
    let row = text.lines().find(|line| line.starts_with("3037/tcp")).unwrap();
    assert!(row.contains("B/s)") && row.contains('█'), "{row}");
}
