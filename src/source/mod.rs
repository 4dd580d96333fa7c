//! Sources of frames: interfaces, capture files, standard input.
//!
//! Takes a device or files, gives [`Frame`]s in capture order. Knows nothing of flows or ports.
//! Capture files are read by our own reader, because libpcap refuses files that mix link types.
//!
//! This is the only module that names libpcap. What needs it (live capture, saving a live capture,
//! the list of devices, BPF filters) is behind the feature `pcap`, which is on by default. Without
//! it, capture files are read all the same, and [`Filter`] is a type without values.

mod block;
#[cfg_attr(windows, path = "windows/devices.rs")]
pub mod devices;
pub mod file;
#[cfg_attr(windows, path = "windows/filter.rs")]
mod filter;
mod frame_files;
mod interface;
#[cfg(feature = "pcap")]
#[cfg_attr(windows, path = "windows/live.rs")]
pub mod live;
#[cfg(feature = "pcap")]
mod live_options;
#[cfg(all(feature = "pcap", unix))]
mod pcap_error;
#[cfg(feature = "pcap")]
#[cfg_attr(windows, allow(dead_code, reason = "only live capture saves packets"))]
pub mod save;
mod time_window;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use block::Block;
pub use file::{Files, Follow};
pub use filter::Filter;
pub use frame_files::{FrameFiles, FramePlace};
#[cfg(feature = "pcap")]
pub use live::Live;
pub(crate) use time_window::WindowedTime;
pub use time_window::{TimeBound, TimeWindow};

use crate::Result;
use crate::time::Time;

/// The layout of a frame's first bytes: a LINKTYPE number of the tcpdump group's registry,
/// <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC's address and control.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// Raw IP as some systems number it in files (`DLT_RAW`).
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP as OpenBSD numbers it.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP in HDLC-like framing, or Cisco's HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// `PPPoE` session packets without Ethernet.
    pub const PPP_ETHER: Self = Self(51);
    /// ATM with IEEE 802.2 (RFC 1483).
    pub const ATM_RFC1483: Self = Self(100);
    /// Raw IP, version in the first nibble.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC.
    pub const C_HDLC: Self = Self(104);
    /// 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// Frame Relay.
    pub const FRELAY: Self = Self(107);
    /// OpenBSD loopback, family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// 802.11 behind Prism's header, or AVS's.
    pub const IEEE802_11_PRISM: Self = Self(119);
    /// 802.11 behind radiotap's header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// 802.11 behind AVS's header.
    pub const IEEE802_11_AVS: Self = Self(163);
    /// PPP with a direction in place of HDLC's address (`pppd`).
    pub const PPP_PPPD: Self = Self(166);
    /// Per-packet information, then a frame of another link type.
    pub const PPI: Self = Self(192);
    /// PPP behind a direction.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Cisco's HDLC behind a direction.
    pub const C_HDLC_WITH_DIR: Self = Self(205);
    /// Frame Relay behind a direction.
    pub const FRELAY_WITH_DIR: Self = Self(206);
    /// Solaris' IP observability.
    pub const IPNET: Self = Self(226);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Netfilter log messages.
    pub const NFLOG: Self = Self(239);
    /// Apple's packet tap: a header, then a frame of another link type.
    pub const PKTAP: Self = Self(258);
    /// Linux cooked capture, second version.
    pub const LINUX_SLL2: Self = Self(276);
    /// No link type: a record that holds no packet and has a number in Wireshark, such as a custom
    /// block of a pcapng file. The registry does not use the number.
    pub const NO_PACKET: Self = Self(u16::MAX);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NO_PACKET => f.write_str("no link type"),
            Self(number) => write!(f, "link type {number}"),
        }
    }
}

/// A captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// 1 for the first frame of the input, as Wireshark counts, records without packets included;
    /// with several files, as `mergecap` would number them.
    pub number: u64,
    /// Capture time.
    pub time: Time,
    /// Layout of the first bytes.
    pub link: LinkType,
    /// Number of the interface; [`Source::interface`] gives its name.
    pub interface: u32,
    /// Bytes on the wire; more than in `bytes` if the snap length of the capture cut the frame.
    pub wire_len: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// The next item of a source.
#[derive(Debug)]
pub enum Next<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// No frame at the moment: a quiet interface.
    Idle,
    /// No frame any more.
    End,
}

/// The result of filling a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// The block has new frames.
    Frames,
    /// No frame at the moment.
    Idle,
    /// No frame any more.
    End,
}

/// Numbers of frames that were lost before they could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drops {
    /// Lost because the kernel's buffer was full.
    pub kernel: u64,
    /// Lost by the interface or its driver.
    pub interface: u64,
}

/// Fills a block frame by frame.
fn fill_by_frame<S: Source + ?Sized>(source: &mut S, block: &mut Block) -> Result<Filled> {
    let before = block.len();
    let mut end = Filled::Frames;
    while end == Filled::Frames && block.has_room() {
        match source.next()? {
            Next::Frame(frame) => block.push(&frame),
            Next::Idle => end = Filled::Idle,
            Next::End => end = Filled::End,
        }
    }
    Ok(if block.len() > before { Filled::Frames } else { end })
}

/// A stream of frames.
pub trait Source {
    /// Reads the next frame.
    ///
    /// # Errors
    /// The source fails for good.
    fn next(&mut self) -> Result<Next<'_>>;

    /// Fills a block with the next frames, as many as are there and fit. The frames in the block
    /// are valid even if this fails.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    fn read(&mut self, block: &mut Block) -> Result<Filled> {
        fill_by_frame(self, block)
    }

    /// Number of frames lost so far.
    fn drops(&mut self) -> Drops;

    /// Number of frames that the system has received for this source and that were not read yet, if
    /// the system reports it.
    fn unread(&mut self) -> Option<u64> {
        None
    }

    /// What was wrong with the input, one line each; empty if all of it was read.
    fn problems(&self) -> Vec<String>;

    /// What is notable about the input although all of it was read, one line each.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// The name of an interface that frames refer to.
    fn interface(&self, _number: u32) -> String {
        String::new()
    }

    /// Where the frames are, if they come from several files.
    fn frame_files(&self) -> Option<FrameFiles> {
        None
    }

    /// Whether the source goes on until it is stopped, so that stopping it leaves nothing out.
    fn is_endless(&self) -> bool {
        false
    }

    /// Finishes what is still open: no more frames will be read.
    fn finish(&mut self) {}
}
