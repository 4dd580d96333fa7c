//! Where Prometheus scrapes: HTTP/1.1 for `GET /metrics` and nothing else.
//!
//! Takes an address and a function that gives the text, answers one request per connection, one
//! connection after the other. What comes from outside is bounded in size and time: a head of 8
//! KiB, two seconds for a connection in all.

mod accept;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

pub use accept::preferred;

use crate::report::formats::openmetrics::ExpositionFormat;

/// Bytes of a request's head.
const HEAD: usize = 8 * 1024;
/// Header fields of a request.
const FIELDS: usize = 64;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bound address.
pub struct Endpoint {
    listener: TcpListener,
    /// The address, with the port that the system chose where none was named.
    pub address: SocketAddr,
}

impl Endpoint {
    /// Binds the address: to be called while the process may still open sockets.
    ///
    /// # Errors
    /// One line: address, reason, remedy.
    pub fn bind(address: SocketAddr) -> Result<Self, String> {
        let bind = || {
            let listener = TcpListener::bind(address)?;
            let address = listener.local_addr()?;
            io::Result::Ok(Self { listener, address })
        };
        bind()
            .map_err(|error| format!("{address}: metrics cannot be served there: {error}; choose another address with --metrics"))
    }

    /// Serves on a thread of its own until the program ends.
    ///
    /// # Errors
    /// One line with the system's reason.
    pub fn serve(
        self,
        text: impl Fn(ExpositionFormat) -> String + Send + 'static,
    ) -> Result<(), String> {
        let serve = move || {
            for connection in self.listener.incoming() {
                match connection {
                    // A client that went away is no matter of ours.
                    Ok(stream) => drop(answer(stream, &text)),
                    // Out of descriptors or memory: not at once again.
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        };
        let thread = thread::Builder::new().name("metrics".into()).spawn(serve);
        thread.map(drop).map_err(|error| format!("metrics cannot be served: {error}"))
    }
}

fn answer(mut stream: TcpStream, text: &impl Fn(ExpositionFormat) -> String) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let head = read_head(&mut stream, deadline)?;
    let response = respond(&head, text);
    write_all(&mut stream, &response, deadline)?;
    stream.shutdown(std::net::Shutdown::Write)
}

/// What was sent up to the empty line; what was there where it did not come.
fn read_head(stream: &mut TcpStream, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut buffer)? {
            0 => break,
            length => head.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(head)
}

fn write_all(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The whole response to a request's head.
fn respond(head: &[u8], text: &impl Fn(ExpositionFormat) -> String) -> Vec<u8> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let whole = matches!(request.parse(head), Ok(httparse::Status::Complete(_)));
    let (Some(method), Some(target), true) = (request.method, request.path, whole) else {
        return plain("400 Bad Request", "", "not a request", false);
    };
    let has_host = request.headers.iter().any(|field| field.name.eq_ignore_ascii_case("host"));
    if request.version == Some(1) && !has_host {
        return plain("400 Bad Request", "", "no Host", false);
    }
    let silent = method == "HEAD";
    if target.split('?').next() != Some("/metrics") {
        return plain("404 Not Found", "", "there is /metrics", silent);
    }
    if method != "GET" && !silent {
        return plain("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "GET /metrics", false);
    }
    let wishes = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let wishes: Vec<_> = wishes.filter_map(|field| std::str::from_utf8(field.value).ok()).collect();
    let form = preferred(&wishes.join(","));
    let body = text(form);
    response("200 OK", "Vary: Accept\r\n", form.media_type(), &body, silent)
}

fn plain(status: &str, fields: &str, text: &str, silent: bool) -> Vec<u8> {
    response(status, fields, "text/plain; charset=utf-8", &format!("{text}\n"), silent)
}

fn response(status: &str, fields: &str, media_type: &str, body: &str, silent: bool) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{fields}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    if !silent {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(request: &str) -> String {
        let text = |form| format!("{form:?}\n");
        String::from_utf8(respond(request.as_bytes(), &text)).unwrap()
    }

    #[test]
    fn only_metrics_are_served_and_only_to_who_asks_properly() {
        let ok = told("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            ok.starts_with(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            ),
            "{ok}"
        );
        assert!(ok.contains("Content-Length: 5\r\n") && ok.ends_with("\r\n\r\nText\n"), "{ok}");
        let open = told(
            "GET /metrics?x HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
        );
        assert!(
            open.contains("application/openmetrics-text; version=1.0.0")
                && open.ends_with("OpenMetrics\n"),
            "{open}"
        );
        let head = told("HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
            ("GET /metrics HTTP/1.1\r\n\r\n", "400"),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", "400"),
            ("\u{16}\u{3}\u{1}", "400"),
            ("", "400"),
        ] {
            assert!(told(request).starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}");
        }
    }

    #[test]
    fn a_connection_is_answered_and_one_that_says_too_much_is_ended() {
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = endpoint.address;
        endpoint.serve(|_| "x 1\n".to_owned()).unwrap();
        let ask = |request: &[u8]| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request).unwrap();
            let mut text = Vec::new();
            // What was not read is answered by a reset, which may come before the response.
            drop(stream.read_to_end(&mut text));
            String::from_utf8(text).unwrap()
        };
        assert!(ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("x 1\n"));
        assert!(!ask(&vec![b'x'; 3 * HEAD]).contains("200 OK"));
        assert!(ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("x 1\n"));
        let taken = Endpoint::bind(address).err().unwrap();
        assert!(taken.contains("--metrics"), "{taken}");
    }
}
