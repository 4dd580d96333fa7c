//! The block DOES NOT BELONG: what was found, each with its frame. The sentence wraps under itself;
//! severity, port and frame are never cut.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use crate::findings::Finding;
use crate::report::parts::labels;
use crate::report::parts::layout::{Tone, columns_of, fit, wrap};
use crate::report::parts::units::plural;
use crate::report::{Report, Style, escape};

/// Blanks between columns.
const GAP: usize = 2;
/// Columns for a sentence at least; where there are fewer, it stands below.
const LEAST: usize = 24;
/// Columns of a name beside an address, and those that sentences keep where there are names.
const NAME: usize = 24;
const NAMED_LEAST: usize = 48;
/// Columns of an address beyond which it is cut, rather than the sentence moved.
const ADDRESS: usize = 25;

/// Writes the findings: all alerts and warnings, and as many notes as there are rows in the tables
/// of ports. Of servers of which the same is said the first few stand for all, but where nothing
/// else is written.
pub(super) fn write(
    out: &mut dyn Write,
    report: &Report<'_>,
    findings: &[Finding],
    style: Style,
) -> io::Result<()> {
    let grave = findings.iter().filter(|finding| finding.severity.is_grave()).count();
    let (top, is_whole) = (report.show.top, report.show.findings_only);
    let is_limited = top > 0 && !is_whole;
    let shown = if is_limited { findings.len().min(grave + top) } else { findings.len() };
    let (shown, hidden) = findings.split_at(shown);
    writeln!(out, "DOES NOT BELONG")?;
    let groups = alike(shown);
    let most = if is_whole { usize::MAX } else { ALIKE };
    let rows = || groups.iter().flat_map(|group| group.iter().take(most).copied());
    let widths = CellWidths::of(report, rows(), style);
    let mut advised = HashSet::new();
    for group in &groups {
        for finding in group.iter().take(most) {
            row(out, report, finding, &widths, style)?;
            let advice = finding.advice.as_deref().filter(|&advice| advised.insert(advice));
            write_below(out, &widths, style, advice)?;
        }
        let more = group.len().saturating_sub(most);
        let others =
            (more > 0).then(|| format!("the same at {}", plural(more as u64, "more server")));
        write_below(out, &widths, style, others.as_deref())?;
    }
    if !hidden.is_empty() {
        let notes = plural(hidden.len() as u64, "note");
        writeln!(out, "and {notes} more; --only findings shows all")?;
    }
    Ok(())
}

/// Servers of which the same is said that are shown.
const ALIKE: usize = 3;

