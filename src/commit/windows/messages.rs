//! The messages between the side that parses and the side that commits its outputs: both are threads
//! of one process here, because Windows cannot hand over files with messages as Unix can.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

pub(super) use super::request::{Action, CommitReply, CommitRequest};
use crate::Error;

/// What one side sends.
enum Message {
    Request(CommitRequest),
    Reply(CommitReply<File>),
}

/// One end of the connection.
pub struct CommitConnection {
    /// `None` once the connection is ended.
    sender: Option<Sender<Message>>,
    receiver: Receiver<Message>,
}

impl CommitConnection {
    /// Two ends of one connection.
    pub(super) fn pair() -> (Self, Self) {
        let ((sender, theirs), (other, receiver)) = (channel(), channel());
        let end = |sender, receiver| Self { sender: Some(sender), receiver };
        (end(sender, receiver), end(other, theirs))
    }

    /// Ends the connection: the other side receives nothing more.
    pub(super) fn end(&mut self) {
        self.sender = None;
    }

    fn send(&self, message: Message) -> io::Result<()> {
        let sender = self.sender.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        sender.send(message).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl CommitRequest {
    /// Sends the request.
    pub(super) fn send(self, connection: &CommitConnection) -> io::Result<()> {
        connection.send(Message::Request(self))
    }

    /// Waits for the next request; `None` where the other side is gone or sends no request.
    pub(super) fn receive(connection: &CommitConnection) -> Option<Self> {
        match connection.receiver.recv() {
            Ok(Message::Request(request)) => Some(request),
            _ => None,
        }
    }
}

impl CommitReply<&File> {
    /// Sends the reply.
    pub(super) fn send(&self, connection: &CommitConnection) -> io::Result<()> {
        connection.send(Message::Reply(match self {
            Self::Done => CommitReply::Done,
            Self::File { file, path } => {
                CommitReply::File { file: file.try_clone()?, path: path.clone() }
            }
            Self::Refused(error) => CommitReply::Refused(Error::clone(error)),
        }))
    }
}

impl CommitReply<File> {
    /// Waits for a reply.
    ///
    /// # Errors
    /// The other side is gone, or what it sent is no reply.
    pub(super) fn receive(connection: &CommitConnection) -> io::Result<Self> {
        match connection.receiver.recv() {
            Ok(Message::Reply(reply)) => Ok(reply),
            Ok(Message::Request(_)) => Err(io::ErrorKind::InvalidData.into()),
            Err(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
