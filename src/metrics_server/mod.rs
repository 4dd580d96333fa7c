//! The HTTP server that Prometheus scrapes: HTTP/1.1, `GET /metrics` and nothing else.
//!
//! Takes an address and a function that returns the text; answers one request per connection, one
//! connection after the other. A client is bounded in size and time: 8 KiB for the head of its
//! request, two seconds for the whole connection.

mod accept;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

pub use accept::preferred;

use crate::report::formats::openmetrics::ExpositionFormat;
use crate::{Error, ErrorKind, Result};

/// Bytes of the head of a request at most.
const HEAD: usize = 8 * 1024;
/// Header fields of a request at most.
const FIELDS: usize = 64;
/// The time of a connection at most.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A server that is bound to its address.
pub struct MetricsServer {
    listener: TcpListener,
    /// The address, with the port that the system chose if port 0 was asked for.
    pub address: SocketAddr,
}

impl MetricsServer {
    /// Binds the address. To be called while the process may still open sockets.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Output`] if the address cannot be bound.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let bind = || {
            let listener = TcpListener::bind(address)?;
            let address = listener.local_addr()?;
            io::Result::Ok(Self { listener, address })
        };
        bind().map_err(|error| {
            Error::new(
                ErrorKind::Output,
                format!("metrics cannot be served at this address: {error}"),
            )
            .with_object(address)
            .with_remedy("choose another address with --metrics")
        })
    }

    /// Serves on a thread of its own until the program ends; `text` returns the metrics.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::System`] if the thread cannot be started.
    pub fn serve(self, text: impl Fn(ExpositionFormat) -> String + Send + 'static) -> Result<()> {
        let serve = move || {
            for connection in self.listener.incoming() {
                match connection {
                    // A client that disconnected is not an error of the server.
                    Ok(stream) => drop(answer(stream, &text)),
                    // Out of descriptors or memory: wait before the next attempt.
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        };
        let thread = thread::Builder::new().name("metrics".into()).spawn(serve);
        thread.map(drop).map_err(|error| {
            Error::new(ErrorKind::System, format!("metrics cannot be served: {error}"))
        })
    }
}

fn answer(mut stream: TcpStream, text: &impl Fn(ExpositionFormat) -> String) -> io::Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    let head = read_head(&mut stream, deadline)?;
    let response = respond(&head, text);
    write_all(&mut stream, &response, deadline)?;
    stream.shutdown(std::net::Shutdown::Write)
}

/// Reads up to the empty line, or to the end or the limit if none comes.
fn read_head(stream: &mut TcpStream, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(&mut buffer)? {
            0 => break,
            length => head.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(head)
}

fn write_all(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(time_left(deadline)?))?;
        match stream.write(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The whole response to the head of a request.
fn respond(head: &[u8], text: &impl Fn(ExpositionFormat) -> String) -> Vec<u8> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let whole = matches!(request.parse(head), Ok(httparse::Status::Complete(_)));
    let (Some(method), Some(target), true) = (request.method, request.path, whole) else {
        return plain("400 Bad Request", "", "not a request", false);
    };
    let has_host = request.headers.iter().any(|field| field.name.eq_ignore_ascii_case("host"));
    if request.version == Some(1) && !has_host {
        return plain("400 Bad Request", "", "missing Host header", false);
    }
    let head_only = method == "HEAD";
    if target.split('?').next() != Some("/metrics") {
        return plain("404 Not Found", "", "not found; metrics are at /metrics", head_only);
    }
    if method != "GET" && !head_only {
        return plain("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "GET /metrics", false);
    }
    let accepted = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let accepted: Vec<_> =
        accepted.filter_map(|field| std::str::from_utf8(field.value).ok()).collect();
    let format = preferred(&accepted.join(","));
    let body = text(format);
    response("200 OK", "Vary: Accept\r\n", format.media_type(), &body, head_only)
}

fn plain(status: &str, fields: &str, text: &str, head_only: bool) -> Vec<u8> {
    response(status, fields, "text/plain; charset=utf-8", &format!("{text}\n"), head_only)
}

fn response(status: &str, fields: &str, media_type: &str, body: &str, head_only: bool) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{fields}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    if !head_only {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(request: &str) -> String {
        let text = |format| format!("{format:?}\n");
        String::from_utf8(respond(request.as_bytes(), &text)).unwrap()
    }

    #[test]
    fn only_metrics_are_served_and_only_to_who_asks_properly() {
        let ok = answered("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            ok.starts_with(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            ),
            "{ok}"
        );
        assert!(ok.contains("Content-Length: 5\r\n") && ok.ends_with("\r\n\r\nText\n"), "{ok}");
        let open = answered(
            "GET /metrics?x HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
        );
        assert!(
            open.contains("application/openmetrics-text; version=1.0.0")
                && open.ends_with("OpenMetrics\n"),
            "{open}"
        );
        let head = answered("HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
            ("GET /metrics HTTP/1.1\r\n\r\n", "400"),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", "400"),
            ("\u{16}\u{3}\u{1}", "400"),
            ("", "400"),
        ] {
            assert!(answered(request).starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}");
        }
    }

    #[test]
    fn a_connection_is_answered_and_one_that_says_too_much_is_ended() {
        let server = MetricsServer::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.address;
        server.serve(|_| "x 1\n".to_owned()).unwrap();
        let send = |request: &[u8]| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request).unwrap();
            let mut text = Vec::new();
            // What was not read is answered by a reset, which may come before the response.
            drop(stream.read_to_end(&mut text));
            String::from_utf8(text).unwrap()
        };
        assert!(send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("x 1\n"));
        assert!(!send(&vec![b'x'; 3 * HEAD]).contains("200 OK"));
        assert!(send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("x 1\n"));
        let taken = MetricsServer::bind(address).err().unwrap();
        assert!(taken.to_string().contains("--metrics"), "{taken}");
    }
}
