//! The messages between the process that parses and the process that commits its outputs.
//!
//! A request is two bytes, an action and the number of an output that was planned at the start:
//! whoever takes over the parsing process can say nothing else. A reply is a status, the length of
//! a text (two bytes, little-endian) and the text; a reply that hands over a file has its
//! descriptor as ancillary data (`SCM_RIGHTS`, unix(7)).

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

pub(super) use super::request::{Action, CommitReply, CommitRequest};
pub(super) use crate::helper_process::HelperConnection as CommitConnection;
use crate::platform;
use crate::{Error, ErrorKind};

impl CommitRequest {
    const ACTIONS: [Action; 6] = [
        Action::Open,
        Action::Rotate,
        Action::Settle,
        Action::Commit,
        Action::CommitCutOff,
        Action::Discard,
    ];

    /// Sends the request.
    pub(super) fn send(self, mut connection: &CommitConnection) -> io::Result<()> {
        connection.write_all(&[self.action as u8, self.output])
    }

    /// Waits for the next request; `None` where the other side is gone or sends no request.
    pub(super) fn receive(mut connection: &CommitConnection) -> Option<Self> {
        let mut bytes = [0; 2];
        connection.read_exact(&mut bytes).ok()?;
        let action = *Self::ACTIONS.get(usize::from(bytes[0]))?;
        Some(Self { action, output: bytes[1] })
    }
}

const DONE: u8 = 0;
const FILE: u8 = 1;
const REFUSED: u8 = 2;
/// Refused because there is no room.
const FULL: u8 = 3;
/// Bytes before the text.
const HEADER: usize = 3;

impl CommitReply<&File> {
    /// Sends the reply.
    pub(super) fn send(&self, mut connection: &CommitConnection) -> io::Result<()> {
        let (status, file, text) = match self {
            Self::Done => (DONE, None, String::new()),
            Self::File { file, path } => (FILE, Some([file.as_fd()]), path.clone()),
            Self::Refused(error) => {
                let parts = [error.object(), error.reason(), error.remedy().unwrap_or_default()];
                let status = if error.kind() == ErrorKind::Full { FULL } else { REFUSED };
                (status, None, parts.join("\0"))
            }
        };
        let text = &text.as_bytes()[..text.len().min(u16::MAX.into())];
        let length = (text.len() as u16).to_le_bytes();
        let header = [status, length[0], length[1]];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if let Some(file) = &file {
            ancillary.push(SendAncillaryMessage::ScmRights(file));
        }
        let sent = rustix::io::retry_on_intr(|| {
            let bytes = [IoSlice::new(&header)];
            sendmsg(connection.as_fd(), &bytes, &mut ancillary, SendFlags::empty())
        })?;
        connection.write_all(&header[sent..])?;
        connection.write_all(text)
    }
}

impl CommitReply<File> {
    /// Waits for a reply.
    ///
    /// # Errors
    /// The other side is gone, or what it sent is no reply.
    pub(super) fn receive(mut connection: &CommitConnection) -> io::Result<Self> {
        let mut header = [0; HEADER];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let mut bytes = [IoSliceMut::new(&mut header)];
            recvmsg(connection.as_fd(), &mut bytes, &mut ancillary, platform::RECEIVING)
        })?;
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        connection.read_exact(&mut header[received.bytes..])?;
        let mut text = vec![0; usize::from(u16::from_le_bytes([header[1], header[2]]))];
        connection.read_exact(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let file = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        match (header[0], file) {
            (DONE, _) => Ok(Self::Done),
            (FILE, Some(file)) => Ok(Self::File { file: file.into(), path: text.into_owned() }),
            (REFUSED | FULL, _) => {
                let mut parts = text.splitn(3, '\0');
                let mut part = || parts.next().unwrap_or_default();
                let (object, reason, remedy) = (part(), part(), part());
                let kind = if header[0] == FULL { ErrorKind::Full } else { ErrorKind::Output };
                let error = Error::new(kind, reason);
                Ok(Self::Refused(error.with_object(object).with_remedy(remedy)))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn requests_arrive_as_they_were_sent_and_other_bytes_are_none() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for (number, action) in CommitRequest::ACTIONS.into_iter().enumerate() {
            let request = CommitRequest { action, output: number as u8 };
            request.send(&ours).unwrap();
            assert_eq!(CommitRequest::receive(&theirs), Some(request));
        }
        (&ours).write_all(&[CommitRequest::ACTIONS.len() as u8, 0]).unwrap();
        assert_eq!(CommitRequest::receive(&theirs), None);
        (&ours).write_all(&[0]).unwrap();
        drop(ours);
        assert_eq!(CommitRequest::receive(&theirs), None);
    }

    #[test]
    fn replies_arrive_with_their_file_and_their_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut written = tempfile::tempfile().unwrap();
        CommitReply::File { file: &written, path: "a.part".to_owned() }.send(&theirs).unwrap();
        let reply = CommitReply::receive(&ours).unwrap();
        let CommitReply::File { file, path } = reply else { panic!("{reply:?}") };
        (&file).write_all(b"by the other side").unwrap();
        let mut text = String::new();
        io::Seek::rewind(&mut written).unwrap();
        written.read_to_string(&mut text).unwrap();
        assert_eq!((path.as_str(), text.as_str()), ("a.part", "by the other side"));

        for kind in [ErrorKind::Output, ErrorKind::Full] {
            let error = Error::new(kind, "r".repeat(70_000)).with_object("a");
            CommitReply::Refused(error).send(&theirs).unwrap();
            let reply = CommitReply::receive(&ours).unwrap();
            let CommitReply::Refused(error) = reply else { panic!("{reply:?}") };
            assert_eq!((error.kind(), error.object(), error.reason().len()), (kind, "a", 65_533));
        }
        CommitReply::Done.send(&theirs).unwrap();
        assert!(matches!(CommitReply::receive(&ours), Ok(CommitReply::Done)));
        drop(theirs);
        assert!(CommitReply::receive(&ours).is_err());
    }
}
