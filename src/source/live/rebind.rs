//! The process that binds a packet socket again after its interface came back: an address of an
//! interface can only be had over a socket, and the process that parses packets can open none.
//!
//! It parses no packets, and holds the packet socket only while it binds it.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::binding::bind_again;
use crate::{Error, ErrorKind, Result, helper_process, platform};

/// How long the process may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a request: one that says whether the socket is to be promiscuous, and the name.
const MAX_REQUEST: usize = 256;

/// The process that binds devices again; it ends with this.
pub struct RebindHelper {
    connection: UnixStream,
}

impl RebindHelper {
    /// The hidden subcommand that runs the process; `ps` shows it.
    pub const COMMAND: &str = "interface-bind";

    /// Starts the process, which becomes `user` where one is given, else the user who called sudo.
    /// Call this before a device is opened and before privileges are dropped.
    ///
    /// # Errors
    /// The system's reason.
    pub fn start(user: Option<&str>) -> Result<Self> {
        let start = || -> io::Result<Self> {
            let (connection, _) = helper_process::start(Self::COMMAND, |command| {
                command.args(user).stderr(helper_process::no_output()).current_dir("/")
            })?;
            connection.set_read_timeout(Some(PATIENCE))?;
            Ok(Self { connection })
        };
        start().map_err(|error| {
            let reason = format!("interfaces that come back cannot be captured on: {error}");
            Error::new(ErrorKind::System, reason)
        })
    }

    /// Binds a device to the interface of that name.
    pub(super) fn bind(
        &mut self,
        device: BorrowedFd<'_>,
        name: &str,
        promiscuous: bool,
    ) -> Result<(), Errno> {
        let gone = |error: io::Error| error.raw_os_error().map_or(Errno::EPIPE, Errno::from_raw);
        let request = [&[u8::from(promiscuous)], name.as_bytes()].concat();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let rights = [device];
        ancillary.push(SendAncillaryMessage::ScmRights(&rights));
        let bytes = [IoSlice::new(&request)];
        sendmsg(&self.connection, &bytes, &mut ancillary, SendFlags::empty())
            .map_err(|errno| gone(errno.into()))?;
        let mut reply = [0; 4];
        self.connection.read_exact(&mut reply).map_err(gone)?;
        match i32::from_ne_bytes(reply) {
            0 => Ok(()),
            errno => Err(Errno::from_raw(errno)),
        }
    }
}

/// Binds the devices that come over `connection` until its other side closes it.
///
/// # Errors
/// The connection is no socket, or what came is no request.
pub fn serve_rebinding(mut connection: UnixStream) -> Result<()> {
    let fail = |error: io::Error| Error::new(ErrorKind::System, error.to_string());
    loop {
        let mut request = [0; MAX_REQUEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let mut bytes = [IoSliceMut::new(&mut request)];
            recvmsg(connection.as_fd(), &mut bytes, &mut ancillary, platform::RECEIVING)
        });
        let length = received.map_err(|errno| fail(errno.into()))?.bytes;
        let Some((&promiscuous, name)) = request[..length].split_first() else { return Ok(()) };
        let devices = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            _ => None,
        });
        let device = devices.flatten().next();
        let name = std::str::from_utf8(name).ok();
        let (Some(device), Some(name)) = (device, name) else {
            return Err(Error::new(ErrorKind::Input, "not a request to bind a device"));
        };
        let reply = bind_again(device.as_fd(), name, promiscuous != 0)
            .map_or_else(|errno| errno as i32, |()| 0);
        connection.write_all(&reply.to_ne_bytes()).map_err(fail)?;
    }
}
