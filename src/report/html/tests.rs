use std::path::{Path, PathBuf};

use base64::Engine;
use sha2::Digest;

use super::*;
use crate::catalogue::Catalogue;
use crate::pipeline::{self, Options, Run};
use crate::report::Show;
use crate::source::Files;

fn run(capture: &Path) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(capture);
    let catalogue = Catalogue::shipped().unwrap();
    let options = Options { examples: true, ..Options::replay() };
    let mut files = Files::open(&[path]).unwrap();
    pipeline::run(&mut files, None, &catalogue, &options, None).unwrap()
}

fn page_of(run: &Run, inputs: &[&str]) -> String {
    let inputs: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
    let mut page = Vec::new();
    write(&mut page, &Report::new(&inputs, run, None, Show::default())).unwrap();
    String::from_utf8(page).unwrap()
}

fn page(capture: &str) -> String {
    page_of(&run(Path::new(capture)), &[capture])
}

/// What stands between two texts, the first time.
fn between<'p>(page: &'p str, begin: &str, end: &str) -> &'p str {
    let from = page.find(begin).unwrap_or_else(|| panic!("{begin}")) + begin.len();
    &page[from..from + page[from..].find(end).unwrap()]
}

/// The tags of a page with their attributes.
fn tags(page: &str) -> Vec<&str> {
    let body = &page[page.find("</style>").unwrap()..page.rfind("<script>").unwrap()];
    body.split('<').skip(1).map(|tag| tag.split('>').next().unwrap()).collect()
}

#[test]
fn the_policy_has_the_hashes_of_the_style_and_the_script_that_stand_in_the_page() {
    let page = page("fixtures/showcase.pcap");
    let policy = between(&page, "http-equiv=Content-Security-Policy content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for (directive, begin, end) in
        [("style-src", "<style>", "</style>"), ("script-src", "<script>", "</script>")]
    {
        assert_eq!(page.matches(begin).count(), 1);
        let hash = sha2::Sha256::digest(between(&page, begin, end));
        let hash = base64::engine::general_purpose::STANDARD.encode(hash);
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}'")), "{policy}");
    }
    for tag in tags(&page) {
        let mut attributes = tag.split(' ').skip(1);
        let is_forbidden = |name: &str| name.starts_with("style") || name.starts_with("on");
        assert!(!attributes.any(is_forbidden), "the policy forbids it: {tag}");
    }
}

#[test]
fn the_page_asks_for_nothing() {
    for capture in ["fixtures/showcase.pcap", "fixtures/hostile-texts.pcap"] {
        let page = page(capture);
        for tag in tags(&page) {
            let links = tag.split(' ').filter_map(|part| part.split_once('='));
            for (name, value) in links.filter(|(name, _)| ["href", "src"].contains(name)) {
                assert!(name == "href" && value.starts_with("\"#p"), "{tag}");
            }
        }
        let head = between(&page, "<head>", "<style>");
        assert!(head.contains("<link rel=icon href=\"data:,\">") && !head.contains("//"), "{head}");
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !SCRIPT.contains("fetch"));
    }
}

