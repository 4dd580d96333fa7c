//! One open device.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use pcap::{Active, Capture, Precision};

use super::absence::Absences;
use super::binding::{InterfaceBinding, LinkChange, RIGHTS};
use super::links::{self, Link, Links};
use super::{IDLE, LiveOptions, Rebinding};
use crate::source::pcap_error::{invalid_filter, reason};
use crate::source::{Drops, Frame, LinkType};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// An open device.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is so or not, in any combination"
)]
pub(super) struct Device {
    capture: Capture<Active>,
    /// Index among the devices that were opened.
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) link: LinkType,
    /// Maximum captured bytes per frame.
    pub(super) snap_len: u32,
    /// Number of frames that were read.
    pub(super) frames: u64,
    binding: Option<InterfaceBinding>,
    promiscuous: bool,
    /// Whether the interface exists, or there is none that could go away.
    pub(super) is_there: bool,
    pub(super) absences: Absences,
    /// Whether an interface has the name under which it was opened. libpcap fails if there is none.
    /// That is no reason to drop the device while the interface may come back, or after it was
    /// renamed.
    pub(super) is_by_its_name: bool,
    /// Nanoseconds per unit of the second time field.
    unit: i64,
    /// The counters that the drops were last read from. libpcap counts in 32 bits, which wrap on a
    /// long capture.
    last: Drops,
    total: Drops,
    /// The kernel's count of frames, read or dropped: 32 bits.
    received: u32,
    /// Whether a filter is set. Frames that came before it are counted and may not be delivered.
    filtered: bool,
}

/// The result of reading a device.
pub(super) enum DeviceRead<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// No frame at the moment.
    Empty,
    /// No frame any more, for this reason.
    Failed(String),
}

