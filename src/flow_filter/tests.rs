//! Expressions, over flows of fixtures and over text that is none.

use std::path::Path;

use super::*;
use crate::columns::{COLUMNS, ColumnType, Value, facts_of};
use crate::pipeline::{self, JudgedFlow, Options};

/// The flows of a fixture, with the values of all facts that columns show.
fn flows(name: &str) -> Vec<JudgedFlow> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let catalogue = crate::catalogue::Catalogue::shipped().unwrap();
    let facts = facts_of(COLUMNS);
    let options = Options { keep_flows: true, first_values: &facts, ..Options::replay() };
    let mut files = crate::source::Files::open(&[path]).unwrap();
    pipeline::run(&mut files, None, &catalogue, &options, None).unwrap().flows
}

/// The numbers of the flows that are selected.
fn selected(flows: &[JudgedFlow], expression: &str) -> Vec<usize> {
    let filter = FlowFilter::parse(expression).unwrap_or_else(|fault| panic!("{fault}"));
    (0..flows.len()).filter(|&i| filter.matches(flows[i].view())).collect()
}

/// How many flows are selected; as many as `holds` for.
fn agrees(flows: &[JudgedFlow], expression: &str, holds: impl Fn(&JudgedFlow) -> bool) -> usize {
    let expected: Vec<usize> = (0..flows.len()).filter(|&i| holds(&flows[i])).collect();
    assert_eq!(selected(flows, expression), expected, "{expression}");
    expected.len()
}

#[test]
fn each_operator_selects_by_the_value_of_the_column() {
    let all = &flows("showcase.pcap")[..];
    let port = |flow: &JudgedFlow| flow.record.responder.port;
    let bytes = |flow: &JudgedFlow| flow.record.bytes.sum();
    assert!(agrees(all, "responder_port = 3001", |f| port(f) == 3001) > 0);
    agrees(all, "port == 3001", |f| port(f) == 3001);
    assert!(agrees(all, "port != 3001", |f| port(f) != 3001) > 0);
    assert!(agrees(all, "bytes > 1K", |f| bytes(f) > 1000) > 0);
    assert!(agrees(all, "bytes <= 1.5K", |f| bytes(f) <= 1500) > 0);
    agrees(all, "bytes >= 1000", |f| bytes(f) >= 1000);
    agrees(all, "packets < 8", |f| f.record.packets.sum() < 8);
    assert!(agrees(all, "port in 3000..3010", |f| (3000..=3010).contains(&port(f))) > 0);
    agrees(all, "port in ..3010", |f| port(f) <= 3010);
    agrees(all, "port in 3010..", |f| port(f) >= 3010);
    agrees(all, "port in (80, 3001,3037 , 8000..9000)", |f| {
        [80, 3001, 3037].contains(&port(f)) || (8000..=9000).contains(&port(f))
    });
    agrees(all, "port not in (3001, 3037)", |f| ![3001, 3037].contains(&port(f)));
    let tag = |f: &JudgedFlow| f.verdict.tag().map(str::to_owned);
    assert!(agrees(all, "tag = osc", |f| tag(f).as_deref() == Some("osc")) > 0);
    assert!(agrees(all, "tag = OSC", |f| tag(f).as_deref() == Some("osc")) > 0);
    assert!(agrees(all, "tag != osc", |f| tag(f).as_deref() != Some("osc")) > 0);
    assert!(agrees(all, "tag = none", |f| tag(f).is_none()) > 0);
    agrees(all, "tag != none", |f| tag(f).is_some());
    agrees(all, "tag in (none, osc)", |f| tag(f).is_none_or(|tag| tag == "osc"));
    assert_eq!(agrees(all, "tag = \"none\"", |_| false), 0);
    agrees(all, "duration > 20ms", |f| f.record.duration_ns() > 20_000_000);
    agrees(all, "duration_ns <= 20000000", |f| f.record.duration_ns() <= 20_000_000);
    let first = all[0].record.first;
    assert_eq!(agrees(all, &format!("first_ns = {first}"), |f| f.record.first == first), 1);
    let micros = first.in_microseconds();
    assert!(selected(all, &format!("first = {micros}")).contains(&0), "{micros}");
    agrees(all, &format!("first > {first}"), |f| f.record.first.0 / 1000 * 1000 > first.0);
}

