//! Phrases that no text for people has: the program's own words, its help, its reports on all
//! captures, the documentation, the notes of the catalogue. CONTRIBUTING has the style page.

mod literals;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::run::help_pages;

/// Where a phrase is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// In every text.
    Everywhere,
    /// In what the program prints. Documentation may explain the code's words and the names of
    /// JSON's fields.
    Output,
}
use Scope::{Everywhere, Output};

/// A phrase: where it is looked for, its pattern, in which a space stands for any blanks; where it
/// is right after all, or nothing; and the better form, or the reason.
type Phrase = (Scope, &'static str, &'static str, &'static str);

const PHRASES: &[Phrase] = &[
    // Kinds.
    (
        Everywhere,
        r"(?i)\S+ (is|are|was|were) no [a-z]",
        r"(?i)\bthere (is|are|was|were) no |\bno longer\b",
        "X is not a Y; only `there is no` stays",
    ),
    (
        Everywhere,
        r"(?m)(^|[.;:!?] |[-*] )(Kept|Known|Left|Named|Read|Refused|Shown|Skipped|Told|Written) (are|is) ",
        "",
        "the subject first: `Supported link layers: …`, not `Read are …`",
    ),
    (
        Everywhere,
        r"(?i)(^|[^\w.,:/-])1 (answers|attempts|bytes|clients|connections|errors|files|findings|flows|frames|messages|notes|packets|pairs|ports|servers|services|times)\b",
        "",
        "one is singular: `sentence::plural`",
    ),
    (Everywhere, r"(?i)\bof no use\b", "", "useless, or what exactly is wrong"),
    (Everywhere, r"(?i)\b(goes|go) before\b", "", "outranks, precedes, comes before"),
    (Everywhere, r"(?i)\bwhereby\b", "", "where, and so"),
    (Everywhere, r"(?i)\bbe it\b", "", "whether it is"),
    (Everywhere, r"(?i)\bas they (are named|lie there)\b", "", "in the order given, in file order"),
    (Everywhere, r"(?i)\b(one|one file) behind the other\b", "", "one after another"),
    (Everywhere, r"(?i)\bwhat came of\b", "", "what happened to; or name the figures"),
    (Everywhere, r"(?i)\bhow long yet\b", "", "the time left"),
    (Everywhere, r"(?i)\blets? (\w+ )?pass\b", "", "matches, accepts"),
    (Everywhere, r"(?i)\bgoes? on with(out)?\b", "", "continues with"),
    (Everywhere, r"(?i)\bcapture goes on\b", "", "capture continues"),
    (Everywhere, r"(?i)\b(is|are) (said|told)\b", r"(?i)\btold apart\b", "is reported, is shown"),
    (Everywhere, r"(?i)\bno fault\b", "", "no errors"),
    (Everywhere, r"(?i)\bby its looks\b", "", "probably"),
    (
        Everywhere,
        r"(?i)\bnobody'?s? (knows|claims|described|has described)\b",
        "",
        "undocumented, unclaimed",
    ),
    (Everywhere, r"(?i)\b(is|are) had (back|again)\b|\bto have it back\b", "", "returns, resumes"),
    (Everywhere, r"(?i)\bin every (try|case) but\b", "", "except"),
    (Everywhere, r"(?i)\bbut for\b", "", "except, except for"),
    (Everywhere, r"(?i)\bcloses more doors\b|\bclosed off\b", "", "is sandboxed"),
    (Everywhere, r"(?i)\bafter all that\b|\buntimely\b", "", "unexpectedly"),
    (Output, r"\b([Tt]he|[Aa]n?) (initiator|responder)('s)?\b", "", "client, server"),
    (
        Output,
        r"[\d}] frames\b|\b(Frames|frames that|frames were|No frame)\b",
        r"frames OSC",
        "packets; only `frame N` numbers a proof",
    ),
    (Output, r"(?i)\b(resent|sent again)\b", "", "retransmitted"),
    (Output, r"\bhouse term\b|\bbehind the port\b", "", "the server process"),
    (
        Output,
        r"(?m)^\S+ +(http|osc|tls|ssh|dns)(: | \(|$)",
        "",
        "protocols have names: HTTP, OSC (`Protocol::name`)",
    ),
    (
        Output,
        r"(?i)\b(no|unknown) language\b|\blanguage that is known\b",
        "",
        "protocol not recognised",
    ),
    // Sentences that users could not read, by the words that give them away.
    (Everywhere, r"Says what is really speaking", "", "Identifies what is really running"),
    (Everywhere, r"several as one stream", "", "multiple files are merged by timestamp"),
    (Everywhere, r"how closed off it is", "", "how well it is sandboxed"),
    (Everywhere, r"(?i)say what is known of", "", "show what is known about"),
    (Everywhere, r"(?i)facts that marks can name", "", "facts that rules can match"),
    (
        Everywhere,
        r"Form of the report|Tables for people",
        "",
        "Output format; human-readable tables",
    ),
    (Everywhere, r"(?i)where it is short,", "", "when it runs out"),
    (Everywhere, r"(?i)has its name only once", "", "is renamed when complete"),
    (Everywhere, r"(?i)that portlore becomes|who to become", "", "the user it switches to"),
    (
        Everywhere,
        r"full-screen view, though",
        "",
        "disable the full-screen view even on a terminal",
    ),
    (Everywhere, r"(?i)say nothing on standard error but", "", "print only errors"),
    (Everywhere, r"\d\dZ in \d+\w", "", "captured FROM-TO (DURATION)"),
    (
        Everywhere,
        r"(?i)no socket, or no more|an unknown process:",
        "",
        "its socket had already closed",
    ),
    (Everywhere, r"(?i)\[it (listens there|was;)", "", "[listens on this port]"),
    (
        Everywhere,
        r"(?i)bytes are no\b|not what they speak|no protocol of theirs",
        "",
        "their protocols would have been recognised",
    ),
    (Everywhere, r"(?i)speaks (there|here) is not known", "", "its protocol is undocumented"),
    (
        Everywhere,
        r"(?i)after [\w-]+ from the other side",
        "",
        "the client uses SLIP, the server length prefixes",
    ),
    (Everywhere, r"(?i)(no answer|midstream|reset|closed) in \d", "", "closed after 9.1 ms"),
    (Everywhere, r"(?i)whose sockets those of", "", "to identify other users' processes"),
    (Everywhere, r"(?i)can be forbidden|can be closed", "", "can be blocked, can be limited"),
    (Everywhere, r"(?i)ctrl-c ends it", "", "press Ctrl-C to stop"),
    (Everywhere, r"(?i)no port that the filter", "", "no ports match the filter"),
    (Everywhere, r"↑↓ choose|\bq report\b", "", "↑↓ select, q quit"),
    (Everywhere, r"(?i)something nobody has", "", "other protocols undocumented"),
    (Everywhere, r"(?i)look at who opened it", "", "investigate whatever opened it"),
    (
        Everywhere,
        r"(?i)claimed by one page|no source found",
        "",
        "one unsourced page claims that …",
    ),
    (
        Everywhere,
        r"(?i)pages that call \d+ unassigned",
        "",
        "3037 is assigned, contrary to some pages",
    ),
    (
        Everywhere,
        r"(?i)(is|are) waited for|captured on again|left and said",
        "",
        "resumes when it returns",
    ),
    (Everywhere, r"(?i)may be past\b", "", "may have exited"),
    (
        Everywhere,
        r"(?i)of compressed files as much",
        "",
        "at most 250 times the compressed size is read",
    ),
    (Everywhere, r"(?i)of ports with more than", "", "are kept for at most 4,096 ports"),
    (Everywhere, r"(?i)skipped by name", "", "is counted but not analysed"),
    (
        Everywhere,
        r"(?i)conditions of a mark hold of",
        "",
        "must match within one request and response",
    ),
    (Everywhere, r"The program that counts", "", "Build information"),
    (Everywhere, r"live -s 0", "", "`-s 262144`: live refuses 0"),
    (
        Output,
        r"(?i)\d closed ports?\b|, none dropped\b|; none dropped\b",
        "",
        "1 refused port; no packets dropped",
    ),
    (
        Everywhere,
        r"(?m)^(portlore: )?[^\s:]+: (is|are|cannot|needs|contains|already|must) ",
        "",
        "no colon between a subject and its verb: `a.pcap is empty`",
    ),
    (
        Everywhere,
        r"(?i)nothing legitimate|whatever opened it|such a mesh",
        "",
        "no program in common use",
    ),
    (Everywhere, r"(?i)\b(JSON object|rows|messages) a (line|table|second)\b", "", "per"),
    (
        Everywhere,
        r"(?i)take that of the (packet|one) before",
        "",
        "the time of the previous packet",
    ),
    (
        Everywhere,
        r"(?i)names of undocumented protocols",
        "",
        "the registered protocols are undocumented",
    ),
    (Everywhere, r"(?i)what connections state\b|sides stated", "", "the facts in each connection"),
    (Everywhere, r"(?i)named on (none|\d+) of", "", "recognised in 2 of 3 connections"),
    (Everywhere, r"(?i)by which clients call|by a fixed hash", "", "server names in SNI and Host"),
    (Everywhere, r"(?i)which is every packet whole|cut payload of", "", "keeps every packet whole"),
    (Everywhere, r"(?i)\bof \S+ there is undocumented", "", "its protocol is undocumented"),
    (Output, r"\? of [a-z]", "", "? (user root)"),
    (Everywhere, r"(?i)refused as a bomb|if it is none\b", "", "possible decompression bomb"),
];

/// A phrase, compiled.
struct Searched {
    scope: Scope,
    pattern: Regex,
    but: Option<Regex>,
    better: &'static str,
}

fn phrases() -> Vec<Searched> {
    let compiled = |pattern: &str| Regex::new(&pattern.replace(' ', r"\s+")).unwrap();
    let phrase = |&(scope, pattern, but, better): &Phrase| Searched {
        scope,
        pattern: compiled(pattern),
        but: (!but.is_empty()).then(|| compiled(but)),
        better,
    };
    PHRASES.iter().map(phrase).collect()
}

/// Adds the phrases of a text: place, words, better form.
fn search(phrases: &[Searched], place: &str, is_output: bool, text: &str, found: &mut String) {
    for phrase in phrases.iter().filter(|phrase| is_output || phrase.scope == Everywhere) {
        for hit in phrase.pattern.find_iter(text) {
            // What makes a phrase right may end after it.
            let after: String = text[hit.end()..].chars().take(12).collect();
            let around = hit.as_str().to_owned() + &after;
            if phrase.but.as_ref().is_some_and(|but| but.is_match(&around)) {
                continue;
            }
            let line = text[..hit.start()].matches('\n').count() + 1;
            let words = hit.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(found, "{place}:{line}: {words:?}: {}", phrase.better).unwrap();
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the project with an ending, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut files = crate::run::files(&root().join(folder));
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files
}

fn named(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn no_string_of_the_program_has_a_phrase_that_readers_stumble_over() {
    let (phrases, mut found) = (phrases(), String::new());
    for path in files("src", ".rs").iter().filter(|path| !literals::is_test(path)) {
        for (line, literal) in literals::of(&read(path)) {
            search(&phrases, &format!("{}:{line}", named(path)), true, &literal, &mut found);
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn no_report_has_a_phrase_that_readers_stumble_over() {
    let (phrases, mut found) = (phrases(), String::new());
    for path in files("fixtures", ".txt") {
        search(&phrases, &named(&path), true, &read(&path), &mut found);
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn no_help_has_a_phrase_that_readers_stumble_over() {
    let (phrases, mut found) = (phrases(), String::new());
    for (command, help) in help_pages() {
        search(&phrases, &format!("{} --help", command.join(" ")), true, &help, &mut found);
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn no_document_has_a_phrase_that_readers_stumble_over() {
    let (phrases, mut found) = (phrases(), String::new());
    let others = ["README.md", "cluster/README.md"].map(|name| root().join(name));
    for path in files("docs", ".md").into_iter().chain(others) {
        search(&phrases, &named(&path), false, &read(&path), &mut found);
    }
    search(&phrases, "CONTRIBUTING.md", false, &contributing(), &mut found);
    search(&phrases, "CHANGELOG.md", false, &unreleased(), &mut found);
    assert!(found.is_empty(), "\n{found}");
}

/// CONTRIBUTING with the left column of the table of pairs emptied: it shows what not to write.
fn contributing() -> String {
    let mut is_pair = false;
    let mut text = String::new();
    for line in read("CONTRIBUTING.md").lines() {
        is_pair = (is_pair || line.starts_with("| not |")) && line.starts_with('|');
        let after = line.splitn(3, '|').nth(2).filter(|_| is_pair);
        writeln!(text, "{}", after.unwrap_or(line)).unwrap();
    }
    text
}

/// The part of the changelog that is not released.
fn unreleased() -> String {
    let text = read("CHANGELOG.md");
    let begin = text.find("\n## ").unwrap();
    let end = text[begin + 1..].find("\n## ").map_or(text.len(), |at| begin + 1 + at);
    text[..end].to_owned()
}

#[test]
fn no_note_of_the_catalogue_has_a_phrase_that_readers_stumble_over() {
    let (phrases, mut found) = (phrases(), String::new());
    for path in files("catalogue", ".toml") {
        let service: toml::Value = toml::from_str(&read(&path)).unwrap();
        for note in notes(&service) {
            search(&phrases, &named(&path), false, note, &mut found);
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

/// The texts for people in a value of the catalogue.
fn notes(value: &toml::Value) -> Vec<&str> {
    const KEYS: [&str; 5] = ["note", "since", "unexpected", "foreign", "closed"];
    match value {
        toml::Value::Table(table) => table
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(text) if KEYS.contains(&key.as_str()) => vec![text],
                _ => notes(value),
            })
            .collect(),
        toml::Value::Array(values) => values.iter().flat_map(notes).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_phrase_is_found_wherever_it_stands_and_its_right_use_is_left_alone() {
    let phrases = phrases();
    let found = |text: &str| {
        let mut found = String::new();
        search(&phrases, "text", true, text, &mut found);
        found.lines().count()
    };
    for text in [
        "the bytes are\n  no language that is known here",
        "'sctp' is no transport",
        "TXT: NOERROR, 1 answers",
        "Read are Ethernet and SLIP",
        "what came of the frames",
        "frame 6: the responder frames with slip",
        "3,000 frames",
        "192.0.2.1  http: Express",
        "5 packets, reset in 166ms",
        "6 servers, 2 closed ports",
        "portlore: README.md: is not a capture file",
        "--until: is not later than --since",
        "Show at most N rows a table",
        "desk: named on none of 2 connections",
    ] {
        assert!(found(text) > 0, "{text}");
    }
    for text in [
        "there is no such interface",
        "a claim that is no longer true",
        "21 answers, 1 answer",
        "frame 6 frames OSC with SLIP",
        "http: Express",
        "README.md is not a capture file",
        "eth9: no such interface",
    ] {
        assert_eq!(found(text), 0, "{text}");
    }
}
