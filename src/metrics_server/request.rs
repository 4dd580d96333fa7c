//! One request and its response.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::preferred;
use crate::report::formats::openmetrics::ExpositionFormat;

/// Header fields of a request at most.
const FIELDS: usize = 64;

/// A response: its head, and a body that others may share.
pub(super) struct Response {
    pub(super) head: Vec<u8>,
    pub(super) body: Option<Arc<str>>,
}

/// The response to the head of a request that came to `address`.
pub(super) fn respond(
    address: SocketAddr,
    head: &[u8],
    text: &impl Fn(ExpositionFormat) -> Arc<str>,
) -> Response {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let whole = matches!(request.parse(head), Ok(httparse::Status::Complete(_)));
    let (Some(method), Some(target), true) = (request.method, request.path, whole) else {
        return plain("400 Bad Request", "", "not a request", false);
    };
    let values = |name: &'static str| {
        let fields = request.headers.iter();
        fields.filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    let (host, more) = (values("host").next(), values("host").nth(1));
    if more.is_some() || request.version == Some(1) && host.is_none() {
        return plain("400 Bad Request", "", "one Host header is required", false);
    }
    // The host of an absolute target takes the place of the field (RFC 9112, section 3.2.2).
    let (host, target) = match absolute(target) {
        Some((host, target)) => (Some(host.as_bytes()), target),
        None => (host, target),
    };
    if is_loopback(address.ip()) && host.is_some_and(|host| !names_loopback(host)) {
        return plain(
            "421 Misdirected Request",
            "",
            "served on a loopback address, for localhost and loopback addresses as Host only",
            false,
        );
    }
    let head_only = method == "HEAD";
    if target.split('?').next() != Some("/metrics") {
        return plain("404 Not Found", "", "not found; metrics are at /metrics", head_only);
    }
    if method != "GET" && !head_only {
        return plain("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "GET /metrics", false);
    }
    let accepted: Vec<_> =
        values("accept").filter_map(|value| std::str::from_utf8(value).ok()).collect();
    let format = preferred(&accepted.join(","));
    response("200 OK", "Vary: Accept\r\n", format.media_type(), text(format), head_only)
}

/// The authority of a target in absolute form, and what follows it (RFC 9112, section 3.2.2).
fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a host, with or without a port, is one that only this machine reaches: `localhost` and
/// names below it (RFC 6761, section 6.3), 127.0.0.0/8 and `[::1]`. Any other name may be one that a
/// page in a browser points at this machine, to read what is served here (DNS rebinding).
fn names_loopback(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let is_own = address.parse().is_ok_and(|address| is_loopback(IpAddr::V6(address)));
            return is_own && is_port(port);
        }
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_own = name == "localhost"
        || name.ends_with(".localhost")
        || name.parse().is_ok_and(|address| is_loopback(IpAddr::V4(address)));
    is_own && is_port(port)
}

/// Nothing, or a colon and a port, which may be empty.
fn is_port(text: &str) -> bool {
    let port = text.strip_prefix(':');
    text.is_empty() || port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok())
}

fn plain(status: &str, fields: &str, text: &str, head_only: bool) -> Response {
    let text = format!("{text}\n").into();
    response(status, fields, "text/plain; charset=utf-8", text, head_only)
}

fn response(
    status: &str,
    fields: &str,
    media_type: &str,
    body: Arc<str>,
    head_only: bool,
) -> Response {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{fields}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Response { head: head.into_bytes(), body: (!head_only).then_some(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered_at(address: &str, request: &str) -> String {
        let text = |format| format!("{format:?}\n").into();
        let response = respond(address.parse().unwrap(), request.as_bytes(), &text);
        String::from_utf8(response.head).unwrap() + response.body.as_deref().unwrap_or("")
    }

    fn answered(request: &str) -> String {
        answered_at("127.0.0.1:9464", request)
    }

    #[test]
    fn only_metrics_are_served_and_only_to_who_asks_properly() {
        let ok = answered("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(
            ok.starts_with(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            ),
            "{ok}"
        );
        assert!(ok.contains("Content-Length: 5\r\n") && ok.ends_with("\r\n\r\nText\n"), "{ok}");
        let open = answered(
            "GET /metrics?x HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
        );
        assert!(
            open.contains("application/openmetrics-text; version=1.0.0")
                && open.ends_with("OpenMetrics\n"),
            "{open}"
        );
        let head = answered("HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
            ("GET /metrics HTTP/1.1\r\n\r\n", "400"),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "400"),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\n", "400"),
            ("\u{16}\u{3}\u{1}", "400"),
            ("", "400"),
        ] {
            assert!(answered(request).starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}");
        }
    }

    #[test]
    fn on_a_loopback_address_only_loopback_names_are_served_elsewhere_any() {
        let asked = |address: &str, host: &str| {
            let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
            answered_at(address, &request).get(9..12).unwrap().to_owned()
        };
        for host in [
            "localhost",
            "LocalHost:9464",
            "localhost.",
            "a.localhost:1",
            "127.0.0.1:9464",
            "127.8.9.1",
            "[::1]:9464",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(asked("127.0.0.1:9464", host), "200", "{host}");
            assert_eq!(asked("[::1]:9464", host), "200", "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.example:9464",
            "notlocalhost",
            "x",
            "",
            "192.0.2.1",
            "[2001:db8::1]",
            "127.0.0.1.evil.example",
            "127.0.0.1:x",
            "[::1].evil.example",
        ] {
            assert_eq!(asked("127.0.0.1:9464", host), "421", "{host}");
            assert_eq!(asked("[::1]:9464", host), "421", "{host}");
            assert_eq!(asked("192.0.2.1:9464", host), "200", "{host}");
            assert_eq!(asked("0.0.0.0:9464", host), "200", "{host}");
        }
        // Nobody but a program sends none.
        assert!(answered("GET /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
    }

    #[test]
    fn a_target_may_be_in_absolute_form_and_its_host_counts() {
        for (target, status) in [
            ("http://localhost:9464/metrics", "200"),
            ("HTTP://127.0.0.1/metrics?x=http://y/", "200"),
            ("https://[::1]/metrics", "200"),
            ("http://evil.example/metrics", "421"),
            ("http://localhost", "404"),
            ("http://localhost/", "404"),
            ("http://localhost?/metrics", "404"),
            ("ftp://localhost/metrics", "404"),
            ("/metrics/http://localhost/metrics", "404"),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let answer = answered(&request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
        }
        let other = "GET http://localhost/metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
        assert!(answered(other).starts_with("HTTP/1.1 200 "), "the target's host takes precedence");
    }
}
