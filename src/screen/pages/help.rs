//! Help: the keys, the signs of the view behind it, and the fields of the filter.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use crate::report::parts::layout::wrap;
use crate::screen::filter::FIELDS;
use crate::screen::keys::{KEYS, KeyGroup};
use crate::screen::lists::ListKind;
use crate::screen::state::{Page, ScreenState};

/// A sign or a word of a view, and its meaning.
type Sign = (&'static str, &'static str);

const EVERY_LIST: &[Sign] = &[
    ("▾ ▴", "the list is sorted by this column, greatest or least first"),
    ("-", "nothing is known"),
    ("…", "the text goes on; open the row, or widen the window"),
];
const PORTS: &[Sign] = &[
    ("!", "what speaks here does not belong on this port"),
    ("+1", "one more, for which the row has no room; Enter shows all"),
    ("→", "before a process: it connects to the port, and runs on this machine"),
    ("(1 kB/s)", "no traffic now: the last rate"),
    ("▁▄█", "the rate over the last seconds; it stands still while the port is idle"),
    ("(reserved)", "the registry keeps the port for nobody"),
];
const SERVERS: &[Sign] = &[
    ("!", "what speaks here does not belong on this port"),
    ("called NAME", "the name that clients use for it, or that DNS gives it"),
    ("\"…\"", "the first line of what was not recognised"),
    ("+1", "one more name"),
    ("PROOF", "the frame that proves what it speaks, numbered as in Wireshark"),
];
const FINDINGS: &[Sign] = &[
    ("alert", "something is where it does not belong"),
    ("warning", "something is probably wrong"),
    ("note", "worth knowing"),
    ("FRAME", "the frame that shows it, numbered as in Wireshark"),
];
const FLOWS: &[Sign] = &[
    ("!", "what speaks here does not belong on this port"),
    ("→", "the client, which opened the connection, is on the left"),
    ("→?", "which side is the client is a guess"),
    ("open", "the connection has not ended; answered, sent: UDP, which has no end"),
    ("IDLE", "time since its last packet, by the clock of the capture"),
    ("(process: …)", "the service by the name of its process; the bytes do not prove it"),
];
const FLOW: &[Sign] = &[
    ("[mark]", "a signature in the bytes names the service"),
    ("[protocol]", "the bytes prove the protocol"),
    ("[port]", "only the port number says who may be here"),
    ("agrees", "a service that uses this port speaks this protocol here"),
    ("unclaimed", "no service is known to be expected here"),
    ("contradicts", "the services that use this port speak something else"),
    ("→?", "which side is the client is a guess"),
    ("\\x1b \\n", "bytes that a terminal would obey, written out"),
];

/// The lines of help.
pub(in crate::screen) fn lines(state: &ScreenState, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for group in KeyGroup::ALL {
        title(&mut lines, group.title());
        let rows = KEYS.iter().filter(|help| help.group == group);
        let rows = rows.map(|help| {
            let names: Vec<&str> = help.keys.iter().map(|key| key.name).collect();
            (names.join(" "), help.effect)
        });
        table(&mut lines, rows, width);
        if group == KeyGroup::Rows {
            title(&mut lines, &format!("SIGNS IN {}", name(state).to_uppercase()));
            let (own, general) = signs(state);
            let rows = own.iter().chain(general);
            table(&mut lines, rows.map(|&(sign, says)| (sign.to_owned(), says)), width);
        }
    }
    title(&mut lines, "FIELDS OF THE FILTER");
    let fields = FIELDS.iter().map(|field| (format!("{}:", field.name), field.selects));
    table(&mut lines, fields, width);
    let words = [
        ("tcp udp".to_owned(), "the transport"),
        ("word".to_owned(), "any text that the row shows"),
        ("bytes > 1M".to_owned(), "a comparison, as in --where; and, or, not, ( ) join conditions"),
        ("-term".to_owned(), "rows that the term does not match; all terms must match"),
    ];
    table(&mut lines, words.into_iter(), width);
    lines
}

/// The name of the view behind help.
fn name(state: &ScreenState) -> &'static str {
    match state.page() {
        Page::List(kind) => kind.title(),
        Page::Port(_) => "this port",
        Page::Server(_) => "this server",
        Page::Flow(_) => "this connection",
    }
}

fn signs(state: &ScreenState) -> (&'static [Sign], &'static [Sign]) {
    match state.page() {
        Page::List(ListKind::Ports) => (PORTS, EVERY_LIST),
        Page::List(ListKind::Servers) => (SERVERS, EVERY_LIST),
        Page::List(ListKind::Findings) => (FINDINGS, EVERY_LIST),
        Page::List(ListKind::Flows) | Page::Port(_) | Page::Server(_) => (FLOWS, EVERY_LIST),
        Page::Flow(_) => (FLOW, &[]),
    }
}

fn title(lines: &mut Vec<Line<'static>>, text: &str) {
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    let style = Style::default().add_modifier(Modifier::BOLD);
    lines.push(Line::styled(text.to_owned(), style));
}

/// Two columns, the second of which wraps under itself.
fn table(
    lines: &mut Vec<Line<'static>>,
    rows: impl Iterator<Item = (String, &'static str)>,
    width: usize,
) {
    const FIRST: usize = 18;
    const NARROW: usize = 50;
    let room = width.saturating_sub(FIRST + 4).max(16);
    for (mut first, says) in rows {
        if width < NARROW {
            lines.push(Line::from(format!(" {first}")));
            let texts = wrap(says, width.saturating_sub(3));
            lines.extend(texts.into_iter().map(|text| Line::from(format!("   {text}"))));
            continue;
        }
        for text in wrap(says, room) {
            let pad = " ".repeat(FIRST.saturating_sub(first.width()));
            lines.push(Line::from(format!("  {first}{pad}  {text}")));
            first.clear();
        }
    }
}
