//! Live capture: not on Windows yet. Packets would come from Npcap, which is no part of the system;
//! what captures there is Wireshark, whose files this program reads, also while they are written.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::IpAddr;

pub use super::live_options::LiveOptions;
use super::save::{Plan, SaveFiles};
use super::{Drops, LinkType, Next, Source};
use crate::helper_process::HelperConnection;
use crate::{Error, ErrorKind, Result};

/// The error of everything that needs a device.
pub(super) fn unavailable() -> Error {
    Error::new(ErrorKind::Usage, "portlore captures on Linux and macOS, and not yet on Windows")
        .with_object("live")
        .with_remedy("capture with Wireshark or dumpcap, and run `portlore replay --follow FILE`")
}

/// A live capture. No value of this type exists here.
pub struct Live<'a> {
    never: Infallible,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> Live<'a> {
    /// Says that there is no live capture.
    ///
    /// # Errors
    /// Always ([`ErrorKind::Usage`]).
    pub fn open(_: &LiveOptions, _: impl FnMut(&str) + 'a) -> Result<Self> {
        Err(unavailable())
    }

    /// Lets another process bind devices.
    pub fn rebind_by(&mut self, _: RebindHelper) {
        match self.never {}
    }

    /// Names and link types of the open devices.
    pub fn devices(&self) -> std::iter::Empty<(&str, LinkType)> {
        match self.never {}
    }

    /// Saves all frames.
    ///
    /// # Errors
    /// Never: there is no value to call it with.
    pub fn save(&mut self, _: Plan, _: Box<dyn SaveFiles>) -> Result<()> {
        match self.never {}
    }
}

impl Source for Live<'_> {
    fn next(&mut self) -> Result<Next<'_>> {
        match self.never {}
    }

    fn drops(&mut self) -> Drops {
        match self.never {}
    }

    fn problems(&self) -> Vec<String> {
        match self.never {}
    }
}

/// The process that binds devices again. No value of this type exists here.
pub struct RebindHelper(Infallible);

impl RebindHelper {
    /// The hidden subcommand that runs the process elsewhere.
    pub const COMMAND: &str = "interface-bind";

    /// Says that there is no such process.
    ///
    /// # Errors
    /// Always.
    pub fn start(_: Option<&str>) -> Result<Self> {
        Err(unavailable())
    }
}

/// There is no connection to serve.
///
/// # Errors
/// Never: there is no value to call it with.
#[allow(clippy::needless_pass_by_value, reason = "one signature for all systems")]
pub fn serve_rebinding(connection: HelperConnection) -> Result<()> {
    connection.absurd()
}

/// No interface: devices cannot be listed.
#[must_use]
pub const fn default_interface() -> Option<String> {
    None
}

/// The names of network interfaces: the system is not asked.
#[must_use]
pub const fn interface_names() -> Option<Vec<String>> {
    None
}

/// The networks of interfaces: the system is not asked.
#[must_use]
pub const fn networks(_: &[String]) -> Vec<(IpAddr, u8)> {
    Vec::new()
}
