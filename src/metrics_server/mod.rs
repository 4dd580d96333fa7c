//! The HTTP server that Prometheus scrapes: HTTP/1.1, `GET /metrics` and nothing else.
//!
//! Takes an address and a function that returns the text; answers one request per connection. One
//! thread serves them all: it waits until one of them is ready, so that none waits for another.
//! Clients are bounded in number, size and time, see `ConnectionBounds`. Where there is one more, the one
//! that has waited longest with its request is disconnected: a client that asks at once is
//! answered, whoever else is there.

mod accept;
mod connection;
#[cfg_attr(windows, path = "windows/ready.rs")]
mod ready;
mod request;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use accept::preferred;

use self::connection::Connection;
use crate::report::formats::openmetrics::ExpositionFormat;
use crate::{Error, ErrorKind, Result};

/// What clients may take.
struct ConnectionBounds {
    /// Connections at a time.
    connections: usize,
    /// The time until the request is complete.
    request: Duration,
    /// The time to take the response.
    response: Duration,
}

const BOUNDS: ConnectionBounds = ConnectionBounds {
    connections: 128,
    request: Duration::from_secs(2),
    response: Duration::from_secs(10),
};

/// The wait where the system has no descriptor or memory for a single connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that is bound to its address.
pub struct MetricsServer {
    listener: TcpListener,
    /// The address, with the port that the system chose if port 0 was asked for.
    pub address: SocketAddr,
    bounds: ConnectionBounds,
}

impl MetricsServer {
    /// Binds the address. To be called while the process may still open sockets.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Output`] if the address cannot be bound.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let bind = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            io::Result::Ok(Self { listener, address, bounds: BOUNDS })
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
    pub fn serve(self, text: impl Fn(ExpositionFormat) -> Arc<str> + Send + 'static) -> Result<()> {
        let serve = move || {
            let mut connections = Vec::new();
            loop {
                self.serve_ready(&mut connections, &text);
            }
        };
        let thread = thread::Builder::new().name("metrics".into()).spawn(serve);
        thread.map(drop).map_err(|error| {
            Error::new(ErrorKind::System, format!("metrics cannot be served: {error}"))
        })
    }

    /// Waits until something is ready or a deadline is over, and serves what is ready.
    fn serve_ready(
        &self,
        connections: &mut Vec<Connection>,
        text: &impl Fn(ExpositionFormat) -> Arc<str>,
    ) {
        let (is_new, ready) = self.wait(connections);
        let now = Instant::now();
        let mut ready = ready.into_iter();
        connections.retain_mut(|connection| {
            let is_ready = ready.next().unwrap_or(false);
            (!is_ready || connection.advance(self.address, text, &self.bounds))
                && connection.deadline > now
        });
        if is_new && self.accept(connections).is_err() && !end_longest(connections) {
            thread::sleep(PAUSE);
        }
    }

    /// Waits. Returns whether somebody wants to connect, and which connections are ready.
    fn wait(&self, connections: &[Connection]) -> (bool, Vec<bool>) {
        let streams = connections.iter().map(|of| (&of.stream, !of.is_reading()));
        let deadline = connections.iter().map(|of| of.deadline).min();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        ready::wait(&self.listener, streams, left)
    }

    /// Accepts who wants to connect, as many as there may be at a time before the next look.
    ///
    /// # Errors
    /// Where the system has no room for one more.
    fn accept(&self, connections: &mut Vec<Connection>) -> io::Result<()> {
        for _ in 0..self.bounds.connections {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) => {
                    return match error.kind() {
                        io::ErrorKind::WouldBlock
                        | io::ErrorKind::Interrupted
                        | io::ErrorKind::ConnectionAborted => Ok(()),
                        _ => Err(error),
                    };
                }
            };
            if connections.len() >= self.bounds.connections {
                end_longest(connections);
            }
            if let Ok(connection) = Connection::new(stream, &self.bounds) {
                connections.push(connection);
            }
        }
        Ok(())
    }
}

/// Ends the connection that waits longest for its request, else that which takes longest for its
/// response. Returns whether there was one.
fn end_longest(connections: &mut Vec<Connection>) -> bool {
    // They are in the order in which they came.
    let longest = connections.iter().position(Connection::is_reading).unwrap_or(0);
    let is_any = !connections.is_empty();
    if is_any {
        connections.remove(longest);
    }
    is_any
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::connection::HEAD;
    use super::*;

    const SCRAPE: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const EVER: Duration = Duration::from_secs(100_000);

    fn serve(bounds: ConnectionBounds, text: &str) -> SocketAddr {
        let server = MetricsServer::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.address;
        let text: Arc<str> = text.into();
        MetricsServer { bounds, ..server }.serve(move |_| Arc::clone(&text)).unwrap();
        address
    }

    fn send(address: SocketAddr, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        stream
    }

    /// What comes up to the end.
    fn received(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        // What was not read is answered by a reset, which may come before the response.
        drop(stream.read_to_end(&mut text));
        String::from_utf8(text).unwrap()
    }

    fn is_open(stream: &TcpStream) -> bool {
        stream.set_nonblocking(true).unwrap();
        let end = stream.peek(&mut [0]);
        end.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    #[test]
    fn a_connection_is_answered_and_one_that_says_too_much_is_ended() {
        let address = serve(BOUNDS, "x 1\n");
        assert!(received(send(address, SCRAPE)).ends_with("x 1\n"));
        assert!(!received(send(address, &vec![b'x'; 3 * HEAD])).contains("200 OK"));
        assert!(received(send(address, SCRAPE)).ends_with("x 1\n"));
        let taken = MetricsServer::bind(address).err().unwrap();
        assert!(taken.to_string().contains("--metrics"), "{taken}");
    }

    #[test]
    fn twenty_idle_connections_delay_no_scrape() {
        let address = serve(ConnectionBounds { request: EVER, response: EVER, ..BOUNDS }, "x 1\n");
        let idle: Vec<_> = (0..20).map(|_| send(address, b"GET /met")).collect();
        assert!(received(send(address, SCRAPE)).ends_with("x 1\n"));
        assert!(idle.iter().all(is_open), "they were not ended for it");
    }

    #[test]
    fn a_client_that_does_not_read_delays_no_scrape() {
        // More than the buffers of both ends take.
        let text = "~".repeat(32 << 20);
        let address = serve(ConnectionBounds { request: EVER, response: EVER, ..BOUNDS }, &text);
        let slow = send(address, SCRAPE);
        slow.peek(&mut [0]).unwrap();
        assert_eq!(received(send(address, SCRAPE)).matches('~').count(), text.len());
        assert!(received(slow).ends_with(&text[..100]));
    }

    #[test]
    fn one_connection_too_many_ends_the_one_that_waits_longest() {
        let address =
            serve(ConnectionBounds { connections: 4, request: EVER, response: EVER }, "x 1\n");
        let mut idle: Vec<_> = (0..4).map(|_| send(address, b"GET /met")).collect();
        assert!(received(send(address, SCRAPE)).ends_with("x 1\n"));
        assert_eq!(received(idle.remove(0)), "");
        assert!(idle.iter().all(is_open));
        for _ in 0..100 {
            drop(send(address, b"GET"));
        }
        assert!(received(send(address, SCRAPE)).ends_with("x 1\n"));
    }

    #[test]
    fn a_connection_ends_at_its_deadline() {
        let request = Duration::from_millis(10);
        let address = serve(ConnectionBounds { request, ..BOUNDS }, "x 1\n");
        assert_eq!(received(send(address, b"GET /met")), "");
    }
}