/// The findings that say the same about several servers on a port, together, in the order of their
/// first.
fn alike(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut places = HashMap::new();
    for finding in findings {
        let place = *places
            .entry((finding.severity, finding.port, without_frames(&finding.sentence)))
            .or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// A sentence without the frames that it names at its end, which are others at each server.
fn without_frames(sentence: &str) -> &str {
    sentence.split(" (frames ").next().unwrap_or(sentence)
}

/// Writes what belongs to a finding below its sentence.
fn write_below(
    out: &mut dyn Write,
    widths: &CellWidths,
    style: Style,
    text: Option<&str>,
) -> io::Result<()> {
    let indent = widths.sentence_at(style);
    for line in
        text.iter().flat_map(|text| wrap(&escape(text), style.width.saturating_sub(indent + GAP)))
    {
        let text = Tone::Dim.paint(&line, style);
        writeln!(out, "{:indent$}{:GAP$}{text}", "", "")?;
    }
    Ok(())
}

/// The widths of the cells around the sentence.
struct CellWidths {
    severity: usize,
    port: usize,
    server: usize,
    frame: usize,
    /// Names stand beside addresses.
    has_names: bool,
}

impl CellWidths {
    /// The widths, with names beside addresses if there is room for them.
    fn of<'f>(
        report: &Report<'_>,
        findings: impl Iterator<Item = &'f Finding> + Clone,
        style: Style,
    ) -> Self {
        let none = Self { severity: 0, port: 0, server: 0, frame: 0, has_names: false };
        let plain = findings.clone().fold(none, |widest, finding| Self {
            severity: widest.severity.max(finding.severity.as_str().len()),
            port: widest.port.max(finding.port.to_string().len()),
            server: widest.server.max(columns_of(&server(report, finding, false))),
            frame: widest.frame.max(frame(finding).len()),
            has_names: false,
        });
        let named = findings.map(|finding| columns_of(&server(report, finding, true))).max();
        let named = Self { server: named.unwrap_or(0), has_names: true, ..plain };
        let has_room = |room| room >= NAMED_LEAST;
        if named.room(named.server, style).is_some_and(has_room) { named } else { plain }
    }

    /// The columns that are left for sentences beside servers of this width.
    fn room(&self, server: usize, style: Style) -> Option<usize> {
        let fixed = self.severity + self.port + self.frame + 4 * GAP;
        style.width.checked_sub(fixed + server)
    }

    /// The width of the column of servers, and that of sentences; `None` where these stand below.
    fn fitted(&self, style: Style) -> (usize, Option<usize>) {
        let room = |server: usize| self.room(server, style);
        let wide = |server: usize| room(server).filter(|&room| room >= LEAST);
        let cut = self.server.min(ADDRESS);
        match (wide(self.server), wide(cut)) {
            (Some(room), _) => (self.server, Some(room)),
            (None, Some(room)) => (cut, Some(room)),
            (None, None) => (room(0).map_or(0, |room| room.min(self.server)), None),
        }
    }

    /// The column at which sentences begin.
    fn sentence_at(&self, style: Style) -> usize {
        match self.fitted(style) {
            (server, Some(_)) => self.severity + self.port + server + 3 * GAP,
            (_, None) => 0,
        }
    }
}

/// The address of the server, with a name beside it if there is one.
fn server(report: &Report<'_>, finding: &Finding, has_name: bool) -> String {
    let Some(address) = finding.server else { return String::new() };
    let key = finding.server_key().filter(|_| has_name);
    let text = match key.and_then(|key| report.run.stats.servers.name_of(key)) {
        Some(name) => format!("{address} {}", fit(&escape(name), NAME)),
        None => address.to_string(),
    };
    report.with_sensor(text, finding.sensor)
}

fn frame(finding: &Finding) -> String {
    finding.frame.map_or_else(String::new, |frame| format!("frame {frame}"))
}

fn row(
    out: &mut dyn Write,
    report: &Report<'_>,
    finding: &Finding,
    widths: &CellWidths,
    style: Style,
) -> io::Result<()> {
    let (server_width, room) = widths.fitted(style);
    let severity = finding.severity.as_str();
    let painted = labels::severity_tone(finding.severity).paint(severity, style);
    let padding = widths.severity - severity.len();
    let port = finding.port.to_string();
    let whole = server(report, finding, widths.has_names);
    // An address that there is no room for stands before the sentence, where that stands below.
    let is_below = room.is_none() && columns_of(&whole) > server_width;
    let server = if is_below { String::new() } else { fit(&whole, server_width) };
    let before = format!(
        "{painted}{:padding$}{:GAP$}{port:>port_width$}{:GAP$}{server:server_width$}",
        "",
        "",
        "",
        port_width = widths.port,
    );
    let sentence = escape(&finding.sentence);
    let sentence = if is_below { format!("{whole}: {sentence}") } else { sentence };
    let frame = frame(finding);
    let Some(room) = room else {
        writeln!(out, "{}", format!("{before}{:GAP$}{frame}", "").trim_end())?;
        let room = style.width.saturating_sub(GAP);
        for line in wrap(&sentence, room) {
            writeln!(out, "{:GAP$}{}", "", fit(&line, room))?;
        }
        return Ok(());
    };
    let indent = widths.sentence_at(style);
    for (i, line) in wrap(&sentence, room).into_iter().enumerate() {
        let line = fit(&line, room);
        if i == 0 {
            let padding = room.saturating_sub(columns_of(&line));
            let text = format!("{before}{:GAP$}{line}{:padding$}{:GAP$}{frame}", "", "", "");
            writeln!(out, "{}", text.trim_end())?;
        } else {
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::Replay;
    use crate::decode::{ServicePort, Transport};
    use crate::findings::{FindingKind, Severity};
    use crate::report::Show;

    #[test]
    fn no_line_is_wider_than_the_terminal_whatever_a_server_calls_itself() {
        for name in ["W".repeat(200), "中".repeat(90)] {
            let finding = Finding {
                sensor: 0,
                kind: FindingKind::Contradicts,
                severity: Severity::Alert,
                port: ServicePort::new(3037, Transport::Tcp),
                server: Some([192, 0, 2, 10].into()),
                service: None,
                frame: Some(61),
                sentence: format!("HTTP ({name}) where lighting consoles speak OSC"),
                advice: None,
            };
            let run = Replay::open(["fixtures/silent-3002.pcap"]).unwrap().run().unwrap();
            let report = Report::new(&[], &run, None, Show::default());
            for width in 40..=120 {
                let style = Style { width, ..Style::default() };
                let mut out = Vec::new();
                let widths = CellWidths::of(&report, std::iter::once(&finding), style);
                row(&mut out, &report, &finding, &widths, style).unwrap();
                let text = String::from_utf8(out).unwrap();
                assert!(text.lines().all(|line| line.width() <= width), "{width}: {text}");
                assert!(text.contains("alert") && text.contains("frame 61"), "{width}: {text}");
            }
        }
    }

    /// What is written at a width, with default options.
    fn written(capture: &str, width: usize) -> String {
        let path = format!("fixtures/{capture}.pcap");
        let run = Replay::open([&path]).unwrap().run().unwrap();
        let show = Show { top: 20, ..Show::default() };
        let inputs = [path];
        let report = Report::new(&inputs, &run, None, show);
        let mut out = Vec::new();
        super::super::write(&mut out, &report, Style { width, ..Style::default() }).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_screen_names_what_does_not_belong_with_port_and_frame() {
        const EXPECTED: [(&str, &str, &str, &str); 6] = [
            ("alert", "22/tcp", "frame 113", "HTTP (Python http.server)"),
            ("alert", "443/tcp", "frame 120", "a clear-text shell"),
            ("alert", "3037/tcp", "frame 104", "SSH (OpenSSH_9.2p1)"),
            ("warning", "53/udp", "frame 1", "long unique names under"),
            ("warning", "8443/tcp", "frame 126", "unrecognised bytes"),
            ("note", "4444/tcp", "frame 140", "unrecognised bytes"),
        ];
        for width in [60, 80, 100] {
            let text = written("cases/finding-analyst", width);
            let screen: Vec<&str> = text.lines().take(24).collect();
            let table = screen.iter().position(|line| line.starts_with("PORT"));
            let found = &screen[..table.unwrap_or(screen.len())];
            let mut rest = found.iter();
            for (severity, port, frame, what) in EXPECTED {
                let is_row = |line: &&&str| {
                    line.starts_with(severity) && line.contains(port) && line.ends_with(frame)
                };
                // Where columns are few, the sentence stands in the next line.
                let row = rest.find(is_row).unwrap_or_else(|| panic!("{width}: {port}\n{text}"));
                let is_told = row.contains(what) || rest.clone().next().unwrap().contains(what);
                assert!(is_told, "{width}: {what}\n{text}");
            }
            for quiet in ["3002/tcp", "22222/tcp"] {
                assert!(!found.iter().any(|line| line.contains(quiet)), "{width}: {quiet}\n{text}");
            }
        }
    }

    #[test]
    fn of_servers_of_which_the_same_is_said_three_stand_for_all() {
        let at = |last: u8, port: u16, sentence: &str| Finding {
            sensor: 0,
            kind: FindingKind::Unrecognised,
            severity: Severity::Warning,
            port: ServicePort::new(port, Transport::Udp),
            server: Some([192, 0, 2, last].into()),
            service: None,
            frame: Some(u64::from(last)),
            sentence: sentence.to_owned(),
            advice: None,
        };
        let mut findings: Vec<Finding> = (1..=9).map(|n| at(n, 53, "the same")).collect();
        findings.push(at(10, 53, "another"));
        findings.push(at(11, 67, "the same"));
        let run = Replay::open(["fixtures/silent-3002.pcap"]).unwrap().run().unwrap();
        let written = |findings_only| {
            let show = Show { findings_only, ..Show::default() };
            let report = Report::new(&[], &run, None, show);
            let mut out = Vec::new();
            super::write(&mut out, &report, &findings, Style::default()).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = written(false);
        assert_eq!(text.lines().filter(|line| line.starts_with("warning")).count(), 5, "{text}");
        assert!(text.contains("the same at 6 more servers"), "{text}");
        assert_eq!(written(true).lines().filter(|line| line.starts_with("warning")).count(), 11);
    }

    #[test]
    fn no_line_of_the_tables_is_wider_than_the_terminal() {
        let captures = [
            "cases/finding-analyst",
            "cases/finding-failing",
            "cases/icmp6-closed-port",
            "cases/ws-discovery-3702",
            "eos-mismatch",
            "showcase",
            "swapped-ports",
        ];
        for capture in captures {
            let inputs = [format!("fixtures/{capture}.pcap")];
            let run = Replay::open(&inputs).unwrap().run().unwrap();
            for width in [40, 50, 60, 80, 100] {
                let show = Show { servers: true, stats: true, ..Show::default() };
                let report = Report::new(&inputs, &run, None, show);
                let mut out = Vec::new();
                let style = Style { width, wraps: true, ..Style::default() };
                super::super::write(&mut out, &report, style).unwrap();
                let text = String::from_utf8(out).unwrap();
                let wide = text.lines().find(|line| line.width() > width);
                // An input's name and a URL in advice have no place to break.
                let wide = wide.filter(|line| !line.contains(".pcap") && !line.contains("://"));
                assert_eq!(wide, None, "{capture} at {width} columns\n{text}");
            }
        }
    }

    #[test]
    fn names_stand_beside_addresses_where_there_is_room() {
        let text = written("cases/finding-failing", 120);
        let row = text.lines().find(|line| line.contains("2 of 3")).unwrap();
        assert!(row.contains("192.0.2.10 example.test"), "{text}");
        let text = written("cases/finding-failing", 60);
        let row = text.lines().find(|line| line.contains("2 of 3")).unwrap();
        assert!(!row.contains("example.test"), "{text}");
    }
}