impl Device {
    pub(super) fn open(
        number: usize,
        name: &str,
        options: &LiveOptions,
        links: &mut Links,
    ) -> Result<Self> {
        let (mut capture, unit) = activate(name, options).map_err(|error| denied(name, &error))?;
        // The empty filter passes everything, and makes the kernel cut frames before they take room
        // in the ring.
        let filter = options.filter.as_deref().unwrap_or_default();
        capture.filter(filter, true).map_err(|error| invalid_filter(filter, &error))?;
        let capture = capture
            .setnonblock()
            .map_err(|error| Error::new(ErrorKind::Input, reason(&error)).with_object(name))?;
        // libpcap lets programs that are started later inherit it.
        let close = FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC);
        fcntl(&capture, close).map_err(|errno| {
            let reason = format!("cannot be kept from other programs: {}", errno.desc());
            Error::new(ErrorKind::System, reason).with_object(name)
        })?;
        // libpcap has its own number for raw IP; the others agree with the registry of link types.
        let link = LinkType(capture.get_datalink().0 as u16);
        let links = links.list();
        let mut device = Self {
            number,
            name: name.to_owned(),
            link,
            snap_len: options.snap_len,
            frames: 0,
            binding: InterfaceBinding::new(capture.as_fd(), name, &links),
            promiscuous: options.promiscuous,
            is_there: true,
            absences: Absences::default(),
            is_by_its_name: true,
            capture,
            unit,
            last: Drops::default(),
            total: Drops::default(),
            received: 0,
            filtered: options.filter.is_some(),
        };
        device.last.interface = device.missed(&links);
        Ok(device)
    }

    /// The descriptor to be polled.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }

    /// Reads the next frame and gives it `number`.
    pub(super) fn read(&mut self, number: u64) -> DeviceRead<'_> {
        match self.capture.next_packet() {
            Ok(packet) => {
                self.frames += 1;
                #[allow(clippy::useless_conversion, reason = "32 bits on some systems")]
                let (seconds, fraction) =
                    (i64::from(packet.header.ts.tv_sec), i64::from(packet.header.ts.tv_usec));
                DeviceRead::Frame(Frame {
                    interface: self.number as u32,
                    number,
                    time: Time::new(seconds, fraction * self.unit),
                    link: self.link,
                    wire_len: packet.header.len,
                    bytes: packet.data,
                })
            }
            Err(pcap::Error::TimeoutExpired) => DeviceRead::Empty,
            Err(_) if !self.is_by_its_name => DeviceRead::Empty,
            Err(error) => DeviceRead::Failed(reason(&error)),
        }
    }

    /// Checks the interface, given those of the system.
    pub(super) fn check_link(
        &mut self,
        links: &[Link],
        rebinding: &mut Rebinding,
    ) -> Option<LinkChange> {
        let (device, promiscuous) = (self.capture.as_fd(), self.promiscuous);
        let bind = |name: &str| rebinding.bind(device, name, promiscuous);
        let change = self.binding.as_mut()?.check_link(device, links, bind)?;
        self.is_there = !matches!(change, LinkChange::Away | LinkChange::Lost(_));
        self.absences.note(self.is_there, Instant::now());
        self.is_by_its_name = self.is_there
            && self.binding.as_ref().is_some_and(|binding| binding.name() == self.name);
        Some(change)
    }

    /// What the interface counts as missed; of systems without the counter, nothing.
    fn missed(&self, links: &[Link]) -> u64 {
        let name = self.binding.as_ref().map(InterfaceBinding::name);
        let link = links.iter().find(|link| Some(&link.name[..]) == name);
        link.map_or(0, |link| link.missed)
    }

    /// Number of frames lost so far.
    pub(super) fn drops(&mut self, links: &[Link]) -> Drops {
        if let Ok(stat) = self.capture.stats() {
            // The counters of an interface restart when it goes away and comes back.
            let grown = |now: u32, last: u64| {
                u64::try_from(now.wrapping_sub(last as u32).cast_signed()).unwrap_or(0)
            };
            self.total.kernel += grown(stat.dropped, self.last.kernel);
            self.received = stat.received;
            self.last.kernel = stat.dropped.into();
            // On Linux libpcap reads a file of the interface, which the sandbox does not let it do.
            if !links::HAVE_COUNTERS {
                self.total.interface += grown(stat.if_dropped, self.last.interface);
                self.last.interface = stat.if_dropped.into();
            }
        }
        if links::HAVE_COUNTERS && !links.is_empty() {
            let missed = self.missed(links);
            self.total.interface += missed.saturating_sub(self.last.interface);
            self.last.interface = missed;
        }
        self.total
    }

    /// Number of frames that the kernel has received and that were not read yet. `None` where the
    /// kernel's count is something else: on loopback, and so on `any`, it counts two for each frame
    /// that libpcap delivers; with a filter, also frames that are not delivered; on other systems
    /// than Linux, other things.
    pub(super) fn unread(&mut self) -> Option<u64> {
        let is_counted = links::HAVE_COUNTERS
            && !self.filtered
            && self.binding.as_ref().is_some_and(|binding| !binding.is_loopback());
        let gone = self.frames + self.drops(&[]).kernel;
        // At least zero: frames may have been read since the count.
        is_counted.then(|| {
            u64::try_from(self.received.wrapping_sub(gone as u32).cast_signed()).unwrap_or(0)
        })
    }
}

/// Opens the device with nanoseconds if it supports them, else with microseconds.
fn activate(name: &str, options: &LiveOptions) -> Result<(Capture<Active>, i64), pcap::Error> {
    let open = |precision| {
        Capture::from_device(name)?
            .promisc(options.promiscuous)
            .snaplen(i32::try_from(options.snap_len).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
            .timeout(IDLE.into())
            .precision(precision)
            .open()
    };
    open(Precision::Nano).map(|c| (c, 1)).or_else(|_| open(Precision::Micro).map(|c| (c, 1_000)))
}

fn denied(name: &str, error: &pcap::Error) -> Error {
    let reason = reason(error);
    let lower = reason.to_lowercase();
    let error = if lower.contains("permission") || lower.contains("not permitted") {
        Error::new(ErrorKind::Permission, "permission denied").with_remedy(RIGHTS)
    } else {
        Error::new(ErrorKind::Input, format!("cannot be opened: {reason}"))
    };
    error.with_object(name)
}
