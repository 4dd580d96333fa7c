//! Live capture through libpcap.
//!
//! The descriptor is polled: a blocking read on a quiet interface does not come back at its time-out on every system.

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture, Error, Precision};

use super::{Drops, Frame, LinkType, Next, Source, devices};
use crate::time::Time;

/// Milliseconds after which a quiet interface reports idleness, so that signals and time limits are seen.
const IDLE: u16 = 100;

/// How to capture.
#[derive(Debug, Clone)]
pub struct Options {
    /// The device's name; `any` for all of them.
    pub interface: String,
    /// See frames for other machines too.
    pub promiscuous: bool,
    /// Bytes kept of each frame.
    pub snap_len: u32,
    /// Bytes of the kernel's buffer.
    pub buffer_bytes: u32,
    /// A BPF expression for the kernel.
    pub filter: Option<String>,
}

/// An open device.
pub struct Live {
    capture: Capture<Active>,
    name: String,
    link: LinkType,
    /// Nanoseconds in the unit of the second time field.
    unit: i64,
    number: u64,
    /// The ring was empty at the last look.
    drained: bool,
    /// libpcap counts drops in 32 bits, which wrap on a long capture.
    last: Drops,
    total: Drops,
    problem: Option<String>,
}

impl Live {
    /// Opens the device. This is all that root is needed for.
    ///
    /// # Errors
    /// One line: unknown interface (with those that exist), no permission, broken filter, each with the remedy.
    pub fn open(options: &Options) -> Result<Self, String> {
        let name = &options.interface;
        let known = devices::list()?;
        if name != "any" && !known.iter().any(|device| device.name == *name) {
            let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
            return Err(format!("{name}: no such interface; there are: {}", names.join(", ")));
        }
        let (mut capture, unit) = activate(options).map_err(|error| denied(name, &error))?;
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|error| format!("filter '{filter}': {}; the syntax is that of `man pcap-filter`", reason(&error)))?;
        }
        let capture = capture.setnonblock().map_err(|error| format!("{name}: {}", reason(&error)))?;
        // libpcap gives its own number for raw IP; the rest agree with the file registry.
        let link = LinkType(capture.get_datalink().0 as u16);
        Ok(Self {
            capture,
            name: name.clone(),
            link,
            unit,
            number: 0,
            drained: false,
            last: Drops::default(),
            total: Drops::default(),
            problem: None,
        })
    }

    /// The device's link type.
    #[must_use]
    pub const fn link(&self) -> LinkType {
        self.link
    }
}

/// Opens with nanoseconds where the device can, else with microseconds.
fn activate(options: &Options) -> Result<(Capture<Active>, i64), Error> {
    let open = |precision| {
        Capture::from_device(options.interface.as_str())?
            .promisc(options.promiscuous)
            .snaplen(i32::try_from(options.snap_len).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
            .timeout(IDLE.into())
            .precision(precision)
            .open()
    };
    open(Precision::Nano).map(|c| (c, 1)).or_else(|_| open(Precision::Micro).map(|c| (c, 1_000)))
}

impl Source for Live {
    fn next(&mut self) -> Result<Next<'_>, String> {
        if self.problem.is_some() {
            return Ok(Next::End);
        }
        // Only an empty ring is polled: no system call per frame.
        if self.drained && !self.wait()? {
            return Ok(Next::Idle);
        }
        self.drained = false;
        match self.capture.next_packet() {
            Ok(packet) => {
                self.number += 1;
                #[allow(clippy::useless_conversion, reason = "32 bits on some systems")]
                let (seconds, fraction) = (i64::from(packet.header.ts.tv_sec), i64::from(packet.header.ts.tv_usec));
                Ok(Next::Frame(Frame {
                    number: self.number,
                    time: Time::new(seconds, fraction * self.unit),
                    link: self.link,
                    wire_len: packet.header.len,
                    bytes: packet.data,
                }))
            }
            Err(Error::TimeoutExpired) => {
                self.drained = true;
                Ok(Next::Idle)
            }
            Err(error) => {
                self.problem = Some(format!("{}: capture ended: {}", self.name, reason(&error)));
                Ok(Next::End)
            }
        }
    }

    fn drops(&mut self) -> Drops {
        if let Ok(stat) = self.capture.stats() {
            let grown = |now: u32, last: u64| u64::from(now.wrapping_sub(last as u32));
            self.total.kernel += grown(stat.dropped, self.last.kernel);
            self.total.interface += grown(stat.if_dropped, self.last.interface);
            self.last = Drops { kernel: stat.dropped.into(), interface: stat.if_dropped.into() };
        }
        self.total
    }

    fn problems(&self) -> Vec<String> {
        self.problem.iter().cloned().collect()
    }
}

impl Live {
    /// Waits until a frame can be read, at most [`IDLE`] milliseconds.
    fn wait(&self) -> Result<bool, String> {
        let mut descriptors = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, PollTimeout::from(IDLE)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) => Err(format!("{}: waiting for frames failed: {error}", self.name)),
        }
    }
}

/// libpcap's words for an error, on one line.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::PcapError(text) => text.replace('\n', " "),
        other => other.to_string(),
    }
}

fn denied(name: &str, error: &Error) -> String {
    let reason = reason(error);
    let lower = reason.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return format!(
            "{name}: permission denied; run with sudo, or once `sudo setcap cap_net_raw,cap_net_admin=eip $(command -v portlore)`"
        );
    }
    format!("{name}: cannot be opened: {reason}")
}