#[test]
fn the_page_says_what_the_report_says() {
    let page = page("fixtures/showcase.pcap");
    for text in [
        "<h1>Something does not belong here: HTTP (Python http.server) where lighting consoles \
         speak OSC (3037/tcp). One more finding is below.</h1>",
        "fixtures/showcase.pcap: 291 packets, 35 kB, captured 2026-11-20 19:27:21-19:27:24 UTC",
        "6 servers, 1 refused port, 1 unanswered port, 2 findings; no packets dropped.",
        "<li class=note><b class=sev>note</b><a href=\"#p3002tcp\">3002/tcp</a>",
        "<code class=c>frame.number == 261</code>",
        "<tbody id=p3037tcp class=alert><tr><td><details><summary>3037/tcp</summary></details>\
         <i>alert</i></td><td>hp-san-mgmt</td>",
        "<div class=good>osc: ETC Eos lighting console</div>\
         <div class=bad>! http: Python http.server</div>",
        "<td data-v=1>192.0.2.10</td>",
        "tls (SNI tickets.example.test)",
        "291 of 291 packets belong to the connections above. None was skipped.",
        "<li>refused: the server answered the SYN with RST",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    // Each port opens, to an example of each kind of speaker.
    assert_eq!(page.matches("<tr class=d>").count(), 7);
    let eos = between(&page, "<tbody id=p3037tcp", "</tbody>");
    assert_eq!(eos.matches("<div class=e>").count(), 2);
    assert!(eos.contains("<code class=c>frame.number in {") && eos.contains("<svg role=img"));
    assert!(page.contains("<h2 id=ht>Over time</h2>"));
}

#[test]
fn a_capture_without_findings_and_one_without_ports_say_so() {
    let quiet = page("fixtures/express-3001.pcap");
    assert!(quiet.contains("<h1>Nothing on 1 port contradicts "), "{quiet}");
    assert!(quiet.contains("<p>No findings.</p>"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.pcap");
    std::fs::write(&path, many_ports(0)).unwrap();
    let empty = page_of(&run(&path), &["empty.pcap"]);
    assert!(empty.contains("<h1>No TCP or UDP connection was captured.</h1>"), "{empty}");
}

#[test]
fn no_text_from_the_wire_becomes_markup_or_hides() {
    let name = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[2J\".pcap";
    let page = page_of(&run(Path::new("fixtures/hostile-texts.pcap")), &[name]);
    // The markup is that of a harmless capture.
    let known: std::collections::BTreeSet<String> = self::page("fixtures/acceptance.pcap")
        .split('<')
        .chain(self::page("fixtures/cases/finding-analyst.pcap").split('<'))
        .map(|tag| tag.split([' ', '>']).next().unwrap().to_owned())
        .collect();
    for tag in tags(&page) {
        let name = tag.split(' ').next().unwrap();
        assert!(known.contains(name), "<{tag}>");
        let attributes = tag.split(' ').skip(1).filter(|part| part.starts_with("on"));
        assert_eq!(attributes.count(), 0, "<{tag}>");
    }
    for hidden in ["\u{202e}", "\u{2066}", "\u{200f}", "\u{200b}", "\u{e0041}", "\u{1b}", "\u{7}"] {
        assert!(!page.contains(hidden), "{hidden:?}");
    }
    for shown in [
        "&#60;/script&#62;&#60;script&#62;document.title=&#39;owned&#39;",
        "\\u{202e}gnp.exe\\u{202c}",
        "\\x1b]0;owned\\x07",
        "<title>&#60;img src=x onerror=alert(1)&#62;\\u{202e}\\x1b[2J&#34;.pcap - portlore</title>",
    ] {
        assert!(page.contains(shown), "{shown}\n{page}");
    }
}

/// A capture in which so many ports answer HTTP, each to three clients.
fn many_ports(ports: u16) -> Vec<u8> {
    let mut capture = Vec::new();
    for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
        capture.extend(field.to_le_bytes());
    }
    let mut frame = 0_u32;
    for port in 1024..1024 + ports {
        let server = [198, 18, (port >> 8) as u8, port as u8];
        for client in 0..3_u8 {
            let clients = [198, 19, client, 9];
            let ask = format!("GET /{client} HTTP/1.1\r\nHost: host-{port}.example.test\r\n\r\n");
            let answer = format!("HTTP/1.1 200 OK\r\nServer: product-{port}/1.0\r\n\r\n{port}");
            let mut sent = [1000_u32, 9000];
            for (side, flags, data) in
                [(0, 2, ""), (1, 18, ""), (0, 16, ""), (0, 24, &*ask), (1, 24, &*answer)]
            {
                let mut ends = [clients, server];
                let mut numbers = [40_000 + u16::from(client), port];
                if side == 1 {
                    ends.reverse();
                    numbers.reverse();
                }
                let length = 40 + data.len() as u16;
                let mut packet = vec![0x45, 0];
                packet.extend(length.to_be_bytes());
                packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
                packet.extend(ends.concat());
                numbers.iter().for_each(|number| packet.extend(number.to_be_bytes()));
                packet.extend(sent[side].to_be_bytes());
                packet.extend(if flags == 2 { 0 } else { sent[1 - side] }.to_be_bytes());
                packet.extend([0x50, flags, 0xfa, 0, 0, 0, 0, 0]);
                packet.extend(data.bytes());
                sent[side] += data.len() as u32 + u32::from(flags & 2 > 0);
                let length = packet.len() as u32;
                for field in [1_700_000_000 + frame / 1000, frame % 1000 * 1000, length, length] {
                    capture.extend(field.to_le_bytes());
                }
                capture.extend(packet);
                frame += 1;
            }
        }
    }
    capture
}

#[test]
fn a_thousand_ports_with_their_details_are_less_than_a_megabyte_and_more_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |ports: u16| -> PathBuf {
        let path = folder.path().join(format!("{ports}.pcap"));
        std::fs::write(&path, many_ports(ports)).unwrap();
        path
    };
    let page = page_of(&run(&write(1000)), &["1000.pcap"]);
    assert!(page.len() < MOST_BYTES, "{}", page.len());
    assert_eq!(page.matches("<tbody id=p").count(), 1000);
    assert_eq!(page.matches("<tr class=d>").count(), 1000);
    assert!(page.contains("ports are brief and have no charts."));
    assert!(!page.contains("more ports with fewer bytes"));
    let page = page_of(&run(&write(1100)), &["1100.pcap"]);
    assert!(page.len() < MOST_BYTES, "{}", page.len());
    assert_eq!(page.matches("<tbody id=p").count(), 1000);
    assert!(page.contains("and 100 more ports with fewer bytes, which are not shown."));
}
