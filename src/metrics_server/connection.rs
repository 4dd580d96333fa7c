//! A connection, read and written only as far as it is ready.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use super::ConnectionBounds;
use super::request::{Response, respond};
use crate::report::formats::openmetrics::ExpositionFormat;

/// Bytes of the head of a request at most.
pub(super) const HEAD: usize = 8 * 1024;

/// A connection that sends its request or gets its response.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) deadline: Instant,
    state: ConnectionState,
}

enum ConnectionState {
    /// What came of the head.
    Reading(Vec<u8>),
    /// The response, and how much of its head and body was written.
    Writing(Response, usize),
}

impl Connection {
    /// A connection that was accepted just now.
    ///
    /// # Errors
    /// Where the system cannot make it one that does not wait.
    pub(super) fn new(stream: TcpStream, bounds: &ConnectionBounds) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let deadline = Instant::now() + bounds.request;
        Ok(Self { stream, deadline, state: ConnectionState::Reading(Vec::new()) })
    }

    /// Whether the request is not complete.
    pub(super) const fn is_reading(&self) -> bool {
        matches!(self.state, ConnectionState::Reading(_))
    }

    /// Reads and writes what is ready. Returns whether the connection goes on.
    pub(super) fn advance(
        &mut self,
        address: SocketAddr,
        text: &impl Fn(ExpositionFormat) -> Arc<str>,
        bounds: &ConnectionBounds,
    ) -> bool {
        let done = match &mut self.state {
            ConnectionState::Reading(head) => match read_head(&mut self.stream, head) {
                Ok(false) => return true,
                Ok(true) => {
                    let response = respond(address, head, text);
                    self.deadline = Instant::now() + bounds.response;
                    self.state = ConnectionState::Writing(response, 0);
                    // There is nearly always room for it.
                    return self.advance(address, text, bounds);
                }
                // A client that disconnected is not an error of the server.
                Err(_) => return false,
            },
            ConnectionState::Writing(response, written) => {
                write(&mut self.stream, response, written)
            }
        };
        if let Ok(true) = done {
            drop(self.stream.shutdown(Shutdown::Write));
        }
        matches!(done, Ok(false))
    }
}

/// Reads what is there. Returns whether the head is complete: up to the empty line, the end or the
/// limit.
fn read_head(stream: &mut TcpStream, head: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(length) => {
                // The end may have begun in what came before.
                let from = head.len().saturating_sub(3);
                head.extend_from_slice(&buffer[..length]);
                if head.len() >= HEAD || head[from..].windows(4).any(|end| end == b"\r\n\r\n") {
                    return Ok(true);
                }
            }
            Err(error) => return would_block(error),
        }
    }
}

/// Writes what there is room for. Returns whether all of it was written.
fn write(stream: &mut TcpStream, response: &Response, written: &mut usize) -> io::Result<bool> {
    let body = response.body.as_deref().unwrap_or("").as_bytes();
    loop {
        let rest = match response.head.get(*written..) {
            Some(head) if !head.is_empty() => head,
            _ => body.get(*written - response.head.len()..).unwrap_or_default(),
        };
        if rest.is_empty() {
            return Ok(true);
        }
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => *written += length,
            Err(error) => return would_block(error),
        }
    }
}

/// `false` where the connection has only to wait.
fn would_block(error: io::Error) -> io::Result<bool> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
        _ => Err(error),
    }
}