#[test]
fn addresses_are_compared_as_addresses() {
    let all = &flows("showcase.pcap")[..];
    let server = |flow: &JudgedFlow| flow.record.responder.address;
    let of = server(&all[0]);
    assert!(agrees(all, &format!("server = {of}"), |f| server(f) == of) > 0);
    assert!(agrees(all, &format!("responder_address in {of}/32"), |f| server(f) == of) > 0);
    assert_eq!(selected(all, "server in (0.0.0.0/0, ::/0)").len(), all.len());
    assert_eq!(
        selected(all, "address in 0.0.0.0..255.255.255.255 or address in ::/0").len(),
        all.len()
    );
    agrees(all, "server ~ ^1", |f| server(f).to_string().starts_with('1'));
    let either = |f: &JudgedFlow| server(f) == of || f.record.initiator.address == of;
    agrees(all, &format!("address = {of}"), either);
    agrees(all, &format!("server:{of}"), |f| server(f).to_string().contains(&of.to_string()));
}

#[test]
fn words_with_an_order_are_compared_by_it() {
    use crate::classify::Confidence;
    let all = &flows("showcase.pcap")[..];
    let confidence = |flow: &JudgedFlow| flow.verdict.confidence;
    assert!(agrees(all, "confidence >= protocol", |f| confidence(f) >= Confidence::Protocol) > 0);
    agrees(all, "confidence > protocol", |f| confidence(f) == Confidence::Mark);
    agrees(all, "confidence < protocol", |f| confidence(f) < Confidence::Protocol);
    agrees(all, "confidence <= unknown", |f| confidence(f) == Confidence::Unknown);
    assert_eq!(selected(all, "confidence < unknown"), [0_usize; 0]);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let all = &flows("showcase.pcap")[..];
    let (osc, http) = (selected(all, "protocol = osc"), selected(all, "protocol = http"));
    assert!(!osc.is_empty() && !http.is_empty());
    for both in [
        "protocol = osc or protocol = http",
        "protocol in (osc, http)",
        "protocol=osc||protocol=http",
    ] {
        assert_eq!(selected(all, both).len(), osc.len() + http.len(), "{both}");
    }
    for none in [
        "protocol = osc and protocol = http",
        "protocol = osc protocol = http",
        "protocol = osc AND not protocol = osc",
        "not (protocol = osc or not protocol = osc)",
        "protocol = osc -protocol:osc",
        "protocol = osc && !(protocol = osc)",
    ] {
        assert_eq!(selected(all, none), [0_usize; 0], "{none}");
    }
    assert_eq!(selected(all, "protocol = osc or protocol = http and port = 0"), osc);
    assert_eq!(selected(all, "(protocol = osc or protocol = http) and port = 0"), [0_usize; 0]);
    assert_eq!(selected(all, "not not protocol = osc"), osc);
}

#[test]
fn a_missing_value_satisfies_only_what_is_negated() {
    let all = &flows("x32-udp-10023.pcap")[..];
    assert!(all.iter().all(|flow| flow.record.handshake_ns.is_none()));
    for nothing in ["handshake_rtt >= 0", "handshake_rtt_ns < 1h", "sni ~ .", "icmp_frame = 1"] {
        assert_eq!(selected(all, nothing), [0_usize; 0], "{nothing}");
    }
    for each in ["handshake_rtt_ns != 5", "not handshake_rtt >= 0", "sni !~ a", "icmp_error = none"]
    {
        assert_eq!(selected(all, each).len(), all.len(), "{each}");
    }
}

#[test]
fn the_fields_of_the_screen_select_flows_too() {
    let all = &flows("showcase.pcap")[..];
    for (field, same) in [
        ("port:3001", "port = 3001"),
        ("port:3000-3010", "port in 3000..3010"),
        ("port:-3010", "port in ..3010"),
        ("fit:!", "fit = contradicts"),
        ("!", "fit = !"),
        ("-fit:agrees", "fit != agrees"),
        ("protocol:osc", "protocol = osc"),
        ("tag:osc", "tag = osc or candidate_tags = osc"),
        ("tcp", "transport = tcp"),
        ("tcp !tag:osc", "transport = tcp and not (tag = osc or candidate_tags ~ osc)"),
        ("confidence:mark", "confidence = mark"),
        ("service:express", "service ~ express or also ~ express"),
    ] {
        assert_eq!(selected(all, field), selected(all, same), "{field}");
        assert!(!selected(all, field).is_empty(), "{field}");
    }
    assert!(!selected(all, "express").is_empty() && !selected(all, "\"HTTP\"").is_empty());
    let fault = FlowFilter::parse("tcp finding:alert").unwrap_err();
    assert_eq!(fault.pointer()[1], "    ^^^^^^^");
}

