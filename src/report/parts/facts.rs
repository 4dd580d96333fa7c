//! What a flow's bytes state, for people: by which names the sides call each other and themselves.

use std::fmt::Write;

use super::escape::escape;
use super::labels::framed;
use crate::classify::{Reason, StatedFacts};

/// Lines of a flow at most.
const LINES: usize = 12;
/// Different values of a line at most.
const VALUES: usize = 4;
/// Characters of a value at most.
const CHARS: usize = 80;

/// The facts that are shown, in this order, under the words that people use. None of them is a
/// credential.
const SHOWN: &[(&str, &[&str])] = &[
    ("SNI", &["tls.sni", "quic.sni", "dtls.sni"]),
    ("ALPN", &["tls.alpn", "quic.alpn", "dtls.alpn"]),
    ("JA4", &["tls.ja4", "quic.ja4"]),
    ("TLS version", &["tls.version", "dtls.version"]),
    ("certificate of", &["tls.certificate-subject"]),
    ("certificate for", &["tls.certificate-name"]),
    ("certificate by", &["tls.certificate-issuer"]),
    ("alert", &["tls.alert", "dtls.alert"]),
    ("Host", &["http.request-header.host", "http.request-header.:authority"]),
    (
        "User-Agent",
        &[
            "http.request-header.user-agent",
            "quic.user-agent",
            "sip.user-agent",
            "rtsp.user-agent",
            "ssdp.user-agent",
        ],
    ),
    ("Server", &["http.response-header.server", "sip.server", "rtsp.server", "ssdp.server"]),
    ("status", &["http.status", "sip.status", "rtsp.status"]),
    ("MCP server", &["mcp.server", "mcp.server-version"]),
    ("MCP client", &["mcp.client", "mcp.client-version"]),
    ("MCP tools", &["mcp.tools"]),
    ("A2A agent", &["a2a.agent"]),
    ("JSON-RPC method", &["jsonrpc.method"]),
    ("model", &["openai.model"]),
    ("DNS question", &["dns.query", "mdns.query", "llmnr.query"]),
    ("DNS answer", &["dns.response", "mdns.response", "llmnr.response"]),
    ("SSH version", &["ssh.version"]),
    ("SSH software", &["ssh.software"]),
    ("greeting", &["ftp.greeting", "imap.greeting", "pop3.greeting", "smtp.greeting"]),
    ("OSC framing", &["osc.framing"]),
    ("OSC address", &["osc.address"]),
    ("CSTA message", &["csta.root", "csta.operation"]),
    ("CSTA monitor", &["csta.monitor"]),
    ("MQTT client", &["mqtt.client"]),
    ("MQTT answer", &["mqtt.result"]),
    (
        "error",
        &[
            "csta.error",
            "ftp.error",
            "imap.error",
            "ldap.error",
            "mongodb.error",
            "mysql.error",
            "osc.error",
            "pop3.error",
            "postgresql.error",
            "redis.error",
            "smtp.error",
        ],
    ),
];

/// The lines of a flow's facts: a line for each kind of fact, with each value once and the frame in
/// which it was first stated.
pub(super) fn lines(facts: &StatedFacts) -> Vec<String> {
    SHOWN.iter().filter_map(|(label, names)| line(label, names, &facts.first)).take(LINES).collect()
}

fn line(label: &str, names: &[&str], facts: &[Reason]) -> Option<String> {
    let mut values: Vec<&Reason> = Vec::new();
    let mut more = 0;
    for fact in facts.iter().filter(|fact| names.contains(&&*fact.fact)) {
        if values.iter().any(|known| known.value == fact.value) {
            continue;
        }
        if values.len() < VALUES {
            values.push(fact);
        } else {
            more += 1;
        }
    }
    let mut text = format!("{label}: ");
    for (i, fact) in values.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let value = if fact.fact == "osc.framing" { framed(&fact.value) } else { &fact.value };
        let _ = write!(text, "{comma}{}", excerpt(value));
        // Values of one frame share its number.
        let next = values.get(i + 1).and_then(|next| next.frame);
        if let Some(frame) = fact.frame.filter(|&frame| next != Some(frame)) {
            let _ = write!(text, " (frame {frame})");
        }
    }
    if more > 0 {
        let _ = write!(text, ", and {more} more");
    }
    (!values.is_empty()).then_some(text)
}

/// A value, escaped and cut.
fn excerpt(value: &str) -> String {
    let mut text = escape(value);
    if let Some((at, _)) = text.char_indices().nth(CHARS) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;
    use crate::detect;
    use crate::evidence::Depth;
    use crate::flow::Opening;

    fn of(transport: Transport, client: &[&[u8]], server: &[&[u8]]) -> Vec<String> {
        let opening = Opening::from_payloads(transport, client, server);
        lines(&StatedFacts::new(&detect::inspect(&opening, Depth::Facts)))
    }

    #[test]
    fn names_are_shown_with_frames_and_credentials_are_not() {
        let ask = b"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: curl/8\r\nCookie: secret\r\n\
                    Authorization: Basic c2VjcmV0\r\n\r\n";
        let answer = b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(
            of(Transport::Tcp, &[ask], &[answer]),
            [
                "Host: a.test (frame 1)",
                "User-Agent: curl/8 (frame 1)",
                "Server: nginx (frame 2)",
                "status: 502 (frame 2)"
            ]
        );
        let ssh = of(Transport::Tcp, &[b"SSH-2.0-a\r\n"], &[b"SSH-2.0-OpenSSH_9.2p1\r\n"]);
        assert!(
            ssh.contains(&"SSH software: a (frame 1), OpenSSH_9.2p1 (frame 2)".into()),
            "{ssh:?}"
        );
    }

    #[test]
    fn of_many_values_the_first_are_shown_and_the_others_counted() {
        let packets: Vec<_> = (1..=6).map(|n| format!("/eos/sub/{n}\0\0,\0\0\0")).collect();
        let packets: Vec<_> = packets.iter().map(String::as_bytes).collect();
        let lines = of(Transport::Udp, &packets, &[]);
        assert_eq!(
            lines,
            [
                "OSC framing: datagram (frame 1)",
                "OSC address: /eos/sub/1 (frame 1), /eos/sub/2 (frame 2), /eos/sub/3 (frame 3), \
                 /eos/sub/4 (frame 4), and 2 more"
            ]
        );
    }

    #[test]
    fn hostile_values_are_escaped_and_cut() {
        let host = format!("GET / HTTP/1.1\r\nHost: \u{1b}[31m{}\r\n\r\n", "x".repeat(300));
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        let lines = of(Transport::Tcp, &[host.as_bytes()], &[answer]);
        assert!(lines.iter().all(|line| !line.contains('\u{1b}') && line.chars().count() < 110));
    }
}