#[test]
fn every_column_can_be_compared_with_its_own_values_and_with_none() {
    let mut compared = 0;
    for name in ["showcase.pcap", "x32-udp-10023.pcap"] {
        for flow in flows(name) {
            for column in COLUMNS {
                let none = FlowFilter::parse(&format!("{} = none", column.name)).unwrap();
                let value = match column.value(flow.view()) {
                    Value::Missing => {
                        assert!(none.matches(flow.view()), "{}", column.name);
                        continue;
                    }
                    Value::Text(text) => format!("\"{}\"", text.replace('"', "\\\"")),
                    Value::Integer(number) => number.to_string(),
                    Value::Timestamp(time) => time.in_microseconds(),
                    Value::Address(address) => address.to_string(),
                };
                assert!(!none.matches(flow.view()), "{}", column.name);
                // A list has several values, and joins them.
                let value = value.replace(';', "\", \"");
                for text in
                    [format!("{} in ({value})", column.name), format!("not {} = none", column.name)]
                {
                    let filter = FlowFilter::parse(&text).unwrap_or_else(|fault| panic!("{fault}"));
                    assert!(filter.matches(flow.view()), "{text}");
                    assert_eq!(filter.facts(), column.facts, "{text}");
                }
                compared += 1;
                let words = words_of(column.name);
                let is_known = words.iter().any(|word| value == format!("\"{word}\""));
                assert!(words.is_empty() || is_known, "{} lacks the word {value}", column.name);
                assert!(words.is_empty() || column.kind == ColumnType::Text);
            }
        }
    }
    assert!(compared > 500);
}

/// Expressions, what is said of them, and the line that points at the place.
const FAULTS: &[[&str; 3]] = &[
    ["", "the expression is empty; write one such as 'tag = osc'", "^"],
    ["protocl = http", "there is no column 'protocl'; did you mean protocol?", "^^^^^^^"],
    ["zzz = 1", "there is no column 'zzz'; docs/flows.md lists the columns", "^^^"],
    ["prot:osc", "there is no field 'prot'; did you mean port?", "^^^^"],
    ["a:b", "there is no field 'a'; put a text with a colon between quotation marks", "^"],
    ["tag:", "tag needs a value; write it behind the colon", "^^^^"],
    ["port = 99999", "'99999' is not a port; ports are 0 to 65535", "       ^^^^^"],
    ["port = 1..2", "'1..2' is a range; write port in 1..2", "     ^"],
    [
        "port in 9..2",
        "the range '9..2' is empty; write the lower end first: 3000..3010, 3000.. or ..1023",
        "        ^^^^",
    ],
    [
        "bytes > 1Q",
        "'1Q' is not a size; write bytes, or a size such as 10K, 1.5M or 2Gi",
        "        ^^",
    ],
    ["packets > x", "'x' is not a number; write a number such as 100 or 10K", "          ^"],
    [
        "duration > 20",
        "'20' has no unit; write a time such as 20ms, 1.5s or 1h30m",
        "           ^^",
    ],
    [
        "duration > 2y",
        "'2y' is not a span of time; write one such as 20ms, 1.5s or 1h30m",
        "           ^^",
    ],
    [
        "first > now",
        "'now' is not a time; write a time such as 2026-03-01T19:30:00Z",
        "        ^^^",
    ],
    ["fit = agree", "'agree' is not a value of fit; did you mean agrees?", "      ^^^^^"],
    ["fit:x", "'x' is not a value of fit; write agrees, unclaimed or contradicts", "    ^"],
    [
        "confidence >= sure",
        "'sure' is not a value of confidence; write unknown, port, protocol or mark",
        "              ^^^^",
    ],
    ["protocol = htpp", "'htpp' is not a value of protocol; did you mean http?", "           ^^^^"],
    ["fit > agrees", "the values of fit have no order; use =, !=, in or ~", "    ^"],
    [
        "server = console",
        "'console' is not an address; write an address (= 10.0.0.5), a network (in 10.0.0.0/8), or server:NAME to search by name",
        "         ^^^^^^^",
    ],
    ["server = 10.0.0.0/8", "'10.0.0.0/8' is a network; write server in 10.0.0.0/8", "       ^"],
    [
        "server < 10.0.0.1",
        "the values of server have no order; use =, or in with a network or a range",
        "       ^",
    ],
    ["bytes ~ 1", "~ searches in texts, and bytes has numbers; use =, <, > or in", "      ^"],
    ["host ~ (", "a value is missing here; write one, or \"\" for an empty text", "       ^"],
    [
        "port",
        "port is not compared with anything; write port = VALUE, or \"port\" to search for the text",
        "^^^^",
    ],
    ["port =", "a value is missing here; write one, or \"\" for an empty text", "      ^"],
    ["= 3", "a condition begins with the name of a column; write one, such as port = 3001", "^"],
    ["tcp and", "a condition is missing here; write one, such as tag = osc", "       ^"],
    ["tcp -", "a condition is missing after -; write one, such as -tag:osc", "    ^"],
    ["(tcp", "the parenthesis is not closed; add )", "^"],
    ["tcp)", "')' has no '('; remove it", "   ^"],
    ["product = \"a", "the quotation mark is not closed; add \" after the text", "          ^"],
    [
        "port in (1 2)",
        "a comma is missing in the list; write (80, 443, 3000..3010)",
        "           ^",
    ],
    [
        "port in (1,",
        "a value is missing here; write one, or \"\" for an empty text",
        "           ^",
    ],
    ["port in (1", "the list is not closed; write (80, 443, 3000..3010)", "        ^"],
    [
        "product = nginx 1.22",
        "'and' or 'or' is missing here; join conditions with 'and' or 'or', and put a value of several words in quotation marks",
        "                ^^^^",
    ],
    [
        "finding:alert",
        "findings are made from the flows that are selected, and select none; use 'fit = contradicts', or --fail-on",
        "^^^^^^^",
    ],
];

#[test]
fn a_fault_points_at_its_place_and_says_what_would_be_right() {
    for [text, said, place] in FAULTS {
        let fault = FlowFilter::parse(text).expect_err(text);
        assert_eq!(fault.to_string(), format!("{said}\n  {text}\n  {place}"), "{text}");
    }
}

#[test]
fn the_place_of_a_fault_in_a_long_expression_stays_on_one_line_and_signs_are_shown() {
    let long = format!("{} or protocl = http or {}", "tcp or ".repeat(90), "tcp or ".repeat(90));
    let fault = FlowFilter::parse(&long).unwrap_err();
    let [line, pointer] = fault.pointer();
    assert!(line.starts_with('…') && line.ends_with('…') && line.chars().count() <= 78, "{line}");
    assert_eq!(line.chars().nth(pointer.find('^').unwrap()), Some('p'));
    let fault = FlowFilter::parse("\u{1b}[2J\u{202e}\u{3164}\u{fe00} ö = 3").unwrap_err();
    assert!(
        !fault.to_string().contains(['\u{1b}', '\u{202e}', '\u{3164}', '\u{fe00}']),
        "{fault:?}"
    );
}

#[test]
fn depth_is_bounded_and_length_is_not() {
    for text in [
        "(".repeat(100_000),
        "not ".repeat(100_000),
        "!(".repeat(100_000),
        "-".repeat(100_000) + "tcp",
        "(".repeat(100_000) + "tcp" + &")".repeat(100_000),
    ] {
        let fault = FlowFilter::parse(&text).unwrap_err();
        assert!(fault.reason().contains("more than 64 levels"), "{}", fault.reason());
    }
    let nested = "(".repeat(60) + "tcp" + &")".repeat(60);
    assert!(FlowFilter::parse(&nested).is_ok());
    let long = "tcp and ".repeat(20_000) + "tcp";
    assert!(FlowFilter::parse(&long).unwrap().matches(flows("showcase.pcap")[0].view()));
}

/// A fixed sequence of numbers that look random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    const PIECES: &[&str] = &[
        "(",
        ")",
        ",",
        "=",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "~",
        "!~",
        "!",
        "-",
        ":",
        "\"",
        "'",
        "\\",
        " ",
        "..",
        "and",
        "or",
        "not",
        "in",
        "none",
        "tcp",
        "port",
        "tag",
        "fit",
        "bytes",
        "first",
        "duration",
        "confidence",
        "server",
        "also",
        "finding",
        "process",
        "http_status",
        "3001",
        "1M",
        "20ms",
        "10.0.0.0/8",
        "fe80::1",
        "2026-03-01",
        "ö",
        "\u{1F600}",
        "\u{301}",
        "\0",
        "\u{a0}",
        "[",
        "*",
        "{9999}",
        "&&",
        "||",
    ];
    let flow = &flows("showcase.pcap")[0];
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut parsed = 0;
    for _ in 0..60_000 {
        let mut text = String::new();
        for _ in 0..=numbers.below(9) {
            text.push_str(PIECES[numbers.below(PIECES.len())]);
            text.push_str([" ", ""][numbers.below(2)]);
        }
        match FlowFilter::parse(&text) {
            Ok(filter) => {
                parsed += 1;
                let _ = filter.matches(flow.view());
            }
            Err(fault) => assert!(fault.to_string().lines().count() == 3, "{text:?}"),
        }
    }
    assert!(parsed > 1000, "{parsed}");
}
